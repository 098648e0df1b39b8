"""Learning-rate schedules of PyTorch training: described in YAML, seen before the run, the same in it.

The public names are imported on first use, so that ``import lrsched_cli`` alone stays fast.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lrsched_cli.analysis.compare import compare
    from lrsched_cli.analysis.resume.results import ResumeReport
    from lrsched_cli.analysis.resume.verify import verify_resume
    from lrsched_cli.analysis.trace import Trace, dry_run
    from lrsched_cli.core.config import Schedule, load_schedule
    from lrsched_cli.core.scheduler import LRScheduler
    from lrsched_cli.errors import (
        CustomLambdaError,
        ExpressionError,
        LrschedError,
        OutputError,
        Problem,
        ResumeError,
        ScheduleFileError,
        ScheduleFileWarning,
        ScheduleMismatchError,
        ScheduleMismatchWarning,
        StateError,
        StepError,
        UsageError,
    )
    from lrsched_cli.report.assertions import assert_resumes

_HOMES = {
    "UsageError": "errors",
    "StepError": "errors",
    "OutputError": "errors",
    "ExpressionError": "errors",
    "CustomLambdaError": "errors",
    "LRScheduler": "core.scheduler",
    "LrschedError": "errors",
    "Problem": "errors",
    "Schedule": "core.config",
    "ScheduleFileError": "errors",
    "ScheduleFileWarning": "errors",
    "ScheduleMismatchError": "errors",
    "ScheduleMismatchWarning": "errors",
    "StateError": "errors",
    "Trace": "analysis.trace",
    "ResumeError": "errors",
    "ResumeReport": "analysis.resume.results",
    "assert_resumes": "report.assertions",
    "verify_resume": "analysis.resume.verify",
    "compare": "analysis.compare",
    "dry_run": "analysis.trace",
    "load_schedule": "core.config",
}

__all__ = [
    "CustomLambdaError",
    "ExpressionError",
    "LRScheduler",
    "LrschedError",
    "OutputError",
    "Problem",
    "ResumeError",
    "ResumeReport",
    "Schedule",
    "ScheduleFileError",
    "ScheduleFileWarning",
    "ScheduleMismatchError",
    "ScheduleMismatchWarning",
    "StateError",
    "StepError",
    "Trace",
    "UsageError",
    "__version__",
    "assert_resumes",
    "compare",
    "dry_run",
    "load_schedule",
    "verify_resume",
]


def __getattr__(name: str) -> Any:
    if name == "__version__":
        from importlib.metadata import version  # noqa: PLC0415 - read only when asked for

        return version("lrsched-cli")
    if name in _HOMES:
        return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
