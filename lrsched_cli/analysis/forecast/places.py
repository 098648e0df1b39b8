"""A setting that two schedules do not share: where it stands, and the new file with the old one's value."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lrsched_cli.core.config import Schedule


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


def with_value_of(old: Schedule, new: Schedule, place: Place) -> Schedule | None:
    """``new`` with ``old``'s value in one place; None where that cannot be said, or is about no LR."""
    if place.section in {"loop", "batch_size", "step_every", "steps_per_epoch"}:
        return new.model_copy(update={place.section: getattr(old, place.section)})
    if place.section == "optimizer":
        return _with_base_lr(old, new, *place.indexes) if place.indexes and place.key == "lr" else None
    if place.section != "scheduler":
        return None
    old_index, index = place.indexes or (None, None)
    return new.family.with_setting((new, index), place.key, (old, old_index))


def _with_base_lr(old: Schedule, new: Schedule, old_index: int, index: int) -> Schedule:
    groups = list(new.param_groups)
    base_lr = old.base_lr(old.param_groups[old_index])
    groups[index] = groups[index].model_copy(update={"lr": base_lr})
    return new.model_copy(update={"param_groups": tuple(groups)})
