"""``lrsched plot``: a schedule as a picture, a trace and a table."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from lrsched_cli.cli.options import (
    AsJson,
    Config,
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
from lrsched_cli.cli.run import findings_lines, load, stepped
from lrsched_cli.cli.streams import json_or
from lrsched_cli.report.picture_file import SUFFIXES


def plot(  # noqa: PLR0913 - one argument per option
    config: Config,
    *,
    out: Annotated[
        Path | None,
        typer.Option(
            help="The picture: a file ending in .png, .svg or .pdf, or a folder. The CSV goes beside it.",
            show_default="outputs/NAME.png",
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
    """Draw every param group's LR, and all else that changes.

    Writes outputs/NAME.png and outputs/NAME.csv, and prints each group's LRs. Row k of the CSV holds the
    LRs after k scheduler steps: with loop optimizer-first update k+1 runs at them, with scheduler-first
    update k does, and row 0 is never used.
    """
    width, height = inches(size)
    schedule = load(config, overrides, trust=trust, model=model)
    picture = target(out, schedule.name, SUFFIXES)
    trace = stepped(schedule, steps)

    from lrsched_cli import __version__  # noqa: PLC0415 - reading it takes time
    from lrsched_cli.analysis.summary import summarize, summarize_settings  # noqa: PLC0415 - heavy, as below
    from lrsched_cli.report import tables  # noqa: PLC0415
    from lrsched_cli.report.captions import schedule_caption  # noqa: PLC0415
    from lrsched_cli.report.figure import Style, draw  # noqa: PLC0415
    from lrsched_cli.report.trace_text import Selection, csv_text  # noqa: PLC0415

    if steps is not None:
        schedule = schedule.model_copy(update={"steps": steps})  # the picture's hash is that of what it shows
    caption = schedule_caption(schedule, trace, __version__)
    figure = draw(trace, caption, Style(width, height, dpi, dark=dark, log_y=log_y))
    written = write_picture(picture, figure, caption, None if no_csv else csv_text(trace, Selection()))
    summaries, settings = summarize(trace), summarize_settings(trace)
    json_or(
        as_json=as_json,
        document={
            "name": schedule.name,
            "steps": trace.steps,
            "loop": trace.loop,
            "files": written,
            "groups": summaries,
            "settings": settings,
        },
        parts=[
            tables.summary_table(summaries),
            *tables.changing_settings_parts(settings),
            "",
            *tables.course_lines(summaries),
            tables.row_meaning(trace),
            *findings_lines(schedule, trace, as_json=as_json),
            "",
            *written,
        ],
    )
