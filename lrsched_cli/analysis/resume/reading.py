"""Reading what an optimizer and a scheduler hold, quickly enough to do it at every update."""

from __future__ import annotations

import hashlib
import marshal
import math
import struct
import warnings
from collections import Counter
from contextlib import contextmanager
from numbers import Real
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import torch

from lrsched_cli.analysis.resume.recording import Layouts, TensorPart, row_bytes
from lrsched_cli.analysis.resume.training import Run

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from lrsched_cli.analysis.resume.training import Built, Training

# Version 2 writes doubles as they are, and the same bytes for equal data, however objects are shared.
_MARSHAL_VERSION = 2


class _Place(NamedTuple):
    """A number in a param group: the value under a key, or one of several in it."""

    group: int
    key: str
    element: int | None


class Reader:
    """Reads rows of a run; the names of what it reads go into ``layouts``."""

    def __init__(self, built: Built, layouts: Layouts) -> None:
        self._groups = built.optimizer.param_groups
        self._numbers = _Numbers(self._groups, layouts)
        self._tensors = _Tensors(built, layouts)
        self._scheduler = built.scheduler
        self._before: tuple[int, bytes] = (0, b"")

    def before_update(self) -> None:
        """Read the param groups' numbers, right before the optimizer's step."""
        self._before = self._numbers.read()

    def row(self) -> bytes:
        """The row of the update that has just been made."""
        number, tensors, others = self._tensors.read()
        state = self._scheduler.state_dict() if hasattr(self._scheduler, "state_dict") else None
        return row_bytes(self._before, (number, tensors), _marshalled((state, others)))


class _Numbers:
    """The numbers of the param groups as doubles: one LR for each group, then all others, group by group.

    Flags count as 0 and 1, an LR that is no number is NaN. What is no number for now (None, text) is
    watched, since it may become one.
    """

    def __init__(self, groups: list[dict[str, Any]], layouts: Layouts) -> None:
        self._groups = groups
        self._layouts = layouts
        self._sizes: list[int] = []

    def read(self) -> tuple[int, bytes]:
        groups = self._groups
        if [len(group) for group in groups] != self._sizes:
            self._look()
        try:
            values = [groups[group][key] for group, key in self._single]
            for group, key in self._several:
                values += groups[group][key]
            values += [groups[group][key][element] for group, key, element in self._picked]
            if [_kind(groups[group][key]) for group, key in self._watched] == self._types:
                return self._number, self._format.pack(*values)
        except (struct.error, TypeError, KeyError):
            pass  # something became a tensor, or None, or longer, or is gone: look again at what is there
        self._look()
        return self._number, self._format.pack(*(self._slowly(place) for place in self._places))

    def _look(self) -> None:
        """Find the numbers that there are."""
        self._sizes = [len(group) for group in self._groups]
        found = [place for index, group in enumerate(self._groups) for place in _numbers_in(index, group)]
        lrs = [_Place(index, "lr", None) for index in range(len(self._groups))]
        single = [place for place in found if place.key != "lr" and place.element is None]
        elements = [place for place in found if place.element is not None]
        counts = Counter((place.group, place.key) for place in elements)
        self._several = [
            (group, key) for group, key in counts if counts[group, key] == len(self._groups[group][key])
        ]
        several = [place for place in elements if place[:2] in self._several]
        picked = [place for place in elements if place[:2] not in self._several]  # beside what is no number
        self._places = [*lrs, *single, *several, *picked]
        self._single = [(place.group, place.key) for place in (*lrs, *single)]
        self._picked = [(place.group, place.key, place.element) for place in picked]
        read = {*self._single, *self._several}
        self._watched = [
            (index, key)
            for index, group in enumerate(self._groups)
            for key in group
            if key != "params" and (index, key) not in read
        ]
        self._types = [_kind(self._groups[group][key]) for group, key in self._watched]
        self._format = struct.Struct(f"<{len(self._places)}d")
        self._number = self._layouts.number_of_numbers(tuple(map(self._name, self._places)))

    def _slowly(self, place: _Place) -> float:
        held = self._groups[place.group].get(place.key)
        value = held if place.element is None or held is None else held[place.element]
        return float(value) if value is not None and _is_number(value) else math.nan

    def _name(self, place: _Place) -> str:
        key = place.key if place.element is None else f"{place.key}[{place.element}]"
        return f"{key} of {group_name(self._groups, place.group)}"


def group_name(groups: list[dict[str, Any]], index: int) -> str:
    """A param group's name; an unnamed one goes by its index."""
    return str(groups[index].get("name") or f"group {index}")


def _numbers_in(index: int, group: Mapping[str, Any]) -> Iterator[_Place]:
    for key, value in group.items():
        if key == "params":
            continue
        if _is_number(value):
            yield _Place(index, key, None)
        elif isinstance(value, list | tuple) and any(map(_is_number, value)):
            yield from (_Place(index, key, place) for place, one in enumerate(value) if _is_number(one))


def _kind(value: Any) -> Any:
    """The type of a value, and those of the elements of a list."""
    kind = type(value)
    return (kind, *map(type, value)) if kind is list or kind is tuple else kind


def _is_number(value: Any) -> bool:
    return isinstance(value, Real) or (isinstance(value, torch.Tensor) and value.numel() == 1)


class _Tensors:
    """Weights and optimizer state; a tensor that stays where it is in memory is read without asking torch."""

    def __init__(self, built: Built, layouts: Layouts) -> None:
        self._optimizer = built.optimizer
        self._names = built.names
        self._layouts = layouts
        self._at: list[int] | None = None
        self._can_stay = self._has_large = False

    def read(self) -> tuple[int, bytes, list[Any]]:
        """The layout, the bytes of all tensors, and what in the state is none, by the parameter's place."""
        tensors: list[torch.Tensor] = []
        others: list[tuple[int, str, Any]] = []
        state = self._optimizer.state
        of_parameters = weights = 0
        for group in self._optimizer.param_groups:
            for parameter in group["params"]:
                tensors.append(parameter)
                of_parameters += parameter in state
                for key, value in state.get(parameter, _NOTHING).items():
                    if isinstance(value, torch.Tensor):
                        tensors.append(value)
                    else:
                        others.append((weights, key, value))
                weights += 1
        if len(state) > of_parameters:
            others += [(-1, str(key), one) for key, one in state.items() if not isinstance(key, torch.Tensor)]
        at = [one.data_ptr() for one in tensors]
        if at != self._at or not self._can_stay:
            self._at = at
            self._can_stay = all(map(_is_in_plain_memory, tensors))
            self._number = self._layouts.number_of_tensors(tuple(self._parts()))
            # The views keep their memory alive: as long as they are held, no other tensor can get it.
            self._views = [_raw(one) for one in tensors]
            self._has_large = any(map(_is_large, self._views))
        if self._has_large:
            return (
                self._number,
                b"".join(_digest(one) if _is_large(one) else one for one in self._views),
                others,
            )
        return self._number, b"".join(self._views), others

    def _parts(self) -> Iterator[TensorPart]:
        unnamed = 0
        for group in self._optimizer.param_groups:
            for parameter in group["params"]:
                unnamed += parameter not in self._names
                name = self._names.get(parameter, f"parameter {unnamed} without a name")
                yield _part(name, parameter, is_weight=True)
                for key, value in self._optimizer.state.get(parameter, _NOTHING).items():
                    if isinstance(value, torch.Tensor):
                        yield _part(f"{key} of {name}", value, is_weight=False)


_NOTHING: dict[str, Any] = {}
_LARGEST_RAW, _DIGEST_BYTES = 4096, 16


def _part(name: str, tensor: torch.Tensor, *, is_weight: bool) -> TensorPart:
    raw = _raw(tensor)
    if _is_large(raw):
        return TensorPart(f"{name} (of {tensor.numel():,} numbers)", is_weight, "", _DIGEST_BYTES)
    return TensorPart(name, is_weight, "" if raw.dtype.name == "uint8" else raw.dtype.name, raw.nbytes)


def _is_large(raw: Any) -> bool:
    """Whether a row has a digest instead of the numbers: still every bit counts, but rows stay small."""
    return bool(raw.nbytes > _LARGEST_RAW)


def _digest(raw: Any) -> bytes:
    return hashlib.blake2b(raw, digest_size=_DIGEST_BYTES).digest()


def _is_in_plain_memory(tensor: torch.Tensor) -> bool:
    return (
        tensor.device.type == "cpu"
        and tensor.layout is torch.strided
        and tensor.is_contiguous()
        and tensor.dtype in _NUMPY_KNOWS
    )


_NUMPY_KNOWS = {torch.float32, torch.float64, torch.float16, torch.int64, torch.int32}


def _raw(tensor: torch.Tensor) -> Any:
    """A tensor's numbers as a numpy array, without a copy where that can be; others as bytes."""
    tensor = tensor.detach()
    if _is_in_plain_memory(tensor):
        return tensor.numpy()
    if tensor.layout is not torch.strided:
        tensor = tensor.to_dense()
    tensor = tensor.cpu().contiguous()
    return (tensor if tensor.dtype in _NUMPY_KNOWS else tensor.reshape(-1).view(torch.uint8)).numpy()


def _marshalled(value: Any) -> bytes:
    try:
        return marshal.dumps(value, _MARSHAL_VERSION)
    except ValueError:
        return marshal.dumps(_plain(value), _MARSHAL_VERSION)


def _plain(value: Any) -> Any:
    """The same data without objects: tensors and numpy's numbers as Python's, others by their type."""
    if isinstance(value, bool | str | bytes | None):
        return value
    if isinstance(value, np.generic):
        return _plain(value.item())
    if isinstance(value, int):
        return int(value)
    if isinstance(value, Real):
        return float(value)
    if isinstance(value, torch.Tensor):
        return _plain(value.tolist())
    if isinstance(value, dict):
        return {_plain(key): _plain(one) for key, one in value.items()}
    if isinstance(value, set | frozenset):
        return sorted((_plain(one) for one in value), key=repr)
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    return type(value).__qualname__


@contextmanager
def quietly() -> Iterator[None]:
    """Train without a graph, and without torch's advice on the order of calls."""
    with torch.no_grad(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


class RecordedRun:
    """A training under way, whose every update gives a row."""

    def __init__(self, training: Training, built: Built, layouts: Layouts) -> None:
        self.built = built
        self._run = Run(training, built)
        self._reader = Reader(built, layouts)

    def update(self, number: int, between: Callable[[], None] | None = None) -> bytes:
        """Train one update and read its row; see ``Run.update``."""
        self._run.update(number, self._reader.before_update, between)
        return self._reader.row()


def group_names(optimizer: torch.optim.Optimizer) -> tuple[str, ...]:
    """The names of the param groups; an unnamed one goes by its index."""
    return tuple(group_name(optimizer.param_groups, index) for index in range(len(optimizer.param_groups)))
