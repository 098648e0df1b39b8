"""Numbers of a finding in words."""

from __future__ import annotations

from lrsched_cli.core.numbers_text import lr_text, whole_text

__all__ = ["count", "lr", "percent", "times", "updates"]


def lr(value: float) -> str:
    """An LR in three digits.

    >>> lr(0.00029123)
    '2.91e-4'
    """
    return lr_text(value, 3)


def times(value: float, of: float) -> str:
    """How many times as large one LR is as another.

    >>> times(1e-3, 2.9e-4), times(1.0, 0.0)
    ('3.45 ×', 'far above')
    """
    return f"{value / of:.3g} ×" if of else "far above"


def percent(share: float) -> str:
    """A share of 1.

    >>> percent(0.816), percent(0.0042)
    ('82%', '0.42%')
    """
    return f"{share:.0%}" if abs(share) >= 0.1 else f"{100 * share:.2g}%"  # noqa: PLR2004 - two digits


def count(number: int) -> str:
    """A whole number with thousands set apart."""
    return whole_text(number)


def updates(number: int) -> str:
    """So many updates.

    >>> updates(1), updates(1200)
    ('1 update', '1,200 updates')
    """
    return "1 update" if number == 1 else f"{whole_text(number)} updates"
