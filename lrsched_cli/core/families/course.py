"""A scheduler's course in closed form: its LRs at any step, without stepping there or importing torch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

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
class Course:
    """What a file says of the LRs of a run.

    ``lrs`` gives the LR of every param group after so many scheduler steps (0: before the first). ``turns``
    are steps around which it should be looked at. ``cycles`` has one entry for each group. ``drops`` tells
    steps at which a jump is what the file asks for. ``milestones`` are steps that it names, with their
    places. ``per_group``: the file gives the groups LRs of their own through the scheduler.
    """

    lrs: Callable[[int], tuple[float, ...]]
    turns: tuple[int, ...] = ()
    warmups: tuple[Warmup, ...] = ()
    cycles: tuple[Cycles | None, ...] = ()
    horizons: tuple[Horizon, ...] = ()
    milestones: tuple[tuple[Path, int], ...] = ()
    drops: Callable[[int], bool] = lambda _: False
    per_group: bool = False
