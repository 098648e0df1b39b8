"""``lrsched verify-resume --checkpoint``: what stands in a checkpoint of the user's own."""

from __future__ import annotations

import sys
from contextlib import redirect_stdout
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lrsched_cli.cli.run import progress_bar
from lrsched_cli.cli.streams import json_or, result_width

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lrsched_cli.analysis.checkpoint.inspection import CheckpointReport
    from lrsched_cli.core.config import Schedule


def inspect(schedule: Schedule, file: Path, keys: Mapping[str, str | None], *, as_json: bool) -> bool:
    """Print what ``file`` holds against ``schedule``; whether a run goes on from it as planned.

    ``keys`` says where ``optimizer``, ``scheduler`` and ``step`` stand in it, None where the user did not.
    Raises UsageError or StateError for a file that cannot be read, ScheduleFileError for a schedule that
    fails on the way.
    """
    from lrsched_cli.analysis.checkpoint.inspection import (  # noqa: PLC0415 - not for --help
        CheckpointKeys,
        inspect_checkpoint,
    )

    with progress_bar(f"stepping {schedule.name}") as advance, redirect_stdout(sys.stderr):
        report = inspect_checkpoint(schedule, file, CheckpointKeys(**keys), advance)
    if as_json:
        json_or(as_json=True, document=_document(report), parts=())
    else:
        from lrsched_cli.report.checkpoint_tables import checkpoint_parts  # noqa: PLC0415 - imports rich

        json_or(as_json=False, document=None, parts=checkpoint_parts(report, result_width()))
    return report.holds


def _document(report: CheckpointReport) -> dict[str, Any]:
    """The report with its verdicts, which are no fields of it, first."""
    return {
        "holds": report.holds,
        "steps_agree": report.steps.agree,
        "scheduler_and_optimizer_agree": report.agree,
        "as_planned": report.as_planned,
        "groups_in_order": report.in_order,
        **{field.name: getattr(report, field.name) for field in fields(report)},
    }
