"""What torch read, turned into data that nothing can go wrong with.

``weights_only`` runs nothing, and yet gives a dict whose ``keys`` is a number, or a tensor that stands for
more numbers than any machine holds, or has none at all. Readers of a checkpoint meet plain dicts, lists,
tuples, numbers and texts, ordinary tensors, and an ``Opaque`` for everything else.
"""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lrsched_cli.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable

    import torch

MAX_DEPTH = 100
MAX_VALUES = 2_000_000
_DTYPES = (
    *("float64", "float32", "float16", "bfloat16", "complex64", "complex128", "bool"),
    *("int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"),
    *("float8_e4m3fn", "float8_e5m2", "float8_e4m3fnuz", "float8_e5m2fnuz"),
)


@dataclass(frozen=True, slots=True, eq=False)
class Opaque:
    """What stands for a value that is no plain data; of a tensor, its shape is known where it has one.

    ``trainable`` says whether it holds real or complex numbers, which an optimizer could move.
    """

    kind: str
    shape: tuple[int, ...] | None = None
    trainable: bool = False

    def __repr__(self) -> str:
        shape = "" if self.shape is None else f" of shape ({', '.join(map(str, self.shape))})"
        return f"<{self.kind}{shape}>"


def plain_data(content: Any) -> Any:
    """The same in plain data, and a list or tensor in two places still the same; no tensor is copied.

    Raises UsageError for what nobody should walk through: endless, too deep, or too much. Counted is what a
    walk would meet: a list that stands in two places counts twice.
    """
    return _Rebuilding().of(content, 0).value


@dataclass(slots=True)
class _Rebuilt:
    """A value with the number of those in it, itself included, and the levels that they make."""

    value: Any
    size: int = 1
    levels: int = 0


class _Rebuilding:
    def __init__(self) -> None:
        self._known: dict[int, _Rebuilt | None] = {}  # None while a holder is being looked into

    def of(self, value: Any, depth: int) -> _Rebuilt:
        """The same value in plain data; each holder and each tensor is looked into only once."""
        if type(value) in _SCALARS:
            return _Rebuilt(value)
        known = self._known.get(id(value), _NEVER)
        if known is None:
            raise UsageError("holds a list or a dict that contains itself, and no checkpoint does")
        if known is _NEVER:
            if depth > MAX_DEPTH:
                raise UsageError(_TOO_DEEP)
            self._known[id(value)] = None
            known = self._known[id(value)] = self._rebuilt(value, depth)
        if depth + known.levels > MAX_DEPTH:
            raise UsageError(_TOO_DEEP)
        if known.size > MAX_VALUES:
            raise UsageError(f"expands to more than {MAX_VALUES:,} values, and no checkpoint does")
        return known

    def _rebuilt(self, value: Any, depth: int) -> _Rebuilt:
        # The classes' own methods: those of an object may be hidden by what a pickle set on it.
        if isinstance(value, dict):
            return self._dict(value, depth)
        if isinstance(value, list):
            return self._sequence(list, list.copy(value), depth)
        if isinstance(value, tuple):
            return self._sequence(tuple, list(tuple.__iter__(value)), depth)
        if type(value) in {set, frozenset}:
            return self._sequence(frozenset, list(value), depth)
        return _Rebuilt(_tensor(value))

    def _dict(self, value: dict[Any, Any], depth: int) -> _Rebuilt:
        rebuilt: dict[Any, Any] = Counter() if isinstance(value, Counter) else {}
        if _all_scalars(dict.keys(value)) and _all_scalars(dict.values(value)):
            dict.update(rebuilt, dict.items(value))
            return _Rebuilt(rebuilt, 1 + 2 * len(rebuilt), 1)
        size, levels = 1, 0
        for key, one in dict.items(value):
            name, inside = self.of(key, depth + 1), self.of(one, depth + 1)
            rebuilt[name.value] = inside.value
            size += name.size + inside.size
            levels = max(levels, name.levels, inside.levels)
        return _Rebuilt(rebuilt, size, levels + 1)

    def _sequence(self, kind: type, values: list[Any], depth: int) -> _Rebuilt:
        if _all_scalars(values):
            return _Rebuilt(kind(values), 1 + len(values), 1)
        parts = [self.of(one, depth + 1) for one in values]
        size = 1 + sum(part.size for part in parts)
        levels = 1 + max((part.levels for part in parts), default=0)
        return _Rebuilt(kind(part.value for part in parts), size, levels)


_SCALARS = {bool, int, float, complex, str, type(None)}
_NEVER = _Rebuilt(None)


def _all_scalars(values: Iterable[Any]) -> bool:
    """Whether there is nothing to look into, which is quickly said of the longest lists."""
    return set(map(type, values)) <= _SCALARS


_TOO_DEEP = f"is nested deeper than {MAX_DEPTH} levels, and no checkpoint is"


def _tensor(value: Any) -> Any:
    """An ordinary tensor, without what a pickle set on it; or what stands for a value of any other kind."""
    import torch  # noqa: PLC0415 - read already, or there would be nothing to turn into plain data

    if type(value) not in {torch.Tensor, torch.nn.Parameter}:
        return Opaque(type(value).__name__)
    try:
        # Methods of the class, as above. Some kinds of tensors know no shape, some no storage.
        unlike = _unlike_ordinary(value)
        return Opaque(unlike, *_outline(value)) if unlike else torch.Tensor.detach(value)
    except (RuntimeError, NotImplementedError, TypeError):
        return Opaque("tensor of no ordinary kind")


def _unlike_ordinary(tensor: torch.Tensor) -> str:
    """What a tensor is instead of numbers that lie in memory one by one; empty for one of those."""
    import torch  # noqa: PLC0415 - as above

    if tensor.is_nested:
        return "nested tensor"
    if tensor.layout is not torch.strided:
        return "sparse tensor"
    if tensor.device.type != "cpu":
        return f"tensor on {tensor.device.type}"
    if tensor.is_quantized or tensor.dtype not in {getattr(torch, one, None) for one in _DTYPES}:
        return f"tensor of {str(tensor.dtype).removeprefix('torch.')}"
    held = torch.Tensor.untyped_storage(tensor).nbytes()
    return "expanded tensor" if math.prod(tensor.shape) * tensor.itemsize > held else ""


def _outline(tensor: torch.Tensor) -> tuple[tuple[int, ...] | None, bool]:
    """The shape of a tensor, and whether its numbers are real or complex."""
    return (
        None if tensor.is_nested else tuple(map(int, tensor.shape)),
        tensor.dtype.is_floating_point or tensor.dtype.is_complex,
    )
