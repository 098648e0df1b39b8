"""Schedule → optimizer and scheduler: the one place that makes torch objects."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

import torch

from lrsched_cli.core.scheduler import LRScheduler
from lrsched_cli.errors import Problem, ScheduleFileError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from lrsched_cli.core.config import Schedule
    from lrsched_cli.core.sections import ParamGroup

_EXAMPLES = 5


def build_optimizer(schedule: Schedule, model: torch.nn.Module) -> torch.optim.Optimizer:
    """The configured optimizer over ``model``'s named parameters; see ``Schedule.build_optimizer``."""
    tensors = dict(model.named_parameters())
    by_group = match_parameters(schedule, tensors)
    contents = [{name: tensors[name] for name in names} for names in by_group]
    return optimizer_over(schedule, optimizer_class(schedule), contents)


def build_scheduler(schedule: Schedule, optimizer: torch.optim.Optimizer) -> LRScheduler:
    """The configured scheduler; a group's own schedule goes to the optimizer's group of that name."""
    overrides: dict[str | int, dict[str, Any]] = {
        group.name: {
            **group.scheduler.model_dump(include=group.scheduler.model_fields_set - {"custom_lambda"}),
            **_own_lambda(schedule, group),
        }
        for group in schedule.param_groups
        if group.scheduler is not None
    }
    parameters = schedule.scheduler.model_dump(exclude={"type", "custom_lambda"})
    return LRScheduler(
        optimizer,
        **parameters,
        custom_lambda=schedule.custom_lambda_of(),
        group_overrides=overrides,
    )


def match_parameters(schedule: Schedule, names: Iterable[str]) -> list[list[str]]:
    """Which parameters each group gets: patterns in order, the first that matches wins.

    A group without ``match`` takes the rest. Raises ScheduleFileError, with every problem, for a
    pattern that matches nothing, a parameter in no group, and a group that stays empty.
    """
    names = list(names)
    groups = schedule.param_groups
    rest = [index for index, group in enumerate(groups) if not group.match]
    problems = [
        schedule.problem_at(
            ("param_groups", index),
            f"has no match, like {groups[rest[0]].name!r}; only one group can take the rest",
        )
        for index in rest[1:]
    ]
    problems += _unmatched_patterns(schedule, names)
    members: list[list[str]] = [[] for _ in groups]
    left: list[str] = []
    for name in names:
        index = _first_match(groups, name)
        (left if index is None else members[index]).append(name)
    if left and rest:
        members[rest[0]] = left
    elif left:
        shown = ", ".join(left[:_EXAMPLES]) + (
            f" and {len(left) - _EXAMPLES} more" if len(left) > _EXAMPLES else ""
        )
        problems.append(
            schedule.problem_at(
                ("param_groups",),
                f"no pattern matches {shown}; add a pattern, or a group without match for the rest",
            )
        )
    problems += _empty_groups(schedule, members, problems)
    if problems:
        raise ScheduleFileError(sorted(problems, key=lambda one: (one.line, one.column)))
    return members


def _unmatched_patterns(schedule: Schedule, names: list[str]) -> list[Problem]:
    return [
        schedule.problem_at(
            ("param_groups", index, "match", place), f"{pattern!r} matches no parameter of the model"
        )
        for index, group in enumerate(schedule.param_groups)
        for place, pattern in enumerate(group.match)
        if not any(fnmatchcase(name, pattern) for name in names)
    ]


def _empty_groups(schedule: Schedule, members: list[list[str]], known: list[Problem]) -> list[Problem]:
    """Groups without a parameter, where no other problem explains it already."""
    if known:
        return []
    return [
        schedule.problem_at(
            ("param_groups", index),
            "gets no parameter: earlier groups match all of them first"
            if group.match
            else "gets no parameter: nothing is left",
        )
        for index, group in enumerate(schedule.param_groups)
        if not members[index]
    ]


def _first_match(groups: Iterable[ParamGroup], name: str) -> int | None:
    for index, group in enumerate(groups):
        if any(fnmatchcase(name, pattern) for pattern in group.match):
            return index
    return None


def _own_lambda(schedule: Schedule, group: ParamGroup) -> dict[str, Any]:
    own = group.scheduler
    if own is None or "custom_lambda" not in own.model_fields_set:
        return {}
    return {"custom_lambda": schedule.custom_lambda_of(group)}


def optimizer_class(schedule: Schedule) -> type[torch.optim.Optimizer]:
    """The class that the file names."""
    found: type[torch.optim.Optimizer] = getattr(torch.optim, schedule.optimizer.type)
    return found


def optimizer_over(
    schedule: Schedule,
    kind: type[torch.optim.Optimizer],
    contents: Sequence[Mapping[str, torch.nn.Parameter]],
    **implementation: Any,
) -> torch.optim.Optimizer:
    """An optimizer of this kind with the configured param groups, each over its named parameters.

    ``implementation`` are settings besides the file's (``fused``). Raises ScheduleFileError for settings
    that torch refuses.
    """
    _check_group_settings(schedule, kind)
    groups = [
        {
            "params": list(parameters.values()),
            "name": group.name,
            "lr": schedule.base_lr(group),
            **group.settings,
        }
        for group, parameters in zip(schedule.param_groups, contents, strict=True)
    ]
    try:
        return kind(groups, **_defaults(schedule), **implementation)
    except Exception as error:  # whatever torch finds wrong is the settings' fault
        problem = schedule.problem_at(("optimizer",), f"torch refuses these settings: {error}")
        raise ScheduleFileError([problem]) from error


def _defaults(schedule: Schedule) -> dict[str, Any]:
    """What the optimizer's class is called with; a group added later in training starts from it."""
    stated = schedule.optimizer.lr
    return schedule.optimizer.settings if stated is None else {"lr": stated, **schedule.optimizer.settings}


def _check_group_settings(schedule: Schedule, kind: type[torch.optim.Optimizer]) -> None:
    """Have torch check a group's own settings, which it does only where they are the optimizer's."""
    for index, group in enumerate(schedule.param_groups):
        if group.settings:
            one = torch.nn.Parameter(torch.zeros(1, 1))
            try:
                kind([one], **{**schedule.optimizer.settings, **group.settings})
            except Exception as error:  # as above
                message = f"torch refuses these settings: {error}"
                raise ScheduleFileError([schedule.problem_at(("param_groups", index), message)]) from error
