"""A scheduler's course in closed form: its LRs at any step, without stepping there or importing torch."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from lrsched_cli.core.families.family import Path


@dataclass(frozen=True, slots=True)
class Warmup:
    """A warm-up as the file states it: its scheduler steps, and the setting that says so.

    ``held``: how many of its first steps stand at its floor.
    """

    steps: int
    path: Path
    held: int = 1


@dataclass(frozen=True, slots=True)
class Cycles:
    """Cosine cycles that begin after ``start`` scheduler steps; each is ``T_mult`` times as long as the last.

    ``floor`` and ``peak`` are LRs: where the first cycle ends and begins. ``section`` holds the settings.
    """

    start: int
    T_0: int
    T_mult: int
    floor: float
    peak: float
    section: Path


@dataclass(frozen=True, slots=True)
class Horizon:
    """An argument that says how long the run is, in scheduler steps, for the part of it after ``start``.

    ``beyond`` says what the scheduler does after it. ``until`` is where another scheduler takes over; None:
    the run's end.
    """

    path: Path
    value: int
    beyond: str
    start: int = 0
    until: int | None = None


CLIMBS, STAYS, RAISES = "climbs", "stays", "raises"
"""What a scheduler does beyond its horizon: the LR rises again, stays where it is, or an error is raised."""


@dataclass(frozen=True, slots=True)
class Milestone:
    """A step that the file names, as its setting states it: counted from scheduler step ``start``.

    ``until`` is where another scheduler takes over, so that a milestone there is never reached; None: the
    run's end.
    """

    path: Path
    stated: int
    start: int = 0
    until: int | None = None

    @property
    def step(self) -> int:
        """The scheduler step that it stands for."""
        return self.start + self.stated


@dataclass(frozen=True, slots=True)
class Range:
    """A range of LRs whose ends are settings, for the first group of which ``floor`` is above ``peak``.

    ``path`` says where the floor stands. ``above`` is the setting of the peak; empty where it is the base LR.
    """

    path: Path
    group: int
    floor: float
    peak: float
    above: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outline:
    """What a file says of the LRs of a run, but for the LRs themselves, which only stepping gives.

    ``turns`` are steps around which they should be looked at. ``cycles`` has one entry for each group.
    ``drops`` tells steps at which a jump is what the file asks for. ``milestones`` are steps that it names;
    ``joins`` those at which another part takes over. ``inverted`` are ranges with the floor above the peak.
    ``per_group``: the file gives the groups LRs of their own through the scheduler.
    """

    turns: tuple[int, ...] = ()
    warmups: tuple[Warmup, ...] = ()
    cycles: tuple[Cycles | None, ...] = ()
    horizons: tuple[Horizon, ...] = ()
    milestones: tuple[Milestone, ...] = ()
    joins: tuple[int, ...] = ()
    inverted: tuple[Range, ...] = ()
    drops: Callable[[int], bool] = lambda _: False
    per_group: bool = False

    def filled(self, lrs: Callable[[int], tuple[float, ...]]) -> Course:
        """The same with LRs."""
        return Course(lrs, **self.known())

    def known(self) -> dict[str, Any]:
        """All of it by name."""
        return {one.name: getattr(self, one.name) for one in fields(Outline)}


@dataclass(frozen=True, slots=True)
class Course(Outline):
    """An outline with the LRs.

    ``lrs`` gives the LR of every param group after so many scheduler steps (0: before the first).
    """

    lrs: Callable[[int], tuple[float, ...]]
