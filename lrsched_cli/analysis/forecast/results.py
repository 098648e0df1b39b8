"""What a changed schedule does to a resumed run, as frozen values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

Follows = Literal["old plan", "new plan", "neither", "both"]

Wins = Literal["checkpoint", "file", "neither"] | None

Reason = Literal["restored", "cycle length", "formula", "script", "implementation", "no difference"]
"""Where it was seen who wins.

``restored``: in the param groups of the restored optimizer, or in the restored scheduler's state. ``cycle
length``: of T_0, in the restored ``T_i``. ``formula``: a checkpoint does not hold one. ``script``: no
checkpoint holds it, the training script reads it from the file. Nobody wins where it is about how an
optimizer computes (``implementation``; the small model has its own way), or where both values come to the
same for every group (``no difference``: a default spelt out, or every group has a value of its own).
"""


@dataclass(frozen=True, slots=True)
class Jump:
    """From one LR to another: the difference, and the second over the first (None where the first is 0)."""

    absolute: float
    ratio: float | None


@dataclass(frozen=True, slots=True)
class PlanDistance:
    """A group's real LRs against those of a plan, at the updates after the save point that both have.

    ``differing`` of ``updates`` are not the same double; ``first`` is the first of them, ``joined`` the
    update from which on there is none any more (None where the last one differs, or none at all).
    ``largest`` is the largest absolute difference, ``largest_at`` the first update that has it.
    """

    updates: int
    differing: int
    first: int | None
    joined: int | None
    largest: float
    largest_at: int | None


@dataclass(frozen=True, slots=True)
class GroupForecast:
    """A param group of the new file, and the one of the checkpoint that its plan is compared with.

    ``before`` is the LR of the last update before the save point; ``old_next``, ``really_next`` and
    ``new_next`` are those of the first one after it. What belongs to the old plan is None where that plan
    ends at the save point.
    """

    group: str
    old_group: str
    matched_by: Literal["name", "order"]
    before: float
    old_next: float | None
    really_next: float
    new_next: float
    from_before: Jump
    from_old: Jump | None
    to_old: PlanDistance | None
    to_new: PlanDistance

    @property
    def follows(self) -> Follows:
        """Which plan's LRs the group really gets, at every update after the save point that both have."""
        return which(old=self.to_old is not None and not self.to_old.differing, new=not self.to_new.differing)


@dataclass(frozen=True, slots=True)
class SettingFate:
    """A setting that is not the same in the checkpoint and in the new file, and who wins.

    ``key`` is that of the file; a param group goes by its name in the checkpoint. ``counts`` says whether
    it is a part of the plan that no LR shows, such as a weight decay. ``acts`` says whether the file's
    value changes any LR before the run ends, ``acts_from`` at which update first; None where that was not
    tried.
    """

    key: str
    checkpoint: Any
    file: Any
    wins: Wins
    reason: Reason
    counts: bool = False
    acts: bool | None = None
    acts_from: int | None = None


@dataclass(frozen=True, eq=False)
class Curves:
    """The LRs by update, row 0 being update 1; the columns are the new file's param groups.

    ``old`` has shape (updates of the old plan, groups), ``really`` and ``new`` have (updates of the new
    plan, groups). ``really`` is the old run up to the save point, and the restored one after it.
    """

    old: Floats
    really: Floats
    new: Floats


@dataclass(frozen=True, eq=False)
class Forecast:
    """What ``forecast`` found. The two plans end at the updates ``old_end`` and ``new_end``.

    ``messages`` is what the scheduler warned of when its state was loaded. ``moved`` are the groups that
    stand at another place in the new file: torch restores groups by their order, so each of them goes on
    with the moments and settings of another.
    """

    old_name: str
    new_name: str
    save_at: int
    old_end: int
    new_end: int
    groups: tuple[GroupForecast, ...]
    settings: tuple[SettingFate, ...]
    messages: tuple[str, ...]
    moved: tuple[str, ...]
    curves: Curves

    @property
    def lrs_follow(self) -> Follows:
        """Which plan's LRs all groups really get."""
        each = {group.follows for group in self.groups}
        return which(old=each <= {"old plan", "both"}, new=each <= {"new plan", "both"})

    @property
    def follows(self) -> Follows:
        """What really happens: LRs, and every setting that counts besides them.

        A run at the LRs of both plans, but with the checkpoint's weight decay, follows the old plan.
        """
        if self.moved:
            return "neither"
        wins = {setting.wins for setting in self.settings if setting.counts}
        return which(
            old=self.lrs_follow in {"old plan", "both"} and not wins & {"file", "neither"},
            new=self.lrs_follow in {"new plan", "both"} and not wins & {"checkpoint", "neither"},
        )


def which(*, old: bool, new: bool) -> Follows:
    """The plan, or plans, that hold."""
    if old:
        return "both" if new else "old plan"
    return "new plan" if new else "neither"
