"""The ledger of a run: samples, tokens, micro-batches and updates, and where the schedule turns in each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from lrsched_cli.core.clock.timeline import Tally, epoch_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lrsched_cli.analysis.trace import Trace
    from lrsched_cli.core.clock.clock import Moment
    from lrsched_cli.core.clock.run_length import RunLength
    from lrsched_cli.core.clock.timeline import DevicePlan
    from lrsched_cli.core.config import Schedule


_JUMP = 4.0
"""A jump is so many times as large as the changes on both sides."""


@dataclass(frozen=True, slots=True)
class PhaseCount:
    """A phase of the batch plan, its updates in this run, and what a whole epoch under it gives."""

    first_update: int
    last_update: int
    per_device: int
    devices: int
    accumulate: int
    size: int
    epoch: Tally | None
    """None where the size of the data set is not known."""


@dataclass(frozen=True, slots=True)
class Turn:
    """Where the schedule turns: what happens, for which groups (all: none is named), and when."""

    what: str
    groups: tuple[str, ...]
    at: Moment


@dataclass(frozen=True, slots=True)
class Count:
    """A setting that was written in another unit, and the steps that it comes to."""

    key: str
    written: str
    steps: int
    exact: bool


@dataclass(frozen=True, slots=True)
class Ledger:
    """A run counted in every unit, as far as the file says what a unit needs."""

    name: str
    run: RunLength | None
    """What the file says of data and loop; None where ``steps`` is a plain number."""
    phases: tuple[PhaseCount, ...]
    end: Moment
    total: Tally | None
    """Over the whole run, with what is dropped; None without a batch plan."""
    counts: tuple[Count, ...]
    turns: tuple[Turn, ...]


def ledger(schedule: Schedule, trace: Trace) -> Ledger:
    """Count the run of which ``trace`` is the dry run."""
    schedule = schedule.model_copy(update={"steps": trace.steps})
    clock = schedule.clock
    return Ledger(
        name=schedule.name,
        run=schedule.run_length,
        phases=tuple(_phases(schedule)),
        end=clock.at(trace.steps),
        total=None if clock.timeline is None else clock.timeline.at(trace.steps),
        counts=tuple(
            Count(schedule.key_of(path), one.text, one.value, one.exact)
            for path, one in schedule.written_counts.items()
            if path != ("steps",) or one.value == trace.steps  # another number was asked for
        ),
        turns=tuple(Turn(what, groups, clock.at(row)) for row, what, groups in _turns(trace)),
    )


def _phases(schedule: Schedule) -> Iterator[PhaseCount]:
    run, steps = schedule.run_length, schedule.total_steps
    first = 1
    for phase in schedule.batch_size:
        last = min(phase.until or steps, steps)
        if first <= last:
            plan: DevicePlan = phase.device_plan
            size = run.dataset_size if run is not None else None
            epoch = epoch_of(size, plan, run.loading) if run is not None and size is not None else None
            yield PhaseCount(first, last, *plan, plan.size, epoch)
        first = last + 1


def _turns(trace: Trace) -> Iterator[tuple[int, str, tuple[str, ...]]]:
    """The row, what happens there, and the names of the groups to which it happens, unless to all."""
    found: dict[tuple[int, str], list[str]] = {}
    for group, name in enumerate(trace.groups):
        if 0 < trace.warmup_end(group) < trace.steps:  # else the run ends in it
            found.setdefault((trace.warmup_end(group), "warm-up ends"), []).append(name)
        for number, row in enumerate(trace.restarts(group).tolist(), start=trace.first_cycle(group) + 1):
            found.setdefault((row, f"restart {number}"), []).append(name)
    named = {row for row, _ in found} | {trace.steps}
    rows = set(trace.turning_points())
    for row in rows - named:
        if row + trace.updates_per_step not in rows | {trace.steps} or not _is_before_a_jump(trace, row):
            found[row, "turn"] = list(trace.groups)
    for (row, what), names in sorted(found.items()):
        yield row, what, () if len(names) == len(trace.groups) else tuple(names)


def _is_before_a_jump(trace: Trace, row: int) -> bool:
    """Whether some LR jumps with the next scheduler step: where that step is the turn, this row is none."""
    every = trace.updates_per_step
    rows = [max(row - every, 0), row, row + every, min(row + 2 * every, trace.steps)]
    before, jump, after = np.abs(np.diff(trace.lr[rows], axis=0))
    return bool((jump > _JUMP * np.maximum(before, after)).any())
