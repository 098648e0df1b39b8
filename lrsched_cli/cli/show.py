"""``lrsched show``: a schedule in tables."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from lrsched_cli.cli.options import AsJson, Config, Overrides, Steps, Trust
from lrsched_cli.cli.run import load, stepped
from lrsched_cli.cli.streams import json_or, result_width

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import RenderableType

    from lrsched_cli.analysis.param_groups import ParamGroupInfo
    from lrsched_cli.analysis.summary import GroupSummary
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
    trust: Trust = False,
) -> None:
    """Show a schedule in numbers, its param groups, and the LRs at the key steps.

    The key steps are 0, 1, the end of the warm-up, each restart with its neighbours, and the end. Row k
    holds the LRs after k scheduler steps; the column "update" says which update runs at them.
    """
    schedule = load(config, overrides, trust=trust)
    trace = stepped(schedule, steps)

    from lrsched_cli.analysis.param_groups import describe_param_groups  # noqa: PLC0415 - not for --help
    from lrsched_cli.analysis.summary import key_steps, summarize  # noqa: PLC0415 - imports numpy
    from lrsched_cli.core.stand_ins import dummy_optimizer  # noqa: PLC0415 - imports torch

    keys = key_steps(trace, at or ())
    summaries = summarize(trace)
    groups = describe_param_groups(*dummy_optimizer(schedule))
    key_rows = [
        {
            "step": step,
            "update": trace.update_at(step),
            "lr": dict(zip(trace.groups, trace.lr[step].tolist(), strict=True)),
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
            "param_groups": groups,
            "key_steps": key_rows,
        },
        parts=_parts(trace, summaries, groups, keys, params=params),
    )


def _parts(
    trace: Trace,
    summaries: Sequence[GroupSummary],
    groups: Sequence[ParamGroupInfo],
    keys: Sequence[int],
    *,
    params: bool,
) -> list[RenderableType]:
    from lrsched_cli.report import tables  # noqa: PLC0415 - imports rich

    parts: list[RenderableType] = [
        f"{trace.name}: {trace.steps:,} scheduler steps",
        *tables.course_lines(summaries),
        tables.row_meaning(trace),
        "",
        "The schedule in numbers (each LR at its step)",
        tables.summary_table(summaries),
        "",
        "Param groups",
        tables.param_groups_table(groups, "base LR"),
        *tables.other_settings_lines(groups),
        "",
    ]
    if params:
        parts += [tables.parameters_table(groups), ""]
    parts.append("LRs at the key steps")
    parts += tables.key_steps_tables(trace, keys, result_width())
    return parts
