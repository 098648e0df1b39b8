"""``lrsched conformance``: does a run with any scheduler that is known here resume exactly?"""

from __future__ import annotations

import sys
from contextlib import redirect_stdout
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lrsched_cli.cli.options import AsJson
from lrsched_cli.cli.outputs import relative, target, write_all
from lrsched_cli.cli.run import progress_bar
from lrsched_cli.cli.streams import json_or
from lrsched_cli.errors import OutputError

if TYPE_CHECKING:
    from lrsched_cli.analysis.conformance import ConformanceReport

FOUND_A_FAULT = 1
_SUFFIXES = (".md",)


def conformance(
    types: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[TYPE ...]",
            help="Types as a schedule file has them, or globs such as 'Cosine*' or 'transformers.*'.",
            show_default="all",
        ),
    ] = None,
    *,
    recipe: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME",
            help="Restore in this way, besides complete; may be repeated.",
            show_default="all",
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            help="Also write the matrix as Markdown: to a new FILE.md, or between the marks of one that has "
            "them.",
            show_default=False,
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Resume every known scheduler in every way; the matrix.

    An example of each type trains two param groups for 40 updates; it is saved at eight places, restored
    and compared, bit for bit, with the run without interruption. Ends with 1 where a run restored
    completely (scheduler built, then both states loaded) goes on otherwise.
    """
    page = None if out is None else target(out, "conformance", _SUFFIXES)
    before = None if page is None else _marked(page)

    from lrsched_cli.analysis import conformance as checks  # noqa: PLC0415 - not for --help

    with progress_bar("resuming schedulers") as advance, redirect_stdout(sys.stderr):
        report = checks.conformance(types or (), recipe or ("all",), advance)

    from lrsched_cli.report import conformance_text as texts  # noqa: PLC0415 - imports rich

    written = []
    if page is not None:
        made = texts.conformance_markdown(report)
        text = texts.page_of(made) if before is None else texts.with_table(before, made)
        write_all({page: (text or "").encode()})
        written = [relative(page)]
    parts = [] if as_json else [*texts.conformance_parts(report), *(["", *written] if written else [])]
    json_or(as_json=as_json, document=_document(report, written), parts=parts)
    if report.inexact:
        raise typer.Exit(FOUND_A_FAULT)


def _marked(page: Path) -> str | None:
    """A page as it is now, None where there is none; OutputError where the matrix has no place in it."""
    from lrsched_cli.report.conformance_text import BEGIN, END, with_table  # noqa: PLC0415 - imports rich

    try:
        if not page.exists():
            return None
        before = page.read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "is not UTF-8 text"
        raise OutputError(f"{relative(page)}: cannot be read: {reason}") from None
    if with_table(before, "") is None:
        raise OutputError(
            f"{relative(page)}: has no lines {BEGIN} and {END}, between which the matrix would go"
        )
    return before


def _document(report: ConformanceReport, written: list[str]) -> dict[str, Any]:
    """The report with a verdict for every configuration and recipe, without the results behind them."""
    rows = [
        {
            "family": one.family,
            "type": one.type,
            "settings": one.settings,
            "failure": one.failure or None,
            "verdicts": {name: one.verdict(name) for name in report.recipes},
        }
        for one in report.configurations
    ]
    return {
        "identical": not report.inexact,
        "files": written,
        "libraries": report.libraries,
        "recipes": report.recipes,
        "configurations": rows,
        "no_example": report.no_example,
    }
