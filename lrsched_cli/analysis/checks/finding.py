"""What a check tells: a finding, and how much it weighs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from lrsched_cli.core.sources import override_number

Severity = Literal["error", "warning", "note"]
SEVERITIES: tuple[Severity, ...] = ("error", "warning", "note")
"""From the heaviest to the lightest."""

INVALID = "LRS000"
"""The code of whatever makes a file unusable: all that ``load_schedule`` finds wrong with it."""


@dataclass(frozen=True, slots=True, order=True)
class Finding:
    """Something that a rule found, and where.

    ``line`` and ``column`` count from 1; both are 0 where there is no place inside the file. ``key`` is the
    setting's path, ``reason`` why the file itself says that it shall be ignored; empty where it does not.
    ``schedule`` is the schedule that was checked: another file than ``file`` where the place is in one that
    it extends, or in an override.
    """

    file: str
    line: int
    column: int
    code: str
    severity: Severity
    message: str
    key: str = ""
    reason: str = ""
    schedule: str = ""

    @property
    def place(self) -> str:
        """``FILE:LINE:COLUMN``, or ``FILE`` alone."""
        return f"{self.file}:{self.line}:{self.column}" if self.line else self.file

    @property
    def is_elsewhere(self) -> bool:
        """Whether its place is in another file than the schedule's own, or in an override."""
        return bool(self.schedule) and self.schedule != self.file

    @property
    def file_to_open(self) -> str:
        """The file to look into: of an override, which is in none, the schedule."""
        return self.schedule if self.schedule and override_number(self.file) else self.file
