"""``lrsched verify-resume`` itself: the check, its report and its picture."""

from __future__ import annotations

import sys
from contextlib import redirect_stdout
from dataclasses import fields
from typing import TYPE_CHECKING, Any, NamedTuple

from lrsched_cli.cli.run import progress_bar
from lrsched_cli.cli.streams import json_or, result_width
from lrsched_cli.errors import OutputError

if TYPE_CHECKING:
    from pathlib import Path

    from _typeshed import DataclassInstance

    from lrsched_cli.analysis.resume.results import ResumeReport
    from lrsched_cli.analysis.resume.subject import Loop
    from lrsched_cli.analysis.resume.verify import Curves
    from lrsched_cli.cli.options import Look
    from lrsched_cli.core.config import Schedule


class Request(NamedTuple):
    """What is to be checked: a schedule or the name of a factory, and how."""

    subject: Schedule | str
    save_at: list[str]
    recipes: list[str]
    steps: int | None
    step_with: str | None
    loop: Loop | None
    seed: int
    time_limit: float

    @property
    def name(self) -> str:
        """What its picture is called after."""
        return self.subject.rpartition(":")[2] if isinstance(self.subject, str) else self.subject.name


def run_check(request: Request, picture: Path | None, look: Look, *, as_json: bool) -> bool:
    """Check, print the report, draw where there is a ``picture`` to write; whether all is identical."""
    from lrsched_cli.analysis.resume.verify import asked_for, check  # noqa: PLC0415 - not for --help

    with progress_bar(f"training {request.name}") as advance, redirect_stdout(sys.stderr):
        asked = asked_for(
            request.subject,
            save_at=request.save_at,
            recipes=request.recipes,
            steps=request.steps,
            step=request.step_with,
            loop=request.loop,
            seed=request.seed,
            time_limit=request.time_limit,
        )
        report, curves = check(asked._replace(progress=advance, keep_lrs=picture is not None))
    written, unwritten = _written(report, curves, picture, look)
    if as_json:
        json_or(as_json=True, document=_document(report, written), parts=())
    else:
        from lrsched_cli.report.resume_text import report_parts  # noqa: PLC0415 - imports rich

        parts = report_parts(report, result_width())
        json_or(as_json=False, document=None, parts=[*parts, *(["", *written] if written else [])])
    if unwritten is not None:
        raise unwritten
    return report.identical


def _written(
    report: ResumeReport, curves: Curves, picture: Path | None, look: Look
) -> tuple[list[str], OutputError | None]:
    """The picture's path, or why there is none: the report of a long check comes all the same."""
    if picture is None:
        return [], None
    try:
        return _drawn(report, curves, picture, look), None
    except OutputError as error:
        return [], error


def _drawn(report: ResumeReport, curves: Curves, picture: Path, look: Look) -> list[str]:
    from lrsched_cli import __version__  # noqa: PLC0415 - reading it takes time
    from lrsched_cli.cli.outputs import write_picture  # noqa: PLC0415 - as below
    from lrsched_cli.report.resume_figure import draw_resumes, resume_caption  # noqa: PLC0415 - matplotlib

    caption = resume_caption(report, curves, __version__)
    return write_picture(picture, draw_resumes(report, curves, caption, look.style()), caption, None)


def _document(report: ResumeReport, written: list[str]) -> dict[str, Any]:
    """The report and its results, each with its verdict, which is no field of it."""
    results = [
        {**_fields(one), "identical": one.identical, "numbers_identical": one.numbers_identical}
        for one in report.results
    ]
    return {"identical": report.identical, "files": written, **_fields(report), "results": results}


def _fields(value: DataclassInstance) -> dict[str, Any]:
    return {one.name: getattr(value, one.name) for one in fields(value)}
