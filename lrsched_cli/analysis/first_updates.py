"""What the first updates get: libraries begin their warm-ups in different ways."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from lrsched_cli.analysis.trace import Trace

    Floats = NDArray[np.float64]

Convention = Literal["from zero", "from one", "from a floor", "other"]
SHOWN = 5
"""How many of the first updates are told one by one."""

_TOLERANCE = 1e-9


@dataclass(frozen=True, slots=True)
class FirstUpdates:
    """How one group's LR begins. Updates count from 1.

    ``lrs`` are those of the first updates, five at most. ``at_zero`` of the updates before the peak run at LR
    0, and change nothing. ``held`` of them, from the warm-up's first on, run at one LR: its floor.
    ``before_warmup`` says that update 1 runs at an LR above those after it, with
    which the warm-up begins. ``peak`` is the LR that the warm-up ends at, ``peak_update`` the first update
    that gets it: 1 where there is no warm-up, None where it never ends.

    ``convention`` says which share of the peak update u of a linear warm-up gets, with p the peak's update:
    ``from zero`` (u - 1) / (p - 1), ``from one`` u / p, ``from a floor`` a share that rises evenly from
    another one; ``other`` for every other shape, None without a warm-up.
    """

    group: str
    lrs: tuple[float, ...]
    at_zero: int
    held: int
    before_warmup: bool
    peak: float
    peak_update: int | None
    convention: Convention | None


def first_updates(trace: Trace) -> tuple[FirstUpdates, ...]:
    """How the LR of every group begins, in the order of the groups."""
    return tuple(_of_group(trace, group) for group in range(len(trace.groups)))


def _of_group(trace: Trace, group: int) -> FirstUpdates:
    lrs = trace.lr[trace.updates, group]
    row = trace.warmup_end(group)
    # Row r is update r + 1 in the loop optimizer-first; in the other one it is update r.
    last = trace.update_at(row) if row else 1
    before = bool(row) and len(lrs) > 2 and bool(lrs[0] > lrs[1])  # noqa: PLR2004 - a fall, and what follows
    until = min(last or len(lrs), len(lrs))
    peak = float(lrs[until - 1])
    reached = last is not None and row < trace.steps
    first = int(np.argmax(lrs[int(before) :] >= peak)) + int(before) + 1 if reached and row else last
    rise = lrs[int(before) : first] if first else lrs
    return FirstUpdates(
        group=trace.groups[group],
        lrs=tuple(lrs[:SHOWN].tolist()),
        at_zero=int(np.count_nonzero(lrs[:until] == 0)),
        held=_held(rise) if row else 0,
        before_warmup=before,
        peak=peak,
        peak_update=first if reached or not row else None,
        convention=_convention(rise) if row and reached else None,
    )


def _held(rise: Floats) -> int:
    """How many of the first updates of a rise stand at one LR; 0 where it begins to rise at once."""
    standing = int(np.argmax(rise != rise[0])) if (rise != rise[0]).any() else len(rise)
    return standing if standing > 1 else 0


def _convention(rise: Floats) -> Convention:
    """The shape of a rise whose last value is the peak, shape (updates,)."""
    if len(rise) < 2:  # noqa: PLR2004 - a rise
        return "other"
    shares = rise / rise[-1]
    places = np.arange(1, len(rise) + 1)
    for convention, expected in (
        ("from zero", (places - 1) / (len(rise) - 1)),
        ("from one", places / len(rise)),
        ("from a floor", np.linspace(shares[0], 1.0, len(rise))),
    ):
        if np.allclose(shares, expected, rtol=0, atol=_TOLERANCE):
            return convention  # type: ignore[return-value]  # one of those above
    return "other"
