"""Optimizers over stand-ins for a real model's parameters: for the dry run, and for training in small."""

from __future__ import annotations

import inspect
from contextlib import suppress
from typing import TYPE_CHECKING, Any, NamedTuple

import torch

from lrsched_cli.core.build import optimizer_class, optimizer_over
from lrsched_cli.errors import ScheduleFileError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from lrsched_cli.core.config import Schedule

    Contents = list[dict[str, torch.nn.Parameter]]

_LARGEST_SIDE = 2
"""A dimension of a parameter that is trained in small."""


class SmallModel(NamedTuple):
    """A small model of the configured groups, the optimizer that trains it, and its parameters' names."""

    model: torch.nn.Module
    optimizer: torch.optim.Optimizer
    names: Mapping[torch.nn.Parameter, str]


def dummy_optimizer(schedule: Schedule) -> tuple[torch.optim.Optimizer, dict[torch.Tensor, str]]:
    """The configured optimizer over dummy parameters of the configured shapes, and their names.

    The dummies are views of one number each: a group of any size costs no memory. A group without
    shapes gets one scalar, or a 1 x 1 matrix where torch takes no scalar.
    """
    optimizer, contents = _over_stand_ins(schedule, lambda shape: torch.zeros(()).expand(shape))
    return optimizer, {parameter: name for group in contents for name, parameter in group.items()}


def idle_update(optimizer: torch.optim.Optimizer) -> None:
    """An update without gradients: it changes nothing, but the optimizer has been stepped."""
    with torch.no_grad(), suppress(TypeError):  # LBFGS wants a closure; that it was called is enough
        optimizer.step()


def small_model(schedule: Schedule) -> SmallModel:
    """The configured optimizer over parameters of the configured shapes that can be trained in no time.

    No side of a parameter is longer than two, and of those that are then alike a group has one: the law is
    that of the group, not of a tensor. torch's fused implementation is taken where the class
    has one and the file asks for none: it obeys the same law in a third of the time.
    """
    optimizer, contents = _over_stand_ins(_in_small(schedule), torch.zeros, _quick(schedule))
    model = torch.nn.ParameterList([parameter for group in contents for parameter in group.values()])
    names = {
        parameter: f"{name} of {group.name}"
        for group, parameters in zip(schedule.param_groups, contents, strict=True)
        for name, parameter in parameters.items()
    }
    return SmallModel(model, optimizer, names)


def _in_small(schedule: Schedule) -> Schedule:
    """The schedule with small shapes, each once in a group."""
    groups = []
    for group in schedule.param_groups:
        names: dict[tuple[int, ...], str] = {}
        for name, shape in group.shapes.items():
            names.setdefault(tuple(min(side, _LARGEST_SIDE) for side in shape), name)
        groups.append(group.model_copy(update={"shapes": {name: shape for shape, name in names.items()}}))
    return schedule.model_copy(update={"param_groups": tuple(groups)})


def _over_stand_ins(
    schedule: Schedule,
    tensor: Callable[[tuple[int, ...]], torch.Tensor],
    implementation: dict[str, bool] | None = None,
) -> tuple[torch.optim.Optimizer, Contents]:
    kind = optimizer_class(schedule)
    if schedule.imported_optimizer is None:
        kind = _without_compiler(kind)
    settings = implementation or {}
    contents = _contents(schedule, tensor, ())
    try:
        return optimizer_over(schedule, kind, contents, **settings), contents
    except ScheduleFileError:
        # Some optimizers (Muon) take matrices alone; where that was not it, torch refuses again.
        contents = _contents(schedule, tensor, (1, 1))
        return optimizer_over(schedule, kind, contents, **settings), contents


def _contents(
    schedule: Schedule, tensor: Callable[[tuple[int, ...]], torch.Tensor], default: tuple[int, ...]
) -> Contents:
    """The configured shapes of every group; a group without any gets one parameter of the default shape."""
    return [
        {
            name: torch.nn.Parameter(tensor(shape))
            for name, shape in (group.shapes or {group.name: default}).items()
        }
        for group in schedule.param_groups
    ]


def _quick(schedule: Schedule) -> dict[str, bool]:
    stated = dict(schedule.optimizer.settings)
    for group in schedule.param_groups:
        stated |= group.settings
    asks = any(stated.get(key) is not None for key in ("fused", "foreach")) or stated.get("differentiable")
    return {"fused": True} if "fused" in schedule.optimizer_arguments and not asks else {}


def _without_compiler(kind: type[torch.optim.Optimizer]) -> type[torch.optim.Optimizer]:
    """The same class, but using it does not import ``torch._dynamo``.

    torch wraps these methods so that the first call imports its compiler, which takes as long as
    importing torch itself and serves nothing here; ``step`` then has to be called under ``no_grad``.
    """
    wrapped = ("add_param_group", "state_dict", "load_state_dict", "zero_grad")
    plain = {name: inspect.unwrap(getattr(kind, name)) for name in wrapped}
    plain_step = inspect.unwrap(kind.step)

    def step(self: torch.optim.Optimizer, *closure: Callable[[], float]) -> Any:
        return plain_step(self, *closure)

    step.hooked = True  # type: ignore[attr-defined]  # else torch wraps it once more, for its profiler
    return type(kind.__name__, (kind,), {**plain, "step": step})
