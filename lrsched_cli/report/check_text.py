"""Findings as lines of text: ``FILE:LINE:COLUMN: CODE severity message``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lrsched_cli.analysis.checks.finding import SEVERITIES
from lrsched_cli.core.visible_text import visible

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from lrsched_cli.analysis.checks.checking import Checked
    from lrsched_cli.analysis.checks.finding import Finding


def check_text(checked: Checked) -> str:
    """A line for each finding, and one that counts them."""
    lines = [f"{one.place}: {one.code} {one.severity} {_message(one)}" for one in checked.findings]
    return "\n".join([*map(visible, lines), f"{_files(len(checked.files))}: {_counts(checked)}"]) + "\n"


def summary_line(name: str, findings: Iterable[Finding]) -> str:
    """The warnings and errors of one schedule in a line; empty where there are none."""
    weighty = [one for one in findings if one.severity != "note" and not one.reason]
    if not weighty:
        return ""
    codes = ", ".join(dict.fromkeys(one.code for one in weighty))
    counted = _counted(weighty)
    return f"{name}: {counted} ({codes}); lrsched check tells what and where"


def _message(finding: Finding) -> str:
    """With the key in front where it says what the message is about."""
    said = f"{finding.key}: {finding.message}" if finding.key else finding.message
    return f"{said} (in {finding.schedule})" if finding.is_elsewhere else said


def _counts(checked: Checked) -> str:
    text = _counted(checked.findings) or "nothing found"
    return f"{text}; {len(checked.ignored)} ignored, with a reason" if checked.ignored else text


def _counted(findings: Sequence[Finding]) -> str:
    numbers = [(sum(one.severity == severity for one in findings), severity) for severity in SEVERITIES]
    return ", ".join(f"{number} {word}{'' if number == 1 else 's'}" for number, word in numbers if number)


def _files(number: int) -> str:
    return "1 file" if number == 1 else f"{number:,} files"
