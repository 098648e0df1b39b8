"""``lrsched plot``: a schedule as a picture, a trace and a table."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lrsched_cli.cli.options import AsJson, Config, Overrides, Steps, Trust
from lrsched_cli.cli.outputs import relative, target, write_all
from lrsched_cli.cli.run import load, stepped
from lrsched_cli.cli.streams import json_or
from lrsched_cli.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable

_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*[x×,]\s*(\d+(?:\.\d+)?)", re.IGNORECASE)
_SMALLEST_INCHES, _LARGEST_INCHES = 3.0, 40.0


def _size(text: str) -> tuple[float, float]:
    match = _SIZE.fullmatch(text.strip())
    if match is None:
        raise UsageError(f"--size must be WIDTHxHEIGHT in inches, such as 8x5 (got {text!r})")
    width, height = float(match[1]), float(match[2])
    if not all(_SMALLEST_INCHES <= one <= _LARGEST_INCHES for one in (width, height)):
        raise UsageError(
            f"--size must be from {_SMALLEST_INCHES:g} to {_LARGEST_INCHES:g} inches each way (got {text!r})"
        )
    return width, height


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
    no_csv: Annotated[bool, typer.Option("--no-csv", help="Write the picture alone.")] = False,
    overrides: Overrides = None,
    steps: Steps = None,
    log_y: Annotated[bool, typer.Option("--log-y", help="Logarithmic learning rates.")] = False,
    size: Annotated[str, typer.Option(metavar="WxH", help="Width and height in inches.")] = "8x5",
    dpi: Annotated[int, typer.Option(min=30, max=600, help="Dots per inch.")] = 200,
    dark: Annotated[bool, typer.Option("--dark", help="Light lines on a dark page.")] = False,
    as_json: AsJson = False,
    trust: Trust = False,
) -> None:
    """Draw a schedule: the LR of every param group and the multiplier, over the scheduler steps.

    Writes outputs/NAME.png and outputs/NAME.csv, and prints each group's LRs. Row k of the CSV holds
    the LRs after k scheduler steps: with loop optimizer-first update k+1 runs at them, with
    scheduler-first update k does, and row 0 is never used.
    """
    width, height = _size(size)
    schedule = load(config, overrides, trust=trust)
    picture = target(out, schedule.name, (".png", ".svg", ".pdf"))
    trace = stepped(schedule, steps)

    from lrsched_cli import __version__  # noqa: PLC0415 - reading it takes time
    from lrsched_cli.analysis.summary import summarize  # noqa: PLC0415 - heavy, as below
    from lrsched_cli.report.captions import schedule_caption  # noqa: PLC0415
    from lrsched_cli.report.figure import Style, draw  # noqa: PLC0415
    from lrsched_cli.report.picture_file import picture_bytes  # noqa: PLC0415
    from lrsched_cli.report.tables import course_lines, row_meaning, summary_table  # noqa: PLC0415
    from lrsched_cli.report.trace_text import Selection, csv_text  # noqa: PLC0415

    if steps is not None:
        schedule = schedule.model_copy(update={"steps": steps})  # the picture's hash is that of what it shows
    caption = schedule_caption(schedule, trace, __version__)
    figure = draw(trace, caption, Style(width, height, dpi, dark=dark, log_y=log_y))
    suffix = picture.suffix.lower()
    files: dict[Path, bytes | Iterable[str]] = {picture: picture_bytes(figure, suffix, caption, __version__)}
    if not no_csv:
        files[picture.with_suffix(".csv")] = csv_text(trace, Selection())
    write_all(files)
    summaries = summarize(trace)
    written = [relative(path) for path in files]
    json_or(
        as_json=as_json,
        document={
            "name": schedule.name,
            "steps": trace.steps,
            "loop": trace.loop,
            "files": written,
            "groups": summaries,
        },
        parts=[summary_table(summaries), "", *course_lines(summaries), row_meaning(trace), "", *written],
    )
