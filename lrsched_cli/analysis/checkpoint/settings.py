"""In which settings a checkpoint differs from the schedule file, and whose a restored run obeys."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from lrsched_cli.analysis.checkpoint.groups import match_saved
from lrsched_cli.analysis.checkpoint.parts import MISSING, kind_text, plain
from lrsched_cli.core.families.family import NOT_SAVED, NOT_TOLD

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from lrsched_cli.analysis.checkpoint.saved import SavedOptimizer, SavedScheduler
    from lrsched_cli.core.batch_plan import BatchPlan
    from lrsched_cli.core.config import Schedule
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


@dataclass(frozen=True, slots=True)
class Fresh:
    """What the schedule file describes, before any load: the param groups, and the scheduler's state.

    ``scheduled`` are the numbers of the groups, besides the LR, that the run changes.
    """

    groups: Sequence[Mapping[str, Any]]
    state: Mapping[str, Any]
    scheduled: frozenset[str]


def unlike_settings(
    optimizer: SavedOptimizer | None,
    scheduler: SavedScheduler | None,
    schedule: Schedule,
    fresh: Fresh,
    *,
    is_alike: bool,
) -> tuple[Unlike, ...]:
    """Every setting that differs, the optimizer's first.

    Args:
        optimizer: with as many groups as the file has, as ``scheduler``.
        scheduler: of this package's class, or of another one.
        schedule: the file.
        fresh: what it describes.
        is_alike: whether the saved state looks like that of the type that the file names.
    """
    own = scheduler.own if scheduler else None
    foreign = scheduler is not None and own is None
    found = [*_of_optimizer(optimizer, fresh, foreign=foreign)] if optimizer else []
    if own is not None and not own.is_bare and is_alike:
        found += [*_of_scheduler(own, fresh.state), *_batch_size(own, schedule.batch_plan)]
    elif foreign and scheduler:
        found += _foreign_base_lrs(scheduler, optimizer, fresh.groups)
        found += _of_other_scheduler(scheduler, schedule, fresh.state) if is_alike else []
    return tuple(found)


def _of_optimizer(optimizer: SavedOptimizer, fresh: Fresh, *, foreign: bool) -> Iterator[Unlike]:
    names = [str(group["name"]) for group in fresh.groups]
    for match in match_saved(names, [group.name for group in optimizer.groups]):
        saved = optimizer.groups[match.other_index].settings
        values = {str(key): plain(value) for key, value in fresh.groups[match.index].items()}
        for key in dict.fromkeys([*values, *saved]):
            old, new = saved.get(key), values.get(key)
            if key in _NOT_COMPARED | fresh.scheduled or new is MISSING or old == new:
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


def _of_other_scheduler(
    scheduler: SavedScheduler, schedule: Schedule, fresh: Mapping[str, Any]
) -> Iterator[Unlike]:
    """The settings that the two states tell; loading brings the saved ones back."""
    holder = (schedule, None)
    for key in schedule.family.settings(schedule):
        saved, new = (
            _comparable(schedule.family.restored_setting(state, key, holder, holder))
            for state in (scheduler.state, fresh)
        )
        if not any(one is NOT_TOLD or one is NOT_SAVED for one in (saved, new)) and saved != new:
            yield Unlike("scheduler", None, key, saved, new, "checkpoint")


def _comparable(value: Any) -> Any:
    """A setting that has an answer to whether it is another one, as tensors of several numbers have not."""
    if value is NOT_TOLD or value is NOT_SAVED:
        return value
    if isinstance(value, dict):
        return {key: _comparable(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_comparable(one) for one in value]
    found = plain(value)
    return kind_text(value) if found is MISSING else found


def _foreign_base_lrs(
    scheduler: SavedScheduler, optimizer: SavedOptimizer | None, fresh: Sequence[Mapping[str, Any]]
) -> Iterator[Unlike]:
    names = [str(group["name"]) for group in fresh]
    saved_names = [group.name for group in optimizer.groups] if optimizer else [None] * len(names)
    if scheduler.base_lrs is None or len(scheduler.base_lrs) != len(names):
        return
    for match in match_saved(names, saved_names):
        saved, group = scheduler.base_lrs[match.other_index], fresh[match.index]
        new = float(group.get("initial_lr", group["lr"]))
        if saved != new:
            yield Unlike("scheduler", match.name, "base_lr", saved, new, "checkpoint")
