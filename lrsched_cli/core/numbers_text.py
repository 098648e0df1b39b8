"""Numbers as people in this field write them: ``1e-3``, ``2.83e-4``, ``10k``, ``1.5M``."""

from __future__ import annotations

import math

_PLAIN_FROM = 0.1
_PLAIN_TO = 10_000.0
_SMALLEST_SHARE = 0.0005


def lr_text(value: float, digits: int = 4) -> str:
    """A learning rate in at most ``digits`` significant digits, without padding.

    >>> lr_text(1e-3), lr_text(0.00028284), lr_text(0.5), lr_text(0)
    ('1e-3', '2.828e-4', '0.5', '0')
    """
    if value == 0 or not math.isfinite(value):
        return "0" if value == 0 else str(value)
    if _PLAIN_FROM <= abs(value) < _PLAIN_TO:
        return f"{value:.{digits}g}"
    mantissa, exponent = f"{value:.{digits - 1}e}".split("e")
    if "." in mantissa:
        mantissa = mantissa.rstrip("0").rstrip(".")
    return f"{mantissa}e{int(exponent)}"


def count_text(value: float) -> str:
    """A step count on an axis.

    >>> count_text(500), count_text(10_000), count_text(1_500_000), count_text(-20)
    ('500', '10k', '1.5M', '-20')
    """
    for size, unit in ((1e6, "M"), (1e3, "k")):
        if abs(value) >= size:
            return f"{value / size:.6g}{unit}"
    return f"{value:.6g}"


def whole_text(value: int) -> str:
    """A whole number with thousands set apart.

    >>> whole_text(1234567)
    '1,234,567'
    """
    return f"{value:,}"


def share_text(share: float | None) -> str:
    """A share of a whole in per cent; a small one is not nothing.

    >>> share_text(0.2567), share_text(0.0001), share_text(1.0), share_text(0.0), share_text(None)
    ('25.7%', '<0.1%', '100%', '0%', '-')
    """
    if share is None:
        return "-"
    if 0 < share < _SMALLEST_SHARE:
        return "<0.1%"
    return f"{100 * share:.1f}".removesuffix(".0") + "%"
