"""``lrsched compare``: schedules and stored traces in one picture, one CSV, and numbers."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from lrsched_cli.cli.compare_inputs import Inputs, is_stored, labels_of, read_inputs
from lrsched_cli.cli.options import (
    AsJson,
    Compared,
    Dark,
    Dpi,
    LogY,
    Model,
    NoCsv,
    Overrides,
    Size,
    Steps,
    Trust,
    inches,
)
from lrsched_cli.cli.outputs import target, write_picture
from lrsched_cli.cli.streams import json_or, result_width
from lrsched_cli.errors import UsageError
from lrsched_cli.report.picture_file import SUFFIXES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import RenderableType

    from lrsched_cli.analysis.compare import Comparison
    from lrsched_cli.analysis.setting_differences import SettingDifference

FOUND_A_DIFFERENCE = 1
_MOST_NAMED = 3
_LONGEST_NAME = 60  # characters of a label in a file name


def compare(  # noqa: PLR0913 - one argument per option
    inputs: Compared,
    *,
    ratio: Annotated[
        bool, typer.Option("--ratio", help="Draw the ratio to the first below, instead of the difference.")
    ] = False,
    expect_equal: Annotated[
        bool, typer.Option("--expect-equal", help="Exit with 1 unless all equal the first.")
    ] = False,
    rtol: Annotated[float, typer.Option(metavar="R", help="Relative tolerance, a share of |b|.")] = 0.0,
    atol: Annotated[float, typer.Option(metavar="A", help="Absolute tolerance.")] = 0.0,
    csv_loop: Annotated[
        Literal["scheduler-first", "optimizer-first"],
        typer.Option(help="Which rows of a CSV count as updates: all after row 0, or all but the last."),
    ] = "scheduler-first",
    out: Annotated[
        Path | None,
        typer.Option(
            help="The picture: a file ending in .png, .svg or .pdf, or a folder. The CSV goes beside it.",
            show_default="outputs/compare-NAMES.png",
        ),
    ] = None,
    no_csv: NoCsv = False,
    overrides: Overrides = None,
    steps: Steps = None,
    log_y: LogY = False,
    size: Size = "8x5",
    dpi: Dpi = 200,
    dark: Dark = False,
    as_json: AsJson = False,
    model: Model = None,
    trust: Trust = False,
) -> None:
    """Compare schedules and stored traces with the first.

    Rows are compared by step, param groups by name, those of other names in their order; of each group the
    LR, and every setting that a run changes. Numbers a (of the first) and b are equal where
    |a - b| <= atol + rtol * |b|; a run that begins or ends at another step, has another number of groups,
    or lacks a setting that the other changes, is a difference too. A CSV with gaps (--every) is compared at
    the steps that it has. --set, --steps and --model go to every schedule.
    """
    width, height = inches(size)
    picture = target(out, _name(labels_of(inputs)), SUFFIXES)
    if not no_csv:
        _keep_inputs(picture.with_suffix(".csv"), inputs)
    read = read_inputs(inputs, overrides, steps, trust=trust, model=model)

    from lrsched_cli import __version__  # noqa: PLC0415 - reading it takes time
    from lrsched_cli.analysis.compare import compare as compared  # noqa: PLC0415 - heavy, as below
    from lrsched_cli.analysis.setting_differences import setting_differences  # noqa: PLC0415
    from lrsched_cli.report.compare_caption import comparison_caption  # noqa: PLC0415
    from lrsched_cli.report.compare_csv import comparison_csv  # noqa: PLC0415
    from lrsched_cli.report.compare_figure import draw_comparison  # noqa: PLC0415
    from lrsched_cli.report.panels import Style  # noqa: PLC0415

    comparison = compared(read.traces, rtol=rtol, atol=atol, stored_loop=csv_loop)
    settings = setting_differences(read.schedules)
    caption = comparison_caption(read.traces, settings, __version__, ratio=ratio)
    style = Style(width, height, dpi, dark=dark, log_y=log_y)
    figure = draw_comparison(read.traces, comparison, caption, style, ratio=ratio)
    written = write_picture(picture, figure, caption, None if no_csv else comparison_csv(read.traces))
    json_or(
        as_json=as_json,
        document=_document(comparison, read, settings, written),
        parts=[] if as_json else [*_parts(comparison, read, settings), *written],
    )
    if expect_equal and not comparison.equal:
        raise typer.Exit(FOUND_A_DIFFERENCE)


def _keep_inputs(csv: Path, inputs: Sequence[str]) -> None:
    """Refuse to write over a trace that is compared."""
    for given in filter(is_stored, inputs):
        if os.path.realpath(given) == os.path.realpath(csv):
            raise UsageError(
                f"{given} would be overwritten by the CSV of this comparison; give another --out"
            )


def _name(labels: Sequence[str]) -> str:
    shown = labels if len(labels) <= _MOST_NAMED else [labels[0], f"and-{len(labels) - 1}-more"]
    return "-".join(
        ["compare", *(re.sub(r"[^A-Za-z0-9._-]+", "_", label)[:_LONGEST_NAME] for label in shown)]
    )


def _document(
    comparison: Comparison, read: Inputs, settings: Sequence[SettingDifference], written: Sequence[str]
) -> dict[str, Any]:
    differing = [
        {"key": one.key, "values": dict(zip(read.schedules, one.values, strict=True))} for one in settings
    ]
    return {
        "equal": comparison.equal,
        "rtol": comparison.rtol,
        "atol": comparison.atol,
        "quantities": comparison.quantities,
        "files": list(written),
        "traces": comparison.traces,
        "pairs": comparison.pairs,
        "settings": differing,
        "without_settings": [label for label in read.traces if label not in read.schedules],
    }


def _beginnings(read: Inputs) -> list[RenderableType]:
    """How the schedules begin, where that differs: the first reason for LRs that are one update apart."""
    from lrsched_cli.analysis.first_updates import first_updates  # noqa: PLC0415 - imports numpy
    from lrsched_cli.analysis.trace import Trace  # noqa: PLC0415 - as above
    from lrsched_cli.report.first_updates_text import first_updates_lines  # noqa: PLC0415 - imports rich

    said = {
        label: [line.plain for line in first_updates_lines(first_updates(trace))]
        for label, trace in read.traces.items()
        if isinstance(trace, Trace)
    }
    if len({tuple(lines) for lines in said.values()}) < 2:  # noqa: PLR2004 - they all begin alike
        return []
    return ["", "How they begin", *(f"{label}: {line}" for label, lines in said.items() for line in lines)]


def _parts(
    comparison: Comparison, read: Inputs, settings: Sequence[SettingDifference]
) -> list[RenderableType]:
    from lrsched_cli.report import compare_tables as tables  # noqa: PLC0415 - imports rich

    return [
        "In numbers (each LR at its step)",
        *tables.numbers_tables(comparison.traces, result_width()),
        *tables.changing_settings_parts(comparison),
        *tables.numbers_lines(comparison.traces),
        *_beginnings(read),
        "",
        f"Differences to {comparison.traces[0].label}",
        tables.differences_table(comparison),
        *tables.matching_lines(comparison),
        *tables.verdict_lines(comparison),
        "",
        *tables.settings_parts(list(read.traces), list(read.schedules), settings),
        "",
    ]
