"""A comparison as tables, and the lines that say what the tables cannot."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rich.text import Text

from lrsched_cli.analysis.group_numbers import LR
from lrsched_cli.core.numbers_text import lr_text, whole_text
from lrsched_cli.report.tables import SETTING_COLUMNS, at_text, plain_table, setting_cells, setting_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from rich.console import RenderableType
    from rich.table import Table

    from lrsched_cli.analysis.compare import Comparison, DifferenceAt, GroupDifference, PairDifference
    from lrsched_cli.analysis.setting_differences import SettingDifference
    from lrsched_cli.analysis.trace_numbers import GroupNumbers, TraceNumbers

MAX_RESTARTS_SHOWN = 3
_UNKNOWN = "-"
_SINGULAR, _PLURAL = {LR: "LR"}, {LR: "LRs"}
_LRS = ("first", "peak", "final", "mean")
_COUNTS = ("sum", "above half peak", "restarts", "warm-up")
_WIDE = 110  # columns that one table of all numbers takes


def numbers_tables(traces: Sequence[TraceNumbers], width: int) -> list[Table]:
    """Every group of every file in numbers, each LR at its step; two tables where ``width`` is small."""
    headings = [*_LRS, *_COUNTS]
    parts = [headings] if width >= _WIDE else [list(_LRS), list(_COUNTS)]
    tables = [plain_table("file", "group", *part) for part in parts]
    for trace in traces:
        for place, group in enumerate(trace.groups):
            cells = dict(zip(headings, _numbers(group), strict=True))
            for table, part in zip(tables, parts, strict=True):
                label = Text(trace.label if place == 0 else "")
                table.add_row(label, Text(group.name), *(cells[heading] for heading in part))
    return tables


def changing_settings_parts(comparison: Comparison) -> list[RenderableType]:
    """In numbers, the settings that one of the runs changes; nothing where none does."""
    if len(comparison.quantities) == 1:
        return []
    table = plain_table("file", "setting", "group", *SETTING_COLUMNS)
    for trace in comparison.traces:
        before = ""
        for place, one in enumerate(trace.settings):
            label, setting = trace.label if place == 0 else "", one.setting if one.setting != before else ""
            table.add_row(Text(label), Text(setting), Text(one.group), *setting_cells(one))
            before = one.setting
    return ["", "Other settings that a scheduler changes (each at its step)", table, ""]


def _numbers(group: GroupNumbers) -> list[str]:
    return [
        *(at_text(at.lr, at.step) for at in (group.first, group.peak, group.final)),
        _UNKNOWN if group.mean is None else lr_text(group.mean),
        _UNKNOWN if group.sum is None else lr_text(group.sum),
        _UNKNOWN if group.above_half_peak is None else whole_text(group.above_half_peak),
        _UNKNOWN if group.restarts is None else _restarts(group.restarts),
        _UNKNOWN if group.warmup_end is None else whole_text(group.warmup_end),
    ]


def _restarts(steps: Sequence[int]) -> str:
    if not steps:
        return "0"
    shown = ", ".join(whole_text(step) for step in steps[:MAX_RESTARTS_SHOWN])
    return f"{whole_text(len(steps))}\n@ {shown}{', …' if len(steps) > MAX_RESTARTS_SHOWN else ''}"


def numbers_lines(traces: Sequence[TraceNumbers]) -> list[Text]:
    """Over which rows each file's numbers are, and what its file does not say."""
    lines = [_rows_line(trace) for trace in traces]
    for trace in traces:
        if trace.missing:
            lines.append(
                f"{trace.label}: {whole_text(trace.missing)} of the steps {_span(trace)} have no row: "
                "first, peak and final are those of the rows there; what counts every step is not known."
            )
        if any(group.restarts is None for group in trace.groups):
            lines.append(f"{trace.label}: restarts and warm-up are only in a CSV written with --factors.")
    return [Text(line) for line in lines]


def _rows_line(trace: TraceNumbers) -> str:
    rows = "all rows after row 0" if trace.summed_as == "scheduler-first" else "all rows but the last"
    if trace.stored:
        return f"{trace.label}: a CSV does not say its loop; its numbers are over {rows} (see --csv-loop)."
    return f"{trace.label}: loop {trace.loop}; updates run at {rows}."


def _span(trace: TraceNumbers) -> str:
    return f"{whole_text(trace.first_step)} to {whole_text(trace.last_step)}"


def verdict_lines(comparison: Comparison) -> list[Text]:
    """Whether each file equals the first one."""
    return [Text(_verdict(pair, comparison)) for pair in comparison.pairs]


def _verdict(pair: PairDifference, comparison: Comparison) -> str:
    within = _tolerance(comparison)
    if pair.equal:
        return (
            f"{pair.other} equals {pair.first}{within} at all {whole_text(pair.common_steps)} common steps."
        )
    reasons = []
    for quantity in comparison.quantities:
        each = [group for group in pair.groups if group.quantity == quantity]
        if differing := [group for group in each if group.steps_differing]:
            reasons.append(
                f"{_PLURAL.get(quantity, quantity)} in {len(differing)} of {len(each)} matched groups"
            )
    only = pair.settings_only_in_first + pair.settings_only_in_other
    reasons += [f"{', '.join(only)} in one of them only"] if only else []
    reasons += [] if pair.same_length else ["length"]
    reasons += ["groups"] if pair.only_in_first or pair.only_in_other else []
    return f"{pair.other} differs from {pair.first}{within}: {', '.join(reasons)}."


def _tolerance(comparison: Comparison) -> str:
    if not comparison.rtol and not comparison.atol:
        return ""
    return f" (within rtol {comparison.rtol:g}, atol {comparison.atol:g})"


def differences_table(comparison: Comparison) -> Table:
    """Every matched group of every file against the first file."""
    settings = len(comparison.quantities) > 1
    table = plain_table(
        "file",
        *(["setting"] if settings else []),
        "group",
        "first differs",
        "largest absolute",
        "largest relative",
        "steps that differ",
    )
    for pair in comparison.pairs:
        for place, group in enumerate(pair.groups):
            cells = [Text(_SINGULAR.get(group.quantity, group.quantity))] if settings else []
            table.add_row(Text(pair.other if place == 0 else ""), *cells, *_difference(group))
    return table


def _difference(group: GroupDifference) -> list[Text | str]:
    name = group.group if group.matched_by == "name" else f"{group.group} = {group.other}"
    return [
        Text(name),
        _UNKNOWN if group.first_step is None else f"@ {whole_text(group.first_step)}",
        _largest(group.largest_absolute),
        _largest(group.largest_relative),
        f"{whole_text(group.steps_differing)} of {whole_text(group.steps_compared)} ({_share(group)})",
    ]


def _largest(difference: DifferenceAt | None) -> str:
    return _UNKNOWN if difference is None else at_text(difference.value, difference.step)


def _share(group: GroupDifference) -> str:
    """In percent; never 0 % where something differs, nor 100 % where something does not."""
    percent = 100 * group.share_differing
    if group.steps_differing and percent < 0.1:  # noqa: PLR2004
        return "< 0.1%"
    if group.steps_differing < group.steps_compared and percent > 99.9:  # noqa: PLR2004
        return "> 99.9%"
    return f"{percent:.1f}%" if percent % 1 else f"{percent:.0f}%"


def matching_lines(comparison: Comparison) -> list[Text]:
    """What the differences are, and what was compared with what unless all rows and names are the same."""
    first = comparison.traces[0]
    number = "an LR" if len(comparison.quantities) == 1 else "a number"
    lines = [f"a is {number} of {first.label}, b the other's; absolute |a - b|, relative |a - b| / |b|."]
    for pair, other in zip(comparison.pairs, comparison.traces[1:], strict=True):
        lines += _length_lines(pair, first, other)
        lines += _group_lines(pair)
        lines += _setting_lines(pair, first, other)
        if first.loop and other.loop and first.loop != other.loop:
            lines.append(
                f"{other.label}: loop {other.loop}, but {first.label}: {first.loop}; rows of the same step "
                "are compared, whose updates are one apart."
            )
    return [Text(line) for line in lines]


def _length_lines(pair: PairDifference, first: TraceNumbers, other: TraceNumbers) -> list[str]:
    if pair.same_length and not first.missing and not other.missing:
        return []
    have = ", ".join(
        f"{one.label} has steps {_span(one)}"
        + (f" with {whole_text(one.missing)} missing" if one.missing else "")
        for one in (first, other)
    )
    return [f"{have}: compared at the {whole_text(pair.common_steps)} common steps."]


def _group_lines(pair: PairDifference) -> list[str]:
    matches = (f"{one.group} with {one.other}" for one in pair.groups if one.matched_by == "order")
    by_order = list(dict.fromkeys(matches))  # each is there once for every number compared
    lines = (
        [f"{pair.other}: groups of other names, matched by order: {', '.join(by_order)}."] if by_order else []
    )
    for names, has, lacks in (
        (pair.only_in_first, pair.first, pair.other),
        (pair.only_in_other, pair.other, pair.first),
    ):
        if names:
            lines.append(f"{lacks} has no group to match {', '.join(names)} of {has}.")
    return lines


def _setting_lines(pair: PairDifference, first: TraceNumbers, other: TraceNumbers) -> list[str]:
    lines = []
    for names, has, lacks in (
        (pair.settings_only_in_first, first, other),
        (pair.settings_only_in_other, other, first),
    ):
        if names and lacks.stored:
            columns = ", ".join(f"{name}.GROUP" for name in names)
            lines.append(f"{lacks.label} has no columns {columns} to compare with those of {has.label}.")
        elif names:
            lines.append(f"{lacks.label} has no {', '.join(names)}, which changes in {has.label}.")
    return lines


def settings_parts(
    labels: Sequence[str], schedules: Sequence[str], differences: Sequence[SettingDifference]
) -> list[RenderableType]:
    """The settings that differ between ``schedules``, and which of all ``labels`` have none."""
    parts: list[RenderableType] = []
    if differences:
        parts += ["Settings that differ", settings_table(schedules, differences)]
    elif len(schedules) > 1:
        parts.append("Settings that differ: none")
    without = [label for label in labels if label not in schedules]
    if without:
        have = "is a CSV and has" if len(without) == 1 else "are CSVs and have"
        parts.append(Text(f"{', '.join(without)} {have} no settings to compare."))
    return parts


def settings_table(schedules: Sequence[str], differences: Iterable[SettingDifference]) -> Table:
    """The settings that differ, with their value in each schedule."""
    table = plain_table("setting", *schedules)
    for one in differences:
        table.add_row(Text(one.key), *(Text(value_text(value)) for value in one.values))
    return table


def value_text(value: Any) -> str:
    """A setting's value, with as many digits as it has; ``-`` where there is none.

    >>> value_text(3e-4), value_text(0.97001), value_text((0.9, 0.999)), value_text(None)
    ('3e-4', '0.97001', '0.9, 0.999', '-')
    """
    if isinstance(value, float):
        texts = (lr_text(value, digits) for digits in range(4, 18))
        return next((text for text in texts if float(text) == value), repr(value))
    if isinstance(value, list | tuple):
        return ", ".join(map(value_text, value))
    return setting_text(value)
