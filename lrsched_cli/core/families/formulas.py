"""What the text of a formula gives away without being evaluated."""

from __future__ import annotations

import re

_WHOLE = re.compile(r"(?<![\w.])(?<!\d[eE][-+])\d+(?:e\d+)?(?![\w.])")
_MOST = 16


def whole_numbers(text: str) -> list[int]:
    """The whole numbers in a formula of the step: where it has its cases, mostly.

    >>> whole_numbers("1.0 if step < 1000 else max(0.5, 1 - (step - 1e5) * 1e-4)")
    [1, 1000, 100000]
    """
    found = {int(float(number)) for number in _WHOLE.findall(text) if len(number) < _MOST}
    return sorted(found - {0})
