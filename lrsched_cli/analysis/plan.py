"""The LRs that a run is planned to have, looked at where it matters, without torch where that can be.

A short run is looked at in full. Of a long one, which may have millions of steps, these are: the first and
the last ones, those around each turn that the file gives away, an even sample of the rest, and wherever two
neighbours of that sample differ by much, what lies between them, down to a single step.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import pairwise
from typing import TYPE_CHECKING

from lrsched_cli.core.families.course import Course, Outline
from lrsched_cli.core.stepping import one_line, scheduler_steps
from lrsched_cli.errors import ExpressionError, LrschedError, StepError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from lrsched_cli.analysis.trace import Trace
    from lrsched_cli.core.config import Schedule

    LRs = tuple[float, ...]
    Floats = NDArray[np.float64]

LOOKED_AT_IN_FULL = 1_500
"""Runs of up to so many scheduler steps are looked at in full."""

_AT_THE_ENDS, _EVENLY, _AROUND = 48, 256, 2
_FURTHER = 100_000
"""So many updates beyond a run are made, at most, for a rule that asks for an LR there."""
_MUCH = 0.3
"""Neighbours in the sample that differ by this share of the larger one are looked between."""


@dataclass(frozen=True)
class Plan:
    """The LRs of a run at the scheduler steps that were looked at.

    ``steps`` are numbers of scheduler steps taken, rising; an update runs at each of them. ``lrs`` has one LR
    per param group for each. ``failures`` are the steps at which there is none, and why.
    """

    schedule: Schedule
    course: Course
    updates: int
    steps: tuple[int, ...]
    lrs: tuple[LRs, ...]
    failures: tuple[tuple[int, StepError | ExpressionError], ...] = ()

    @cached_property
    def first_step(self) -> int:
        """How many scheduler steps have been taken at update 1."""
        return step_of(self.schedule, 1)

    @cached_property
    def last_step(self) -> int:
        """How many scheduler steps have been taken at the last update."""
        return step_of(self.schedule, self.updates)

    @property
    def in_full(self) -> bool:
        """Whether every step of the run was looked at."""
        return len(self.steps) == self.last_step - self.first_step + 1

    @cached_property
    def base_lrs(self) -> LRs:
        """The LRs that the groups' schedules start from."""
        return tuple(self.schedule.base_lr(group) for group in self.schedule.param_groups)

    @cached_property
    def names(self) -> tuple[str, ...]:
        """The groups' names."""
        return tuple(group.name for group in self.schedule.param_groups)

    def whose(self, group: int) -> str:
        """Which group's LR it is, as a few words; empty where there is one group."""
        return f" of group {self.names[group]!r}" if len(self.names) > 1 else ""

    def update(self, step: int) -> int:
        """The first update that runs after so many scheduler steps; updates count from 1."""
        every = self.schedule.updates_per_step
        if self.schedule.loop == "scheduler-first":
            return max(1, (step - 1) * every + 1)
        return step * every + 1

    def steps_through(self, step: int) -> int:
        """How many updates a run has that ends after the last one at this scheduler step."""
        return self.update(step + 1) - 1

    def of_group(self, group: int) -> list[float]:
        """The LRs of one group, at ``steps``."""
        return [lrs[group] for lrs in self.lrs]

    def onset(self, place: int, group: int, holds: Callable[[float], bool]) -> int:
        """The step from which on a group's LR is as ``holds`` says, as it is at ``place`` and not before.

        Of a sample, that is between the place before and this one; beyond the last place, the step after it.
        """
        if place == len(self.steps):
            return self.steps[-1] + 1
        low, high = self.steps[place - 1] if place else self.steps[0] - 1, self.steps[place]
        while high - low > 1:
            middle = (low + high) // 2
            if holds(self.course.lrs(middle)[group]):
                high = middle
            else:
                low = middle
        return high

    def updates_at(self, place: int) -> int:
        """How many updates run at the step at ``place`` of ``steps``; the last ones may be cut short."""
        step = self.steps[place]
        return min(self.steps_through(step), self.updates) - self.update(step) + 1

    def mean(self, group: int) -> float:
        """The mean LR of a group over the updates; between the steps looked at, as if it ran straight."""
        lrs = self.of_group(group)
        total = sum(lr * self.updates_at(place) for place, lr in enumerate(lrs))
        every = self.schedule.updates_per_step
        for (here, lr), (there, other) in pairwise(zip(self.steps, lrs, strict=True)):
            total += (there - here - 1) * every * (lr + other) / 2
        return total / self.updates


def step_of(schedule: Schedule, update: int) -> int:
    """How many scheduler steps have been taken when an update runs."""
    return scheduler_steps(schedule, update if schedule.loop == "scheduler-first" else update - 1)


def plan_of(schedule: Schedule, trace: Trace | None = None, *, every_step: bool = False) -> Plan:
    """Look at the LRs of a schedule.

    Args:
        schedule: what ``load_schedule`` gave.
        trace: its dry run, if there has been one; it is made only for a scheduler without a closed form.
        every_step: look at a long run in full too.

    Raises:
        ScheduleFileError: as ``dry_run`` does; a file that does not say how long the run is.
    """
    updates = schedule.total_steps if trace is None else trace.steps
    known = schedule.family.course(schedule)
    if isinstance(known, Course) and trace is None:
        course = known.filled(_guarded(known.lrs))
    else:
        course = _stepped(schedule, updates, trace, known)
    first, last = step_of(schedule, 1), step_of(schedule, updates)
    looker = _Looker(course.lrs)
    if every_step or last - first < LOOKED_AT_IN_FULL:
        looker.look(range(first, last + 1))
    else:
        looker.look(_sample(first, last, course.turns))
        looker.look_closer()
        looker.look_for_the_first_failure()
    steps = tuple(sorted(looker.seen))
    return Plan(
        schedule,
        course,
        updates,
        steps,
        tuple(looker.seen[step] for step in steps),
        tuple(sorted(looker.failures.items())),
    )


def _guarded(lrs: Callable[[int], LRs]) -> Callable[[int], LRs]:
    """A closed form that tells of numbers beyond what it can work with as of a step without an LR."""

    def told(step: int) -> LRs:
        try:
            return lrs(step)
        except (StepError, ExpressionError):
            raise
        except (ArithmeticError, LookupError, TypeError, ValueError) as error:
            raise StepError(f"it cannot be worked out: {one_line(error)}", step) from error

    return told


def _stepped(schedule: Schedule, updates: int, trace: Trace | None, known: Outline | None) -> Course:
    """What the dry run did, with what is known besides."""
    from lrsched_cli.analysis.trace import dry_run  # noqa: PLC0415 - imports numpy, and runs torch

    trace = dry_run(schedule, updates) if trace is None else trace
    lrs = _Rows(schedule, trace, _guarded(known.lrs) if isinstance(known, Course) else None)
    if isinstance(known, Course):
        return known.filled(lrs)
    turns = {scheduler_steps(schedule, turn) for turn in trace.turning_points()}
    known = Outline() if known is None else known
    return replace(known, turns=tuple(sorted({*turns, *known.turns}))).filled(lrs)


class _Rows:
    """The LRs of a dry run at any scheduler step.

    Beyond it, where few rules ask, they are those of the closed form, or of a longer dry run.
    """

    def __init__(self, schedule: Schedule, trace: Trace, beyond: Callable[[int], LRs] | None) -> None:
        self._schedule = schedule
        self._lr = trace.lr
        self._beyond = beyond

    def __call__(self, step: int) -> LRs:
        every, first = self._schedule.updates_per_step, self._schedule.loop == "scheduler-first"
        row = (step - 1) * every + 1 if first and step else step * every
        if row >= len(self._lr) and self._beyond is not None:
            return self._beyond(step)
        if row >= len(self._lr):
            self._lr = self._longer(row, step)
        return tuple(self._lr[row].tolist())

    def _longer(self, updates: int, step: int) -> Floats:
        from lrsched_cli.analysis.trace import dry_run  # noqa: PLC0415 - as above

        if updates > len(self._lr) + _FURTHER:
            raise StepError("it lies far beyond the run", step)
        try:
            return dry_run(self._schedule, updates).lr
        except LrschedError as error:  # it fails beyond the run's end, which is not the run's fault
            raise StepError(str(error), step) from error


def _sample(first: int, last: int, turns: Sequence[int]) -> set[int]:
    found = {*range(first, first + _AT_THE_ENDS), *range(last - _AT_THE_ENDS, last + 1)}
    found.update(first + (last - first) * part // _EVENLY for part in range(_EVENLY))
    for turn in turns:
        found.update(range(turn - _AROUND, turn + _AROUND + 1))
    return {step for step in found if first <= step <= last}


class _Looker:
    """Asks for the LRs at a step, once."""

    def __init__(self, lrs: Callable[[int], LRs]) -> None:
        self._lrs = lrs
        self.seen: dict[int, LRs] = {}
        self.failures: dict[int, StepError | ExpressionError] = {}

    def look(self, steps: range | set[int]) -> None:
        """Remember the LRs at these steps, or why there are none."""
        for step in steps:
            if step not in self.seen:
                try:
                    self.seen[step] = self._lrs(step)
                except (StepError, ExpressionError) as error:
                    self.failures[step] = error

    def look_closer(self) -> None:
        """Wherever two neighbours differ by much, find between which two steps most of that happens."""
        for here, there in list(pairwise(sorted(self.seen))):
            low, high = here, there
            while high - low > 1 and self._differ(low, high):
                middle = (low + high) // 2
                self.look({middle})
                if middle not in self.seen:
                    break
                if self._nearer(low, middle, high):
                    high = middle
                else:
                    low = middle

    def look_for_the_first_failure(self) -> None:
        """Find between which two steps it begins that there is no LR, as if it then went on so."""
        if not self.failures:
            return
        high = min(self.failures)
        low = max((step for step in self.seen if step < high), default=high)
        while high - low > 1:
            middle = (low + high) // 2
            self.look({middle})
            low, high = (middle, high) if middle in self.seen else (low, middle)

    def _nearer(self, low: int, middle: int, high: int) -> bool:
        """Whether what happens does so before the middle: a change of kind, else most of the way."""
        if self._crosses(low, high):
            return self._crosses(low, middle)
        return self._distance(low, middle) >= self._distance(middle, high)

    def _crosses(self, here: int, there: int) -> bool:
        """Whether an LR is negative at one of them alone, or no finite number."""
        pairs = zip(self.seen[here], self.seen[there], strict=True)
        return any(
            (one < 0) != (other < 0) or math.isfinite(one) != math.isfinite(other) for one, other in pairs
        )

    def _differ(self, here: int, there: int) -> bool:
        return any(
            abs(one - other) > _MUCH * max(abs(one), abs(other)) or math.isfinite(one) != math.isfinite(other)
            for one, other in zip(self.seen[here], self.seen[there], strict=True)
        )

    def _distance(self, here: int, there: int) -> float:
        pairs = zip(self.seen[here], self.seen[there], strict=True)
        return max(abs(one - other) for one, other in pairs)
