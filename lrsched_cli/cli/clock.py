"""``lrsched clock``: a run counted in epochs, samples, tokens and updates; and what another plan changes."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lrsched_cli.cli.options import AsJson, Config, Dark, Dpi, LogY, Look, Overrides, Size, Steps, Trust
from lrsched_cli.cli.outputs import target, write_picture
from lrsched_cli.cli.run import load, load_again, stepped
from lrsched_cli.cli.streams import json_or, result_width
from lrsched_cli.errors import ScheduleFileError
from lrsched_cli.report.picture_file import SUFFIXES

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from rich.console import RenderableType

    from lrsched_cli.analysis.ledger import Ledger
    from lrsched_cli.core.config import Schedule


def clock(  # noqa: PLR0913 - one argument per option
    config: Config,
    *,
    devices: Annotated[
        int | None, typer.Option(min=1, metavar="N", help="With so many devices.", show_default=False)
    ] = None,
    per_device: Annotated[
        int | None,
        typer.Option(min=1, metavar="N", help="With micro-batches of so many samples.", show_default=False),
    ] = None,
    accumulate: Annotated[
        int | None,
        typer.Option(
            min=1, metavar="N", help="With so many micro-batches for an update.", show_default=False
        ),
    ] = None,
    overrides: Overrides = None,
    steps: Steps = None,
    out: Annotated[
        Path | None,
        typer.Option(
            help="The picture of what changes: a file ending in .png, .svg or .pdf, or a folder.",
            show_default="outputs/clock-NAME.png",
        ),
    ] = None,
    log_y: LogY = False,
    size: Size = "8x5",
    dpi: Dpi = 200,
    dark: Dark = False,
    as_json: AsJson = False,
    trust: Trust = False,
) -> None:
    """Count a run in epochs, samples, tokens and updates.

    Tells also the micro-batches, what is dropped, what counts in other units (5ep, 10%, 375Mtok,
    1_000_000sa) come to, and where warm-up and restarts fall. With --devices, --per-device, --accumulate or
    --set the run as the file has it stands beside the changed one, with the LRs by each of the three batch
    rules, and in one picture.
    """
    look = Look(size, dpi, dark, log_y)
    look.check()
    now = load(config, None, trust=trust)
    wanted = {"per_device": per_device, "devices": devices, "accumulate": accumulate}
    changes = {key: value for key, value in wanted.items() if value is not None}
    if changes or overrides:
        new = _changed(now, overrides or (), changes)
        if steps is not None:
            now, new = (one.model_copy(update={"steps": steps}) for one in (now, new))
        _print_change(now, new, target(out, f"clock-{now.name}", SUFFIXES), look, as_json=as_json)
        return
    from lrsched_cli.analysis.ledger import ledger  # noqa: PLC0415 - imports numpy

    found = ledger(now, stepped(now, steps))
    json_or(as_json=as_json, document=_document(found), parts=[] if as_json else _ledger_parts({"": found}))


def _changed(now: Schedule, overrides: Sequence[str], changes: Mapping[str, int]) -> Schedule:
    new = load_again(now, overrides) if overrides else now
    if not changes:
        return new
    from lrsched_cli.analysis.plan_change import plan_override  # noqa: PLC0415 - imports numpy

    try:
        return load_again(now, [*overrides, plan_override(new, changes)])
    except ScheduleFileError as error:  # in the words of the options that were given
        from lrsched_cli.core.sources import override_number  # noqa: PLC0415 - not for --help

        place = len(now.origin.overrides if now.origin is not None else ()) + len(overrides) + 1
        options = ", ".join(f"--{key.replace('_', '-')}" for key in changes)
        problems = [
            replace(one, file=options, line=0, column=0) if override_number(one.file) == place else one
            for one in error.problems
        ]
        raise ScheduleFileError(problems, error.hint) from None


def _print_change(now: Schedule, new: Schedule, picture: Path, look: Look, *, as_json: bool) -> None:
    from lrsched_cli import __version__  # noqa: PLC0415 - reading it takes time
    from lrsched_cli.analysis.ledger import ledger  # noqa: PLC0415 - heavy, as below
    from lrsched_cli.analysis.plan_change import plan_change, plan_label  # noqa: PLC0415
    from lrsched_cli.report.clock_figure import Plan, change_caption, draw_change  # noqa: PLC0415
    from lrsched_cli.report.clock_tables import rules_parts  # noqa: PLC0415

    change = plan_change(now, new, lambda schedule: stepped(schedule, None))
    ledgers = {
        "now": ledger(now, change.now),
        "new": ledger(new, change.new),
    }
    before, after = (Plan(one, one.clock, plan_label(one)) for one in (now, new))
    caption = change_caption(before, after, __version__)
    figure = draw_change(before, after, change, caption, look.style())
    written = write_picture(picture, figure, caption, None)
    json_or(
        as_json=as_json,
        document={
            **{label: _document(one) for label, one in ledgers.items()},
            "rules": change.rules,
            "files": written,
        },
        parts=[]
        if as_json
        else [*_ledger_parts(ledgers), *rules_parts(change, result_width()), "", *written],
    )


def _ledger_parts(ledgers: Mapping[str, Ledger]) -> list[RenderableType]:
    from lrsched_cli.report.clock_tables import ledger_parts  # noqa: PLC0415 - imports rich

    return ledger_parts(ledgers, result_width())


def _document(found: Ledger) -> dict[str, Any]:
    from lrsched_cli.report.clock_json import ledger_document  # noqa: PLC0415 - not for --help

    return ledger_document(found)
