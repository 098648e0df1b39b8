"""Results as rich tables. Every name from outside goes in as plain text, never as markup."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from rich import box
from rich.table import Table
from rich.text import Text

from lrsched_cli.core.numbers_text import lr_text, whole_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray
    from rich.console import RenderableType

    from lrsched_cli.analysis.param_groups import ParamGroupInfo
    from lrsched_cli.analysis.summary import GroupSummary, SettingNumbers
    from lrsched_cli.analysis.trace import Trace

    Floats = NDArray[np.float64]

MAX_RESTARTS_SHOWN = 4
MAX_KEY_ROWS = 40


def summary_table(summaries: Iterable[GroupSummary]) -> Table:
    """The schedule in numbers, one row per param group; below each LR the step at which it occurs."""
    table = plain_table("group", "base LR", "first", "peak", "minimum", "final", "mean", "sum")
    for one in summaries:
        table.add_row(
            Text(one.name),
            lr_text(one.base_lr),
            *(at_text(at.lr, at.step) for at in (one.first, one.peak, one.minimum, one.final)),
            lr_text(one.mean),
            lr_text(one.sum),
        )
    return table


def changing_settings_parts(summaries: Sequence[SettingNumbers]) -> list[RenderableType]:
    """In numbers, the other settings of the groups that the run changes; nothing where it changes none."""
    if not summaries:
        return []
    table = plain_table("setting", "group", *SETTING_COLUMNS)
    before = ""
    for one in summaries:
        table.add_row(
            Text("" if one.setting == before else one.setting), Text(one.group), *setting_cells(one)
        )
        before = one.setting
    return ["", "Other settings that the scheduler changes (each at its step)", table]


SETTING_COLUMNS = ("first", "minimum", "maximum", "final")


def setting_cells(numbers: SettingNumbers) -> list[str]:
    """First, minimum, maximum and final number of a setting, each with its step."""
    each = (numbers.first, numbers.minimum, numbers.maximum, numbers.final)
    return [at_text(one.value, one.step) for one in each]


def course_lines(summaries: Sequence[GroupSummary]) -> list[Text]:
    """Warm-up end and restarts in words: one line for all groups where they agree, else one each."""
    courses = {(one.warmup_end, one.restarts) for one in summaries}
    if len(courses) == 1:
        return [Text(_course(summaries[0]))]
    return [Text(f"{one.name}: {_course(one)}") for one in summaries]


def param_groups_table(groups: Iterable[ParamGroupInfo], lr_heading: str = "LR") -> Table:
    """The param groups: LR, the optimizer's main settings, numbers of tensors and of elements."""
    groups = list(groups)
    keys = [key for key in _MAIN_SETTINGS if any(key in group.settings for group in groups)]
    table = plain_table("#", "group", lr_heading, *keys, "tensors", "elements")
    for group in groups:
        table.add_row(
            str(group.index),
            Text(group.name or "(unnamed)"),
            lr_text(group.lr),
            *(setting_text(group.settings.get(key)) for key in keys),
            whole_text(len(group.parameters)),
            whole_text(group.elements),
        )
    return table


def other_settings_lines(groups: Sequence[ParamGroupInfo]) -> list[Text]:
    """The optimizer's other settings that say something, each once where the groups agree."""
    lines = []
    keys = dict.fromkeys(key for group in groups for key in group.settings if key not in _MAIN_SETTINGS)
    said = []
    for key in keys:
        values = [setting_text(group.settings.get(key)) for group in groups]
        if len(set(values)) == 1:
            said.append(f"{key} {values[0]}")
        else:
            each = ", ".join(f"{group.name} {value}" for group, value in zip(groups, values, strict=True))
            lines.append(Text(f"{key}: {each}"))
    if said:
        lines.insert(0, Text(" · ".join(said)))
    return lines


def parameters_table(groups: Iterable[ParamGroupInfo]) -> Table:
    """Every parameter with its shape, by group."""
    table = plain_table("#", "group", "parameter", "shape")
    for group in groups:
        for place, parameter in enumerate(group.parameters):
            table.add_row(
                str(group.index) if place == 0 else "",
                Text((group.name or "(unnamed)") if place == 0 else ""),
                Text(parameter.name or "(unnamed)"),
                shape_text(parameter.shape),
            )
    return table


def key_steps_tables(trace: Trace, steps: Sequence[int], width: int) -> list[Table]:
    """LRs and changing settings of all groups at the given steps; as many tables as ``width`` asks for.

    Long lists of steps are cut in the middle, with a row that says how many are left out.
    """
    head, tail = list(steps), []
    if len(steps) > MAX_KEY_ROWS:
        half = MAX_KEY_ROWS // 2
        head, tail = list(steps[:half]), list(steps[-half:])
    left_out = len(steps) - len(head) - len(tail)
    room = max(1, (width - 18) // 12)
    every = _key_columns(trace)
    tables = []
    for start in range(0, len(every), room):
        columns = every[start : start + room]
        table = plain_table("step", "update", *(name for name, _ in columns))
        for step in head:
            table.add_row(*_key_row(trace, step, columns))
        if left_out:
            table.add_row("…", Text(f"{left_out} more"), *("…" for _ in columns))
        for step in tail:
            table.add_row(*_key_row(trace, step, columns))
        tables.append(table)
    return tables


def length_text(trace: Trace) -> str:
    """How long a run is: scheduler steps, or updates where the scheduler is not stepped at each."""
    every = trace.updates_per_step
    if every == 1:
        return f"{whole_text(trace.steps)} scheduler steps"
    return f"{whole_text(trace.steps)} updates, a scheduler step every {whole_text(every)}"


def _key_columns(trace: Trace) -> list[tuple[str, Floats]]:
    """The LRs of the groups, then their changing settings: one column for all groups where they agree."""
    columns = [(name, trace.lr[:, group]) for group, name in enumerate(trace.groups)]
    for setting, values in trace.settings.items():
        if np.array_equal(values, np.broadcast_to(values[:, :1], values.shape), equal_nan=True):
            columns.append((setting, values[:, 0]))
        else:
            columns += [(f"{setting} {name}", values[:, group]) for group, name in enumerate(trace.groups)]
    return columns


def row_meaning(trace: Trace) -> Text:
    """Which update runs at a row's LRs, in one sentence."""
    if trace.loop == "scheduler-first":
        return Text(
            "Loop scheduler-first: update k runs at row k; row 0 (before the first step) is never used."
        )
    return Text("Loop optimizer-first: update k+1 runs at row k, so update 1 runs at the LRs of row 0.")


def shape_text(shape: Sequence[int]) -> str:
    """A tensor's shape; a single number is called a scalar.

    >>> shape_text((3, 4)), shape_text(())
    ('3 x 4', 'scalar')
    """
    return " x ".join(map(str, shape)) if shape else "scalar"


_WORDS = {
    "group",
    "schedule",
    "parameter",
    "shape",
    "file",
    "setting",
    "recipe",
    "where",
    "fault",
    "first difference",
}
_NAME_WIDTH, _NUMBER_WIDTH = 8, 9  # columns
_MAIN_SETTINGS = ("eps", "weight_decay", "momentum", "betas")


def plain_table(first: str, *others: str) -> Table:
    """An empty table with these columns: words to the left, numbers to the right.

    In a narrow terminal words are folded, and long headings; a number stays whole.
    """
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False, padding=(0, 1, 0, 0))
    for name in (first, *others):
        if name in _WORDS:
            table.add_column(Text(name), justify="left", overflow="fold", min_width=_NAME_WIDTH)
        elif len(name) <= _NUMBER_WIDTH:
            table.add_column(Text(name), justify="right", no_wrap=True)
        else:
            table.add_column(Text(name), justify="right", overflow="fold", min_width=_NUMBER_WIDTH)
    return table


def _key_row(trace: Trace, step: int, columns: Iterable[tuple[str, Floats]]) -> list[str]:
    update = trace.update_at(step)
    return [
        whole_text(step),
        "-" if update is None else whole_text(update),
        *("-" if np.isnan(values[step]) else lr_text(float(values[step])) for _, values in columns),
    ]


def at_text(lr: float, step: int) -> str:
    """An LR, and below it its step."""
    return f"{lr_text(lr)}\n@ {whole_text(step)}"


def _course(summary: GroupSummary) -> str:
    warmup = f"warm-up through step {whole_text(summary.warmup_end)}" if summary.warmup_end else "no warm-up"
    if summary.warmup_end >= summary.final.step > 0:
        return f"in the warm-up to the end, step {whole_text(summary.warmup_end)}"
    restarts = summary.restarts
    if not restarts:
        return f"{warmup}; no restart"
    shown = ", ".join(whole_text(step) for step in restarts[:MAX_RESTARTS_SHOWN])
    more = (
        f" and {whole_text(len(restarts) - MAX_RESTARTS_SHOWN)} more"
        if len(restarts) > MAX_RESTARTS_SHOWN
        else ""
    )
    return f"{warmup}; {'restart' if len(restarts) == 1 else 'restarts'} at step {shown}{more}"


def setting_text(value: Any) -> str:
    """A setting's value; ``-`` where there is none."""
    if isinstance(value, float):
        return lr_text(value)
    if isinstance(value, list | tuple):
        return ", ".join(f"{one:g}" if isinstance(one, float) else str(one) for one in value)
    return (
        {None: "-", True: "yes", False: "no"}.get(value, str(value))
        if not isinstance(value, int) or isinstance(value, bool)
        else str(value)
    )
