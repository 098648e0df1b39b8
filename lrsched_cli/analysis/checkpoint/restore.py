"""A restore from a checkpoint, really made, and where the run goes on from there."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from lrsched_cli.analysis.checkpoint.groups import as_held
from lrsched_cli.analysis.record import About, Turns, Watched, record
from lrsched_cli.core.stepping import step_at
from lrsched_cli.errors import LONGEST_LINE, ScheduleMismatchWarning, shortened

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import torch
    from numpy.typing import NDArray

    from lrsched_cli.analysis.checkpoint.saved import SavedOptimizer, SavedScheduler
    from lrsched_cli.analysis.trace import Trace
    from lrsched_cli.core.config import Schedule

    Floats = NDArray[np.float64]
    Progress = Callable[[int, int], None]

NEXT_UPDATES = 5


@dataclass(frozen=True, slots=True)
class NextUpdate:
    """An update that is still to come: at which scheduler step the plan has it, and every group's LR there.

    ``restored`` is what a restored run gives that update; None where a restore could not be tried.
    """

    update: int
    step: int
    planned: tuple[float, ...]
    restored: tuple[float, ...] | None


@dataclass(frozen=True, slots=True)
class LeavesPlan:
    """The first update after a restore that does not run at the planned LRs, and a group where it shows."""

    update: int
    step: int
    group: str
    restored: float
    planned: float


@dataclass(frozen=True, slots=True)
class RestoreReport:
    """What comes after the checkpoint.

    ``next`` has a few updates, ``compared`` counts all to the end of the schedule. ``leaves_plan`` is None
    where all of them run at the planned LRs, or none could be tried. ``messages`` is what the load warned
    of. ``tried`` says whether there was a state to restore the scheduler from.
    """

    tried: bool
    next: tuple[NextUpdate, ...]
    compared: int
    leaves_plan: LeavesPlan | None
    messages: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Restored:
    """A scheduler after the load: its LRs right then, shape (groups,), and from there on to the end."""

    trace: Trace
    dtypes: tuple[str, ...]
    messages: tuple[str, ...]


def build(schedule: Schedule) -> tuple[torch.optim.Optimizer, Any]:
    """What the file describes, before any load: the optimizer over dummies, and the scheduler over it."""
    from lrsched_cli.core.build import build_scheduler  # noqa: PLC0415 - imports torch
    from lrsched_cli.core.stand_ins import dummy_optimizer  # noqa: PLC0415 - as above

    optimizer, _ = dummy_optimizer(schedule)
    return optimizer, build_scheduler(schedule, optimizer)


def restore(
    schedule: Schedule,
    optimizer: SavedOptimizer | None,
    scheduler: SavedScheduler,
    span: tuple[int, int],
    progress: Progress | None = None,
) -> Restored:
    """Build from the file, load the optimizer's state, then the scheduler's, and step on.

    ``span`` are the update that the checkpoint stands at, and the last one to make. Raises StepError where
    the law cannot go on from the restored state, and whatever a library raises.
    """
    from lrsched_cli.core.stand_ins import idle_update  # noqa: PLC0415 - imports torch

    dummy, restored = build(schedule)
    idle_update(dummy)  # else torch's schedulers would warn that the optimizer never was stepped
    if optimizer is not None:
        dummy.load_state_dict(_over_dummies(optimizer.param_groups, dummy))
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        restored.load_state_dict(scheduler.state)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # those of the steps are for a dry run to tell
        trace = record(
            Watched(restored, dummy, schedule.family.view(restored)),
            Turns(step_at(schedule), schedule.batch_plan.size_at, span[0] + 1, span[1]),
            About(schedule.name, schedule.loop, schedule.updates_per_step),
            progress,
        )
    dtypes = [group.dtype for group in optimizer.groups] if optimizer else ["float64"] * len(trace.groups)
    return Restored(trace, tuple(dtypes), tuple(_text(one.message) for one in caught))


def _over_dummies(groups: tuple[Mapping[str, Any], ...], dummy: torch.optim.Optimizer) -> dict[str, Any]:
    """The saved groups with the numbers of the dummies' parameters in place of their own; no buffers."""
    ours = dummy.state_dict()["param_groups"]
    merged = [
        {**{key: value for key, value in saved.items() if key != "param_names"}, "params": own["params"]}
        for saved, own in zip(groups, ours, strict=True)
    ]
    return {"state": {}, "param_groups": merged}


def _text(message: Warning | str) -> str:
    """A warning in one line; that of a mismatch has a line per difference."""
    joined = "; ".join(line.strip() for line in str(message).splitlines())
    told = joined.replace(":; ", ": ") if isinstance(message, ScheduleMismatchWarning) else joined
    return shortened(told, LONGEST_LINE)  # it may tell lists of any length


def restore_report(plan: Trace, step: int, ahead: int, restored: Restored | None) -> RestoreReport:
    """The next updates beside the planned ones, and the first of all that does not run as planned.

    ``ahead`` is how many updates more than ``step`` the optimizer has made, where the file was written
    between the two steps: a restored scheduler gives the next update the LR of another one.
    """
    first = step + 1 if plan.loop == "scheduler-first" else step
    end = plan.updates.indices(len(plan.step))[1]
    rows = np.arange(first + ahead, end + min(ahead, 0))
    upcoming = tuple(
        NextUpdate(
            update=plan.update_at(row) or 0,
            step=row,
            planned=tuple(plan.lr[row].tolist()),
            restored=None if restored is None else tuple(restored.trace.lr[row - ahead - step].tolist()),
        )
        for row in rows[:NEXT_UPDATES].tolist()
    )
    return RestoreReport(
        tried=restored is not None,
        next=upcoming,
        compared=len(rows) if restored else 0,
        leaves_plan=_leaves_plan(plan, rows, rows - ahead - step, restored) if restored else None,
        messages=restored.messages if restored else (),
    )


def _leaves_plan(
    plan: Trace, rows: NDArray[np.int64], rows_restored: NDArray[np.int64], restored: Restored
) -> LeavesPlan | None:
    planned = np.empty_like(plan.lr[rows])
    for group, dtype in enumerate(restored.dtypes):
        planned[:, group] = as_held(plan.lr[rows, group], dtype)
    ours = restored.trace.lr[rows_restored]
    differing = np.argwhere(ours != planned)
    if not len(differing):
        return None
    place, group = differing[0].tolist()
    row = int(rows[place])
    return LeavesPlan(
        update=plan.update_at(row) or 0,
        step=row,
        group=plan.groups[group],
        restored=float(ours[place, group]),
        planned=float(planned[place, group]),
    )
