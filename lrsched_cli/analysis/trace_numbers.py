"""A dry run or a stored trace in numbers, as far as it says them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from lrsched_cli.analysis.stored_trace import StoredTrace
from lrsched_cli.analysis.summary import lr_numbers, setting_numbers, summarize

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from lrsched_cli.analysis.summary import LRAt, SettingNumbers
    from lrsched_cli.analysis.trace import Trace

    Floats = NDArray[np.float64]

Loop = Literal["optimizer-first", "scheduler-first"]


@dataclass(frozen=True, slots=True)
class GroupNumbers:
    """One group's LRs over the rows that updates run at; None where the input does not say.

    ``above_half_peak`` counts the updates at more than half of the peak; ``restarts`` and ``warmup_end``
    are steps (a warm-up that ends at step 0 is none).
    """

    name: str
    first: LRAt
    peak: LRAt
    final: LRAt
    mean: float | None
    sum: float | None
    above_half_peak: int | None
    restarts: tuple[int, ...] | None
    warmup_end: int | None


@dataclass(frozen=True, slots=True)
class TraceNumbers:
    """One input in numbers.

    ``loop`` is None for a stored trace, which does not say it; ``summed_as`` is the loop under which its
    rows were chosen. ``missing`` steps between the first and the last have no row.
    """

    label: str
    stored: bool
    loop: str | None
    summed_as: str
    first_step: int
    last_step: int
    rows: int
    missing: int
    groups: tuple[GroupNumbers, ...]
    settings: tuple[SettingNumbers, ...] = ()


def trace_numbers(
    label: str, trace: Trace | StoredTrace, stored_loop: Loop, settings: Sequence[str] = ()
) -> TraceNumbers:
    """The numbers of a trace; ``stored_loop`` says which rows of a stored one they are taken over.

    ``settings`` names the other numbers of its groups to be told, as far as it has them.
    """
    stored = isinstance(trace, StoredTrace)
    loop = stored_loop if isinstance(trace, StoredTrace) else trace.loop
    used: slice | NDArray[np.bool_]
    if isinstance(trace, StoredTrace):
        used, groups = _used(trace, stored_loop), _stored_groups(trace, stored_loop)
    else:
        used, groups = trace.updates, _groups(trace)
    each = {name: trace.number(name) for name in settings}
    return TraceNumbers(
        label=label,
        stored=stored,
        loop=None if stored else loop,
        summed_as=loop,
        first_step=int(trace.step[0]),
        last_step=int(trace.step[-1]),
        rows=len(trace.step),
        missing=trace.missing if isinstance(trace, StoredTrace) else 0,
        groups=groups,
        settings=tuple(
            numbers
            for name, values in each.items()
            if values is not None
            for numbers in setting_numbers(name, trace.groups, trace.step[used], values[used])
        ),
    )


def _groups(trace: Trace) -> tuple[GroupNumbers, ...]:
    return tuple(
        GroupNumbers(
            name=one.name,
            first=one.first,
            peak=one.peak,
            final=one.final,
            mean=one.mean,
            sum=one.sum,
            above_half_peak=_above_half(trace.lr[trace.updates, group]),
            restarts=one.restarts,
            warmup_end=one.warmup_end,
        )
        for group, one in enumerate(summarize(trace))
    )


def _stored_groups(trace: StoredTrace, loop: Loop) -> tuple[GroupNumbers, ...]:
    used = _used(trace, loop)
    return tuple(_stored_group(trace, group, used) for group in range(len(trace.groups)))


def _used(trace: StoredTrace, loop: Loop) -> NDArray[np.bool_]:
    """The rows that updates run at."""
    return trace.step > 0 if loop == "scheduler-first" else np.arange(len(trace.step)) < len(trace.step) - 1


def _stored_group(trace: StoredTrace, group: int, used: NDArray[np.bool_]) -> GroupNumbers:
    lrs = trace.lr[used, group]
    numbers = lr_numbers(trace.step[used], lrs)
    whole = trace.missing == 0  # a sum over some of the steps would be no sum
    return GroupNumbers(
        name=trace.groups[group],
        first=numbers.first,
        peak=numbers.peak,
        final=numbers.final,
        mean=numbers.mean if whole else None,
        sum=numbers.sum if whole else None,
        above_half_peak=_above_half(lrs) if whole else None,
        restarts=trace.restarts(group),
        warmup_end=trace.warmup_end(group),
    )


def _above_half(lrs: Floats) -> int:
    return int(np.count_nonzero(lrs > lrs.max() / 2))
