"""Schedules from text, and what the rules find in them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from lrsched_cli import load_schedule
from lrsched_cli.analysis.checks.checking import findings_of

if TYPE_CHECKING:
    from lrsched_cli import Schedule
    from lrsched_cli.analysis.checks.finding import Finding


def schedule_of(text: str, *overrides: str) -> Schedule:
    Path("one.yaml").write_text(text, encoding="utf-8")
    return load_schedule("one.yaml", overrides=overrides)


def found_in(text: str, *overrides: str) -> list[Finding]:
    return findings_of(schedule_of(text, *overrides))


def codes_in(text: str, *overrides: str) -> set[str]:
    return {one.code for one in found_in(text, *overrides)}


def message(code: str, text: str, *overrides: str) -> str:
    """What a rule says of a file, in which it finds one thing."""
    (found,) = [one for one in found_in(text, *overrides) if one.code == code]
    return found.message
