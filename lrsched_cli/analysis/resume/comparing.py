"""A resumed run against the run without interruption: every bit of the whole tail."""

from __future__ import annotations

import marshal
import math
from array import array
from collections import Counter
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from lrsched_cli.analysis.resume.recording import Row, lr_bytes, row_of
from lrsched_cli.analysis.resume.results import KINDS, Difference, Kind, KindResult, LargestLR, Shape

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from lrsched_cli.analysis.resume.recording import Recording, TensorPart

MAX_ALSO = 20
_ROWS_AT_A_TIME, _BYTES_AT_A_TIME = 1024, 1 << 22


class TailComparison:
    """Takes the rows of a resumed run, one by one, and holds each against the recorded one."""

    def __init__(self, reference: Recording, save_at: int, groups: tuple[str, ...]) -> None:
        self._reference = reference
        self._first = self._next = save_at + 1
        self._groups = groups
        self._waiting: list[bytes] = []
        self._bytes = 0
        self._found = {kind: _Found(self._first) for kind in KINDS}
        self._largest: LargestLR | None = None
        self.lrs = array("d")
        """The resumed run's LRs, update by update, group by group."""

    def add(self, row: bytes) -> None:
        """Take the row of the next update."""
        self._waiting.append(row)
        self._bytes += len(row)
        if len(self._waiting) == _ROWS_AT_A_TIME or self._bytes > _BYTES_AT_A_TIME:
            self._compare()

    def finish(self) -> tuple[tuple[KindResult, ...], LargestLR | None]:
        """What each kind is like over the tail, and the largest difference of an LR."""
        self._compare()
        last = self._next - 1
        return tuple(self._found[kind].result(kind, last) for kind in KINDS), self._largest

    def _compare(self) -> None:
        first, rows = self._next, self._waiting
        self._next += len(rows)
        self._waiting, self._bytes = [], 0
        for row in rows:
            self.lrs.frombytes(lr_bytes(row, len(self._groups)))
        # A row's head says how long it is: equal blocks are equal rows.
        if not rows or b"".join(rows) == self._reference.block(first, self._next - 1):
            return
        expected = self._reference.rows(first, self._next - 1)
        for update, (one, other) in enumerate(zip(expected, rows, strict=True), start=first):
            if one != other:
                self._compare_rows(update, one, other)

    def _compare_rows(self, update: int, expected: bytes, resumed: bytes) -> None:
        layouts = self._reference.layouts
        rows = row_of(expected, layouts), row_of(resumed, layouts)
        for kind, differing in differing_kinds(*rows):
            if differing:
                self._found[kind].add(update, partial(all_differences, kind, update, *rows))
        if rows[0].numbers != rows[1].numbers:
            self._measure_lrs(update, expected, resumed)

    def _measure_lrs(self, update: int, expected: bytes, resumed: bytes) -> None:
        count = len(self._groups)
        one, other = (np.frombuffer(lr_bytes(row, count)) for row in (expected, resumed))
        if len(one) != len(other):
            return
        with np.errstate(invalid="ignore"):  # of two infinities
            distances = np.abs(one - other)
        distances[(one == other) | (np.isnan(one) & np.isnan(other))] = 0.0
        distances[np.isnan(distances)] = np.inf  # a number here, and none there
        group = int(np.argmax(distances))
        value = float(distances[group])
        if value > 0 and (self._largest is None or value > self._largest.value):
            self._largest = LargestLR(value, update, self._groups[group])


class _Found:
    """The updates at which one kind differs."""

    def __init__(self, first_resumed: int) -> None:
        self._first_resumed = first_resumed
        self._count = 0
        self._last = 0
        self._at_first: list[Difference] = []

    def add(self, update: int, differences: Callable[[], list[Difference]]) -> None:
        """One more; ``differences`` describes it, which only the first one needs."""
        if not self._at_first:
            self._at_first = differences()
        self._count += 1
        self._last = update

    def result(self, kind: Kind, last: int) -> KindResult:
        if not self._at_first:
            return KindResult(kind, 0)
        also = tuple(one.quantity for one in self._at_first[1 : MAX_ALSO + 1])
        return KindResult(kind, self._count, self._at_first[0], self._shape(last), also)

    def _shape(self, last: int) -> Shape:
        if self._at_first[0].update > self._first_resumed:
            return "late"
        if self._count == 1:
            return "first update only"
        return "permanent" if self._last == last else "heals"


def differing_kinds(expected: Row, resumed: Row) -> Iterator[tuple[Kind, bool]]:
    """Each kind, and whether two rows differ in it."""
    yield "param groups", expected.names != resumed.names or expected.numbers != resumed.numbers
    scheduler = others = False
    if expected.state != resumed.state:  # the same data may be told in another order
        states = marshal.loads(expected.state), marshal.loads(resumed.state)  # noqa: S302 - our own rows
        scheduler, others = (not same(states[0][part], states[1][part]) for part in (0, 1))
    yield "scheduler state", scheduler
    equal = expected.parts == resumed.parts and expected.tensors == resumed.tensors
    for kind, is_weight in (("optimizer state", False), ("weights", True)):
        one, other = (() if equal else list(_parts(row, is_weight=is_weight)) for row in (expected, resumed))
        yield kind, one != other or (others and not is_weight)  # type: ignore[misc] # mypy sees plain text


def _parts(row: Row, *, is_weight: bool) -> Iterator[tuple[TensorPart, bytes]]:
    """A row's weights, or the tensors of its optimizer state, with their bytes."""
    start = 0
    for part in row.parts:
        if part.is_weight is is_weight:
            yield part, row.tensors[start : start + part.size]
        start += part.size


def all_differences(kind: Kind, update: int, expected: Row, resumed: Row) -> list[Difference]:
    """The quantities of a kind in which two rows differ, in their order."""
    one, other = (_told_apart(_quantities(kind, row)) for row in (expected, resumed))
    found = [
        Difference(key[0], update, *_where_they_differ(one.get(key), other.get(key)))
        for key in dict.fromkeys((*one, *other))
        if key not in one or key not in other or not same(one[key], other[key])
    ]
    return found or [Difference(kind, update, None, None)]


def _told_apart(quantities: Iterable[tuple[str, Any]]) -> dict[tuple[str, int], Any]:
    """The values by name, and by how many have had the same name before."""
    found: dict[tuple[str, int], Any] = {}
    times: Counter[str] = Counter()
    for name, value in quantities:
        found[name, times[name]] = value
        times[name] += 1
    return found


def _quantities(kind: Kind, row: Row) -> Iterator[tuple[str, Any]]:
    if kind == "param groups":
        yield from zip(row.names, np.frombuffer(row.numbers).tolist(), strict=True)
        return
    scheduler, others = marshal.loads(row.state)  # noqa: S302 - our own rows
    if kind == "scheduler state":
        yield from _leaves(scheduler)
        return
    for part, raw in _parts(row, is_weight=kind == "weights"):
        yield part.name, np.frombuffer(raw, part.dtype or "uint8").tolist()
    if kind == "optimizer state":
        weights = [part.name for part in row.parts if part.is_weight]
        for place, key, value in others:
            yield from _leaves(value, f"{key} of {weights[place]}" if place >= 0 else key)


def _leaves(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """The numbers and texts of nested data, each with the way to it, such as ``groups[1].T_cur``."""
    if isinstance(value, dict):
        for key, one in value.items():
            yield from _leaves(one, f"{path}.{key}" if path else str(key))
    elif isinstance(value, list | tuple):
        for index, one in enumerate(value):
            yield from _leaves(one, f"{path}[{index}]")
    else:
        yield path, value


def same(one: Any, other: Any) -> bool:
    """Whether nested data is the same: a NaN is the same as a NaN, 0 is not the same as -0."""
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
    if isinstance(one, list | tuple) and isinstance(other, list | tuple):
        return len(one) == len(other) and all(map(same, one, other))
    if one != one and other != other:  # noqa: PLR0124 - only a NaN is not itself
        return True
    signed = isinstance(one, float) and isinstance(other, float)
    return bool(one == other) and not (signed and math.copysign(1, one) != math.copysign(1, other))


def _where_they_differ(one: Any, other: Any) -> tuple[Any, Any]:
    """Two values; of lists, the first elements that differ."""
    if isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        return next((pair for pair in zip(one, other, strict=True) if not same(*pair)), (None, None))
    return one, other
