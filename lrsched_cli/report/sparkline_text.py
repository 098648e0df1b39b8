"""A row of numbers as a row of letters, each as tall as its number."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

_BLOCKS = "▁▂▃▄▅▆▇█"
_PLAIN = "_.-:=+*#"
"""The same eight heights where the stream has no blocks."""


def sparkline_text(shares: Iterable[float], encoding: str = "utf-8") -> str:
    """Shares from 0 to 1 as letters of eight heights that a stream of this encoding can take.

    >>> sparkline_text([0, 0.12, 0.13, 0.5, 0.999, 1])
    '▁▁▂▅██'
    >>> sparkline_text([0, 0.5, 1], "ascii")
    '_=#'
    """
    letters = _BLOCKS if _takes_blocks(encoding) else _PLAIN
    return "".join(letters[min(int(share * len(letters)), len(letters) - 1)] for share in shares)


def _takes_blocks(encoding: str) -> bool:
    try:
        _BLOCKS.encode(encoding)
    except (UnicodeEncodeError, LookupError):
        return False
    return True
