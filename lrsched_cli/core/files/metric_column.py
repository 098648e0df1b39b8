"""A metric for each scheduler step, from a column of a CSV file: a validation loss that a real run logged."""

from __future__ import annotations

import csv
import io
import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lrsched_cli.core.files.regular_file import read_at_most
from lrsched_cli.core.messages import did_you_mean, shown

if TYPE_CHECKING:
    from lrsched_cli.core.sections import CsvColumn

MAX_BYTES = 50_000_000


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
        lines = io.StringIO(read_at_most(path, MAX_BYTES).decode("utf-8-sig"), newline="")
        return tuple(_numbers(csv.reader(lines, strict=True), stated.column, path))
    except (OSError, csv.Error, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or error
        raise ValueError(f"{path}: cannot be read: {reason}") from None


def _numbers(rows: Any, column: str, path: Path) -> list[float]:
    header: list[str] = next(rows, [])
    if column not in header:
        raise ValueError(f"{path}: has no column {shown(column)}{did_you_mean(column, header)}")
    place = header.index(column)
    numbers = []
    for row in rows:
        cell = row[place].strip() if place < len(row) else ""
        if cell:
            try:
                number = float(cell)
            except ValueError:
                number = math.nan
            if not math.isfinite(number):
                raise ValueError(f"{path}:{rows.line_num}: must be a finite number (got {shown(cell)})")
            numbers.append(number)
    if not numbers:
        raise ValueError(f"{path}: the column {shown(column)} has no number")
    return numbers
