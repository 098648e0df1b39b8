"""What a check tells: a finding, and how much it weighs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

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
    """

    file: str
    line: int
    column: int
    code: str
    severity: Severity
    message: str
    key: str = ""
    reason: str = ""

    @property
    def place(self) -> str:
        """``FILE:LINE:COLUMN``, or ``FILE`` alone."""
        return f"{self.file}:{self.line}:{self.column}" if self.line else self.file
