"""A run in a few numbers: how high the LR stands in each part of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

PARTS = 24
_DIGITS = 3


def sparkline_of(lrs: NDArray[np.float64]) -> tuple[float, ...]:
    """The highest LR in each of 24 equal parts of the updates, as shares of the peak, to three digits.

    The highest and not the mean: a warm restart or a peak that is shorter than a part is seen. A run of fewer
    updates has a part for each of them; where no LR is above 0, every share is 0.

    >>> sparkline_of(np.array([0.0, 0.5, 2.0, 1.0]))
    (0.0, 0.25, 1.0, 0.5)
    """
    highest = [float(part.max()) for part in np.array_split(lrs, min(PARTS, len(lrs)))]
    peak = max(highest)
    return tuple(round(one / peak, _DIGITS) if peak else 0.0 for one in highest)
