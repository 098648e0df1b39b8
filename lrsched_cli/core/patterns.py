"""Patterns on parameter names: globs, and regular expressions behind ``re:``."""

from __future__ import annotations

import re
from fnmatch import translate
from functools import lru_cache
from typing import TYPE_CHECKING

from lrsched_cli.core.messages import shown

if TYPE_CHECKING:
    from collections.abc import Callable

REGULAR = "re:"
MAX_LAYER = 10_000
"""Beyond any model: a number above it is no layer's."""

_LONGEST = 500
_REPEATS = re.compile(r"[*+]|\{\d*,?\d*\}")
_PIECES = re.compile(r"\\.|\[\^?\]?(?:\\.|[^\]])*\]|[*+]|\{\d*,?\d*\}|.", re.DOTALL)


def checked_pattern(text: str) -> str:
    """The same text; ValueError where it is a regular expression that cannot be used."""
    if text.startswith(REGULAR):
        _regular(text)
    return text


def checked_layer_pattern(text: str) -> str:
    """The same text; ValueError where it is no regular expression with one group, the layer's number."""
    example = r"such as re:blocks\.(\d+)\."
    if not text.startswith(REGULAR):
        raise ValueError(f"must be a regular expression behind re:, {example} (got {shown(text)})")
    groups = _regular(text).groups
    if groups != 1:
        raise ValueError(
            f"must have one group, the number of the layer, {example} (got {shown(text)} with {groups})"
        )
    return text


@lru_cache(maxsize=10_000)
def matcher(pattern: str) -> Callable[[str], object]:
    r"""A function of a name that gives something true where ``pattern`` matches it.

    A glob is about the whole name, a regular expression about any part of it.

    >>> bool(matcher("*.bias")("head.bias")), bool(matcher(r"re:^head\.")("head.bias"))
    (True, True)
    """
    if pattern.startswith(REGULAR):
        return _regular(pattern).search
    return re.compile(translate(pattern)).match


def layer_number(pattern: str, name: str) -> int | None:
    r"""The number of the layer that ``name`` belongs to, None where it belongs to none.

    Raises ValueError where what the pattern's group gives is no number of a layer.

    >>> layer_number(r"re:blocks\.(\d+)\.", "blocks.11.mlp.weight")
    11
    """
    found = _regular(pattern).search(name)
    if found is None or found[1] is None:
        return None
    number = found[1]
    if not (number.isascii() and number.isdecimal() and len(number) <= len(str(MAX_LAYER))):
        raise ValueError(f"its group gives {shown(number)} in {name}, which is no number of a layer")
    return int(number)


@lru_cache(maxsize=10_000)
def _regular(pattern: str) -> re.Pattern[str]:
    text = pattern.removeprefix(REGULAR)
    if not text:
        raise ValueError("is an empty regular expression")
    if len(text) > _LONGEST:
        raise ValueError(f"is longer than {_LONGEST} characters")
    try:
        compiled = re.compile(text)
    except (re.error, RecursionError, OverflowError) as error:
        raise ValueError(f"is no regular expression: {error} (got {shown(pattern)})") from None
    if _nests_repeats(text):
        raise ValueError(
            f"repeats a group in which something is repeated or one of several, which can take for ever "
            f"(got {shown(pattern)})"
        )
    return compiled


def _nests_repeats(text: str) -> bool:
    r"""Whether a group is repeated that can match the same text in many ways: ``(a+)+``, ``(a|b)*``.

    On a name that does not match, those take a time that doubles with every letter.
    """
    pieces = _PIECES.findall(text.replace("(?", "("))  # what kind of group it is does not matter here
    open_groups: list[bool] = [
        False
    ]  # whether something in the group is repeated, optional or one of several
    for piece, after in zip(pieces, [*pieces[1:], ""], strict=True):
        if piece == "(":
            open_groups.append(False)
        elif piece == ")" and len(open_groups) > 1:
            inner = open_groups.pop()
            if inner and _REPEATS.fullmatch(after):
                return True
            open_groups[-1] |= inner
        elif piece in {"|", "?"} or _REPEATS.fullmatch(piece):
            open_groups[-1] = True
    return False
