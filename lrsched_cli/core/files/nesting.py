"""Whether data from a file can be walked through: neither endless, nor too deep, nor too much."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

MAX_DEPTH = 100
MAX_VALUES = 2_000_000
_OPEN = (0, 0)


def what_keeps_from_walking(value: Any) -> str:
    """Why nobody should walk through lists and dicts like these; an empty text where nothing is wrong.

    Counted is what a walk would meet: a list that stands in two places counts twice.
    """
    try:
        _walked(value, {}, 0)
    except _UnwalkableError as error:
        return str(error)
    return ""


class _UnwalkableError(Exception):
    """Data that are not for walking through, and why."""


def _walked(value: Any, seen: dict[int, tuple[int, int]], depth: int) -> tuple[int, int]:
    """The values below ``value`` and the levels that they make; each holder is looked into only once."""
    if isinstance(value, Mapping):
        parts: Any = (*value.keys(), *value.values())
    elif isinstance(value, list | tuple | set | frozenset):
        parts = value
    else:
        return 1, 0
    known = seen.get(id(value))
    if known is _OPEN:
        raise _UnwalkableError("holds a list or a dict that contains itself")
    if known is None:
        if depth >= MAX_DEPTH:
            raise _UnwalkableError(_TOO_DEEP)
        seen[id(value)] = _OPEN
        size, levels = 1, 0
        for part in parts:
            inside, below = _walked(part, seen, depth + 1)
            size, levels = size + inside, max(levels, below)
        known = seen[id(value)] = size, levels + 1
    if depth + known[1] > MAX_DEPTH:
        raise _UnwalkableError(_TOO_DEEP)
    if known[0] > MAX_VALUES:
        raise _UnwalkableError(f"expands to more than {MAX_VALUES:,} values")
    return known


_TOO_DEEP = f"is nested deeper than {MAX_DEPTH} levels"
