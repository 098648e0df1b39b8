"""The three curves of a forecast as one CSV."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lrsched_cli.report.trace_text import header_line

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy as np
    from numpy.typing import NDArray

    from lrsched_cli.analysis.forecast.results import Forecast

    Floats = NDArray[np.float64]

_BLOCK = 4096


def forecast_csv(forecast: Forecast) -> Iterator[str]:
    """``update``, then a column ``old.GROUP``, ``really.GROUP`` and ``new.GROUP`` for each group.

    ``really`` is the old run up to the save point. A cell is empty where a plan has ended. Floats are the
    shortest text that reads back to the same double.
    """
    curves = {"old": forecast.curves.old, "really": forecast.curves.really, "new": forecast.curves.new}
    names = [f"old.{one.old_group}" for one in forecast.groups]
    names += [f"{curve}.{one.group}" for curve in ("really", "new") for one in forecast.groups]
    yield header_line(["update", *names])
    end = max(len(one) for one in curves.values())
    for start in range(0, end, _BLOCK):
        updates = range(start, min(start + _BLOCK, end))
        columns = [[str(update + 1) for update in updates]]
        for lrs in curves.values():
            columns += [_cells(lrs[:, group], updates) for group in range(len(forecast.groups))]
        yield "".join(",".join(row) + "\n" for row in zip(*columns, strict=True))


def _cells(lrs: Floats, updates: range) -> list[str]:
    there = [repr(lr) for lr in lrs[updates.start : updates.stop].tolist()]
    return there + [""] * (len(updates) - len(there))
