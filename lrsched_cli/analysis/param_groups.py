"""What an optimizer's param groups hold."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    import torch

_NOT_SETTINGS = {"params", "param_names", "name", "lr", "initial_lr"}


@dataclass(frozen=True, slots=True)
class ParameterInfo:
    """A parameter: its name (None where the model does not name it) and its shape."""

    name: str | None
    shape: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class ParamGroupInfo:
    """A param group: its LRs, the optimizer's other settings for it, and its parameters."""

    index: int
    name: str | None
    lr: float
    base_lr: float
    settings: dict[str, Any]
    elements: int
    parameters: tuple[ParameterInfo, ...]


def describe_param_groups(
    optimizer: torch.optim.Optimizer, names: Mapping[Any, str]
) -> tuple[ParamGroupInfo, ...]:
    """Every param group of ``optimizer``; ``names`` gives the parameters' names."""
    return tuple(
        ParamGroupInfo(
            index=index,
            name=group.get("name"),
            lr=float(group["lr"]),
            base_lr=float(group.get("initial_lr", group["lr"])),
            settings={key: value for key, value in group.items() if key not in _NOT_SETTINGS},
            elements=sum(parameter.numel() for parameter in group["params"]),
            parameters=tuple(
                ParameterInfo(names.get(parameter), tuple(parameter.shape)) for parameter in group["params"]
            ),
        )
        for index, group in enumerate(optimizer.param_groups)
    )
