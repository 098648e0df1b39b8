"""Names and shapes → the optimizer's param groups: for ``build_optimizer`` and for looking at them alike."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lrsched_cli.core.expansion import Division, Part, divisions, weight_decay_of
from lrsched_cli.core.matching import match_names
from lrsched_cli.errors import Problem, ScheduleFileError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from lrsched_cli.core.config import Schedule
    from lrsched_cli.core.model_parameters import ModelParameter


@dataclass(frozen=True, slots=True)
class AssignedGroup:
    """One param group of the optimizer, and where it comes from.

    ``origin`` is the index of its group in the file; ``layer`` counts from the embeddings, None without
    layer decay; ``weight_decay`` is None where the optimizer has none.
    """

    name: str
    origin: int
    layer: int | None
    undecayed: bool
    lr: float
    weight_decay: float | None
    parameters: tuple[ModelParameter, ...]


@dataclass(frozen=True, slots=True)
class Assignment:
    """Every param group of a model's optimizer, in the optimizer's order.

    ``schedule`` is the file with its groups expanded, one for one those in ``groups``. ``pattern_of`` gives
    the index of the pattern in its group that took a parameter, None where the group takes the rest.
    ``warnings`` are what is odd, at its place in the file.
    """

    schedule: Schedule
    groups: tuple[AssignedGroup, ...]
    pattern_of: dict[str, int | None]
    warnings: tuple[Problem, ...]


def assign(schedule: Schedule, parameters: Sequence[ModelParameter]) -> Assignment:
    """Assign every parameter to exactly one group: the first pattern that matches, then layer and decay.

    Raises ScheduleFileError, with every problem at its place, for a pattern that matches nothing, a
    parameter in no group, tied weights in two, a group that stays empty, a rule that needs a shape which
    is not known, layers that are not found, and a name that two groups would have.
    """
    names = [name for one in parameters for name in one.names]
    matched = match_names(schedule, names, [one for one in parameters if one.also])
    members: list[list[ModelParameter]] = [[] for _ in schedule.param_groups]
    for one in parameters:
        members[matched.taken[one.name][0]].append(one)
    divided, problems, warnings = divisions(schedule, members)
    groups = [
        group
        for index, division in enumerate(divided)
        for group in _groups(schedule, index, members[index], division)
    ]
    problems += _same_names(schedule, groups)
    if problems:
        raise ScheduleFileError(sorted(problems, key=lambda one: (one.line, one.column)))
    return Assignment(
        schedule.expanded([_section(schedule, one) for one in groups], [one.origin for one in groups]),
        tuple(groups),
        {one.name: matched.taken[one.name][1] for one in parameters},
        (*matched.warnings, *warnings),
    )


def _groups(
    schedule: Schedule, index: int, members: Sequence[ModelParameter], division: Division
) -> Iterator[AssignedGroup]:
    group = schedule.param_groups[index]
    by_part: dict[Part, list[ModelParameter]] = {}
    for one in members:
        by_part.setdefault(division.part_of[one.name], []).append(one)
    for part in sorted(by_part):
        yield AssignedGroup(
            name=group.name + part.suffix,
            origin=index,
            layer=part.layer if part.layer >= 0 else None,
            undecayed=part.undecayed,
            lr=schedule.base_lr(group) * division.lr_factor.get(part.layer, 1.0),
            weight_decay=0.0 if part.undecayed else weight_decay_of(schedule, group),
            parameters=tuple(by_part[part]),
        )


def _section(schedule: Schedule, group: AssignedGroup) -> Any:
    """The group as if the file stated it; a parameter of unknown shape stands there as a scalar."""
    stated = schedule.param_groups[group.origin]
    changes: dict[str, Any] = {
        "name": group.name,
        "shapes": {one.name: one.shape or () for one in group.parameters},
        "no_weight_decay": None,
        "layer_decay": None,
    }
    if group.layer is not None:
        changes["lr"] = group.lr
    if group.undecayed:
        changes["weight_decay"] = 0.0
    return stated.model_copy(update=changes)


def _same_names(schedule: Schedule, groups: Sequence[AssignedGroup]) -> list[Problem]:
    """Groups that get a name by expansion that another group has as well."""
    seen: dict[str, AssignedGroup] = {}
    problems = []
    for group in groups:
        first = seen.setdefault(group.name, group)
        if first is not group:
            other = schedule.param_groups[first.origin].name
            message = f"{group.name!r} is also the name of what {other!r} expands into; choose another one"
            problems.append(schedule.problem_at(("param_groups", group.origin, "name"), message))
    return problems
