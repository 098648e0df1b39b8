"""Checks for tests of the users' own: what fails is told as the command line tells it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lrsched_cli.analysis.resume.verify import verify_resume
from lrsched_cli.report.resume_text import report_parts
from lrsched_cli.report.text import plain_text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lrsched_cli.analysis.resume.results import ResumeReport
    from lrsched_cli.analysis.resume.training import Factory
    from lrsched_cli.core.config import Schedule


def assert_resumes(
    subject: Schedule | Factory | str,
    *,
    save_at: int | str | Sequence[int | str] = "boundaries",
    **options: Any,
) -> ResumeReport:
    """Raise AssertionError unless a run resumed from a checkpoint continues exactly.

    For your own pytest: ``assert_resumes(factory, save_at="every:50", steps=500)``.

    Args:
        subject: a schedule, a factory ``() -> (model, optimizer, scheduler)``, or the name of one.
        save_at: as for ``verify_resume``.
        options: the other arguments of ``verify_resume``.

    Returns:
        The report, where it does.

    Raises:
        AssertionError: with the report as its message, as ``lrsched verify-resume`` prints it.
        LrschedError: what ``verify_resume`` raises.
    """
    __tracebackhide__ = True  # pytest then shows the line of the test
    report = verify_resume(subject, save_at=save_at, **options)
    if not report.identical:
        raise AssertionError(plain_text(*report_parts(report)))
    return report
