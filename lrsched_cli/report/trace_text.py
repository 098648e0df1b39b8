"""A trace as text: CSV, TSV or JSON, chosen by the file's suffix."""

from __future__ import annotations

import csv
import io
import math
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from lrsched_cli.report.json_text import json_text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lrsched_cli.analysis.trace import Trace

    Column = tuple[str, np.ndarray[tuple[int, ...], np.dtype[np.float64]], bool]

_BLOCK = 4096


class Selection(NamedTuple):
    """Which columns and rows: ``factors`` adds theirs; ``every`` keeps each so-manieth row.

    The first row, the last and each turning point (warm-up end, restarts) are always kept.
    """

    factors: bool = False
    every: int = 1


def csv_text(trace: Trace, selection: Selection) -> Iterator[str]:
    """Comma-separated, a header first; floats as the shortest text that reads back to the same double."""
    return _separated(trace, selection, ",")


def tsv_text(trace: Trace, selection: Selection) -> Iterator[str]:
    """The same with tabs."""
    return _separated(trace, selection, "\t")


def trace_json(trace: Trace, selection: Selection) -> Iterator[str]:
    """One document: name, loop, groups, and the columns by name; null where a value does not exist."""
    rows = _rows(trace, selection)
    columns = {
        name: [_value(one, whole=whole) for one in values[rows].tolist()]
        for name, values, whole in _columns(trace, selection)
    }
    document = {"name": trace.name, "loop": trace.loop, "groups": trace.groups, "columns": columns}
    yield json_text(document)


FORMATS = {".csv": csv_text, ".tsv": tsv_text, ".json": trace_json}
"""What writes a trace, by the suffix of the file."""


def _separated(trace: Trace, selection: Selection, separator: str) -> Iterator[str]:
    columns = _columns(trace, selection)
    yield header_line([name for name, _, _ in columns], separator)
    rows = _rows(trace, selection)
    for start in range(0, len(rows), _BLOCK):
        block = rows[start : start + _BLOCK]
        cells = [[_cell(one, whole=whole) for one in values[block].tolist()] for _, values, whole in columns]
        yield "".join(separator.join(row) + "\n" for row in zip(*cells, strict=True))


def _columns(trace: Trace, selection: Selection) -> list[Column]:
    """Name, values and whether they are whole numbers, in the order of the file."""
    columns: list[Column] = [("step", trace.step, True), ("batch_size", trace.batch_size, True)]
    for label, table in (("lr", trace.lr), ("scale", trace.scale), *trace.settings.items()):
        columns += [(f"{label}.{name}", table[:, i], False) for i, name in enumerate(trace.groups)]
    if selection.factors:
        for i, name in enumerate(trace.groups):
            columns += [
                (f"{factor}.{name}", trace.factors[factor][:, i], False)
                for factor in trace.factors
                if factor != "batch"
            ]
            columns += [
                (f"{key}.{name}", trace.state[key][:, i], True)
                for key in ("cycle", "T_cur", "T_i")
                if key in trace.state
            ]
        columns += _batch_columns(trace) if "batch" in trace.factors else []
    return columns


def _batch_columns(trace: Trace) -> list[Column]:
    """One column where the batch factor is that of all groups, else one for each group."""
    batch = trace.factors["batch"]
    if all(np.array_equal(batch[:, 0], batch[:, i], equal_nan=True) for i in range(batch.shape[1])):
        return [("batch", batch[:, 0], False)]
    return [(f"batch.{name}", batch[:, i], False) for i, name in enumerate(trace.groups)]


def _rows(trace: Trace, selection: Selection) -> np.ndarray[tuple[int, ...], np.dtype[np.intp]]:
    last = trace.steps
    if selection.every == 1:
        return np.arange(last + 1)
    kept = np.arange(0, last + 1, selection.every)
    return np.union1d(kept, np.array([*trace.turning_points(), last], dtype=np.intp))


def _value(value: float, *, whole: bool) -> float | int | None:
    if math.isnan(value):
        return None
    return int(value) if whole and value.is_integer() else value


def _cell(value: float, *, whole: bool) -> str:
    shown = _value(value, whole=whole)
    return "" if shown is None else repr(shown)


def header_line(cells: list[str], separator: str = ",") -> str:
    """The names of columns as one line; a name that holds a separator stands between quotation marks."""
    text = io.StringIO()
    csv.writer(text, delimiter=separator, lineterminator="\n").writerow(cells)
    return text.getvalue()
