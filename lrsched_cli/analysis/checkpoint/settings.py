"""In which settings a checkpoint differs from the schedule file, and whose a restored run obeys."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from lrsched_cli.analysis.checkpoint.groups import match_saved
from lrsched_cli.analysis.checkpoint.parts import MISSING, plain

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from lrsched_cli.analysis.checkpoint.saved import SavedOptimizer, SavedScheduler
    from lrsched_cli.core.batch_plan import BatchPlan
    from lrsched_cli.core.scheduler_state import SavedState

_IMPLEMENTATION = {"foreach", "fused", "capturable", "differentiable"}
"""How an optimizer computes, not what."""
_NOT_COMPARED = {"params", "param_names", "name", "lr", *_IMPLEMENTATION}


@dataclass(frozen=True, slots=True)
class Unlike:
    """A setting that is not the same in the checkpoint and in the schedule file; None: not set there.

    ``group`` is None for a setting of all groups. ``wins`` says whose value a run obeys that builds the
    scheduler from the file and then loads the optimizer's state and the scheduler's.
    """

    part: Literal["optimizer", "scheduler"]
    group: str | None
    key: str
    saved: Any
    file: Any
    wins: Literal["checkpoint", "file"]


def unlike_settings(
    optimizer: SavedOptimizer | None,
    scheduler: SavedScheduler | None,
    fresh_groups: Sequence[Mapping[str, Any]],
    fresh_state: Mapping[str, Any],
    batch_plan: BatchPlan,
) -> tuple[Unlike, ...]:
    """Every setting that differs, the optimizer's first.

    Args:
        optimizer: with as many groups as the file has, as ``scheduler``.
        scheduler: of this package's class, or of another one.
        fresh_groups: the param groups of the optimizer that the file describes, under a scheduler.
        fresh_state: the state of that scheduler, before its first step.
        batch_plan: the file's batch sizes.
    """
    own = scheduler.own if scheduler else None
    foreign = scheduler is not None and own is None
    found = [*_of_optimizer(optimizer, fresh_groups, foreign=foreign)] if optimizer else []
    if own is not None and not own.is_bare:
        found += [*_of_scheduler(own, fresh_state), *_batch_size(own, batch_plan)]
    elif foreign and scheduler:
        found += _foreign_base_lrs(scheduler, optimizer, fresh_state)
    return tuple(found)


def _of_optimizer(
    optimizer: SavedOptimizer, fresh: Sequence[Mapping[str, Any]], *, foreign: bool
) -> Iterator[Unlike]:
    names = [str(group["name"]) for group in fresh]
    for match in match_saved(names, [group.name for group in optimizer.groups]):
        saved = optimizer.groups[match.other_index].settings
        values = {str(key): plain(value) for key, value in fresh[match.index].items()}
        for key in dict.fromkeys([*values, *saved]):
            old, new = saved.get(key), values.get(key)
            if key in _NOT_COMPARED or new is MISSING or old == new:
                continue
            # The file's scheduler is built before the load and has read its base LRs by then; one of
            # torch's takes them from its own state.
            from_file = key == "initial_lr" and not foreign
            if key == "initial_lr" and old is None:
                continue  # saved without a scheduler: nothing is said of a base LR
            yield Unlike("optimizer", match.name, key, old, new, "file" if from_file else "checkpoint")


def _of_scheduler(own: SavedState, fresh: Mapping[str, Any]) -> Iterator[Unlike]:
    yield from _changed(None, own.hyperparameters or {}, fresh["hyperparameters"])
    if own.custom_lambda != fresh["custom_lambda"]:
        yield Unlike("scheduler", None, "custom_lambda", own.custom_lambda, fresh["custom_lambda"], "file")
    groups = own.groups or ()
    names = [str(group["name"]) for group in fresh["groups"]]
    for match in match_saved(names, [group.name for group in groups]):
        saved, new = groups[match.other_index], fresh["groups"][match.index]
        if saved.base_lr != new["base_lr"]:
            yield Unlike("scheduler", match.name, "base_lr", saved.base_lr, new["base_lr"], "file")
        yield from _changed(match.name, saved.overrides, new["overrides"])


def _batch_size(own: SavedState, plan: BatchPlan) -> Iterator[Unlike]:
    """The batch size of the last step taken: a restore writes the LR that belongs to the saved one."""
    planned = plan.size_at(own.global_step)
    if own.global_step > 0 and own.batch_size != planned:
        yield Unlike("scheduler", None, "batch_size", own.batch_size, planned, "checkpoint")


def _changed(group: str | None, saved: Mapping[str, Any], fresh: Mapping[str, Any]) -> Iterator[Unlike]:
    for key in dict.fromkeys([*fresh, *saved]):
        old, new = plain(saved.get(key)), fresh.get(key)
        if old != new:
            # T_0 is only where T_i starts from, and the state brings its own T_i.
            yield Unlike("scheduler", group, key, old, new, "checkpoint" if key == "T_0" else "file")


def _foreign_base_lrs(
    scheduler: SavedScheduler, optimizer: SavedOptimizer | None, fresh: Mapping[str, Any]
) -> Iterator[Unlike]:
    names = [str(group["name"]) for group in fresh["groups"]]
    saved_names = [group.name for group in optimizer.groups] if optimizer else [None] * len(names)
    if scheduler.base_lrs is None or len(scheduler.base_lrs) != len(names):
        return
    for match in match_saved(names, saved_names):
        saved, new = scheduler.base_lrs[match.other_index], fresh["groups"][match.index]["base_lr"]
        if saved != new:
            yield Unlike("scheduler", match.name, "base_lr", saved, new, "checkpoint")
