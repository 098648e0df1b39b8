"""The param groups that a schedule makes of a model's parameters, in numbers and in names."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from lrsched_cli.analysis.name_folding import FoldedNames, folded, unfolded

if TYPE_CHECKING:
    from collections.abc import Iterable

    from lrsched_cli.core.assignment import AssignedGroup, Assignment
    from lrsched_cli.core.model_parameters import ModelListing, ModelParameter


@dataclass(frozen=True, slots=True)
class PatternUse:
    """What a pattern took; ``pattern`` is None for a group that takes the rest."""

    pattern: str | None
    tensors: int
    elements: int


@dataclass(frozen=True, slots=True)
class ModelGroup:
    """A param group of the optimizer.

    ``group`` is the name of its group in the file. ``elements`` counts what is known, ``unknown`` the tensors
    of unknown shape; ``share`` is that of all the model's elements, None where some are unknown.
    ``layer`` is None without layer decay, ``weight_decay`` where the optimizer has none.
    """

    index: int
    name: str
    group: str
    layer: int | None
    no_decay: bool
    lr: float
    weight_decay: float | None
    tensors: int
    elements: int
    unknown: int
    share: float | None
    patterns: tuple[PatternUse, ...]
    names: tuple[FoldedNames, ...]
    parameters: tuple[ModelParameter, ...]


@dataclass(frozen=True, slots=True)
class PatternContents:
    """What one pattern of one group took, with or without weight decay, in all layers."""

    group: str
    pattern: str | None
    no_decay: bool
    lines: tuple[ContentsLine, ...]


@dataclass(frozen=True, slots=True)
class ContentsLine:
    """Parameters in one line, and the layers that they are in; none without layer decay."""

    names: FoldedNames
    layers: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class ModelGroups:
    """All param groups of a model's optimizer.

    ``source`` is where the parameters were read from, ``fingerprint`` the hash of the schedule with these
    groups.
    """

    name: str
    fingerprint: str
    source: str
    optimizer: str
    tensors: int
    elements: int
    unknown: int
    groups: tuple[ModelGroup, ...]
    contents: tuple[PatternContents, ...]


def describe_model_groups(assignment: Assignment, listing: ModelListing) -> ModelGroups:
    """Count, share out and fold what ``assign`` made of a model's parameters."""
    everything = [one for group in assignment.groups for one in group.parameters]
    elements, unknown = _elements(everything)
    stated = assignment.schedule.as_stated.param_groups
    groups = tuple(
        _group(index, group, stated[group.origin].name, assignment, 0 if unknown else elements)
        for index, group in enumerate(assignment.groups)
    )
    schedule = assignment.schedule
    return ModelGroups(
        name=schedule.name,
        fingerprint=schedule.fingerprint,
        source=listing.source,
        optimizer=schedule.optimizer.type,
        tensors=len(everything),
        elements=elements,
        unknown=unknown,
        groups=groups,
        contents=_contents(assignment),
    )


def _group(index: int, group: AssignedGroup, name: str, assignment: Assignment, total: int) -> ModelGroup:
    elements, unknown = _elements(group.parameters)
    return ModelGroup(
        index=index,
        name=group.name,
        group=name,
        layer=group.layer,
        no_decay=group.undecayed,
        lr=group.lr,
        weight_decay=group.weight_decay,
        tensors=len(group.parameters),
        elements=elements,
        unknown=unknown,
        share=elements / total if total else None,
        patterns=tuple(_pattern_uses(group, assignment)),
        names=folded(group.parameters),
        parameters=group.parameters,
    )


def _elements(parameters: Iterable[ModelParameter]) -> tuple[int, int]:
    """The elements of those of known shape, and how many are of an unknown one."""
    counts = [one.elements for one in parameters]
    known = [count for count in counts if count is not None]
    return sum(known), len(counts) - len(known)


def _pattern_uses(group: AssignedGroup, assignment: Assignment) -> Iterable[PatternUse]:
    taken: dict[int | None, list[ModelParameter]] = {}
    for one in group.parameters:
        taken.setdefault(assignment.pattern_of[one.name], []).append(one)
    for place in sorted(taken, key=lambda place: -1 if place is None else place):
        yield PatternUse(
            _pattern(assignment, group.origin, place), len(taken[place]), _elements(taken[place])[0]
        )


def _pattern(assignment: Assignment, origin: int, place: int | None) -> str | None:
    return None if place is None else assignment.schedule.as_stated.param_groups[origin].match[place]


def _contents(assignment: Assignment) -> tuple[PatternContents, ...]:
    """The parameters as the file divides them: by group, pattern and weight decay, all layers together."""
    parts: dict[tuple[int, int, bool], list[ModelParameter]] = {}
    layer_of: dict[str, int] = {}
    for group in assignment.groups:
        for one in group.parameters:
            place = assignment.pattern_of[one.name]
            key = (group.origin, -1 if place is None else place, group.undecayed)
            parts.setdefault(key, []).append(one)
            if group.layer is not None:
                layer_of[one.name] = group.layer
    return tuple(
        PatternContents(
            group=assignment.schedule.as_stated.param_groups[origin].name,
            pattern=_pattern(assignment, origin, None if place < 0 else place),
            no_decay=no_decay,
            lines=tuple(_lines(parts[origin, place, no_decay], layer_of)),
        )
        for origin, place, no_decay in sorted(parts)
    )


def _lines(parameters: Iterable[ModelParameter], layer_of: dict[str, int]) -> Iterable[ContentsLine]:
    for line in folded(parameters):
        layers = {layer_of[name] for name in unfolded(line.names) if name in layer_of}
        yield ContentsLine(line, tuple(sorted(layers)))
