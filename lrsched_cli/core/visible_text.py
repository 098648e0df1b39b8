"""Text from elsewhere as it may be shown: control characters, which a terminal obeys, become escapes."""

from __future__ import annotations

import re

_NO_ASCII = re.compile(r"[^\n -~]")
# Printable by their category, and yet nothing to see: fillers, joiners, variation selectors (Unicode's
# property Default_Ignorable_Code_Point), and the empty pattern of Braille.
_UNSEEN = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164\ufe00-\ufe0f\uffa0\U000e0100-\U000e01ef]"
)


def visible(text: str) -> str:
    r"""Whatever is not printable as an escape, line breaks too; so is what reorders or hides letters.

    >>> visible("a\x1b[31m\nb\u202e") == r"a\x1b[31m\nb\u202e"
    True
    """
    return text if _is_visible(text) else "".join(map(_escaped, text))


def visible_lines(text: str) -> str:
    """The same, with line breaks as they are."""
    return "\n".join(map(visible, text.split("\n")))


def visible_json(text: str, *, ascii_only: bool = False) -> str:
    r"""A JSON document that a terminal shows and every reader reads; its values are what they were.

    What is not printable can only stand inside of JSON's strings, which have escapes for it. ``ascii_only``:
    so becomes whatever is beyond ASCII.

    >>> visible_json('"\x7f\U000e0001é"')
    '"\\u007f\\udb40\\udc01é"'
    """
    return _NO_ASCII.sub(lambda found: _json_escaped(found[0], ascii_only=ascii_only), text)


def _is_visible(text: str) -> bool:
    return text.isprintable() and not _UNSEEN.search(text)


def _escaped(one: str) -> str:
    return one if _is_visible(one) else ascii(one)[1:-1]


def _json_escaped(one: str, *, ascii_only: bool) -> str:
    if _is_visible(one) and not ascii_only:
        return one
    units = one.encode("utf-16-be", "surrogatepass").hex()
    return "".join(f"\\u{units[place : place + 4]}" for place in range(0, len(units), 4))
