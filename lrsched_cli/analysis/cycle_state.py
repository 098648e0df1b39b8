"""What the rows of a cycle state say: where a warm-up ends, and where cycles begin anew."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]


def warmup_end_row(T_cur: Floats, cycle: Floats) -> int:
    """The row before the first one outside the warm-up; 0 where there is none, the last if it never ends."""
    outside = (T_cur > 0) | (cycle > 0)
    return max(int(np.argmax(outside)) - 1, 0) if outside.any() else len(outside) - 1


def restart_rows(cycle: Floats) -> NDArray[np.int64]:
    """The rows at which the cycle begins anew."""
    return np.flatnonzero(np.diff(cycle) > 0) + 1
