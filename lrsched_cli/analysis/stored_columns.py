"""The text of a stored trace → its columns as numbers, or everything that is wrong with it."""

from __future__ import annotations

import csv
import math
import re
from collections import Counter
from functools import lru_cache
from itertools import islice
from typing import TYPE_CHECKING

import numpy as np

from lrsched_cli.analysis.group_numbers import LR
from lrsched_cli.core.findings import MAX_GROUPS
from lrsched_cli.core.law import Factors, Position
from lrsched_cli.core.messages import shown
from lrsched_cli.errors import Problem, ScheduleFileError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

MAX_PROBLEMS = 100
MAX_COLUMNS = 20 * MAX_GROUPS + 100
"""A trace has some ten columns of each group with its factors, and one for each setting that changes."""
LR_PREFIX = f"{LR}."
STATE_KEYS = ("cycle", "T_cur")
_NO_SETTINGS = {LR, "scale", *Factors._fields, *Position._fields}
_BLOCK, _CELLS = 4096, 400_000  # rows that are read at once, and the cells that they have at most
_CELL = re.compile(r'(?:[^,"]++|"[^"]*+")*+,')


def read_columns(text: str, label: str) -> tuple[tuple[str, ...], Floats]:
    """The names of the columns ``step``, ``lr.GROUP`` ..., and their numbers, shape (rows, columns).

    Where all groups have them, the columns ``cycle.GROUP`` ... and ``T_cur.GROUP`` ... follow, and those of
    any setting, such as ``momentum.GROUP`` ...: any name but those of multipliers and factors, NaN where
    a cell is empty. All others are not read. Raises ScheduleFileError with the problems, told under
    ``label``: the first hundred.
    """
    parsed = _Parser(text, label)
    problems = list(islice(parsed.problems(), MAX_PROBLEMS + 1))
    if len(problems) > MAX_PROBLEMS:
        problems[-1] = _further(problems[-1])
    if problems:
        raise ScheduleFileError(problems)
    return parsed.columns()


def _further(problem: Problem) -> Problem:
    message = f"and so on: the file's first {MAX_PROBLEMS} problems are told"
    return Problem(problem.file, problem.line, problem.column, "", message)


class _Parser:
    """Reads one text: first ``problems()`` through its end, then, if there were none, ``columns()``."""

    def __init__(self, text: str, label: str) -> None:
        self._label = label
        self._lines = text.split("\n")
        if self._lines[-1] == "":
            self._lines.pop()
        self._reader = csv.reader(self._lines, strict=True)
        self._header: list[str] = []
        self._columns: list[int] = []
        self._settings: set[int] = set()
        self._blocks: list[Floats] = []
        self._last_step = -math.inf

    def problems(self) -> Iterator[Problem]:
        """What is wrong, in the order of the file."""
        if not any(line.strip() for line in self._lines):
            yield self._at(1, 0, "is empty; a trace is a header and one row per scheduler step")
            return
        rows = self._rows()
        found = next(rows)
        if isinstance(found, Problem):
            yield found
            return
        self._header = found
        wrong = list(self._header_problems())
        yield from wrong
        if not wrong:
            self._columns, self._settings = self._wanted()
            yield from self._body_problems(rows)

    def columns(self) -> tuple[tuple[str, ...], Floats]:
        """What has been read: the columns' names, and the table with one column for each."""
        table = np.concatenate(self._blocks)
        table.setflags(write=False)
        return tuple(self._header[column] for column in self._columns), table

    def _rows(self) -> Iterator[list[str] | Problem]:
        """Each row's cells; a row that cannot be told apart from the next ends it all with a problem."""
        while True:
            line = self._reader.line_num + 1
            try:
                row = next(self._reader)
            except StopIteration:
                return
            except csv.Error as error:
                yield self._at(line, 0, self._unreadable_row(line, str(error)))
                return
            if self._reader.line_num != line:
                yield self._at(line, 0, "has a quotation mark that is not closed")
                return
            yield row

    def _unreadable_row(self, line: int, reason: str) -> str:
        text = self._lines[line - 1]
        if text.count('"') % 2 == 1:
            return "has a quotation mark that is not closed"
        if "\r" in text[:-1]:
            return "has a carriage return inside the line; lines end in \\n or \\r\\n"
        return f"cannot be read: {reason}"

    def _header_problems(self) -> Iterator[Problem]:
        header = self._header
        if len(header) > MAX_COLUMNS:
            yield self._at(1, 0, f"has {len(header):,} columns; {MAX_COLUMNS:,} are allowed")
            return
        groups = sum(name.startswith(LR_PREFIX) for name in header)
        if groups > MAX_GROUPS:
            yield self._at(1, 0, f"has {groups:,} groups; {MAX_GROUPS:,} are allowed, as in a schedule file")
            return
        if any(_number(cell) is not None for cell in header):
            yield self._at(1, 0, "has no header; the first row names the columns, such as step,lr.GROUP")
            return
        if "step" not in header:
            yield self._at(1, 0, f"has no column step (got {shown(','.join(header))})")
        if not any(name.startswith(LR_PREFIX) for name in header):
            yield self._at(1, 0, f"has no column lr.GROUP (got {shown(','.join(header))})")
        seen: set[str] = set()
        for column, name in enumerate(header):
            if name in seen:
                yield self._at(1, column, f"names the column {shown(name)} a second time")
            elif name.startswith(LR_PREFIX) and not name.removeprefix(LR_PREFIX).isprintable():
                yield self._at(1, column, f"must name a group in printable characters (got {shown(name)})")
            elif name == LR_PREFIX:
                yield self._at(1, column, "names no group after lr.")
            seen.add(name)

    def _wanted(self) -> tuple[list[int], set[int]]:
        """The columns to read: step, the LRs, cycle state and settings; and which are those of settings."""
        header = self._header
        groups = [name.removeprefix(LR_PREFIX) for name in header if name.startswith(LR_PREFIX)]
        places = {name: column for column, name in enumerate(header)}

        def of_groups(key: str) -> list[int]:
            names = [f"{key}.{group}" for group in groups]
            return [places[name] for name in names] if set(names) <= places.keys() else []

        cycle, since = map(of_groups, STATE_KEYS)
        # Names of groups may have dots, those of settings have none.
        keys = Counter(key for key, dot, _ in (name.partition(".") for name in header) if key and dot)
        full = [key for key, columns in keys.items() if columns >= len(groups) and key not in _NO_SETTINGS]
        settings = [column for key in full for column in of_groups(key)]
        first = [places["step"], *of_groups(LR)]
        state = [*cycle, *since] if cycle and since else []
        return [*first, *state, *settings], set(settings)

    def _body_problems(self, rows: Iterator[list[str] | Problem]) -> Iterator[Problem]:
        line, clean = 2, True
        at_once = max(1, min(_BLOCK, _CELLS // len(self._header)))
        while block := list(islice(rows, at_once)):
            found = self._read(block)
            if found is None:
                clean = False
                yield from self._problems_of(block, line)
            else:
                self._blocks.append(found)
                self._last_step = float(found[-1, 0])
            line += len(block)
        if clean and line < 4:  # noqa: PLR2004 - the header, row 0 and row 1 are lines 1 to 3
            yield self._at(line, 0, "ends too early; a trace has row 0 and at least one scheduler step")

    def _read(self, block: Sequence[list[str] | Problem]) -> Floats | None:
        """The block's numbers; None where anything is wrong with it."""
        width = len(self._header)
        if any(isinstance(row, Problem) or len(row) != width for row in block):
            return None
        cells = [[row[column] for row in block] for column in self._columns]  # type: ignore[index]
        text = "".join(map("".join, cells))
        if "_" in text or not text.isascii():  # Python's own literals, which no other program reads
            return None
        try:
            table = np.array([self._numbers(*one) for one in zip(self._columns, cells, strict=True)]).T
        except ValueError:
            return None
        steps = np.append(self._last_step, table[:, 0])
        if steps[1] < 0:
            return None
        return table if (np.diff(steps) > 0).all() and (table[:, 0] % 1 == 0).all() else None

    def _numbers(self, column: int, cells: Sequence[str]) -> list[float]:
        """Finite numbers, NaN for a setting's empty cell; ValueError where there is any other cell."""
        given = [cell for cell in cells if cell] if column in self._settings else cells
        numbers = list(map(float, given))
        if not all(map(math.isfinite, numbers)):
            raise ValueError(column)
        if len(given) == len(cells):
            return numbers
        each = iter(numbers)
        return [next(each) if cell else math.nan for cell in cells]

    def _problems_of(self, block: Sequence[list[str] | Problem], first_line: int) -> Iterator[Problem]:
        """The slow way through a block that has a problem somewhere."""
        width = len(self._header)
        for line, row in enumerate(block, start=first_line):
            if isinstance(row, Problem):
                yield row
            elif len(row) != width:
                yield self._at(line, 0, f"has {_cells(len(row))}, the header has {width}")
            else:
                yield from self._cell_problems(line, row)

    def _cell_problems(self, line: int, row: list[str]) -> Iterator[Problem]:
        for place, column in enumerate(self._columns):
            if column in self._settings and not row[column]:
                continue
            value = _number(row[column])
            message = self._wrong(value, is_step=place == 0)
            if message:
                got = f"{message} (got {shown(row[column])})" if row[column] else "is empty"
                yield self._at(line, column, got, self._header[column])
            if place == 0 and value is not None and value > self._last_step:
                self._last_step = value

    def _wrong(self, value: float | None, *, is_step: bool) -> str:
        if value is None or not math.isfinite(value):
            return "must be a finite number"
        if is_step and (value < 0 or not value.is_integer()):
            return "must be a whole number, 0 or more"
        if is_step and value <= self._last_step:
            return f"must be greater than the step before, {self._last_step:.0f}"
        return ""

    def _at(self, line: int, column: int, message: str, key: str = "") -> Problem:
        text = self._lines[line - 1] if line <= len(self._lines) else ""
        return Problem(self._label, line, _place(text, column), key, message)


def _number(cell: str) -> float | None:
    if not cell.isascii() or "_" in cell:
        return None
    try:
        return float(cell)
    except ValueError:
        return None


def _cells(count: int) -> str:
    return "1 cell" if count == 1 else f"{count} cells"


def _place(line: str, cell: int) -> int:
    """Where a cell begins, from 1; commas between quotation marks separate nothing."""
    starts = _starts(line)
    return starts[cell] if cell < len(starts) else 1


@lru_cache(maxsize=1)  # one long line may have many problems
def _starts(line: str) -> list[int]:
    starts = [1]
    while len(starts) <= MAX_COLUMNS and (cell := _CELL.match(line, starts[-1] - 1)):
        starts.append(cell.end() + 1)
    return starts
