"""A metric for each scheduler step, from a column of a CSV file: a validation loss that a real run logged."""

from __future__ import annotations

import csv
import io
import math
from array import array
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lrsched_cli.core.files.regular_file import read_at_most
from lrsched_cli.core.messages import did_you_mean, shown

if TYPE_CHECKING:
    from lrsched_cli.core.sections import CsvColumn

MAX_BYTES = 50_000_000
MAX_ROWS = 2_000_000
_BLOCK = 4096


def read_metric_column(stated: CsvColumn, named_in: str) -> tuple[float, ...]:
    """The finite numbers of a column, in their order; empty cells are passed over.

    ``named_in`` is the file that names the CSV, whose folder it is looked up from. Raises ValueError with
    the reason where it cannot be read.
    """
    path = Path(named_in).parent / stated.csv
    try:
        if not path.is_file():
            raise ValueError(f"{path}: {'is no regular file' if path.exists() else 'no such file'}")
        if path.stat().st_size > MAX_BYTES:
            raise ValueError(f"{path}: is larger than {MAX_BYTES // 1_000_000} MB")
        data = read_at_most(path, MAX_BYTES)
        found = _numbers(_rows(data), stated.column, path)
        if found is None:
            raise ValueError(_first_wrong(_rows(data), stated.column, path))
        return tuple(found)
    except (OSError, csv.Error, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or error
        raise ValueError(f"{path}: cannot be read: {reason}") from None


def _rows(data: bytes) -> Any:
    return csv.reader(io.TextIOWrapper(io.BytesIO(data), "utf-8-sig", newline=""), strict=True)


def _numbers(rows: Any, column: str, path: Path) -> array[float] | None:
    """The numbers, many rows at a time; None where a cell is no finite one."""
    header: list[str] = next(rows, [])
    if column not in header:
        raise ValueError(f"{path}: has no column {shown(column)}{did_you_mean(column, header)}")
    place = header.index(column)
    numbers = array("d")
    read = 0
    while block := list(islice(rows, _BLOCK)):
        read += len(block)
        if read > MAX_ROWS:
            raise ValueError(f"{path}: has more than {MAX_ROWS:,} rows")
        cells = [row[place].strip() for row in block if place < len(row)]
        try:
            found = array("d", map(float, filter(None, cells)))
        except ValueError:
            return None
        if not all(map(math.isfinite, found)):
            return None
        numbers += found
    if not numbers:
        raise ValueError(f"{path}: the column {shown(column)} has no number")
    return numbers


def _first_wrong(rows: Any, column: str, path: Path) -> str:
    """Where the first cell stands that is no finite number."""
    place = next(rows).index(column)
    for row in rows:
        cell = row[place].strip() if place < len(row) else ""
        if cell and not _is_finite(cell):
            return f"{path}:{rows.line_num}: must be a finite number (got {shown(cell)})"
    raise AssertionError(path)


def _is_finite(cell: str) -> bool:
    try:
        return math.isfinite(float(cell))
    except ValueError:
        return False
