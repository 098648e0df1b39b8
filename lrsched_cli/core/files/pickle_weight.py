"""How much a pickle makes of how little, found without running it.

A pickle names what it has made before, so a few bytes can stand for a tree that nobody ever walks through: a
tuple of twice the tuple before it, forty times. Python's own hash of such a tuple never ends, and cannot be
interrupted. Keys that all hash alike are as bad: each is compared with all those before it. What a checkpoint
needs is made of each part once, or of small parts several times, and its keys are names and small numbers.

Only the opcodes that torch's own restricted reader knows are followed, as it does: at others it stops.
"""

from __future__ import annotations

from struct import error as StructError  # noqa: N812 - it is a class
from struct import unpack_from
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from mmap import mmap

MAX_PARTS = 1_500_000
"""Opcodes. Model and Adam's state of 10,000 parameters take 1,250,000, and torch 4 µs for each of them."""
OVERWEIGHT = "is refused: it is a bomb, a short file of what would fill this machine or keep it busy for ever"
TOO_LONG = (
    f"is refused: its pickle is made of more than {MAX_PARTS:,} parts, which no state dict needs; keep long "
    "lists of numbers in a tensor"
)
_IN_ITSELF = "holds a list or a dict that contains itself or grows in two places, and no checkpoint does"
_FREE = 1_000_000
_PER_OPCODE = 30
_BYTES = 1024  # of a text, which take as long to copy as a value does to put in place
_CHECKED_EVERY = 256
_DISTINCT = 2**61 - 1  # Python's hash of a number is its remainder by this


class _RefusedError(Exception):
    """What a pickle is refused for."""


class _Part:
    """What stands for anything but names and small numbers.

    ``alike`` counts what may have been made to hash like others, in it and in what it holds: tuples, huge
    numbers, results of calls. It is open, and may grow, until it is put into something or named again.
    """

    __slots__ = ("alike", "is_open", "weight")

    def __init__(self, weight: int, alike: int, *, is_open: bool = False) -> None:
        self.weight = weight
        self.alike = alike
        self.is_open = is_open


_Item = int | _Part
"""The weight of a text or a small number, or a part."""
_REBUILD = _Part(1, 0)
"""Torch's own functions that make a tensor, which hashes as nothing else does."""

_BYTEARRAY = _Part(1, 0)
_OF_A_NUMBER = 2
"""The weight of a tuple of one number, of which a bytearray makes as many zeros."""


def what_is_wrong(content: bytes | mmap, pickles: int = 1) -> str:
    """Why the first ``pickles`` pickles of a file should not be loaded; empty: nothing speaks against it.

    Counted is how often a part is put into another one, with all that it is made of. Empty as well for bytes
    that are no pickle: reading them ends where torch's reading of them fails.
    """
    weighing = _Weighing(content)
    try:
        for _ in range(pickles):
            weighing.read_one()
    except _RefusedError as error:
        return str(error)
    except (LookupError, StructError, ValueError):
        return ""  # it is cut short, or takes what was never there
    return ""


class _Weighing:
    """Follows what a pickle does with its stack, where only the weights of things stand instead of them."""

    def __init__(self, content: bytes | mmap) -> None:
        self._content = content
        self._at = 0
        self._count = 0
        self._work = 0
        self._stack: list[_Item] = []
        self._below: list[list[_Item]] = []
        self._memo: dict[int, _Item] = {}
        self._keys = 0
        self._makers: dict[int, Callable[[], None]] = {
            ord("("): self._mark,
            ord("c"): self._global,
            ord("a"): lambda: self._append([self._stack.pop()]),
            ord("e"): lambda: self._append(self._to_mark()),
            ord("s"): lambda: self._set_items([self._stack.pop(), self._stack.pop()][::-1]),
            ord("u"): lambda: self._set_items(self._to_mark()),
            ord("t"): lambda: self._tuple(self._to_mark()),
            ord(")"): lambda: self._tuple([]),
            0x85: lambda: self._tuple(self._last(1)),
            0x86: lambda: self._tuple(self._last(2)),
            0x87: lambda: self._tuple(self._last(3)),
            ord("]"): self._holder,
            ord("}"): self._holder,
            0x8F: self._holder,
            ord("R"): self._call,
            0x81: self._call,
            ord("b"): self._build,
            ord("Q"): self._storage,
            0x8A: self._long,
        }

    def read_one(self) -> None:
        """Follow one pickle to its end."""
        content, memo = self._content, self._memo
        memo.clear()
        self._stack, self._below = [], []
        while (code := content[self._at]) != _STOP:
            self._at += 1
            self._count += 1
            if (length := _PLAIN.get(code)) is not None:
                self._at += length
                self._stack.append(1)
            elif code == _FLOAT:
                self._float()
            elif (form := _PUTS.get(code)) is not None:
                memo[unpack_from(form[0], content, self._at)[0]] = self._stack[-1]
                self._at += form[1]
            elif (form := _GETS.get(code)) is not None:
                self._named(memo[unpack_from(form[0], content, self._at)[0]])
                self._at += form[1]
            elif (form := _TEXTS.get(code)) is not None:
                size = int(unpack_from(form[0], content, self._at)[0])
                self._at += form[1] + size
                self._stack.append(1 + size // _BYTES)
            elif code == _PROTO:
                self._at += 1
            else:
                self._makers[code]()
            if not self._count % _CHECKED_EVERY:
                self._check()
        self._at += 1
        self._check()

    def _check(self) -> None:
        if self._work > _FREE + self._count * _PER_OPCODE:
            raise _RefusedError(OVERWEIGHT)
        if self._count > MAX_PARTS:
            raise _RefusedError(TOO_LONG)

    def _named(self, item: _Item) -> None:
        """Put what was made before onto the stack again; from now on it weighs the same."""
        if isinstance(item, _Part):
            item.is_open = False
        self._stack.append(item)

    def _mark(self) -> None:
        self._below.append(self._stack)
        self._stack = []

    def _to_mark(self) -> list[_Item]:
        items, self._stack = self._stack, self._below.pop()
        return items

    def _last(self, count: int) -> list[_Item]:
        return [self._stack.pop() for _ in range(count)]

    def _global(self) -> None:
        name = self._content.find(b"\n", self._at) + 1
        end = self._content.find(b"\n", name)
        if not name or end < 0:
            raise ValueError("is cut short")
        self._at = end + 1
        self._stack.append(_FUNCTIONS.get(self._content[name:end], 1))

    def _taken(self, items: Sequence[_Item]) -> tuple[int, int]:
        """The weight of what is put into something, and how much of it may hash alike. This is the work."""
        weight, alike = 0, 0
        for item in items:
            if type(item) is int:
                weight += item
            elif isinstance(item, _Part):
                item.is_open = False
                weight += item.weight
                alike += item.alike
        self._work += weight
        return weight, alike

    def _grow(self, items: Sequence[_Item]) -> int:
        """Put items into what is on top of the stack, and give how many of them may hash alike."""
        weight, alike = self._taken(items)
        top = self._stack[-1]
        if not isinstance(top, _Part) or not top.is_open:
            raise _RefusedError(_IN_ITSELF)
        top.weight += weight
        top.alike += alike
        return alike

    def _append(self, items: list[_Item]) -> None:
        self._grow(items)

    def _set_items(self, items: list[_Item]) -> None:
        for key in items[::2]:
            if isinstance(key, _Part):
                self._keys += 1
                self._work += self._keys  # as if it were compared with every one before it
        self._grow(items)

    def _tuple(self, items: list[_Item]) -> None:
        weight, alike = self._taken(items)
        self._stack.append(_Part(1 + weight, 1 + alike))

    def _holder(self) -> None:
        self._stack.append(_Part(1, 0, is_open=True))

    def _call(self) -> None:
        arguments, function = self._stack.pop(), self._stack.pop()
        weight, alike = self._taken([arguments])
        if function is _BYTEARRAY and weight == _OF_A_NUMBER:
            raise _RefusedError(OVERWEIGHT)
        if function is _REBUILD:
            self._stack.append(_Part(1 + weight, 0, is_open=True))
        else:
            self._work += alike**2  # a set or a dict may be made of them
            self._stack.append(_Part(1 + weight, 1 + alike, is_open=True))

    def _build(self) -> None:
        self._work += self._grow([self._stack.pop()]) ** 2

    def _storage(self) -> None:
        self._taken([self._stack.pop()])
        self._stack.append(_Part(1, 0, is_open=True))

    def _float(self) -> None:
        is_middling = _LOW < self._content[self._at] & 0x7F < _HIGH
        is_like_none = is_middling or not unpack_from(">d", self._content, self._at)[0]
        self._at += 8
        self._stack.append(1 if is_like_none else _Part(1, 1))

    def _long(self) -> None:
        length = self._content[self._at]
        digits = self._content[self._at + 1 : self._at + 1 + length]
        self._at += 1 + length
        number = int.from_bytes(digits, "little", signed=True)
        self._stack.append(1 if abs(number) < _DISTINCT else _Part(1, 1))


_STOP, _PROTO, _FLOAT = ord("."), 0x80, ord("G")
_LOW, _HIGH = 0x3C, 0x43
"""The first byte of a double, without its sign, is between these for all from 2**-47 to 2**48."""
_FUNCTIONS = {
    **dict.fromkeys((b"_rebuild_tensor", b"_rebuild_tensor_v2", b"_rebuild_tensor_v3"), _REBUILD),
    b"_rebuild_parameter": _REBUILD,
    b"bytearray": _BYTEARRAY,
}
_PLAIN = {ord("N"): 0, 0x88: 0, 0x89: 0, ord("J"): 4, ord("K"): 1, ord("M"): 2}
"""Opcodes of plain values, and the bytes that come after them."""
_TEXTS = {ord("X"): ("<I", 4), ord("U"): ("B", 1)}
_PUTS = {ord("q"): ("B", 1), ord("r"): ("<I", 4)}
_GETS = {ord("h"): ("B", 1), ord("j"): ("<I", 4)}
