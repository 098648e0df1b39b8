"""Schedule → optimizer and scheduler: the one place that makes torch objects."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import torch

from lrsched_cli.core.assignment import assign
from lrsched_cli.core.model_parameters import parameters_of_module
from lrsched_cli.errors import ScheduleFileError, ScheduleFileWarning

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from lrsched_cli.core.config import Schedule


def build_optimizer(schedule: Schedule, model: torch.nn.Module) -> torch.optim.Optimizer:
    """The configured optimizer over ``model``'s named parameters; see ``Schedule.build_optimizer``."""
    assignment = assign(schedule.as_stated, parameters_of_module(model))
    for problem in assignment.warnings:
        warnings.warn(str(problem), ScheduleFileWarning, stacklevel=3)
    tensors = dict(model.named_parameters(remove_duplicate=False))
    contents = [{one.name: tensors[one.name] for one in group.parameters} for group in assignment.groups]
    return optimizer_over(assignment.schedule, optimizer_class(schedule), contents)


def build_scheduler(schedule: Schedule, optimizer: torch.optim.Optimizer) -> Any:
    """The configured scheduler, of whichever family; see ``Schedule.build_scheduler``."""
    return schedule.family.build(schedule, optimizer)


def optimizer_class(schedule: Schedule) -> type[torch.optim.Optimizer]:
    """The class that the file names."""
    found: Any = schedule.imported_optimizer or getattr(torch.optim, schedule.optimizer.type)
    kind: type[torch.optim.Optimizer] = found
    return kind


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
        optimizer = kind(groups, **_defaults(schedule), **implementation)
    except Exception as error:  # whatever torch finds wrong is the settings' fault
        problem = schedule.problem_at(("optimizer",), f"{_who(schedule)} refuses these settings: {error}")
        raise ScheduleFileError([problem]) from error
    if not isinstance(optimizer, torch.optim.Optimizer):
        message = f"{schedule.optimizer.type!r} is no torch.optim.Optimizer"
        raise ScheduleFileError([schedule.problem_at(("optimizer", "type"), message)])
    return optimizer


def _who(schedule: Schedule) -> str:
    return "torch" if schedule.imported_optimizer is None else schedule.optimizer.type


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
                kind([one], **{**_defaults(schedule), **group.settings})
            except Exception as error:  # as above
                message = f"{_who(schedule)} refuses these settings: {error}"
                raise ScheduleFileError([schedule.problem_at(("param_groups", index), message)]) from error
