"""Fewer points for a picture, without losing a peak."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

_POINTS_PER_COLUMN = 4


def drawn_points(x: Floats, y: Floats, columns: int) -> tuple[Floats, Floats]:
    """The points of a line that shows values, each of which holds until the next row.

    As many for each of ``columns`` stretches as ``decimated`` leaves. Shorter series are those ``held``.
    """
    return held(x, y) if len(y) <= _POINTS_PER_COLUMN * columns else decimated(x, y, columns)


def held(x: Floats, y: Floats) -> tuple[Floats, Floats]:
    """A curve that stays where it has stood still, up to the row at which it moves on.

    So a staircase has steps, where straight lines from row to row would give it slopes; curves that
    move all the time are as they were, and so are stretches without rows.

    >>> import numpy as np
    >>> held(np.arange(4.0), np.array([1.0, 1.0, 5.0, 5.0]))
    (array([0., 1., 2., 2., 3.]), array([1., 1., 1., 5., 5.]))
    """
    stood = (y[1:-1] == y[:-2]) & (y[2:] != y[1:-1])
    moves = 2 + np.flatnonzero(stood & (np.diff(x)[1:] == 1))
    return np.insert(x, moves, x[moves]), np.insert(y, moves, y[moves - 1])


def decimated(x: Floats, y: Floats, columns: int) -> tuple[Floats, Floats]:
    """At most four points for each of ``columns`` stretches: its first, lowest, highest and last.

    That draws the same pixels as all points do (the M4 aggregation of Jugel et al. 2014,
    doi:10.14778/2732951.2732953). Short series come back as they are.
    """
    if len(y) <= _POINTS_PER_COLUMN * columns:
        return x, y
    starts = np.linspace(0, len(y), columns, endpoint=False).astype(np.intp)
    length = int(np.diff(starts, append=len(y)).max())
    # Every stretch as a row of the same length, its last point repeated where it is shorter.
    rows = np.minimum(starts[:, None] + np.arange(length), np.append(starts[1:], len(y))[:, None] - 1)
    values = y[rows]
    each = np.arange(columns)
    kept = np.stack(
        [rows[:, 0], rows[each, values.argmin(axis=1)], rows[each, values.argmax(axis=1)], rows[:, -1]]
    )
    chosen = np.unique(kept)
    return x[chosen], y[chosen]
