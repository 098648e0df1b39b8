"""``lrsched show``: a schedule in tables."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from lrsched_cli.cli.options import AsJson, Config, Model, Overrides, Steps, Trust
from lrsched_cli.cli.run import findings_lines, load, stepped
from lrsched_cli.cli.streams import json_or, result_width

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import RenderableType

    from lrsched_cli.analysis.first_updates import FirstUpdates
    from lrsched_cli.analysis.param_groups import ParamGroupInfo
    from lrsched_cli.analysis.summary import GroupSummary, SettingNumbers
    from lrsched_cli.analysis.trace import Trace


def show(  # noqa: PLR0913 - one argument per option
    config: Config,
    *,
    params: Annotated[bool, typer.Option("--params", help="List every parameter with its shape.")] = False,
    at: Annotated[
        list[int] | None,
        typer.Option(
            metavar="STEP", help="Also show the LRs at this step; may be repeated.", show_default=False
        ),
    ] = None,
    overrides: Overrides = None,
    steps: Steps = None,
    as_json: AsJson = False,
    model: Model = None,
    trust: Trust = False,
) -> None:
    """Show a schedule in numbers, with its param groups.

    Also: what the first updates run at, and the LRs at the key steps. The key steps are 0, 1, the end of
    the warm-up, each restart with its neighbours, and the end. Row k holds the LRs after k scheduler steps;
    the column "update" says which update runs at them.
    """
    schedule = load(config, overrides, trust=trust, model=model)
    trace = stepped(schedule, steps)

    from lrsched_cli.analysis.first_updates import first_updates  # noqa: PLC0415 - imports numpy
    from lrsched_cli.analysis.param_groups import describe_param_groups  # noqa: PLC0415 - not for --help
    from lrsched_cli.analysis.summary import key_steps, summarize, summarize_settings  # noqa: PLC0415
    from lrsched_cli.core.stand_ins import dummy_optimizer  # noqa: PLC0415 - imports torch

    keys, first = key_steps(trace, at or ()), first_updates(trace)
    summaries, settings = summarize(trace), summarize_settings(trace)
    groups = describe_param_groups(*dummy_optimizer(schedule))
    key_rows = [
        {
            "step": step,
            "update": trace.update_at(step),
            "lr": dict(zip(trace.groups, trace.lr[step].tolist(), strict=True)),
            "settings": {
                name: dict(zip(trace.groups, values[step].tolist(), strict=True))
                for name, values in trace.settings.items()
            },
        }
        for step in keys
    ]
    json_or(
        as_json=as_json,
        document={
            "name": schedule.name,
            "description": schedule.description,
            "steps": trace.steps,
            "loop": trace.loop,
            "groups": summaries,
            "settings": settings,
            "first_updates": first,
            "param_groups": groups,
            "key_steps": key_rows,
        },
        parts=_parts(
            trace,
            (summaries, settings, first),
            groups,
            keys,
            warned=findings_lines(schedule, trace, as_json=as_json),
            params=params,
        ),
    )


def _parts(  # noqa: PLR0913 - one for each part
    trace: Trace,
    numbers: tuple[Sequence[GroupSummary], Sequence[SettingNumbers], Sequence[FirstUpdates]],
    groups: Sequence[ParamGroupInfo],
    keys: Sequence[int],
    *,
    warned: Sequence[RenderableType],
    params: bool,
) -> list[RenderableType]:
    from lrsched_cli.report import tables  # noqa: PLC0415 - imports rich
    from lrsched_cli.report.first_updates_text import (  # noqa: PLC0415 - as above
        first_updates_lines,
        first_updates_table,
    )

    summaries, settings, first = numbers
    parts: list[RenderableType] = [
        f"{trace.name}: {tables.length_text(trace)}",
        *tables.course_lines(summaries),
        tables.row_meaning(trace),
        *warned,
        "",
        "The schedule in numbers (each LR at its step)",
        tables.summary_table(summaries),
        *tables.changing_settings_parts(settings),
        "",
        "The first updates",
        first_updates_table(first),
        *first_updates_lines(first),
        "",
        "Param groups",
        tables.param_groups_table(groups, "base LR"),
        *tables.other_settings_lines(groups),
        "",
    ]
    if params:
        parts += [tables.parameters_table(groups), ""]
    parts.append("LRs and changing settings at the key steps" if settings else "LRs at the key steps")
    parts += tables.key_steps_tables(trace, keys, result_width())
    return parts
