"""A setting that two schedules do not share: where it stands, and the new file with the old one's value."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from lrsched_cli.core.sections import GroupScheduler, ImportSection

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lrsched_cli.core.config import Schedule
    from lrsched_cli.core.parameters import Parameters


class Place(NamedTuple):
    """Where a setting stands: section and key, and for a param group's own its index in both schedules."""

    section: str
    key: str = ""
    indexes: tuple[int, int] | None = None


def place_of(key: str, groups: Mapping[str, tuple[int, int]]) -> Place:
    """Take a setting's key apart; ``groups`` has the indexes of each group, whose name may have a dot in it.

    >>> place_of("loop", {}), place_of("scheduler.T_0", {})
    (Place(section='loop', key='', indexes=None), Place(section='scheduler', key='T_0', indexes=None))
    >>> place_of("param_groups.a.b.scheduler.gamma", {"a": (0, 0), "a.b": (1, 2)})
    Place(section='scheduler', key='gamma', indexes=(1, 2))
    """
    section, _, rest = key.partition(".")
    if section != "param_groups":
        return Place(section, rest)
    name = max((name for name in groups if rest.startswith(f"{name}.")), key=len)
    stated = rest[len(name) + 1 :]
    own = stated.removeprefix("scheduler.")
    return Place("optimizer" if own == stated else "scheduler", own, groups[name])


def parameters_at(schedule: Schedule, index: int | None) -> Parameters:
    """The parameters that a group's schedule runs under; None: those of all groups."""
    return schedule.scheduler if index is None else schedule.parameters_of(schedule.param_groups[index])


def with_value_of(old: Schedule, new: Schedule, place: Place) -> Schedule | None:
    """``new`` with ``old``'s value in one place; None where that cannot be said, or is about no LR."""
    if place.section in {"loop", "batch_size"}:
        return new.model_copy(update={place.section: getattr(old, place.section)})
    if place.section == "optimizer":
        return _with_base_lr(old, new, *place.indexes) if place.indexes and place.key == "lr" else None
    if place.section != "scheduler" or _is_imported(old, place):
        return None
    if place.indexes is None:
        value = getattr(old.scheduler, place.key)
        return new.model_copy(update={"scheduler": new.scheduler.model_copy(update={place.key: value})})
    return _with_own(old, new, place.key, *place.indexes)


def _is_imported(old: Schedule, place: Place) -> bool:
    """Whether the old value is a function of the user's, which only its own schedule has at hand."""
    holder = old.scheduler if place.indexes is None else old.param_groups[place.indexes[0]].scheduler
    return isinstance(getattr(holder, place.key, None), ImportSection)


def _with_base_lr(old: Schedule, new: Schedule, old_index: int, index: int) -> Schedule:
    return _with_group(new, index, {"lr": old.base_lr(old.param_groups[old_index])})


def _with_own(old: Schedule, new: Schedule, key: str, old_index: int, index: int) -> Schedule:
    """A group's own parameter as the old file has it, which may be not at all."""
    theirs, ours = _stated(old, old_index), _stated(new, index)
    ours.pop(key, None)
    ours |= {key: theirs[key]} if key in theirs else {}
    return _with_group(new, index, {"scheduler": GroupScheduler(**ours) if ours else None})


def _stated(schedule: Schedule, index: int) -> dict[str, Any]:
    own = schedule.param_groups[index].scheduler
    return {} if own is None else {key: getattr(own, key) for key in own.model_fields_set}


def _with_group(schedule: Schedule, index: int, update: dict[str, Any]) -> Schedule:
    groups = list(schedule.param_groups)
    groups[index] = groups[index].model_copy(update=update)
    return schedule.model_copy(update={"param_groups": tuple(groups)})
