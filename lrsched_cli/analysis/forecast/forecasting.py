"""A schedule that was changed between save and resume: what the resumed run will really do."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from lrsched_cli.analysis.forecast.results import (
    Curves,
    Forecast,
    GroupForecast,
    Jump,
    PlanDistance,
    SettingFate,
)
from lrsched_cli.analysis.forecast.settings import Sides, setting_fates
from lrsched_cli.analysis.trace import dry_run
from lrsched_cli.errors import OutputError, ResumeError, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from lrsched_cli.analysis.group_matching import GroupMatch
    from lrsched_cli.analysis.trace import Trace
    from lrsched_cli.core.config import Schedule

    Floats = NDArray[np.float64]
    Progress = Callable[[int, int], None]

__all__ = ["Curves", "Forecast", "GroupForecast", "Jump", "PlanDistance", "SettingFate", "forecast"]


def forecast(
    old: Schedule,
    new: Schedule,
    save_at: int | None = None,
    *,
    seed: int = 0,
    progress: Progress | None = None,
) -> Forecast:
    """Train under ``old``, save, restore into what ``new`` builds, and train on to its end.

    A small model of the param groups is trained, and a real checkpoint is written and loaded: the scheduler
    is built, then the states of model, optimizer and scheduler are loaded. Every group's LR is read from
    the optimizer right before each of its steps.

    Args:
        old: the schedule that the checkpoint is saved under.
        new: the schedule that the run is resumed with. Its loop, batch plan and number of steps hold then.
        save_at: after how many updates the checkpoint is written: from 1 to the end of ``old``, and before
            the end of ``new``; default: the middle of the shorter one.
        seed: of the gradients, 0 or more.
        progress: called now and then with the updates made and the updates in all.

    Returns:
        A frozen forecast; what the two plans give, and what really happens, update by update.

    Raises:
        UsageError: a save point outside the runs, another number of param groups, or an optimizer that
            cannot go on from the other's checkpoint.
        ScheduleFileError: settings of a schedule that turn out wrong on the way.
        ResumeError: the training fails.
        OutputError: the temporary folder cannot be written.
    """
    _check_groups(old, new)
    ends = old_end, new_end = old.total_steps, new.total_steps
    if save_at is None:
        save_at = max(1, min(ends) // 2)
    _check_save_at(save_at, *ends)
    stages = _Stages(progress, (old_end, new_end, new_end))
    plans = [dry_run(one, progress=stages.next()) for one in (old, new)]
    old, new = (one.model_copy(update={"steps": end}) for one, end in zip((old, new), ends, strict=True))
    try:
        with tempfile.TemporaryDirectory(prefix="lrsched-forecast-") as folder:
            sides = _run(old, new, save_at, Path(folder), seed, stages.next())
            sides = sides._replace(
                by_scheduler=_by_scheduler(sides, plans), beyond_lrs=_beyond_lrs(plans[0], plans[1], save_at)
            )
            settings = setting_fates(sides)
    except OSError as error:
        raise OutputError(f"a temporary folder cannot be used: {error.strerror or error}") from None
    matches = _in_the_new_order(sides)
    places = [match.index for match in matches]
    curves = Curves(
        old=_by_update(plans[0])[:, places],
        really=np.concatenate([sides.saved.lrs[:, places], sides.resumed.lrs]),
        new=_by_update(plans[1]),
    )
    return Forecast(
        old_name=old.name,
        new_name=new.name,
        save_at=save_at,
        old_end=old_end,
        new_end=new_end,
        groups=tuple(_group(match, curves, save_at) for match in matches),
        settings=settings,
        messages=sides.resumed.messages,
        moved=tuple(match.other_name for match in matches if match.index != match.other_index),
        curves=curves,
    )


class _Stages:
    """Tells of the progress through stages, one after the other, as of one whole."""

    def __init__(self, progress: Progress | None, stages: tuple[int, ...]) -> None:
        self._progress = progress
        self._stages = stages
        self._begun = 0

    def next(self) -> Progress:
        """What the next stage is to call with its steps done."""
        before, total = sum(self._stages[: self._begun]), sum(self._stages)
        self._begun += 1

        def tell(done: int, _: int) -> None:
            if self._progress is not None:
                self._progress(before + done, total)

        return tell


def _check_groups(old: Schedule, new: Schedule) -> None:
    names = [[group.name for group in one.param_groups] for one in (old, new)]
    if len(names[0]) != len(names[1]):
        listed = [f"{len(one)} param group{'' if len(one) == 1 else 's'} ({', '.join(one)})" for one in names]
        raise UsageError(
            f"the checkpoint has {listed[0]}, the new file {listed[1]}: "
            "torch restores only as many as it saved"
        )


def _check_save_at(save_at: int, old_end: int, new_end: int) -> None:
    if isinstance(save_at, bool) or not isinstance(save_at, int) or save_at < 1:
        raise UsageError(f"the save point must be a whole number, 1 or more (got {save_at!r})")
    if save_at > old_end:
        raise UsageError(f"the save point {save_at:,} is after the old plan's end at update {old_end:,}")
    if save_at >= new_end:
        raise UsageError(
            f"the new plan ends at update {new_end:,}: after the save point {save_at:,} nothing is left"
        )


def _run(  # noqa: PLR0913, PLR0917 - a run, and where it goes
    old: Schedule, new: Schedule, save_at: int, folder: Path, seed: int, tell: Progress
) -> Sides:
    from lrsched_cli.analysis.forecast import runs  # noqa: PLC0415 - imports torch

    end = new.total_steps
    saved = runs.save(old, save_at, folder, seed, lambda done: tell(done, end))
    try:
        resumed = runs.resumed_lrs(
            new, saved.checkpoint, save_at, seed, lambda done: tell(save_at + done, end)
        )
    except ResumeError as error:
        parts = [(old.optimizer.type, new.optimizer.type), (old.scheduler.type, new.scheduler.type)]
        for one, other in parts:
            if one != other:
                raise UsageError(f"a checkpoint of {one} cannot be resumed with {other}: {error}") from None
        raise
    return Sides(old, new, saved, resumed, lambda other: runs.scheduled_lrs(other, saved.checkpoint, save_at))


def _by_scheduler(sides: Sides, plans: Sequence[Trace]) -> frozenset[str]:
    """The numbers of the param groups that are no settings of the optimizer: a scheduler's doing."""
    from lrsched_cli.analysis.forecast import runs  # noqa: PLC0415 - imports torch

    changing = {name.partition("[")[0] for plan in plans for name in plan.settings}
    there = {key for group in (*sides.saved.groups, *sides.resumed.fresh) for key in group}
    own = runs.optimizer_keys(sides.old) | runs.optimizer_keys(sides.new)
    return frozenset(changing | (there - own))


def _beyond_lrs(old: Trace, new: Trace, save_at: int) -> bool:
    """Whether the plans differ, after the save point, in a number of the param groups besides the LR."""
    if old.settings.keys() != new.settings.keys():
        return True
    rows = slice(save_at, min(len(old.step), len(new.step)))
    return any(not np.array_equal(old.settings[key][rows], new.settings[key][rows]) for key in old.settings)


def _in_the_new_order(sides: Sides) -> list[GroupMatch]:
    return sorted(sides.matches, key=lambda match: match.other_index)


def _by_update(plan: Trace) -> Floats:
    """The LRs that updates run at; row 0 is update 1."""
    return plan.lr[plan.updates]


def _group(match: GroupMatch, curves: Curves, save_at: int) -> GroupForecast:
    old, really, new = (one[:, match.other_index] for one in (curves.old, curves.really, curves.new))
    before, after = float(really[save_at - 1]), float(really[save_at])
    old_after = float(old[save_at]) if len(old) > save_at else None
    return GroupForecast(
        group=match.other_name,
        old_group=match.name,
        matched_by=match.by,
        before=before,
        old_next=old_after,
        really_next=after,
        new_next=float(new[save_at]),
        from_before=_jump(before, after),
        from_old=None if old_after is None else _jump(old_after, after),
        to_old=None if old_after is None else _distance(really, old, save_at),
        to_new=_distance(really, new, save_at),
    )


def _jump(one: float, other: float) -> Jump:
    return Jump(other - one, other / one if one else None)


def _distance(really: Floats, plan: Floats, save_at: int) -> PlanDistance:
    end = min(len(really), len(plan))
    distance = np.abs(really[save_at:end] - plan[save_at:end])
    differing = np.flatnonzero(distance)
    if not len(differing):
        return PlanDistance(len(distance), 0, None, None, 0.0, None)
    first = save_at + 1  # the update of the first row
    last = int(differing[-1])
    return PlanDistance(
        updates=len(distance),
        differing=len(differing),
        first=first + int(differing[0]),
        joined=first + last + 1 if last + 1 < len(distance) else None,
        largest=float(distance.max()),
        largest_at=first + int(distance.argmax()),
    )
