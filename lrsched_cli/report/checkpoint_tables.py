"""What a checkpoint holds against the schedule file, as tables and the lines that say what they mean."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from rich.text import Text

from lrsched_cli.core.families import family_of
from lrsched_cli.core.numbers_text import lr_text, whole_text
from lrsched_cli.report.checkpoint_steps_text import between_text, steps_lines
from lrsched_cli.report.compare_tables import value_text
from lrsched_cli.report.tables import plain_table

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from rich.console import RenderableType
    from rich.table import Table

    from lrsched_cli.analysis.checkpoint.groups import GroupReport, LRReading
    from lrsched_cli.analysis.checkpoint.inspection import CheckpointReport, PartRead
    from lrsched_cli.analysis.checkpoint.settings import Unlike

MAX_ROWS = 40
_MAX_NAMES = 4
_UNKNOWN = "-"
_LEFT_COLUMNS = 18  # of the update and its step
_GROUP_COLUMNS = 22  # of a group's two LRs


def checkpoint_parts(report: CheckpointReport, width: int) -> list[RenderableType]:
    """The whole report, for a page of ``width`` columns."""
    return [
        *head_lines(report),
        *map(Text, steps_lines(report)),
        "",
        f"LRs at step {whole_text(report.steps.step)}",
        groups_table(report),
        *group_lines(report),
        "",
        *settings_parts(report.settings),
        "",
        *next_parts(report, width),
        "",
        Text(verdict(report)),
    ]


def head_lines(report: CheckpointReport) -> list[Text]:
    """Where the checkpoint stands, and what was read from where."""
    stands, end = whole_text(report.steps.step), whole_text(report.end)
    where = (
        f"{stands} of {end} ({report.schedule})"
        if report.steps.step <= report.end
        else f"{stands}, beyond step {end}, the last of {report.schedule}"
    )
    read = [
        _read_text("optimizer", report.optimizer),
        _read_text("scheduler", report.scheduler),
        _read_text("step", report.step_entry),
    ]
    lines = [
        f"{report.path}: stands at {'scheduler step' if report.updates_per_step == 1 else 'update'} {where}",
        f"Read: {'; '.join(read)}.",
        *_class_lines(report),
    ]
    return [Text(line) for line in lines]


def _read_text(part: str, read: PartRead | None) -> str:
    if read is None:
        return f"no {part}"
    if read.how == "whole file":
        return f"the whole file as the {part}'s state"
    return f"{part} from {read.key}" + (" (found by its usual name)" if read.how == "usual name" else "")


def _class_lines(report: CheckpointReport) -> Iterator[str]:
    if report.scheduler is None:
        yield (
            "The file has no scheduler's state. Resumed without one, the schedule begins anew: restore it "
            "from a file of its own, or call scheduler.step() once for every step that was taken."
        )
    elif not report.restore.tried:
        known = report.scheduler_class
        looks = f"looks like that of {_whose(known)}" if known else "is of a class unknown here"
        yield (
            f"The scheduler's state {looks}; the schedule file describes {report.described}. Steps and LRs "
            "are compared, a restore cannot be tried."
        )
    if report.optimizer is None:
        yield "The file has no optimizer's state: what is in its param groups is not known."


def _whose(kind: str) -> str:
    """A type with its library, where the type itself does not say it."""
    library = family_of(kind).name
    return kind if kind.startswith(f"{library}.") else f"{library}'s {kind}"


def groups_table(report: CheckpointReport) -> Table:
    """Every group's LR: the optimizer's, the scheduler's, the planned one, and the one after a restore."""
    table = plain_table("group", "optimizer", "scheduler", "planned", "restored", "as planned")
    for group in report.groups[:MAX_ROWS]:
        table.add_row(
            Text(group.group),
            _UNKNOWN if group.optimizer is None else lr_text(group.optimizer.value),
            _UNKNOWN if group.scheduler is None else lr_text(group.scheduler.value),
            lr_text(group.planned),
            _UNKNOWN if group.restored is None else lr_text(group.restored),
            "yes" if group.as_planned and group.agree is not False else "no",
        )
    if len(report.groups) > MAX_ROWS:
        table.add_row(Text(f"{len(report.groups) - MAX_ROWS} more"), *("…" for _ in range(5)))
    return table


def group_lines(report: CheckpointReport) -> list[Text]:
    """How groups were matched, and what each LR that is not the planned one seems to be."""
    said: dict[str, list[str]] = defaultdict(list)
    for group in report.groups:
        for what in _said_of(group, report.steps.step):
            said[what].append(group.group)
    lines = [f"{_names(groups, len(report.groups))}: {what}." for what, groups in said.items()]
    if len(lines) > MAX_ROWS:
        lines = [*lines[:MAX_ROWS], f"{len(lines) - MAX_ROWS} more lines like these."]
    return [Text(line) for line in (*_matching_lines(report), *lines)]


def _said_of(group: GroupReport, step: int) -> Iterator[str]:
    if group.agree is False:
        yield "scheduler and optimizer do not hold the same LR"
    both = group.agree is True
    for owner, reading in (("optimizer", group.optimizer), ("scheduler", group.scheduler)):
        if reading is not None and not reading.as_planned and not (both and owner == "scheduler"):
            holder = "optimizer and scheduler hold" if both else f"the {owner} holds"
            yield f"{holder} {_reading_text(reading, group.planned, step)}"


def _reading_text(reading: LRReading, planned: float, step: int) -> str:
    if reading.found_at is not None:
        return f"the LR of {_step_text(reading.found_at, step)}"
    lr = value_text(reading.value)
    # Within rounding, a ratio says nothing that the digits do not.
    if reading.ratio is None or abs(reading.ratio - 1) < 1e-6:  # noqa: PLR2004
        return f"{lr}, not {value_text(planned)}"
    return f"{lr}, {lr_text(reading.ratio, 6)} times the planned {value_text(planned)}"


def _step_text(found_at: int, step: int) -> str:
    if found_at == step - 1:
        return f"the step before (step {whole_text(found_at)})"
    if found_at == step + 1:
        return f"the step after (step {whole_text(found_at)})"
    return "step 0, before any step is taken" if found_at == 0 else f"step {whole_text(found_at)}"


def _matching_lines(report: CheckpointReport) -> Iterator[str]:
    by_order = [
        f"{group.group} with {group.saved_name or '(unnamed)'}"
        for group in report.groups
        if group.matched_by == "order"
    ]
    if by_order:
        yield f"Matched by order, not by name: {_list(by_order)}."
    for dtype in sorted({group.dtype for group in report.groups} - {"float64"}):
        yield f"LRs in {dtype} tensors: the planned ones are rounded to that."
    if not report.in_order:
        moved = [group.group for group in report.groups if group.saved_index != group.index]
        yield (
            f"In another order than in the schedule file: {_list(moved)}. torch restores param groups by "
            "order, so each of them would get another one's settings."
        )


def settings_parts(settings: Sequence[Unlike]) -> list[RenderableType]:
    """The settings that differ, with the value that a restored run obeys."""
    if not settings:
        return ["Settings that differ: none"]
    groups: dict[tuple[str, ...], list[str | None]] = defaultdict(list)
    for one in settings:
        row = (f"{one.part} {one.key}", _setting(one.saved), _setting(one.file), one.wins)
        groups[row].append(one.group)
    table = plain_table("setting", "group", "checkpoint", "in file", "wins")
    for (key, saved, new, wins), names in list(groups.items())[:MAX_ROWS]:
        label = "all" if None in names else _list([str(name) for name in names])
        table.add_row(Text(key), Text(label), Text(saved), Text(new), wins)
    if len(groups) > MAX_ROWS:
        table.add_row(Text(f"{len(groups) - MAX_ROWS} more"), *("…" for _ in range(4)))
    parts: list[RenderableType] = ["Settings that differ, and which one wins after a restore", table]
    if any(one.key == "T_0" for one in settings):
        parts.append("T_0 is only the length of the first cycle: the state brings the current one, T_i.")
    return parts


def _setting(value: object) -> str:
    return "not set" if value is None else value_text(value)


def next_parts(report: CheckpointReport, width: int) -> list[RenderableType]:
    """The next updates after a restore beside the planned ones; as many tables as ``width`` asks for."""
    upcoming = report.restore.next
    if not upcoming:
        return [Text(f"No update is left: {report.schedule} ends at step {whole_text(report.end)}.")]
    tried = report.restore.tried
    after = " after a restore, beside the planned ones" if tried else " as planned"
    parts: list[RenderableType] = [f"The next updates{after}"]
    room = max(1, (width - _LEFT_COLUMNS) // (_GROUP_COLUMNS if tried else _GROUP_COLUMNS // 2))
    starts = range(0, len(report.groups), room)
    parts += [_next_table(report, range(at, min(at + room, len(report.groups)))) for at in starts]
    if tried:
        parts += map(Text, _course_lines(report))
    return parts


def _next_table(report: CheckpointReport, columns: range) -> Table:
    names = [report.groups[index].group for index in columns]
    tried = report.restore.tried
    headings = [heading for name in names for heading in ((name, "planned") if tried else (name,))]
    table = plain_table("update", "step", *headings)
    for one in report.restore.next:
        cells = []
        for index in columns:
            if one.restored is not None:
                cells.append(lr_text(one.restored[index]))
            cells.append(lr_text(one.planned[index]))
        table.add_row(whole_text(one.update), whole_text(one.step), *cells)
    return table


def _course_lines(report: CheckpointReport) -> Iterator[str]:
    restore = report.restore
    yield (
        "A restore builds the scheduler from the schedule file, then calls optimizer.load_state_dict and "
        "scheduler.load_state_dict."
    )
    for message in restore.messages:
        yield f"It warns: {message}"
    leaves = restore.leaves_plan
    if leaves is None:
        yield f"All {whole_text(restore.compared)} updates to the end run at the planned LRs."
    else:
        yield (
            f"Update {whole_text(leaves.update)} is the first that does not run as planned: {leaves.group} "
            f"at {value_text(leaves.restored)}, planned {value_text(leaves.planned)}."
        )


def verdict(report: CheckpointReport) -> str:
    """Whether the checkpoint holds, and if not, all that is wrong."""
    leaves, step = report.restore.leaves_plan, whole_text(report.steps.step)
    reasons = [
        "" if report.steps.agree else f"the steps in it do not agree{between_text(report.steps)}",
        "" if report.agree else "scheduler and optimizer do not agree",
        "" if report.as_planned else f"its LRs are not those of step {step}",
        "" if report.in_order else "its param groups are in another order",
        "" if leaves is None else f"a restored run leaves the plan at update {whole_text(leaves.update)}",
    ]
    if not report.holds:
        return f"{report.path} does not hold: {'; '.join(filter(None, reasons))}."
    if report.restore.tried:
        return f"{report.path} holds: a run goes on from it as {report.schedule} plans."
    return f"{report.path} holds as far as it goes: its LRs are those of step {step} of {report.schedule}."


def _names(groups: Sequence[str], count: int) -> str:
    return "All groups" if len(groups) == count > 1 else _list(groups)


def _list(names: Sequence[str]) -> str:
    more = f" and {len(names) - _MAX_NAMES} more" if len(names) > _MAX_NAMES else ""
    return ", ".join(names[:_MAX_NAMES]) + more
