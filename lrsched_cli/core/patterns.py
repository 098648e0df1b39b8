"""Patterns on parameter names: globs, and regular expressions behind ``re:``."""

from __future__ import annotations

import re
from bisect import bisect_right
from dataclasses import dataclass
from fnmatch import translate
from functools import cached_property, lru_cache
from math import comb
from typing import TYPE_CHECKING

from lrsched_cli.core.messages import shown
from lrsched_cli.errors import LrschedError

if TYPE_CHECKING:
    from collections.abc import Callable

REGULAR = "re:"
MAX_LAYER = 10_000
"""Beyond any model: a number above it is no layer's."""

_LONGEST = 500
_MOST_REPEATS = 4
_MOST_CHOICES = 10_000
_MOST_TRIES = 30_000_000  # for one name; half a second
_USUAL_DIGITS = 4
_ANY_NAME = 100_000
_MANY_DIGITS = re.compile(rf"\d{{{_USUAL_DIGITS + 1}}}")
_REPEAT = re.compile(r"[*+?]|\{(?P<least>\d*)(?P<comma>,?)(?P<most>\d*)\}")
_PIECES = re.compile(
    r"\\.|\[\^?\]?(?:\\.|[^\]\\])*\]"  # a letter that is escaped, a set of letters
    r"|\(\?[a-zA-Z-]+\)|\((?:\?(?:P<\w+>|<?[=!]|[a-zA-Z-]*:|>))?"  # flags for all, the start of a group
    r"|(?:[*+?]|\{\d*,?\d*\})[?+]?|.",
    re.DOTALL,
)
_REFUSED = {
    re.compile(r"\(\?[a-zA-Z-]*x"): "the flag x",
    re.compile(r"\(\?#"): "a comment",
    re.compile(r"\(\?P=|\(\?\(|\\[1-9]"): "what a group has matched",
}
"""What no pattern of names needs, and what would have to be understood to tell how long a search takes."""


class SlowPatternError(LrschedError, ValueError):
    """A regular expression that could take for ever on a name as long as this one."""


def checked_pattern(text: str) -> str:
    """The same text; ValueError where it is too long, or a regular expression that cannot be used."""
    if text.startswith(REGULAR):
        _regular(text)
    elif len(text) > _LONGEST:
        raise ValueError(f"is longer than {_LONGEST} characters")
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

    A glob is about the whole name, a regular expression about any part of it. The function raises
    SlowPatternError for a name that is too long for the regular expression.

    >>> bool(matcher("*.bias")("head.bias")), bool(matcher(r"re:^head\.")("head.bias"))
    (True, True)
    """
    if not pattern.startswith(REGULAR):
        return re.compile(translate(pattern)).match
    search, ways = _regular(pattern).search, _ways(pattern)
    always = min(ways.longest, ways.longest_of_digits)
    return lambda name: search(name) if len(name) <= always else _searched(pattern, name)


def tries(pattern: str, letters: int) -> int:
    """How often at most a letter is looked at, to match a name of so many letters."""
    if not pattern.startswith(REGULAR):
        return len(pattern) * letters
    return _ways(pattern).tries(letters)


def _searched(pattern: str, name: str) -> re.Match[str] | None:
    compiled, ways = _regular(pattern), _ways(pattern)
    if len(name) > (ways.longest_of_digits if _MANY_DIGITS.search(name) else ways.longest):
        raise SlowPatternError(
            f"can take for ever on a name of {len(name):,} letters, with all that it repeats "
            f"(got {shown(pattern)} and {shown(name)})"
        )
    return compiled.search(name)


def layer_number(pattern: str, name: str) -> int | None:
    r"""The number of the layer that ``name`` belongs to, None where it belongs to none.

    Raises ValueError where what the pattern's group gives is no number of a layer, and SlowPatternError.

    >>> layer_number(r"re:blocks\.(\d+)\.", "blocks.11.mlp.weight")
    11
    """
    found = _searched(pattern, name)
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
    for refused, what in _REFUSED.items():
        if refused.search(text):
            raise ValueError(f"has {what}, which patterns of names are read without (got {shown(pattern)})")
    ways = _ways(pattern)
    if ways.repeats > _MOST_REPEATS or ways.choices > _MOST_CHOICES:
        raise ValueError(
            f"repeats more than {_MOST_REPEATS} things without an end or has too many choices, which can "
            f"take for ever (got {shown(pattern)})"
        )
    return compiled


@dataclass
class _Ways:
    """In how many ways a part of a regular expression can match.

    ``choices``: of alternatives, and of what is optional; ``repeats``: what goes on without an end, but the
    ``numbers``, of digits alone. ``varies``: whether there is anything of the kind.
    """

    choices: int = 1
    repeats: int = 0
    numbers: int = 0
    varies: bool = False
    before: _Ways | None = None
    """What the alternatives before it come to."""

    def tries(self, letters: int, digits: int = _USUAL_DIGITS) -> int:
        """An upper bound for a name of so many letters, with no number of more digits."""
        places = comb(
            letters + self.repeats + 1, self.repeats + 1
        )  # of the start, and where each repeat ends
        return int(self.choices * (digits + 1) ** self.numbers * places)

    @cached_property
    def longest(self) -> int:
        """The longest name that it can be searched for in."""
        return bisect_right(range(_ANY_NAME), _MOST_TRIES, key=self.tries) - 1

    @cached_property
    def longest_of_digits(self) -> int:
        """The same, for a name that may be one number."""
        return bisect_right(range(_ANY_NAME), _MOST_TRIES, key=lambda many: self.tries(many, many)) - 1

    def then(self, part: _Ways) -> None:
        """Add what follows."""
        self.choices *= part.choices
        self.repeats += part.repeats
        self.numbers += part.numbers
        self.varies |= part.varies

    def whole(self) -> _Ways:
        """This alternative and those before it."""
        other = self.before
        if other is None:
            return self
        repeats, numbers = max(self.repeats, other.repeats), max(self.numbers, other.numbers)
        return _Ways(self.choices + other.choices, repeats, numbers, varies=True)


@lru_cache(maxsize=10_000)
def _ways(pattern: str) -> _Ways:
    r"""The ways of a regular expression. Raises ValueError where it repeats what can match in many ways.

    On a name that does not match, ``(a+)+`` and ``(a|b)*`` take a time that doubles with every letter.
    """
    pieces = _PIECES.findall(pattern.removeprefix(REGULAR))
    groups = [_Ways()]
    last = one_way = _Ways()  # what the next piece would repeat
    for index, piece in enumerate(pieces):
        if piece.startswith("(") and not piece.endswith(")"):
            groups.append(_Ways())
        elif piece == "|":
            groups[-1] = _Ways(before=groups[-1].whole())
        elif repeat := index and _REPEAT.match(piece):
            if last.varies and piece[0] != "?":
                raise ValueError(
                    f"repeats a group in which something is repeated or one of several, which can take "
                    f"for ever (got {shown(pattern)})"
                )
            groups[-1].then(_repeated(repeat, pieces[index - 1]))
        elif piece == ")":
            last = groups.pop().whole()
            groups[-1].then(last)
        else:
            last = one_way
    return groups[0].whole()


def _repeated(repeat: re.Match[str], what: str) -> _Ways:
    if repeat[0] == "?":
        return _Ways(2, varies=True)
    least, most = repeat["least"] or "0", repeat["most"]
    if repeat[0] in {"*", "+"} or (repeat["comma"] and not most):
        number = what in {r"\d", "[0-9]"}
        return _Ways(repeats=int(not number), numbers=int(number), varies=True)
    return _Ways(max(1, int(most) - int(least) + 1) if most else 1, varies=True)
