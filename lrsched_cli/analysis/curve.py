"""What a curve of LRs says by itself, where its scheduler does not say where it stands.

A curve falls, rises and stands still. The rise that it begins with is its warm-up, unless it is the first
of many alike, as in a triangle wave. A rise of a single step that makes good a fall is a restart.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Rows = NDArray[np.intp]

_LEVEL = 1e-14
"""Changes smaller than this share of the LRs on both sides are rounding, not movement."""

_MADE_GOOD, _MADE_GOOD_AT_THE_END = 0.25, 0.5
"""What share of the fall before it a restart makes good; more where the run ends before it falls again."""

_JUMP, _JUMP_SHARE = 4.0, 0.1
"""Among other rises, a restart is so many times as large as the changes on both sides, and this share of the
largest LR."""

_ALIKE = 0.08
"""How far two rises of one shape are apart, as a share of their height; a cosine is 0.1 from a line."""

_SAME_LEVEL = 1e-9
_PART_OF_A_CYCLE = 3
_FEWEST_TO_JUDGE = 3


def turns(lrs: Floats) -> Rows:
    """The rows where a curve begins or ceases to move, or changes its direction.

    ``lrs`` has shape (rows, groups); a row counts where any group's curve turns.
    """
    if len(lrs) < 3:  # noqa: PLR2004 - no curve
        return np.empty(0, dtype=np.intp)
    changed = (np.diff(_directions(lrs), axis=0) != 0).any(axis=1)
    return np.flatnonzero(changed) + 1


def warmup_end(lr: Floats) -> int:
    """The row up to which one group's LR rises from the start, shape (rows,); 0 where it does not.

    Steps at which it stands still before it rises further belong to the rise. The first rise of a curve
    that goes up and down is none: where it comes again, and makes up a third of the time until then.
    """
    end = _first_rise_end(_directions(lr))
    return 0 if _comes_again(lr, end) else end


def restarts(lr: Floats) -> Rows:
    """The rows to which one group's LR jumps back up in a single step, shape (rows,).

    Where it also rises more slowly, only such jumps count that stand out from the changes around them.
    """
    rises = _rises_after(lr, _first_rise_end(_directions(lr)))
    if not len(rises.starts):
        return np.empty(0, dtype=np.intp)
    height = lr[rises.ends] - lr[rises.starts]
    fallen = lr[rises.tops] - lr[rises.starts]
    at_the_end = rises.ends == len(lr) - 1
    enough = np.where(at_the_end, _MADE_GOOD_AT_THE_END, _MADE_GOOD)
    jumps = (rises.ends - rises.starts == 1) & (fallen > 0) & (height > enough * fallen)
    if not (jumps | at_the_end).all():
        jumps &= (height > _JUMP * _changes_around(lr, rises)) & (height > _JUMP_SHARE * np.abs(lr).max())
    found: Rows = rises.ends[jumps]
    return found


class _Rises(NamedTuple):
    """Stretches in which a curve rises: the rows where each starts, where it ends, and the top before it."""

    starts: Rows
    ends: Rows
    tops: Rows


def _rises_after(lr: Floats, first: int) -> _Rises:
    """The rises that begin at row ``first`` or later; up to there the curve does not fall."""
    rising = np.concatenate([[False], _directions(lr)[first:] > 0, [False]])
    edges = np.flatnonzero(rising[1:] != rising[:-1]) + first
    starts, ends = edges[::2], edges[1::2]
    return _Rises(starts, ends, np.concatenate([[first], ends[:-1]]).astype(np.intp)[: len(ends)])


def _first_rise_end(directions: Floats) -> int:
    falls = np.flatnonzero(directions < 0)
    before = directions[: falls[0] if len(falls) else len(directions)]
    rises = np.flatnonzero(before > 0)
    return int(rises[-1]) + 1 if len(rises) else 0


def _comes_again(lr: Floats, end: int) -> bool:
    """Whether the first rise, up to row ``end``, is one of several alike: from one level, in one shape."""
    if not end:
        return False
    again = _rises_after(lr, end)
    same_level = np.abs(lr[again.starts] - lr[0]) <= _SAME_LEVEL * np.abs(lr).max()
    found = np.flatnonzero(same_level)
    if not len(found):
        return False
    start, until = int(again.starts[found[0]]), int(again.ends[found[0]])
    steps = until - start
    cut_short = until == len(lr) - 1 and _FEWEST_TO_JUDGE <= steps <= end
    if end * _PART_OF_A_CYCLE < start or not (steps == end or cut_short):
        return False
    one, other = (lr[row : row + steps + 1] - lr[row] for row in (0, start))
    return bool(np.abs(one / one[-1] - other / other[-1]).max() <= _ALIKE)


def _changes_around(lr: Floats, rises: _Rises) -> Floats:
    """The larger one of the changes before and after each rise; 0 where there is none."""
    size = np.concatenate([[0.0], np.abs(np.diff(lr)), [0.0]])
    around: Floats = np.maximum(size[rises.starts], size[rises.ends + 1])
    return around


def _directions(lrs: Floats) -> Floats:
    size = np.abs(lrs)
    level = _LEVEL * np.maximum(size[1:], size[:-1])
    change = np.diff(lrs, axis=0)
    return np.where(np.abs(change) <= level, 0.0, np.sign(change))
