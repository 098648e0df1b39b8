"""A model's parameters as names and shapes, wherever they come from: a module, or a file of its weights."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True, slots=True)
class ModelParameter:
    """One parameter: its name, its shape (None: unknown), and the further names that it is tied to."""

    name: str
    shape: tuple[int, ...] | None = None
    also: tuple[str, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """All its names, the first one first."""
        return (self.name, *self.also)

    @property
    def elements(self) -> int | None:
        """How many numbers it holds; None where its shape is unknown."""
        return None if self.shape is None else math.prod(self.shape)


@dataclass(frozen=True, slots=True)
class ModelListing:
    """The parameters that ``source`` (a file, an import reference) names, and what is worth knowing of it."""

    source: str
    parameters: tuple[ModelParameter, ...]
    notes: tuple[str, ...] = ()


def parameters_of_module(model: torch.nn.Module) -> tuple[ModelParameter, ...]:
    """The parameters of a module in their order; one that has several names (tied weights) comes once."""
    names: dict[int, list[str]] = {}
    tensors: dict[int, torch.nn.Parameter] = {}
    for name, tensor in model.named_parameters(remove_duplicate=False):
        names.setdefault(id(tensor), []).append(name)
        tensors[id(tensor)] = tensor
    return tuple(
        ModelParameter(first, _shape(tensors[key]), tuple(others)) for key, (first, *others) in names.items()
    )


def _shape(tensor: torch.nn.Parameter) -> tuple[int, ...] | None:
    """A parameter's shape; a lazy one has none yet."""
    try:
        return tuple(tensor.shape)
    except RuntimeError:
        return None
