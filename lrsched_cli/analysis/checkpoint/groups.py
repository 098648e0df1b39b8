"""The LRs that a checkpoint holds, param group by param group, against those that the schedule plans."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from lrsched_cli.analysis.group_matching import GroupMatch, match_groups

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from lrsched_cli.analysis.checkpoint.saved import SavedOptimizer, SavedScheduler
    from lrsched_cli.analysis.trace import Trace

    Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class LRReading:
    """An LR of the checkpoint's: whether it is the planned one, bit for bit, and where else it belongs.

    ``found_at`` is the step that plans this LR, of several the neighbour, then step 0, then the nearest;
    ``ratio`` is that to the planned LR. Both are None where it is as planned; ``ratio`` also where the
    planned LR is 0.
    """

    value: float
    as_planned: bool
    found_at: int | None = None
    ratio: float | None = None


@dataclass(frozen=True, slots=True)
class GroupReport:
    """A param group of the schedule file, and what the checkpoint has for it.

    ``optimizer``: the LR in the optimizer's state. ``scheduler``: the LR that the scheduler's state
    believes in, by the settings that it was saved under. ``restored``: the LR right after a restore, under
    the file's settings. Each is None where the checkpoint has nothing to tell it from. ``agree`` says
    whether the first two are the same. ``dtype`` is that of the optimizer's LR: a float32 tensor holds
    float32, and the planned LR is rounded to that.
    """

    group: str
    index: int
    saved_name: str | None
    saved_index: int
    matched_by: Literal["name", "order"]
    planned: float
    optimizer: LRReading | None
    scheduler: LRReading | None
    restored: float | None
    agree: bool | None
    dtype: str

    @property
    def as_planned(self) -> bool:
        """Whether every LR that the checkpoint has for this group is the planned one."""
        return all(one is None or one.as_planned for one in (self.optimizer, self.scheduler))


def match_saved(names: Sequence[str], saved: Sequence[str | None]) -> tuple[GroupMatch, ...]:
    """Match the file's groups with as many saved ones: by name where both have one, else in their order."""
    # No name in a file has a control character: such a stand-in is nobody's namesake.
    unique = [
        name if name is not None and saved.count(name) == 1 else f"\0{index}"
        for index, name in enumerate(saved)
    ]
    return match_groups(names, unique).matches


def as_held(lrs: Floats, dtype: str) -> Floats:
    """LRs, of any shape, as a tensor of this dtype holds them; ``float64``: unchanged."""
    if dtype == "float64":
        return lrs
    import torch  # noqa: PLC0415 - only for LRs in tensors

    return torch.tensor(lrs, dtype=getattr(torch, dtype)).to(torch.float64).numpy()


def group_reports(
    plan: Trace,
    step: int,
    optimizer: SavedOptimizer | None,
    scheduler: SavedScheduler | None,
    restored: Floats | None,
) -> tuple[GroupReport, ...]:
    """Every group of the file at ``step``.

    Args:
        plan: the dry run of the schedule file, through ``step`` at least.
        step: the step that the checkpoint stands at.
        optimizer: with as many groups as the plan has, as ``scheduler``.
        scheduler: with its groups named, or else in the order of the optimizer's.
        restored: shape (groups,): the LRs right after a restore.
    """
    count = len(plan.groups)
    saved_names = [group.name for group in optimizer.groups] if optimizer else None
    scheduler_names = scheduler.names if scheduler else None
    matches = match_saved(plan.groups, saved_names or scheduler_names or [None] * count)
    # A scheduler's state without names is in the order of the optimizer that it was saved with.
    believed_at = [match.other_index for match in matches]
    if scheduler_names is not None:
        believed_at = [match.other_index for match in match_saved(plan.groups, scheduler_names)]
    names = saved_names or scheduler_names or (None,) * count
    reports = []
    for match, believed in zip(matches, believed_at, strict=True):
        dtype = optimizer.groups[match.other_index].dtype if optimizer else "float64"
        column = as_held(plan.lr[:, match.index], dtype)
        lr = optimizer.groups[match.other_index].lr if optimizer else None
        belief = _belief(scheduler, believed, dtype)
        reports.append(
            GroupReport(
                group=match.name,
                index=match.index,
                saved_name=names[match.other_index],
                saved_index=match.other_index,
                matched_by=match.by,
                planned=float(column[step]),
                optimizer=None if lr is None else _reading(lr, column, step),
                scheduler=None if belief is None else _reading(belief, column, step),
                restored=None if restored is None else float(restored[match.index]),
                agree=None if lr is None or belief is None else lr == belief,
                dtype=dtype,
            )
        )
    return tuple(reports)


def _belief(scheduler: SavedScheduler | None, index: int, dtype: str) -> float | None:
    if scheduler is None or scheduler.lrs is None:
        return None
    return float(as_held(np.asarray(scheduler.lrs[index]), dtype))


def _reading(lr: float, column: Floats, step: int) -> LRReading:
    planned = float(column[step])
    if lr == planned:
        return LRReading(lr, as_planned=True)
    return LRReading(
        lr,
        as_planned=False,
        found_at=_found_at(lr, column, step),
        ratio=lr / planned if planned else None,
    )


def _found_at(lr: float, column: Floats, step: int) -> int | None:
    rows = np.flatnonzero(column == lr)
    if not len(rows):
        return None
    nearest = int(rows[np.argmin(np.abs(rows - step))])
    return 0 if rows[0] == 0 and abs(nearest - step) > 1 else nearest
