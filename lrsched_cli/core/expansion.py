"""One group of the file → the groups that it expands into: one per layer, with and without weight decay.

Layers are numbered as in BEiT and MAE: embeddings are layer 0, the numbered layers of the model 1 to L, and
all else is L + 1. A group of layer k has the base LR x factor ^ (L + 1 - k).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lrsched_cli.core.matching import Watch, examples
from lrsched_cli.core.patterns import MAX_LAYER, SlowPatternError, layer_number, matcher
from lrsched_cli.errors import Problem, ScheduleFileError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from lrsched_cli.core.config import Schedule
    from lrsched_cli.core.families.family import Path
    from lrsched_cli.core.model_parameters import ModelParameter
    from lrsched_cli.core.sections import LayerDecay, NoWeightDecay, ParamGroup

    Members = Sequence[Sequence[ModelParameter]]

_NO_DECAY = "/no decay"
_LAYER = "/layer "


@dataclass(frozen=True, slots=True, order=True)
class Part:
    """What a group of the file is divided by; groups come in this order. ``layer`` is -1 without layers."""

    layer: int = -1
    undecayed: bool = False

    @property
    def suffix(self) -> str:
        """What is added to the group's name.

        >>> Part(3, undecayed=True).suffix
        '/layer 3/no decay'
        """
        return (f"{_LAYER}{self.layer}" if self.layer >= 0 else "") + (_NO_DECAY if self.undecayed else "")


@dataclass(frozen=True, slots=True)
class Division:
    """The part that each parameter of one group belongs to, and what a part's LR is multiplied by."""

    part_of: dict[str, Part]
    lr_factor: dict[int, float]


def origin_of(name: str, groups: Iterable[str]) -> str | None:
    """The group of the file that a group of the optimizer comes from; None where it comes from none.

    >>> origin_of("backbone/layer 3/no decay", ["backbone", "head"])
    'backbone'
    """
    known = set(groups)
    if name in known:
        return name
    shorter = name.removesuffix(_NO_DECAY)
    if shorter in known:
        return shorter
    before, layer, number = shorter.rpartition(_LAYER)
    return before if layer and number.isdecimal() and before in known else None


def by_expanded_name(schedule: Schedule, names: Iterable[str | None]) -> dict[str | int, ParamGroup]:
    """The group of the file for each group of the optimizer, by its name there.

    What no group of the optimizer comes of keeps its name.
    """
    of_file = {group.name: group for group in schedule.param_groups}
    origins = {name: origin_of(name, of_file) for name in names if name is not None}
    found: dict[str | int, ParamGroup] = {
        name: of_file[origin] for name, origin in origins.items() if origin is not None
    }
    used = set(origins.values())
    return found | {name: group for name, group in of_file.items() if name not in used}


def weight_decay_of(schedule: Schedule, group: ParamGroup) -> float | None:
    """A group's weight decay: its own, the optimizer's, else torch's default; None where there is none."""
    for settings in (group.settings, schedule.optimizer.settings):
        if "weight_decay" in settings:
            return float(settings["weight_decay"])
    argument = schedule.optimizer_arguments.get("weight_decay")
    stated = argument is not None and isinstance(argument.default, int | float)
    return float(argument.default) if argument is not None and stated else None


def divisions(schedule: Schedule, members: Members) -> tuple[list[Division], list[Problem], list[Problem]]:
    """How every group is divided, what is wrong, and what is only odd.

    ``members`` are the parameters of each group of the file.
    """
    undecayed, problems, warnings = _undecayed(schedule, members)
    layers, more = _layers(schedule, members)
    parts = [
        Division(
            {
                one.name: Part(layers[index].layer_of.get(one.name, -1), one.name in undecayed)
                for one in group
            },
            layers[index].lr_factor,
        )
        for index, group in enumerate(members)
    ]
    return parts, problems + more, warnings


def _in_force(schedule: Schedule, key: str) -> dict[Path, list[int]]:
    """Where a rule stands, and the groups that it holds for: a group's own goes before that of all."""
    found: dict[Path, list[int]] = {}
    for index, group in enumerate(schedule.param_groups):
        own = key in group.model_fields_set
        if getattr(group if own else schedule, key) is not None:
            found.setdefault(("param_groups", index, key) if own else (key,), []).append(index)
    return found


def _rule(schedule: Schedule, key: str, path: Path) -> Any:
    holder = schedule if len(path) == 1 else schedule.param_groups[int(path[1])]
    return getattr(holder, key)


def _undecayed(schedule: Schedule, members: Members) -> tuple[set[str], list[Problem], list[Problem]]:
    """The names whose weight decay is taken away."""
    names: set[str] = set()
    problems: list[Problem] = []
    warnings: list[Problem] = []
    for path, indexes in _in_force(schedule, "no_weight_decay").items():
        rule: NoWeightDecay = _rule(schedule, "no_weight_decay", path)
        all_of_them = [one for index in indexes for one in members[index]]
        watch = Watch(len(rule.match), len(all_of_them))
        problems += _unmatched(schedule, (*path, "match"), rule.match, all_of_them, watch)
        decaying = [index for index in indexes if weight_decay_of(schedule, schedule.param_groups[index])]
        affected = [one for index in decaying for one in members[index]]
        if not decaying:
            message = "has no effect: the weight decay is 0 anyway; give the optimizer a weight_decay"
            warnings.append(schedule.problem_at(path, message))
        by_name = {one.name for one in affected if _matches(rule.match, one, watch)}
        unknown = [one.name for one in affected if one.shape is None and one.name not in by_name]
        if unknown and rule.dims_below is not None:
            message = f"needs shapes, and nothing says that of {examples(unknown)}"
            problems.append(schedule.problem_at((*path, "dims_below"), message))
        names |= by_name | {
            one.name for one in affected if one.shape is not None and len(one.shape) < (rule.dims_below or 0)
        }
    return names, problems, warnings


@dataclass(frozen=True, slots=True)
class _Layers:
    """The layer of each parameter of a group, and what the LR of each layer is multiplied by."""

    layer_of: dict[str, int]
    lr_factor: dict[int, float]


def _layers(schedule: Schedule, members: Members) -> tuple[list[_Layers], list[Problem]]:
    found = [_Layers({}, {}) for _ in members]
    problems: list[Problem] = []
    for path, indexes in _in_force(schedule, "layer_decay").items():
        rule: LayerDecay = _rule(schedule, "layer_decay", path)
        all_of_them = [one for index in indexes for one in members[index]]
        watch = Watch(1 + len(rule.embeddings), len(all_of_them))
        if "embeddings" in rule.model_fields_set:
            problems += _unmatched(schedule, (*path, "embeddings"), rule.embeddings, all_of_them, watch)
        try:
            layers = _numbered(rule, all_of_them, watch)
        except ValueError as error:
            problems.append(schedule.problem_at((*path, "layer"), str(error)))
        else:
            for index in indexes:
                found[index] = layers
    return found, problems


def _numbered(rule: LayerDecay, parameters: Sequence[ModelParameter], watch: Watch) -> _Layers:
    """The layers of these parameters. Raises ValueError where no layer is found, or too many."""
    stated = {}
    for one in parameters:
        watch.look()
        stated[one.name] = layer_number(rule.layer, one.name)
    numbers = [number for number in stated.values() if number is not None]
    if not numbers:
        raise ValueError(f"{rule.layer!r} matches no parameter of the model")
    first = min(numbers)
    top = max(numbers) - first + 2
    if top > MAX_LAYER:
        raise ValueError(f"numbers the layers from {first} to {max(numbers)}; no model has so many")
    layer_of = {}
    for one in parameters:
        number = stated[one.name]
        below = 0 if _matches(rule.embeddings, one, watch) else top
        layer_of[one.name] = below if number is None else number - first + 1
    return _Layers(layer_of, {layer: rule.factor ** (top - layer) for layer in set(layer_of.values())})


def _matches(patterns: Iterable[str], parameter: ModelParameter, watch: Watch) -> bool:
    watch.look()
    return any(matcher(pattern)(name) for pattern in patterns for name in parameter.names)


def _unmatched(
    schedule: Schedule,
    path: Path,
    patterns: Sequence[str],
    parameters: Sequence[ModelParameter],
    watch: Watch,
) -> list[Problem]:
    try:
        return [
            schedule.problem_at((*path, place), f"{pattern!r} matches no parameter of the model")
            for place, pattern in enumerate(patterns)
            if not any(_matches([pattern], one, watch) for one in parameters)
        ]
    except SlowPatternError as error:
        raise ScheduleFileError([schedule.problem_at(path, str(error))]) from None
