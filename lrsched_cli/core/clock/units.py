"""Counts in other units than steps, as people write them: ``5ep``, ``10%``, ``375Mtok``, ``1_000_000sa``."""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

EPOCHS, SHARE, TOKENS, SAMPLES = "ep", "%", "tok", "sa"
UNITS = (EPOCHS, SHARE, TOKENS, SAMPLES)

_PREFIXES = {"": 1, "k": 10**3, "m": 10**6, "b": 10**9, "g": 10**9, "t": 10**12}
_WITH_PREFIX = {TOKENS, SAMPLES}
LONGEST = 60
"""Characters of an amount as it is written."""

_NUMBER = r"[0-9]+(?:_[0-9]+)*(?:\.[0-9]+(?:_[0-9]+)*)?(?:[eE]\+?[0-9]{1,2})?"
_ZERO = r"[0_.]+(?:[eE]\+?[0-9]+)?\s*[A-Za-z%]"
_WRITTEN = re.compile(rf"({_NUMBER})\s*([KkMBGT]?)(ep|sa|tok|%)", re.ASCII)
_LIKE_ONE = re.compile(r"[-+]?[\d.][\d_.]*(?:[eE][-+]?\d+)?\s*(?:[^\W\d_]+%?|%)")
_HOW = "write a whole number of steps, or 5ep, 10%, 375Mtok, 1_000_000sa"


@dataclass(frozen=True, slots=True)
class Quantity:
    """An amount in a unit (``"ep"``, ``"%"``, ``"tok"`` or ``"sa"``), exact, and how it was written."""

    amount: Fraction
    unit: str
    text: str


def quantity(text: str) -> Quantity | None:
    """Read an amount with its unit; None for a text that is not meant as one.

    ``K``, ``M``, ``B`` (or ``G``) and ``T`` before ``tok`` and ``sa`` are powers of 1000. Raises ValueError,
    with what is wrong, for a number with a unit that does not exist.

    >>> quantity("1.5Ktok")
    Quantity(amount=Fraction(1500, 1), unit='tok', text='1.5Ktok')
    >>> quantity("10 %").amount, quantity("linear")
    (Fraction(10, 1), None)
    """
    stripped = text.strip()
    if len(stripped) > LONGEST or not _LIKE_ONE.fullmatch(stripped):
        return None
    if stripped.startswith(".") and stripped[1].isdigit():
        raise ValueError(f"lacks the digit before the point; write 0{stripped}")
    found = _WRITTEN.fullmatch(stripped)
    if found is None or (found[2] and found[3] not in _WITH_PREFIX):
        raise ValueError(f"is no count of steps; {_HOW} (got {stripped})")
    return Quantity(number(found[1]) * _PREFIXES[found[2].lower()], found[3], stripped)


def written_pattern(units: Iterable[str] = UNITS, *, above_0: bool = False) -> str:
    """The regular expression, as JSON Schema has them, of the amounts that ``quantity`` reads.

    >>> bool(re.search(written_pattern([EPOCHS]), "5ep")), bool(re.search(written_pattern([EPOCHS]), "5%"))
    (True, False)
    """
    either = "|".join(f"[KkMBGT]?{unit}" if unit in _WITH_PREFIX else unit for unit in units)
    no_zero = f"(?!{_ZERO})" if above_0 else ""
    return rf"^\s*{no_zero}{_NUMBER}\s*({either})\s*$"


def number(text: str) -> Fraction:
    """A number as it is written, exactly.

    >>> number("1_000.5"), number("2e3")
    (Fraction(2001, 2), Fraction(2000, 1))
    """
    return Fraction(text.replace("_", ""))
