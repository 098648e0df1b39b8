"""Who wins where the checkpoint and the new file differ: read from what a restore really left behind."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from lrsched_cli.analysis.checkpoint.parts import plain
from lrsched_cli.analysis.checkpoint.saved import base_lrs_in
from lrsched_cli.analysis.forecast.places import place_of, with_value_of
from lrsched_cli.analysis.forecast.results import SettingFate
from lrsched_cli.analysis.group_matching import match_groups
from lrsched_cli.analysis.setting_differences import setting_differences
from lrsched_cli.core.families.family import NOT_SAVED, NOT_TOLD

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from numpy.typing import NDArray

    from lrsched_cli.analysis.forecast.places import Place
    from lrsched_cli.analysis.forecast.results import Wins
    from lrsched_cli.analysis.forecast.runs import Resumed, Saved
    from lrsched_cli.analysis.group_matching import GroupMatch
    from lrsched_cli.analysis.setting_differences import SettingDifference
    from lrsched_cli.core.config import Schedule
    from lrsched_cli.core.families.family import Holder

    Floats = NDArray[np.float64]
    LRsUnder = Callable[[Schedule], Floats]

_SCRIPT = {"steps", "loop", "batch_size", "step_every", "steps_per_epoch"}
_IMPLEMENTATION = {"foreach", "fused", "capturable", "differentiable"}
"""How an optimizer computes, not what."""
_NO_SETTING = {"name", "lr", "initial_lr", *_IMPLEMENTATION}


class Sides(NamedTuple):
    """The two schedules, what the run under the old one saved, and what came of that under the new one.

    ``lrs_under`` restores the same checkpoint under another schedule; see ``scheduled_lrs``.
    ``by_scheduler`` are the numbers of the param groups that a scheduler changes, or has put there;
    ``beyond_lrs`` says whether the plans differ in one that is not an LR.
    """

    old: Schedule
    new: Schedule
    saved: Saved
    resumed: Resumed
    lrs_under: LRsUnder
    by_scheduler: frozenset[str] = frozenset()
    beyond_lrs: bool = False

    @property
    def matches(self) -> tuple[GroupMatch, ...]:
        """The groups of the checkpoint with those of the new file."""
        old, new = ([group.name for group in one.param_groups] for one in (self.old, self.new))
        return match_groups(old, new).matches


class _Seen(NamedTuple):
    """A setting in the checkpoint, in the file, and after the restore; one value for each group it is of."""

    checkpoint: tuple[Any, ...]
    file: tuple[Any, ...]
    restored: tuple[Any, ...]

    @property
    def is_same(self) -> bool:
        """Whether the values come to the same, and the restore left them so."""
        return self.checkpoint == self.file == self.restored

    @property
    def wins(self) -> Wins:
        """Whose values the restore left."""
        if self.restored == self.checkpoint:
            return "checkpoint"
        return "file" if self.restored == self.file else "neither"


def setting_fates(sides: Sides) -> tuple[SettingFate, ...]:
    """Every setting in which the schedules differ, and what another optimizer or order brings along."""
    indexes = {match.name: (match.index, match.other_index) for match in sides.matches}
    stated = setting_differences({"checkpoint": sides.old, "file": sides.new})
    places = [place_of(one.key, indexes) for one in stated]
    fates = [_fate(sides, place, one) for place, one in zip(places, stated, strict=True)]
    known = {place.key for place in places if place.section == "optimizer"}
    return (*fates, *_brought_along(sides, known))


def _fate(sides: Sides, place: Place, stated: SettingDifference) -> SettingFate:
    checkpoint, file = stated.values
    if place.section in _SCRIPT:
        return _with_effect(sides, place, SettingFate(stated.key, checkpoint, file, "file", "script"))
    if place.section != "optimizer" and _restored(sides, place) is NOT_SAVED:
        return _with_effect(sides, place, SettingFate(stated.key, checkpoint, file, "file", "formula"))
    if place.key in _IMPLEMENTATION:
        return SettingFate(stated.key, checkpoint, file, None, "implementation")
    scheduled = place.section == "optimizer" and place.key in sides.by_scheduler
    seen = _of_optimizer(sides, place) if place.section == "optimizer" else _of_scheduler(sides, place)
    if seen.is_same or scheduled:
        return SettingFate(stated.key, checkpoint, file, None, "no difference")
    fate = SettingFate(
        key=stated.key,
        checkpoint=_shared(seen.checkpoint, checkpoint),
        file=_shared(seen.file, file),
        wins=seen.wins,
        reason="cycle length" if _is_first_cycle(sides, place) and seen.wins == "checkpoint" else "restored",
        counts=place.key not in _NO_SETTING if place.section == "optimizer" else sides.beyond_lrs,
    )
    return _with_effect(sides, place, fate)


def _shared(values: tuple[Any, ...], stated: Any) -> Any:
    """The value that all groups have, else the one that the file states for all."""
    return values[0] if values and all(one == values[0] for one in values) else stated


def _of_optimizer(sides: Sides, place: Place) -> _Seen:
    if place.key == "type":
        return _Seen((sides.saved.optimizer,), (sides.new.optimizer.type,), (sides.resumed.optimizer,))
    if place.indexes is None:
        return _in_groups(
            sides, place.key, [one for one in sides.matches if not _states(sides, one, place.key)]
        )
    old_index, index = place.indexes
    if place.key == "lr":
        old, new = sides.old.param_groups[old_index], sides.new.param_groups[index]
        restored = (base_lrs_in(sides.resumed.scheduler) or _initial_lrs(sides.resumed))[index]
        return _Seen((sides.old.base_lr(old),), (sides.new.base_lr(new),), (restored,))
    return _in_groups(sides, place.key, [one for one in sides.matches if one.index == old_index])


def _initial_lrs(resumed: Resumed) -> tuple[float, ...]:
    """The base LRs where the scheduler keeps none: those that the optimizer keeps for it, else its LRs."""
    return tuple(float(group.get("initial_lr", group["lr"])) for group in resumed.groups)


def _states(sides: Sides, match: GroupMatch, key: str) -> bool:
    """Whether a group has a value of its own, in both files."""
    old, new = sides.old.param_groups[match.index], sides.new.param_groups[match.other_index]
    return key in old.settings and key in new.settings


def _in_groups(sides: Sides, key: str, matches: Iterable[GroupMatch]) -> _Seen:
    rows = [
        (
            plain(sides.saved.groups[match.index].get(key)),
            plain(sides.resumed.fresh[match.other_index].get(key)),
            plain(sides.resumed.groups[match.other_index].get(key)),
        )
        for match in matches
    ]
    return _Seen(*zip(*rows, strict=True)) if rows else _Seen((), (), ())


def _of_scheduler(sides: Sides, place: Place) -> _Seen:
    values = [one[0].family.setting(one, place.key) for one in _holders(sides, place)]
    restored = _restored(sides, place)
    if place.key not in sides.new.family.settings(sides.new):
        restored = None  # nobody reads it there, whatever the state brings along
    elif restored is NOT_TOLD:  # then what the run does tells which of the values holds
        restored = values[1] if _acts(sides, place) else values[0]
    return _Seen((values[0],), (values[1],), (restored,))


def _holders(sides: Sides, place: Place) -> tuple[Holder, Holder]:
    old_index, index = place.indexes or (None, None)
    return (sides.old, old_index), (sides.new, index)


def _restored(sides: Sides, place: Place) -> Any:
    """What the restored scheduler's state says of a setting."""
    return sides.new.family.restored_setting(sides.resumed.scheduler, place.key, *_holders(sides, place))


def _is_first_cycle(sides: Sides, place: Place) -> bool:
    """Whether a setting is a length from which others grow, and the state holds those alone."""
    return place.key == "T_0" and place.key not in sides.resumed.scheduler


def _acts(sides: Sides, place: Place) -> bool:
    """Whether the run would take another course with the checkpoint's value in the file."""
    other = with_value_of(sides.old, sides.new, place)
    return other is None or not np.array_equal(sides.resumed.lrs, sides.lrs_under(other))


def _brought_along(sides: Sides, known: set[str]) -> Iterator[SettingFate]:
    """What no file states: defaults of another optimizer, and settings that came from another group."""
    groups = [*sides.saved.groups, *sides.resumed.fresh]
    for key in dict.fromkeys(key for group in groups for key in group):
        seen = _in_groups(sides, key, sides.matches)
        if key not in known | _NO_SETTING | sides.by_scheduler and not seen.is_same:
            checkpoint, file = (_shared(each, each) for each in (seen.checkpoint, seen.file))
            yield SettingFate(f"optimizer.{key}", checkpoint, file, seen.wins, "restored", counts=True)


def _with_effect(sides: Sides, place: Place, fate: SettingFate) -> SettingFate:
    """The same, with the update from which on the file's value makes another LR than the checkpoint's."""
    if fate.wins != "file":
        return fate
    other = with_value_of(sides.old, sides.new, place)
    if other is None:
        return fate
    lrs, without = sides.resumed.lrs, sides.lrs_under(other)
    differing = np.flatnonzero((lrs[: len(without)] != without).any(axis=1))
    first = int(differing[0]) if len(differing) else len(without)  # one that fails ends there
    acts = first < len(lrs)
    return replace(fate, acts=acts, acts_from=len(sides.saved.lrs) + first + 1 if acts else None)
