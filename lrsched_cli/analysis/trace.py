"""The dry run: the real scheduler, stepped through its public interface, and what it did."""

from __future__ import annotations

import math
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np

from lrsched_cli.analysis.cycle_state import restart_rows, warmup_end_row
from lrsched_cli.core.config import MAX_STEPS
from lrsched_cli.core.expressions import Expression
from lrsched_cli.core.law import Factors, Position
from lrsched_cli.errors import CustomLambdaError, ExpressionError, ScheduleFileError, StepError, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from numpy.typing import NDArray

    from lrsched_cli.core.config import Schedule
    from lrsched_cli.core.scheduler import LRScheduler

    Floats = NDArray[np.float64]
    Progress = Callable[[int, int], None]

_ROWS_AT_A_TIME = 4096


@dataclass(frozen=True, eq=False)
class Trace:
    """What a scheduler did: one row per scheduler step, the first row before the first step.

    All arrays are read-only float64. Row ``k`` holds the LRs after ``k`` scheduler steps: with the loop
    ``optimizer-first`` update ``k + 1`` runs at them, with ``scheduler-first`` update ``k`` does.
    """

    name: str
    groups: tuple[str, ...]
    """Names of the param groups; an unnamed one goes by its index."""
    loop: str
    step: Floats
    """Shape (rows,): the scheduler steps taken."""
    batch_size: Floats
    """Shape (rows,): the batch size passed to that step, in samples; NaN where there was none."""
    lr: Floats
    """Shape (rows, groups): the LRs, read back from the optimizer's param groups."""
    scale: Floats
    """Shape (rows, groups): the multiplier; 1 in the first row of a new run, where none is applied yet."""
    factors: Mapping[str, Floats]
    """Each factor, shape (rows, groups); NaN in a row that the law has not made."""
    state: Mapping[str, Floats]
    """``cycle``, ``T_cur`` and ``T_i``, each of shape (rows, groups)."""

    @property
    def steps(self) -> int:
        """How many scheduler steps were taken."""
        return len(self.step) - 1

    @property
    def updates(self) -> slice:
        """The rows that updates run at: row 0 is never used where the scheduler steps first."""
        return slice(1, None) if self.loop == "scheduler-first" else slice(0, -1)

    def update_at(self, row: int) -> int | None:
        """The number of the update that runs at row ``row`` (from 1), None where no update does."""
        update = row if self.loop == "scheduler-first" else row + 1
        return update if 1 <= update <= self.steps else None

    def warmup_end(self, group: int) -> int:
        """The row at which the group's warm-up ends; 0 where it has none, the last row if it never ends."""
        return warmup_end_row(self.state["T_cur"][:, group], self.state["cycle"][:, group])

    def restarts(self, group: int) -> NDArray[np.int64]:
        """The rows at which the group's cycle begins anew."""
        return restart_rows(self.state["cycle"][:, group])

    def turning_points(self) -> list[int]:
        """The rows where some group's warm-up ends or its cycle begins anew, sorted."""
        found: set[int] = set()
        for group in range(len(self.groups)):
            found.add(self.warmup_end(group))
            found.update(self.restarts(group).tolist())
        return sorted(found - {0})


def dry_run(schedule: Schedule, steps: int | None = None, progress: Progress | None = None) -> Trace:
    """Step the real scheduler over a dummy optimizer and record every param group.

    Args:
        schedule: what ``load_schedule`` gave.
        steps: scheduler steps to take, 1 to 10,000,000; default: the schedule's own number.
        progress: called now and then with the steps done and the steps in all.

    Raises:
        ScheduleFileError: settings that turn out wrong on the way (a custom factor that fails at some
            step, an LR that is not finite, settings that torch refuses), at their place in the file.
        UsageError: ``steps`` out of range.
    """
    total = _total_steps(schedule, steps)
    _try_formulas(schedule, total)

    from lrsched_cli.core.build import build_scheduler  # noqa: PLC0415 - imports torch
    from lrsched_cli.core.stand_ins import dummy_optimizer  # noqa: PLC0415

    optimizer, _ = dummy_optimizer(schedule)
    scheduler = build_scheduler(schedule, optimizer)
    sizes = schedule.batch_plan.sizes_until(total)
    try:
        trace = record(
            scheduler, sizes, name=schedule.name, loop=schedule.loop, total=total, progress=progress
        )
    except StepError as error:
        key = ("custom_lambda",) if isinstance(error, CustomLambdaError) else ()
        raise _step_error(schedule, error.group, key, str(error)) from None
    _check_finite(trace, schedule)
    return trace


def record(  # noqa: PLR0913 - what a trace carries along
    scheduler: LRScheduler,
    batch_sizes: Iterable[float | None],
    *,
    name: str,
    loop: str,
    total: int,
    progress: Progress | None = None,
) -> Trace:
    """Step ``scheduler`` once per batch size and record each state; the scheduler is used up by it."""
    groups = tuple(
        str(group.get("name") or index) for index, group in enumerate(scheduler.optimizer.param_groups)
    )
    first = _row(scheduler, None)
    table = np.empty((total + 1, len(first)), dtype=np.float64)
    done, rows = 0, [first]
    for batch_size in batch_sizes:
        scheduler.step(batch_size)
        rows.append(_row(scheduler, batch_size))
        if len(rows) >= _ROWS_AT_A_TIME:
            table[done : done + len(rows)] = rows
            done, rows = done + len(rows), []
            if progress is not None:
                progress(done - 1, total)
    if rows:
        table[done:] = rows
    return _trace(table, groups, name=name, loop=loop)


def _row(scheduler: LRScheduler, batch_size: float | None) -> list[float]:
    row: list[float] = [scheduler.last_epoch, math.nan if batch_size is None else batch_size]
    row += [float(group["lr"]) for group in scheduler.optimizer.param_groups]
    row += scheduler.scales
    for factors in scheduler.factors:
        row += factors or _NO_FACTORS
    for position in scheduler.positions:
        row += position
    return row


_NO_FACTORS = (math.nan,) * len(Factors._fields)


def _trace(table: Floats, groups: tuple[str, ...], **about: Any) -> Trace:
    table.setflags(write=False)
    count = len(groups)
    after_scale = 2 + 2 * count
    after_factors = after_scale + len(Factors._fields) * count
    return Trace(
        groups=groups,
        step=table[:, 0],
        batch_size=table[:, 1],
        lr=table[:, 2 : 2 + count],
        scale=table[:, 2 + count : after_scale],
        factors=_by_name(table[:, after_scale:after_factors], count, Factors._fields),
        state=_by_name(table[:, after_factors:], count, Position._fields),
        **about,
    )


def _by_name(table: Floats, groups: int, names: tuple[str, ...]) -> Mapping[str, Floats]:
    """The columns of all groups, group after group, as one array per name."""
    each = table.reshape(len(table), groups, len(names))
    return MappingProxyType({name: each[:, :, i] for i, name in enumerate(names)})


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


def _try_formulas(schedule: Schedule, total: int) -> None:
    """Find a formula that fails at some step before torch is imported, which takes longer than all else."""
    for group in (None, *schedule.param_groups):
        formula = schedule.custom_lambda_of(group)
        if isinstance(formula, Expression):
            for step in range(1, total + 1):
                try:
                    formula(step)
                except ExpressionError as error:
                    message = f"custom_lambda failed at step {step}: {error}"
                    name = None if group is None else group.name
                    raise _step_error(schedule, name, ("custom_lambda",), message) from None


def _step_error(
    schedule: Schedule, group: str | int | None, key: tuple[str, ...], message: str
) -> ScheduleFileError:
    names = [one.name for one in schedule.param_groups]
    holder = ("scheduler",) if group is None else ("param_groups", names.index(str(group)), "scheduler")
    return ScheduleFileError([schedule.problem_at((*holder, *key), message)])


def _check_finite(trace: Trace, schedule: Schedule) -> None:
    if np.isfinite(trace.lr).all():
        return
    row, group = (int(found[0]) for found in np.nonzero(~np.isfinite(trace.lr)))
    message = (
        f"the LR of group {trace.groups[group]!r} is {trace.lr[row, group]} at step {row}: "
        "a factor grows beyond what a number can hold"
    )
    own = schedule.param_groups[group].scheduler is not None
    path = ("param_groups", group, "scheduler") if own else ("scheduler",)
    raise ScheduleFileError([schedule.problem_at(path, message)])
