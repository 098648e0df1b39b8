"""The states that a checkpoint holds, checked and read into frozen values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lrsched_cli.analysis.checkpoint.parts import MISSING, kind_text, plain, whole
from lrsched_cli.core.factors import learning_rate
from lrsched_cli.core.families import kind_of_state
from lrsched_cli.core.findings import MAX_GROUPS
from lrsched_cli.core.scheduler_state import read_state
from lrsched_cli.core.sections import OWN_SCHEDULER as OWN
from lrsched_cli.errors import LONGEST_LINE, StateError, UsageError, shortened

if TYPE_CHECKING:
    from pathlib import Path

    from lrsched_cli.analysis.checkpoint.parts import FoundPart
    from lrsched_cli.core.scheduler_state import SavedGroup, SavedState

_NOT_SETTINGS = {"params", "param_names", "name", "lr"}


@dataclass(frozen=True, slots=True)
class SavedParamGroup:
    """A param group of the optimizer's state: its LR, what kind of number holds it, its other settings."""

    name: str | None
    lr: float
    dtype: str
    """``float64`` for a plain number, else the dtype of the tensor that holds the LR."""
    settings: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class SavedOptimizer:
    """The optimizer's state; ``updates`` are the fewest and the most of its parameters' own counters."""

    key: str
    groups: tuple[SavedParamGroup, ...]
    updates: tuple[int, int] | None
    param_groups: tuple[Mapping[str, Any], ...]
    """As they were saved."""


@dataclass(frozen=True, slots=True)
class SavedScheduler:
    """The scheduler's state: of which class it is, at which step it stands, which LRs it believes in."""

    key: str
    kind: str
    own: SavedState | None
    """The state as this package's own scheduler reads it; None where it is of another class."""
    state: Mapping[str, Any]
    step: int | None
    step_field: str
    names: tuple[str | None, ...] | None
    lrs: tuple[float, ...] | None
    base_lrs: tuple[float, ...] | None


def read_optimizer(part: FoundPart, path: Path) -> SavedOptimizer:
    """Check an optimizer's state. Raises UsageError, naming the entry that is missing or of a wrong kind."""
    place = _place(part, path)
    groups = part.value.get("param_groups", MISSING)
    if groups is MISSING:
        raise UsageError(f"{place}is no optimizer's state: param_groups is missing")
    if not isinstance(groups, list | tuple) or not all(isinstance(one, Mapping) for one in groups):
        raise UsageError(f"{place}param_groups must be a list of dicts (got {kind_text(groups)})")
    read = tuple(_param_group(group, f"{place}param_groups.{index}") for index, group in enumerate(groups))
    return SavedOptimizer(part.key, read, _updates(part.value, groups), tuple(groups))


def _place(part: FoundPart, path: Path) -> str:
    return f"{path}: {part.key}: " if part.key else f"{path}: "


def _param_group(group: Mapping[str, Any], place: str) -> SavedParamGroup:
    if "lr" not in group:
        raise UsageError(f"{place} has no lr")
    lr = plain(group["lr"])
    if isinstance(lr, bool) or not isinstance(lr, int | float):
        raise UsageError(f"{place}.lr must be a number (got {kind_text(group['lr'])})")
    settings = {str(key): plain(value) for key, value in group.items() if key not in _NOT_SETTINGS}
    return SavedParamGroup(
        name=None if group.get("name") is None else str(group["name"]),
        lr=float(lr),
        dtype=str(getattr(group["lr"], "dtype", "float64")).removeprefix("torch."),
        settings={key: value for key, value in settings.items() if value is not MISSING},
    )


def _updates(state: Mapping[str, Any], groups: Any) -> tuple[int, int] | None:
    """The counters of Adam and its kin, one per parameter; some libraries have one per group."""
    by_parameter = state.get("state")
    holders = [*by_parameter.values()] if isinstance(by_parameter, Mapping) else []
    found = [whole(one["step"]) for one in [*holders, *groups] if isinstance(one, Mapping) and "step" in one]
    counts = [one for one in found if one is not None]
    return (min(counts), max(counts)) if counts else None


def read_scheduler(part: FoundPart, path: Path) -> SavedScheduler:
    """Check a scheduler's state, of this package's own class or of another.

    Raises StateError where it is of the own class and cannot be restored from.
    """
    state = part.value
    kind = kind_of_state(state)
    if kind == OWN:
        try:
            _check_groups(state.get("groups"))
            return _own(part, read_state(state))
        except StateError as error:
            raise StateError(f"{_place(part, path)}{shortened(str(error), LONGEST_LINE)}") from None
    field, step = _step_of(state)
    return SavedScheduler(
        key=part.key,
        kind=kind,
        own=None,
        state=state,
        step=step,
        step_field=field,
        names=None,
        lrs=_numbers(state.get("_last_lr")),
        base_lrs=base_lrs_in(state),
    )


def _check_groups(groups: Any) -> None:
    """Refuse at once what would be wrong in as many places as it is long, such as a tensor of numbers."""
    if groups is None or (isinstance(groups, list | tuple) and len(groups) <= MAX_GROUPS):
        return
    wanted = f"must be a list of {MAX_GROUPS:,} at most"
    raise StateError(f"this is no state of {OWN}: groups {wanted} (got {kind_text(groups)})")


def _own(part: FoundPart, saved: SavedState) -> SavedScheduler:
    groups = saved.groups
    return SavedScheduler(
        key=part.key,
        kind=OWN,
        own=saved,
        state=part.value,
        step=saved.global_step,
        step_field="global_step",
        names=None if groups is None else tuple(group.name for group in groups),
        lrs=None if groups is None else tuple(_written(saved, group) for group in groups),
        base_lrs=None if groups is None else tuple(group.base_lr for group in groups),
    )


def _written(saved: SavedState, group: SavedGroup) -> float:
    """The LR that the scheduler had written into a group when it was saved, by its own settings."""
    if group.lr_scale is None:
        return group.base_lr
    settings = {**(saved.hyperparameters or {}), **group.overrides}
    low, high = (plain(settings.get(key)) for key in ("eta_scal_min", "eta_scal_max"))
    if not isinstance(low, int | float) or not isinstance(high, int | float):
        raise StateError(f"this is no state of {OWN}: eta_scal_min or eta_scal_max is missing")
    return learning_rate(group.base_lr, low, high, group.lr_scale)


def _step_of(state: Mapping[str, Any]) -> tuple[str, int | None]:
    for field in ("last_epoch", "global_step", "num_updates"):
        if (step := whole(state.get(field))) is not None:
            return field, step
    count = whole(state.get("_step_count"))
    if count:
        return "_step_count - 1", count - 1  # torch counts the step that construction takes
    inner = state.get("_schedulers")
    if isinstance(inner, list | tuple) and inner and isinstance(inner[0], Mapping):
        field, step = _step_of(inner[0])
        return f"_schedulers.0.{field}", step
    return "", None


def base_lrs_in(state: Mapping[str, Any]) -> tuple[float, ...] | None:
    """The base LRs that a scheduler's state holds, or its first part's; None where it holds none."""
    return _numbers(_base_lrs(state))


def _base_lrs(state: Mapping[str, Any]) -> Any:
    inner = state.get("_schedulers")
    if (
        "base_lrs" not in state
        and isinstance(inner, list | tuple)
        and inner
        and isinstance(inner[0], Mapping)
    ):
        return _base_lrs(inner[0])
    return state.get("base_lrs")


def _numbers(value: Any) -> tuple[float, ...] | None:
    each = plain(value)
    if not isinstance(each, tuple) or not each or not all(isinstance(one, int | float) for one in each):
        return None
    return tuple(map(float, each))
