"""A user's own checkpoint against the schedule file: where it stands, what it holds, how it goes on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from lrsched_cli.analysis.checkpoint.groups import GroupReport, group_reports
from lrsched_cli.analysis.checkpoint.parts import CheckpointKeys, find_parts
from lrsched_cli.analysis.checkpoint.restore import (
    RestoreReport,
    build,
    restore,
    restore_report,
)
from lrsched_cli.analysis.checkpoint.saved import read_optimizer, read_scheduler
from lrsched_cli.analysis.checkpoint.settings import Fresh, Unlike, unlike_settings
from lrsched_cli.analysis.checkpoint.steps import StepsReport, steps_report
from lrsched_cli.analysis.trace import dry_run
from lrsched_cli.core.config import MAX_STEPS
from lrsched_cli.core.families import alike
from lrsched_cli.core.files.checkpoint_file import read_checkpoint_file
from lrsched_cli.core.stepping import one_line
from lrsched_cli.errors import LrschedError, StepError, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from lrsched_cli.analysis.checkpoint.parts import FoundPart, Parts
    from lrsched_cli.analysis.checkpoint.restore import Restored
    from lrsched_cli.analysis.checkpoint.saved import SavedOptimizer, SavedScheduler
    from lrsched_cli.core.config import Schedule

    Progress = Callable[[int, int], None]

__all__ = ["CheckpointKeys", "CheckpointReport", "PartRead", "inspect_checkpoint"]

_STEPS_BEYOND = 1000
"""How far a run is followed where the file states no end and its fourth cycle is beyond all measure."""


@dataclass(frozen=True, slots=True)
class PartRead:
    """Where a part was found, an empty key for the whole file, and why that entry was taken."""

    key: str
    how: str


@dataclass(frozen=True, slots=True)
class CheckpointReport:
    """What ``inspect_checkpoint`` found; the parts are None where the file has none.

    ``scheduler_class`` is the type that the scheduler's state looks like, empty where it looks like none,
    None without such a state; ``described`` is the one that the schedule file names. ``end`` is the last
    step of the file, ``followed`` the last one that was looked at. Steps are updates, each with
    ``updates_per_step`` scheduler steps.
    """

    path: str
    schedule: str
    loop: str
    end: int
    followed: int
    optimizer: PartRead | None
    scheduler: PartRead | None
    step_entry: PartRead | None
    scheduler_class: str | None
    described: str
    steps: StepsReport
    groups: tuple[GroupReport, ...]
    settings: tuple[Unlike, ...]
    restore: RestoreReport
    updates_per_step: int = 1

    @property
    def agree(self) -> bool:
        """Whether scheduler and optimizer hold the same LRs, where the file has both."""
        return all(group.agree is not False for group in self.groups)

    @property
    def as_planned(self) -> bool:
        """Whether every LR in the checkpoint is the one that the schedule file plans for its step."""
        return all(group.as_planned for group in self.groups)

    @property
    def in_order(self) -> bool:
        """Whether the param groups are in the file's order, in which torch restores them."""
        return all(group.saved_index == group.index for group in self.groups)

    @property
    def holds(self) -> bool:
        """Whether a run goes on from this checkpoint as the schedule file plans.

        That is: all steps in it agree, scheduler and optimizer hold the same LRs, these are the planned
        ones, the param groups are in the file's order, and after a restore every update to the end of the
        schedule runs at the planned LRs. What the checkpoint does not have cannot fail. A setting that
        differs counts only where it shows in an LR: another weight decay is told, and is no failure.
        """
        goes_on = self.in_order and self.restore.leaves_plan is None
        return self.steps.agree and self.agree and self.as_planned and goes_on


def inspect_checkpoint(
    schedule: Schedule, path: Path, keys: CheckpointKeys | None = None, progress: Progress | None = None
) -> CheckpointReport:
    """Read a checkpoint, run nothing of it, and hold it against the schedule file.

    Args:
        schedule: what ``load_schedule`` gave; its dry run is the plan.
        path: a file that ``torch.save`` wrote.
        keys: where the parts stand in it; default: under their usual names.
        progress: called now and then with the steps done and the steps in all.

    Raises:
        UsageError: a file that cannot be read, or lacks what was asked for; a step beyond a dry run's
            10,000,000; another number of param groups than the file has.
        StateError: a state of this package's own scheduler that none can be restored from.
        ScheduleFileError: settings of the schedule file that fail on the way.
    """
    parts = find_parts(read_checkpoint_file(path), keys or CheckpointKeys(), path)
    optimizer = read_optimizer(parts.optimizer, path) if parts.optimizer else None
    scheduler = read_scheduler(parts.scheduler, path) if parts.scheduler else None
    _check_counts(schedule, optimizer, scheduler, path)
    steps = steps_report(optimizer, scheduler, parts.step, schedule, path)
    end = _end(schedule, steps.step, path)
    fresh_optimizer, fresh_scheduler = build(schedule)
    fresh_state = fresh_scheduler.state_dict()
    is_alike = scheduler is not None and alike(scheduler.state, fresh_state)
    in_all = 2 * end - steps.step if is_alike else end
    plan = dry_run(schedule, end, _share(progress, 0, in_all))
    scheduled = frozenset(name.partition("[")[0] for name in plan.settings)
    fresh = Fresh(fresh_optimizer.param_groups, fresh_state, scheduled)
    settings = unlike_settings(optimizer, scheduler, schedule, fresh, is_alike=is_alike)
    restored = None
    if scheduler is not None and is_alike:
        restored = _restored(
            schedule, (optimizer, scheduler), (steps.step, end), path, _share(progress, end, in_all)
        )
    return CheckpointReport(
        path=str(path),
        schedule=schedule.name,
        loop=schedule.loop,
        end=schedule.total_steps,
        followed=end,
        **_parts_read(parts),
        scheduler_class=scheduler.kind if scheduler else None,
        described=schedule.scheduler.type,
        steps=steps,
        groups=group_reports(
            plan, steps.step, optimizer, scheduler, restored.trace.lr[0] if restored else None
        ),
        settings=settings,
        restore=restore_report(plan, steps.step, steps.ahead, restored),
        updates_per_step=schedule.updates_per_step,
    )


def _parts_read(parts: Parts) -> dict[str, PartRead | None]:
    found: dict[str, FoundPart | None] = {
        "optimizer": parts.optimizer,
        "scheduler": parts.scheduler,
        "step_entry": parts.step,
    }
    return {name: None if part is None else PartRead(part.key, part.how) for name, part in found.items()}


def _check_counts(
    schedule: Schedule, optimizer: SavedOptimizer | None, scheduler: SavedScheduler | None, path: Path
) -> None:
    wanted = len(schedule.param_groups)
    counts = {
        "optimizer": (optimizer.key, len(optimizer.groups)) if optimizer else None,
        "scheduler": None
        if scheduler is None or scheduler.lrs is None
        else (scheduler.key, len(scheduler.lrs)),
    }
    for part, found in counts.items():
        if found is not None and found[1] != wanted:
            place = f"{found[0]}: " if found[0] else ""
            raise UsageError(
                f"{path}: {place}the {part}'s state has {_groups(found[1])}, {schedule.name} has "
                f"{_groups(wanted)}: they belong to different runs"
            )


def _groups(count: int) -> str:
    return f"{count} param group{'' if count == 1 else 's'}"


def _end(schedule: Schedule, step: int, path: Path) -> int:
    """The last step to follow: the schedule's, or the checkpoint's own where that is beyond it."""
    if step > MAX_STEPS:
        raise UsageError(f"{path}: stands at step {step:,}, beyond the {MAX_STEPS:,} of a dry run")
    if schedule.total_steps > MAX_STEPS:
        return min(step + _STEPS_BEYOND, MAX_STEPS)
    return max(schedule.total_steps, step)


def _share(progress: Progress | None, before: int, in_all: int) -> Progress | None:
    """What one of the two dry runs calls with its own steps; ``before`` of them all are done by then."""
    return None if progress is None else lambda done, _: progress(before + done, in_all)


def _restored(
    schedule: Schedule,
    states: tuple[SavedOptimizer | None, SavedScheduler],
    span: tuple[int, int],
    path: Path,
    progress: Progress | None,
) -> Restored:
    """A restore of a state that looks like one of the scheduler that the schedule file describes."""
    try:
        return restore(schedule, *states, span, progress)
    except StepError as error:
        raise UsageError(f"{path}: after a restore, {error}") from None
    except LrschedError:
        raise
    except Exception as error:  # whatever a library or the user's own class trips over
        message = f"{path}: a run with {schedule.scheduler.type} cannot go on from it: {one_line(error)}"
        raise UsageError(message) from error
