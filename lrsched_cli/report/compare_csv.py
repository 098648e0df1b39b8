"""Several traces as one CSV, aligned by step."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from lrsched_cli.analysis.compare import quantities_of
from lrsched_cli.report.trace_text import header_line

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from numpy.typing import NDArray

    from lrsched_cli.analysis.stored_trace import StoredTrace
    from lrsched_cli.analysis.trace import Trace

    Floats = NDArray[np.float64]

_BLOCK = 4096


def comparison_csv(traces: Mapping[str, Trace | StoredTrace]) -> Iterator[str]:
    """``step``, then a column ``lr.FILE.GROUP`` for each group of each file; so for the settings compared.

    Every step that any of them has is a row; a cell is empty where the file has no such row, or the group
    no such setting. Floats are the shortest text that reads back to the same double.
    """
    columns = [
        (f"{quantity}.{label}.{group}", trace, values[:, place])
        for quantity in quantities_of(traces)
        for label, trace in traces.items()
        if (values := trace.number(quantity)) is not None
        for place, group in enumerate(trace.groups)
    ]
    yield header_line(["step", *(name for name, _, _ in columns)])
    steps = np.unique(np.concatenate([trace.step for trace in traces.values()]))
    for start in range(0, len(steps), _BLOCK):
        block = steps[start : start + _BLOCK]
        cells = [[str(int(step)) for step in block.tolist()]]
        cells += [_cells(trace.step, values, block) for _, trace, values in columns]
        yield "".join(",".join(row) + "\n" for row in zip(*cells, strict=True))


def _cells(ours: Floats, values: Floats, steps: Floats) -> list[str]:
    """A column's cells at ``steps``; ``ours`` are the steps that its file has."""
    rows = np.minimum(np.searchsorted(ours, steps), len(ours) - 1)
    shown = (ours[rows] == steps) & ~np.isnan(values[rows])
    return [
        repr(one) if there else "" for one, there in zip(values[rows].tolist(), shown.tolist(), strict=True)
    ]
