"""Findings as workflow commands, which GitHub shows beside the lines of a change."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lrsched_cli.core.visible_text import visible

if TYPE_CHECKING:
    from lrsched_cli.analysis.checks.checking import Checked
    from lrsched_cli.analysis.checks.finding import Finding

_COMMANDS = {"error": "error", "warning": "warning", "note": "notice"}


def check_github(checked: Checked) -> str:
    """A command for each finding."""
    return "".join(f"{_command(one)}\n" for one in checked.findings)


def _command(finding: Finding) -> str:
    file = finding.file_to_open
    place = f",line={finding.line},col={finding.column}" if finding.line and file == finding.file else ""
    where = f"file={_property(file)}{place},title={finding.code}"
    key = f"{finding.key}: " if finding.key else ""
    return f"::{_COMMANDS[finding.severity]} {where}::{_text(key + finding.message)}"


def _text(text: str) -> str:
    return visible(text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A"))


def _property(text: str) -> str:
    return _text(text).replace(":", "%3A").replace(",", "%2C")
