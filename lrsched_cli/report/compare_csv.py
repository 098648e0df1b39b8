"""Several traces as one CSV, aligned by step."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from lrsched_cli.report.trace_text import header_line

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from numpy.typing import NDArray

    from lrsched_cli.analysis.stored_trace import StoredTrace
    from lrsched_cli.analysis.trace import Trace

    Floats = NDArray[np.float64]

_BLOCK = 4096


def comparison_csv(traces: Mapping[str, Trace | StoredTrace]) -> Iterator[str]:
    """``step``, then a column ``lr.FILE.GROUP`` for each group of each file.

    Every step that any of them has is a row; a cell is empty where the file has no such row. Floats are
    the shortest text that reads back to the same double.
    """
    names = [f"lr.{label}.{group}" for label, trace in traces.items() for group in trace.groups]
    yield header_line(["step", *names])
    steps = np.unique(np.concatenate([trace.step for trace in traces.values()]))
    for start in range(0, len(steps), _BLOCK):
        block = steps[start : start + _BLOCK]
        columns = [[str(int(step)) for step in block.tolist()]]
        for trace in traces.values():
            columns += _cells(trace, block)
        yield "".join(",".join(row) + "\n" for row in zip(*columns, strict=True))


def _cells(trace: Trace | StoredTrace, steps: Floats) -> list[list[str]]:
    """The cells of each group at ``steps``."""
    rows = np.minimum(np.searchsorted(trace.step, steps), len(trace.step) - 1)
    present = (trace.step[rows] == steps).tolist()
    return [
        [repr(lr) if there else "" for lr, there in zip(trace.lr[rows, group].tolist(), present, strict=True)]
        for group in range(len(trace.groups))
    ]
