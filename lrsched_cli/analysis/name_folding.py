"""Thousands of parameter names in a few lines: ``blocks.{0..31}.attn.qkv.weight``, and back again.

Names are told in one line where they differ in numbers alone, have one shape, and their numbers form a full
product: nothing is lost, and nothing is there that is not.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from lrsched_cli.core.model_parameters import ModelParameter

    Numbers = tuple[int, ...]
    Sides = tuple[Numbers, ...]
    """The numbers at each place of a name; the names are those of all combinations."""

_LONGEST_NUMBER = 9
# A number as Python writes it: with a leading zero it is text, or it would come back as another name.
_NUMBER = re.compile(rf"(?<!\d)(0|[1-9]\d{{0,{_LONGEST_NUMBER - 1}}})(?!\d)", re.ASCII)
_PIECES = re.compile(r"(\{\{|\}\})|\{([\d.,]+)\}|([^{}]+)")


@dataclass(frozen=True, slots=True)
class FoldedNames:
    """Some parameters of one shape in one line; ``unfolded`` gives their names.

    ``shape`` and ``elements`` (of all together) are None where the shape is unknown; ``also`` are the
    further names of a single parameter with several.
    """

    names: str
    shape: tuple[int, ...] | None
    tensors: int
    elements: int | None
    also: tuple[str, ...] = ()


def folded(parameters: Iterable[ModelParameter]) -> tuple[FoldedNames, ...]:
    """The parameters in as few lines as this finds, in the order of their first names."""
    alike: dict[object, list[tuple[str, Numbers]]] = {}
    shapes: dict[object, tuple[tuple[int, ...] | None, tuple[str, ...]]] = {}
    for one in parameters:
        pieces = _NUMBER.split(one.name)
        key: object = (tuple(pieces[::2]), one.shape, one.also)
        alike.setdefault(key, []).append((one.name, tuple(map(int, pieces[1::2]))))
        shapes[key] = one.shape, one.also
    lines: list[FoldedNames] = []
    for key, members in alike.items():
        texts = _NUMBER.split(members[0][0])[::2]
        shape, also = shapes[key]
        for sides in _products([numbers for _, numbers in members]):
            tensors = math.prod(map(len, sides))
            elements = None if shape is None else tensors * math.prod(shape)
            lines.append(FoldedNames(_text(texts, sides), shape, tensors, elements, also))
    return tuple(lines)


def unfolded(names: str) -> Iterator[str]:
    """Every name that a line of ``folded`` stands for.

    >>> list(unfolded("blocks.{0..2,7}.norm{1,2}.bias"))[:3]
    ['blocks.0.norm1.bias', 'blocks.0.norm2.bias', 'blocks.1.norm1.bias']
    """
    parts: list[list[str]] = []
    for literal, numbers, text in _PIECES.findall(names):
        parts.append([str(one) for one in _numbers(numbers)] if numbers else [text or literal[0]])
    return map("".join, product(*parts))


def runs_text(numbers: Iterable[int]) -> str:
    """Numbers in short.

    >>> runs_text([0, 1, 2, 3, 7]), runs_text([4, 5]), runs_text([])
    ('0..3,7', '4,5', '')
    """
    runs: list[list[int]] = []
    for one in sorted(set(numbers)):
        if runs and one == runs[-1][-1] + 1:
            runs[-1].append(one)
        else:
            runs.append([one])
    return ",".join(
        f"{run[0]}..{run[-1]}" if len(run) > 2 else ",".join(map(str, run))  # noqa: PLR2004 - shorter so
        for run in runs
    )


def _numbers(text: str) -> Iterator[int]:
    for part in text.split(","):
        first, _, last = part.partition("..")
        yield from range(int(first), int(last or first) + 1)


def _text(texts: Sequence[str], sides: Sides) -> str:
    escaped = [one.replace("{", "{{").replace("}", "}}") for one in texts]
    numbers = [str(side[0]) if len(side) == 1 else f"{{{runs_text(side)}}}" for side in sides]
    return "".join(piece for pair in zip(escaped, [*numbers, ""], strict=True) for piece in pair)


def _products(rows: Sequence[Numbers]) -> list[Sides]:
    """The rows as full products, each row in exactly one of them.

    Products that differ at one place alone are put together, place by place; begun from the left and from
    the right, the shorter list is taken.
    """
    places = range(len(rows[0]))
    ways = [_merged(rows, order) for order in (places, reversed(places))]
    return min(ways, key=len)


def _merged(rows: Sequence[Numbers], places: Iterable[int]) -> list[Sides]:
    found: list[Sides] = [tuple((number,) for number in row) for row in rows]
    for place in places:
        at: dict[Sides, list[int]] = {}  # by what stands at all other places
        for sides in found:
            others = (*sides[:place], *sides[place + 1 :])
            at.setdefault(others, []).extend(sides[place])
        found = [(*others[:place], tuple(sorted(one)), *others[place:]) for others, one in at.items()]
    return found
