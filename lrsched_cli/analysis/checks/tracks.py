"""The schedules in cycles of a file's groups, each once, and where they stand at the end of the run."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from lrsched_cli.core.factors import cycle_position, end_of_cycle

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lrsched_cli.analysis.plan import Plan
    from lrsched_cli.core.families.course import Cycles
    from lrsched_cli.core.families.family import Path

ANNEALED = 0.02
"""Where so much of the height is left, the LR is down: a cosine at 91% of its length."""
_ROUNDING = 1e-9


@dataclass(frozen=True)
class Track:
    """One schedule in cycles; ``group`` is the first group that follows it."""

    plan: Plan
    group: int
    cycles: Cycles

    @property
    def whose(self) -> str:
        """Which group's schedule it is, as a few words; empty where it is that of all."""
        section = self.cycles.section
        return f" of group {self.plan.names[self.group]!r}" if section[0] == "param_groups" else ""

    def at(self, key: str) -> Path:
        """The place of a setting; where a group has it from the shared section, that one's."""
        group = self.plan.schedule.param_groups[self.group].scheduler
        if self.cycles.section[0] == "param_groups" and group and key not in group.model_fields_set:
            return ("scheduler", key)
        return (*self.cycles.section, key)

    @cached_property
    def position(self) -> tuple[int, int, int]:
        """``T_cur``, ``T_i`` and ``cycle`` at the last update."""
        return self.position_at(self.plan.last_step)

    def position_at(self, step: int) -> tuple[int, int, int]:
        """The same after so many scheduler steps."""
        one = self.cycles
        return cycle_position(step, one.start, one.T_0, one.T_mult)

    @property
    def began(self) -> bool:
        """Whether there is any annealing in the run at all."""
        return self.plan.last_step > self.cycles.start

    @property
    def annealed(self) -> bool:
        """Whether the run ends where a cycle does, or so near to it that it does not matter.

        A cycle without a height, or with an inverted range, has nothing to come down from.
        """
        T_cur, T_i, _ = self.position
        height = self.cycles.peak - self.cycles.floor
        last = self.plan.course.lrs(self.plan.last_step)[self.group]
        down = last - self.cycles.floor <= ANNEALED * height
        falls = height > _ROUNDING * abs(self.cycles.peak)
        return T_cur == T_i - 1 or not falls or (T_cur > 0 and down)

    @property
    def share(self) -> float:
        """Which share of its last cycle the run gets, the last update's step included."""
        T_cur, T_i, _ = self.position
        return (T_cur + 1) / T_i

    def end(self, number: int) -> int:
        """The last scheduler step of a cycle; the first cycle is number 1."""
        return end_of_cycle(number, self.cycles.start, self.cycles.T_0, self.cycles.T_mult)


def tracks_of(plan: Plan) -> Iterator[Track]:
    """Each schedule in cycles of the file."""
    seen: set[Path] = set()
    for group, cycles in enumerate(plan.course.cycles):
        if cycles is not None and cycles.section not in seen and plan.base_lrs[group] > 0:
            seen.add(cycles.section)
            yield Track(plan, group, cycles)
