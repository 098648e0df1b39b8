"""``lrsched trace``: a schedule as a table of numbers, step by step."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from lrsched_cli.cli.options import AsJson, Config, Model, Overrides, Steps, Trust
from lrsched_cli.cli.outputs import relative, target, write_all
from lrsched_cli.cli.run import load, stepped
from lrsched_cli.cli.streams import print_result, write_json, write_result

_STDOUT = Path("-")


def trace(  # noqa: PLR0913 - one argument per option
    config: Config,
    *,
    out: Annotated[
        Path | None,
        typer.Option(
            help="A file ending in .csv, .tsv or .json, a folder, or - for standard output.",
            show_default="outputs/NAME.csv",
        ),
    ] = None,
    factors: Annotated[
        bool, typer.Option("--factors", help="Add the factors and the cycle state of every group.")
    ] = False,
    every: Annotated[
        int,
        typer.Option(
            min=1, metavar="K", help="Keep every K-th row, the first, the last and each turning point."
        ),
    ] = 1,
    overrides: Overrides = None,
    steps: Steps = None,
    as_json: AsJson = False,
    model: Model = None,
    trust: Trust = False,
) -> None:
    """Write a schedule's trace as CSV, one row per update.

    It has the LR and the multiplier of every group. A setting that the run changes, such as the momentum,
    has columns of its own. Row k holds what k turns of the training loop leave: with loop optimizer-first
    (PyTorch's order) update k+1 runs at it, with scheduler-first update k does, and row 0 is never used.
    """
    schedule = load(config, overrides, trust=trust, model=model)

    from lrsched_cli.report.trace_text import FORMATS, Selection  # noqa: PLC0415 - imports numpy

    to_stdout = out == _STDOUT or (as_json and out is None)
    file = None if to_stdout else target(out, schedule.name, tuple(FORMATS))
    result = stepped(schedule, steps)
    selection = Selection(factors=factors, every=every)
    if file is not None:
        write_all({file: FORMATS[file.suffix.lower()](result, selection)})
    if as_json:
        write_json(FORMATS[".json"](result, selection))
    elif file is None:
        write_result(FORMATS[".csv"](result, selection))
    else:
        print_result(relative(file))
