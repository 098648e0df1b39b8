"""A schedule in numbers: where each group's LR starts, peaks and ends, and at which steps to look."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from lrsched_cli.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from numpy.typing import NDArray

    from lrsched_cli.analysis.trace import Trace

    Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class LRAt:
    """An LR and the scheduler step (the row of the trace) that it belongs to."""

    lr: float
    step: int


@dataclass(frozen=True, slots=True)
class ValueAt:
    """A number of a param group, and the scheduler step (the row of the trace) that it belongs to."""

    value: float
    step: int


@dataclass(frozen=True, slots=True)
class SettingNumbers:
    """A number of a param group besides its LR, such as ``momentum``, over the rows that updates run at."""

    group: str
    setting: str
    first: ValueAt
    minimum: ValueAt
    maximum: ValueAt
    final: ValueAt


class LRNumbers(NamedTuple):
    """LRs in numbers: where they start, peak and end, their mean and their sum."""

    first: LRAt
    peak: LRAt
    minimum: LRAt
    final: LRAt
    mean: float
    sum: float


def lr_numbers(steps: Floats, lrs: Floats) -> LRNumbers:
    """The numbers of ``lrs``, each at its step; both of shape (rows,), one row or more."""

    def at(index: int | np.intp) -> LRAt:
        return LRAt(float(lrs[index]), int(steps[index]))

    with np.errstate(over="ignore"):  # the sum of the largest doubles is none
        total = float(np.sum(lrs))
    return LRNumbers(at(0), at(np.argmax(lrs)), at(np.argmin(lrs)), at(-1), mean=total / len(lrs), sum=total)


@dataclass(frozen=True, slots=True)
class GroupSummary:
    """One param group's LRs over the updates of the run.

    Row 0 counts only where an update runs at it (the loop ``optimizer-first``), and the last row only
    in the loop ``scheduler-first``; so ``sum`` is the sum over exactly the updates that are made.
    """

    name: str
    base_lr: float
    first: LRAt
    peak: LRAt
    minimum: LRAt
    final: LRAt
    mean: float
    sum: float
    warmup_end: int
    restarts: tuple[int, ...]


def summarize(trace: Trace) -> tuple[GroupSummary, ...]:
    """The numbers of every group, in the order of the groups."""
    return tuple(_group_summary(trace, index) for index in range(len(trace.groups)))


def _group_summary(trace: Trace, group: int) -> GroupSummary:
    return GroupSummary(
        name=trace.groups[group],
        base_lr=float(trace.base_lr[group]),
        **lr_numbers(trace.step[trace.updates], trace.lr[trace.updates, group])._asdict(),
        warmup_end=trace.warmup_end(group),
        restarts=tuple(trace.restarts(group).tolist()),
    )


def summarize_settings(trace: Trace) -> tuple[SettingNumbers, ...]:
    """The other numbers that the run changes: setting by setting, each in the order of the groups."""
    steps = trace.step[trace.updates]
    return tuple(
        numbers
        for name, values in trace.settings.items()
        for numbers in setting_numbers(name, trace.groups, steps, values[trace.updates])
    )


def setting_numbers(
    name: str, groups: Sequence[str], steps: Floats, values: Floats
) -> Iterator[SettingNumbers]:
    """One setting of the groups that have it, at ``steps``; ``values`` has the shape (rows, groups)."""
    for group, column in zip(groups, values.T, strict=True):
        there = np.flatnonzero(~np.isnan(column))
        if len(there):
            places = there[0], np.nanargmin(column), np.nanargmax(column), there[-1]
            yield SettingNumbers(group, name, *(ValueAt(float(column[at]), int(steps[at])) for at in places))


def key_steps(trace: Trace, at: Iterable[int] = ()) -> list[int]:
    """The steps worth looking at, sorted: 0, 1, each warm-up's end, around each restart, the end, and ``at``.

    Raises UsageError for an ``at`` outside the run.
    """
    found = {0, 1, trace.steps}
    restarts = {row for group in range(len(trace.groups)) for row in trace.restarts(group).tolist()}
    for point in trace.turning_points():
        found |= {point - 1, point, point + 1} if point in restarts else {point}
    for step in at:
        if not 0 <= step <= trace.steps:
            raise UsageError(f"--at {step} is outside the run, which goes from step 0 to {trace.steps}")
        found.add(step)
    return sorted(step for step in found if 0 <= step <= trace.steps)
