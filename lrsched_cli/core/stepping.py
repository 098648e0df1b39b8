"""When a training loop steps its scheduler, and what it tells where that fails."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lrsched_cli.errors import ScheduleFileError

if TYPE_CHECKING:
    from collections.abc import Callable

    from lrsched_cli.core.config import Schedule
    from lrsched_cli.errors import StepError


def step_at(schedule: Schedule) -> Callable[[Any, int], object]:
    """What the loop does with its scheduler at an update: a function of the scheduler and the update, from 1.

    Where the scheduler is stepped every epoch, that is after the last update of each, or before the first
    one in the loop ``scheduler-first``; at all other updates nothing is done.
    """
    step, size_at = schedule.family.stepper(schedule), schedule.batch_plan.size_at
    every = schedule.updates_per_step
    if every == 1:
        return lambda scheduler, update: step(scheduler, update, size_at(update))

    def at_epochs(scheduler: Any, update: int) -> None:
        taken = scheduler_steps(schedule, update)
        if taken > scheduler_steps(schedule, update - 1):
            step(scheduler, taken, size_at(update))

    return at_epochs


def scheduler_steps(schedule: Schedule, updates: int) -> int:
    """How many scheduler steps have been taken when so many updates have been made, with all that follows."""
    every = schedule.updates_per_step
    return -(-updates // every) if schedule.loop == "scheduler-first" else updates // every


def step_problem(schedule: Schedule, error: StepError) -> ScheduleFileError:
    """A step that cannot be taken, told at the setting that is at fault."""
    names = [one.name for one in schedule.param_groups]
    group = error.group
    holder = ("scheduler",) if group is None else ("param_groups", names.index(str(group)), "scheduler")
    return ScheduleFileError([schedule.problem_at((*holder, *error.key), str(error))])


def one_line(error: object) -> str:
    """What an error of another library says, on one line; its type where it says nothing."""
    return " ".join(str(error).split()) or type(error).__name__
