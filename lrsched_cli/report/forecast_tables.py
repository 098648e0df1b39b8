"""A forecast as tables, and the lines that say what the tables cannot."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.text import Text

from lrsched_cli.core.numbers_text import lr_text, whole_text
from lrsched_cli.report.compare_tables import value_text
from lrsched_cli.report.forecast_verdict import verdict
from lrsched_cli.report.tables import at_text, plain_table

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from rich.console import RenderableType
    from rich.table import Table

    from lrsched_cli.analysis.forecast.results import (
        Forecast,
        GroupForecast,
        Jump,
        PlanDistance,
        SettingFate,
    )

MAX_ROWS = 40
_UNKNOWN = "-"


def forecast_parts(forecast: Forecast) -> list[RenderableType]:
    """The whole forecast, the verdict last."""
    after = whole_text(forecast.save_at + 1)
    return [
        *map(Text, _head_lines(forecast)),
        "",
        f"LRs at the save point (before: update {whole_text(forecast.save_at)}; all others: update {after})",
        jumps_table(forecast.groups),
        "",
        f"LRs from update {after} on",
        distances_table(forecast.groups),
        *map(Text, _course_lines(forecast)),
        "",
        *settings_parts(forecast),
        "",
        Text(verdict(forecast)),
    ]


def _head_lines(forecast: Forecast) -> Iterator[str]:
    old, new = whole_text(forecast.old_end), whole_text(forecast.new_end)
    yield (
        f"Old plan: {forecast.old_name}, to update {old}. New plan: {forecast.new_name}, to update {new}. "
        f"Saved after update {whole_text(forecast.save_at)}."
    )
    yield (
        "Really: a small model is trained under the old plan and saved; everything is built anew from the "
        "new file, the states of model, optimizer and scheduler are loaded, and it is trained on."
    )


def jumps_table(groups: Sequence[GroupForecast]) -> Table:
    """Every group before and after the save point; jumps as the difference, and below it the ratio."""
    table = plain_table("group", "before", "old plan", "really", "new plan", "jump", "off old")
    for one in groups[:MAX_ROWS]:
        table.add_row(
            Text(one.group),
            lr_text(one.before),
            _UNKNOWN if one.old_next is None else lr_text(one.old_next),
            lr_text(one.really_next),
            lr_text(one.new_next),
            _jump(one.from_before),
            _jump(one.from_old),
        )
    return _cut(table, len(groups))


def _jump(jump: Jump | None) -> str:
    if jump is None or not jump.absolute:
        return _UNKNOWN
    sign = "+" if jump.absolute > 0 else ""
    return f"{sign}{lr_text(jump.absolute)}" + ("" if jump.ratio is None else f"\n×{lr_text(jump.ratio)}")


def distances_table(groups: Sequence[GroupForecast]) -> Table:
    """Where every group leaves each plan, and how far it gets from it."""
    table = plain_table(
        "group", "follows", "leaves old", "furthest from old", "leaves new", "furthest from new"
    )
    for one in groups[:MAX_ROWS]:
        table.add_row(Text(one.group), one.follows, *_distance(one.to_old), *_distance(one.to_new))
    return _cut(table, len(groups))


def _distance(distance: PlanDistance | None) -> tuple[str, str]:
    if distance is None:
        return "ended", _UNKNOWN
    if distance.first is None or distance.largest_at is None:
        return _UNKNOWN, _UNKNOWN
    return f"@ {whole_text(distance.first)}", at_text(distance.largest, distance.largest_at)


def _cut(table: Table, rows: int) -> Table:
    if rows > MAX_ROWS:
        table.add_row(Text(f"{rows - MAX_ROWS} more"), *("…" for _ in table.columns[1:]))
    return table


def _course_lines(forecast: Forecast) -> Iterator[str]:
    """Plans that are joined again, plans that end before, and how groups were matched."""
    for one in forecast.groups[:MAX_ROWS]:
        for plan, distance in (("old", one.to_old), ("new", one.to_new)):
            joined = None if distance is None else distance.joined
            if joined is not None:
                yield f"{one.group}: on the {plan} plan from update {whole_text(joined)} on."
    if forecast.old_end < forecast.new_end:
        yield f"The old plan ends at update {whole_text(forecast.old_end)}: compared with it up to there."
    elif forecast.old_end > forecast.new_end:
        yield f"The resumed run ends at update {whole_text(forecast.new_end)}, before the old plan does."
    by_order = [f"{one.group} with {one.old_group}" for one in forecast.groups if one.matched_by == "order"]
    if by_order:
        yield f"Matched by order, not by name: {', '.join(by_order)}."
    if forecast.moved:
        yield (
            f"In another order than in the checkpoint: {', '.join(forecast.moved)}. torch restores param "
            "groups by order, so each of them goes on with another one's moments and settings."
        )


def settings_parts(forecast: Forecast) -> list[RenderableType]:
    """The settings that differ, who wins, and from which update on the file's value makes another LR."""
    fates = forecast.settings
    if not fates:
        return ["Settings that differ: none"]
    table = plain_table("setting", "checkpoint", "in file", "wins", "acts from")
    for one in fates[:MAX_ROWS]:
        table.add_row(
            Text(one.key),
            Text(value_text(one.checkpoint)),
            Text(value_text(one.file)),
            one.wins or _UNKNOWN,
            _acts(one),
        )
    lines = [*_setting_lines(fates), *_message_lines(forecast)]
    return ["Settings that differ, and which one wins", _cut(table, len(fates)), *map(Text, lines)]


def _acts(fate: SettingFate) -> str:
    if fate.acts is None:
        return _UNKNOWN
    return "never" if fate.acts_from is None else f"@ {whole_text(fate.acts_from)}"


def _setting_lines(fates: Sequence[SettingFate]) -> Iterator[str]:
    said = {
        "in no checkpoint; the training script reads it from the file.": _because(fates, "script"),
        "a checkpoint does not hold it.": _because(fates, "formula"),
        "only the length of the first cycle; the state brings the current one, T_i.": _because(
            fates, "cycle length"
        ),
        "taken from the file, but no LR before the end of the run depends on it any more.": [
            one for one in fates if one.acts is False
        ],
        "optimizer.load_state_dict brings it back; to change it, set it in optimizer.param_groups after "
        "loading.": [
            one for one in fates if one.counts and one.wins == "checkpoint" and not _of_scheduler(one)
        ],
        "scheduler.load_state_dict brings it back; the file's value is of no effect.": [
            one
            for one in fates
            if _of_scheduler(one) and one.wins == "checkpoint" and one.reason == "restored"
        ],
        "the file's class goes on with the state and the settings of another.": [
            one for one in fates if one.key == "optimizer.type"
        ],
        "the restored optimizer keeps the old name, and the next checkpoint gets it.": [
            one for one in fates if one.wins == "checkpoint" and one.key.endswith(".name")
        ],
        "restored by the order of the groups: some have another one's.": [
            one for one in fates if one.wins == "neither"
        ],
        "how the optimizer computes, not what; not tried.": _because(fates, "implementation"),
        "comes to the same in every group.": _because(fates, "no difference"),
    }
    yield from (f"{_keys(found)}: {what}" for what, found in said.items() if found)
    if any(one.acts for one in fates):
        yield "acts from: the first update at another LR than the checkpoint's value would give it."


def _of_scheduler(fate: SettingFate) -> bool:
    return fate.key.startswith("scheduler.")


def _because(fates: Sequence[SettingFate], reason: str) -> list[SettingFate]:
    return [one for one in fates if one.reason == reason]


def _keys(fates: Sequence[SettingFate], most: int = 4) -> str:
    more = f" and {len(fates) - most} more" if len(fates) > most else ""
    return ", ".join(one.key for one in fates[:most]) + more


def _message_lines(forecast: Forecast) -> Iterator[str]:
    lines = [line for message in forecast.messages for line in message.splitlines()]
    for place, line in enumerate(lines[:MAX_ROWS]):
        yield line if place else f"The scheduler warns: {line}"
    if len(lines) > MAX_ROWS:
        yield f"  {len(lines) - MAX_ROWS} more"
