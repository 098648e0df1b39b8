"""Which param group of one trace belongs to which of another."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True, slots=True)
class GroupMatch:
    """Two groups that are compared: their names, their places, and what they have in common."""

    name: str
    index: int
    other_name: str
    other_index: int
    by: Literal["name", "order"]


@dataclass(frozen=True, slots=True)
class Matching:
    """The matched groups in the order of the first, and those that are left over."""

    matches: tuple[GroupMatch, ...]
    only_in_first: tuple[str, ...]
    only_in_other: tuple[str, ...]


def match_groups(first: Sequence[str], other: Sequence[str]) -> Matching:
    """Match groups of the same name, then those without a namesake in their order.

    >>> matching = match_groups(["body", "head", "neck"], ["head", "backbone"])
    >>> [(match.name, match.other_name, match.by) for match in matching.matches]
    [('body', 'backbone', 'order'), ('head', 'head', 'name')]
    >>> matching.only_in_first, matching.only_in_other
    (('neck',), ())
    """
    common = set(first) & set(other)
    ours = [index for index, name in enumerate(first) if name not in common]
    theirs = [index for index, name in enumerate(other) if name not in common]
    by_order = dict(zip(ours, theirs, strict=False))
    matches = []
    for index, name in enumerate(first):
        if name in common:
            matches.append(GroupMatch(name, index, name, other.index(name), "name"))
        elif index in by_order:
            there = by_order[index]
            matches.append(GroupMatch(name, index, other[there], there, "order"))
    return Matching(
        matches=tuple(matches),
        only_in_first=tuple(first[index] for index in ours[len(theirs) :]),
        only_in_other=tuple(other[index] for index in theirs[len(ours) :]),
    )
