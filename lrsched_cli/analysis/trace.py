"""The dry run: the real scheduler, stepped through its public interface, and what it did."""

from __future__ import annotations

import warnings
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from lrsched_cli.analysis.curve import restarts, turns, warmup_end
from lrsched_cli.analysis.cycle_state import restart_rows, warmup_end_row
from lrsched_cli.analysis.group_numbers import LR
from lrsched_cli.core.config import MAX_STEPS
from lrsched_cli.core.stepping import one_line, scheduler_steps, step_at, step_problem
from lrsched_cli.errors import ScheduleFileError, StepError, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import torch
    from numpy.typing import NDArray

    from lrsched_cli.core.config import Schedule

    Floats = NDArray[np.float64]
    Progress = Callable[[int, int], None]


@dataclass(frozen=True, eq=False)
class Trace:
    """What a scheduler did: one row per update of the training, the first row before the first of them.

    All arrays are read-only float64. Row ``k`` holds the LRs after ``k`` turns of the training loop, each
    with its scheduler step: with the loop ``optimizer-first`` update ``k + 1`` runs at them, with
    ``scheduler-first`` update ``k`` does. Where the scheduler is stepped every epoch, the rows between two
    of its steps hold the same.
    """

    name: str
    groups: tuple[str, ...]
    """Names of the param groups; an unnamed one goes by its index."""
    loop: str
    step: Floats
    """Shape (rows,): the turns of the loop taken; the scheduler steps, where each turn has one."""
    batch_size: Floats
    """Shape (rows,): the batch size passed to that step, in samples; NaN where there was none."""
    lr: Floats
    """Shape (rows, groups): the LRs, read back from the optimizer's param groups."""
    base_lr: Floats
    """Shape (groups,): the LRs that the scheduler starts from (``initial_lr``)."""
    scale: Floats
    """Shape (rows, groups): the multiplier. As the scheduler itself has it, if it has one: 1 in the first row
    of a new run, where none is applied yet. Else LR / base LR, NaN where that is 0."""
    factors: Mapping[str, Floats]
    """Each factor, shape (rows, groups); NaN in a row that the law has not made; empty without a law."""
    state: Mapping[str, Floats]
    """``cycle``, ``T_cur`` and ``T_i``, each of shape (rows, groups); empty where there is no such state."""
    settings: Mapping[str, Floats] = field(default_factory=dict)
    """Every other number of a param group that the run changes (``momentum``, ``betas[0]``,
    ``weight_decay``), shape (rows, groups); NaN where a group has none."""
    constants: Mapping[str, Floats] = field(default_factory=dict)
    """Those that it leaves as they are, shape (groups,)."""
    updates_per_step: int = 1
    """How many updates a scheduler step is for: those of an epoch, or one."""
    messages: tuple[str, ...] = ()
    """What the library warned of on the way, each once."""

    @property
    def steps(self) -> int:
        """How many scheduler steps were taken."""
        return len(self.step) - 1

    def number(self, name: str) -> Floats | None:
        """The LRs (``lr``) or a setting, changing or not, shape (rows, groups); None where there is none."""
        if name == LR:
            return self.lr
        if name in self.constants:
            return np.broadcast_to(self.constants[name], self.lr.shape)
        return self.settings.get(name)

    @property
    def updates(self) -> slice:
        """The rows that updates run at: row 0 is never used where the scheduler steps first."""
        return slice(1, None) if self.loop == "scheduler-first" else slice(0, -1)

    def update_at(self, row: int) -> int | None:
        """The number of the update that runs at row ``row`` (from 1), None where no update does."""
        update = row if self.loop == "scheduler-first" else row + 1
        return update if 1 <= update <= self.steps else None

    def warmup_end(self, group: int) -> int:
        """The row at which the group's warm-up ends; 0 where it has none, the last row if it never ends.

        A scheduler that does not say where it stands warms up as long as its LR rises from the start.
        """
        if self.state:
            return warmup_end_row(self.state["T_cur"][:, group], self.state["cycle"][:, group])
        rows = self._stepped_rows()
        return int(rows[warmup_end(self.lr[rows, group])])

    def restarts(self, group: int) -> NDArray[np.int64]:
        """The rows at which the group's cycle begins anew: where a scheduler without a state jumps up."""
        if self.state:
            return restart_rows(self.state["cycle"][:, group])
        rows = self._stepped_rows()
        return rows[restarts(self.lr[rows, group])]

    def first_cycle(self, group: int) -> int:
        """The number of the cycle that the group is in at the first row."""
        return int(self.state["cycle"][0, group]) if self.state else 0

    def turning_points(self) -> list[int]:
        """The rows where some group's warm-up ends or its cycle begins anew, sorted.

        For a scheduler that does not say where it stands: where an LR begins or ceases to move, or changes
        its direction.
        """
        found: set[int] = set()
        for group in range(len(self.groups)):
            found.add(self.warmup_end(group))
            found.update(self.restarts(group).tolist())
        if not self.state:
            rows = self._stepped_rows()
            found.update(rows[turns(self.lr[rows])].tolist())
        return sorted(found - {0})

    def _stepped_rows(self) -> NDArray[np.int64]:
        """Row 0 and those of each scheduler step: between them nothing changes."""
        every = self.updates_per_step
        if self.loop == "optimizer-first" or every == 1:
            return np.arange(0, len(self.step), every)
        return np.concatenate([[0], np.arange(1, len(self.step), every)])


def dry_run(schedule: Schedule, steps: int | None = None, progress: Progress | None = None) -> Trace:
    """Step the real scheduler over a dummy optimizer and record every param group.

    Args:
        schedule: what ``load_schedule`` gave.
        steps: updates to make, 1 to 10,000,000; default: the schedule's own number.
        progress: called now and then with the updates done and the updates in all.

    Raises:
        ScheduleFileError: settings that turn out wrong on the way (a custom factor that fails at some
            step, an LR that is not finite, settings that the library refuses), at their place in the file.
        UsageError: ``steps`` out of range.
    """
    total = _total_steps(schedule, steps)
    try:
        schedule.family.try_out(schedule, scheduler_steps(schedule, total))
    except StepError as error:
        raise step_problem(schedule, error) from None

    from lrsched_cli.analysis.record import About, Turns, Watched, record  # noqa: PLC0415 - after what needs no torch
    from lrsched_cli.core.build import build_scheduler  # noqa: PLC0415 - imports torch
    from lrsched_cli.core.stand_ins import dummy_optimizer  # noqa: PLC0415

    optimizer, _ = dummy_optimizer(schedule)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("default")
        scheduler = build_scheduler(schedule, optimizer)
        trace = record(
            Watched(scheduler, optimizer, schedule.family.view(scheduler)),
            Turns(_turn(schedule, optimizer), schedule.batch_plan.size_at, 1, total),
            About(schedule.name, schedule.loop, schedule.updates_per_step),
            progress,
        )
    _check_finite(trace, schedule)
    return replace(trace, messages=tuple(dict.fromkeys(one_line(one.message) for one in caught)))


def _turn(schedule: Schedule, optimizer: torch.optim.Optimizer) -> Callable[[Any, int], None]:
    """What the loop does with its scheduler at an update; what it trips over is told at its place."""
    from lrsched_cli.core.stand_ins import idle_update  # noqa: PLC0415 - imports torch

    step = step_at(schedule)
    scheduler_first = schedule.loop == "scheduler-first"

    def turn(scheduler: Any, update: int) -> None:
        # torch's schedulers warn where they are stepped before the optimizer ever was. One update without
        # gradients is enough for them, and further ones would change nothing.
        if update == 1 and not scheduler_first:
            idle_update(optimizer)
        try:
            step(scheduler, update)
        except StepError as error:
            raise step_problem(schedule, error) from None
        except (Exception, SystemExit) as error:  # whatever a library or the user's own class raises
            message = f"{schedule.scheduler.type} fails at update {update:,}: {one_line(error)}"
            raise ScheduleFileError([schedule.problem_at(("scheduler",), message)]) from error
        if update == 1 and scheduler_first:
            idle_update(optimizer)

    return turn


def _total_steps(schedule: Schedule, steps: int | None) -> int:
    whole = isinstance(steps, int) and not isinstance(steps, bool)
    if steps is not None and not (whole and 1 <= steps <= MAX_STEPS):
        raise UsageError(f"steps must be a whole number from 1 to {MAX_STEPS:,} (got {steps!r})")
    total = steps or schedule.total_steps
    if total > MAX_STEPS:
        message = (
            f"the fourth cycle ends at step {total:,}, beyond the {MAX_STEPS:,} of a dry run; give steps"
        )
        raise ScheduleFileError([schedule.problem_at(("scheduler", "T_mult"), message)])
    return total


def _check_finite(trace: Trace, schedule: Schedule) -> None:
    if np.isfinite(trace.lr).all():
        return
    row, group = (int(found[0]) for found in np.nonzero(~np.isfinite(trace.lr)))
    lr = trace.lr[row, group]
    what = "no number" if np.isnan(lr) else f"{lr}"
    why = ": a factor grows beyond what a number can hold" if np.isinf(lr) else ""
    message = f"the LR of group {trace.groups[group]!r} is {what} at step {row}{why}"
    own = schedule.param_groups[group].scheduler is not None
    path = ("param_groups", group, "scheduler") if own else ("scheduler",)
    raise ScheduleFileError([schedule.problem_at(path, message)])
