"""What a run holds at each update, bit for bit, as rows of bytes in a file.

A row is a head, the numbers of the param groups as they stand right before the optimizer's step, the
tensors (weights and optimizer state) after the update, and the scheduler's state after it. Equal rows are
equal bytes, so that a whole tail is compared at the speed of memory; ``Layouts`` say what a row's bytes are.
"""

from __future__ import annotations

import json
import mmap
import struct
from array import array
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple, Self

from lrsched_cli.errors import OutputError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

HEAD = struct.Struct("<HHI")
"""The numbers' layout, the tensors' layout, and how many bytes the tensors take."""

_ROWS, _ENDS, _LAYOUTS = "rows.bin", "ends.bin", "layouts.json"


class TensorPart(NamedTuple):
    """Where a tensor stands among a row's tensors; ``dtype`` is numpy's name, an empty one for raw bytes."""

    name: str
    is_weight: bool
    dtype: str
    size: int


class Layouts:
    """What rows consist of; equal ones have one number. The LRs are the first of a row's numbers."""

    def __init__(self) -> None:
        self.numbers: list[tuple[str, ...]] = []
        self.tensors: list[tuple[TensorPart, ...]] = []

    def number_of_numbers(self, names: tuple[str, ...]) -> int:
        """The number of the layout with these names."""
        return _place(self.numbers, names)

    def number_of_tensors(self, parts: tuple[TensorPart, ...]) -> int:
        """The number of the layout with these parts."""
        return _place(self.tensors, parts)


def _place(known: list[Any], wanted: Any) -> int:
    if wanted not in known:
        known.append(wanted)
    return known.index(wanted)


class Row(NamedTuple):
    """A row taken apart, and the layouts of its numbers and tensors."""

    names: tuple[str, ...]
    numbers: bytes
    parts: tuple[TensorPart, ...]
    tensors: bytes
    state: bytes


def row_bytes(numbers: tuple[int, bytes], tensors: tuple[int, bytes], state: bytes) -> bytes:
    """A row of numbers and tensors, each with its layout, and the scheduler's state."""
    return HEAD.pack(numbers[0], tensors[0], len(tensors[1])) + numbers[1] + tensors[1] + state


def row_of(raw: bytes, layouts: Layouts) -> Row:
    """Take a row apart."""
    which_numbers, which_tensors, length = HEAD.unpack_from(raw)
    names = layouts.numbers[which_numbers]
    after_numbers = HEAD.size + 8 * len(names)
    after_tensors = after_numbers + length
    return Row(
        names,
        raw[HEAD.size : after_numbers],
        layouts.tensors[which_tensors],
        raw[after_numbers:after_tensors],
        raw[after_tensors:],
    )


def lr_bytes(raw: bytes, groups: int) -> bytes:
    """The LRs of a row's groups, as doubles."""
    return raw[HEAD.size : HEAD.size + 8 * groups]


@contextmanager
def disk(folder: Path) -> Iterator[None]:
    """Tell of what goes wrong with the files of a folder as OutputError."""
    try:
        yield
    except OSError as error:
        raise unusable(folder, error) from None


def unusable(folder: Path, error: OSError) -> OutputError:
    """The error for a temporary folder that cannot be used."""
    return OutputError(f"the temporary folder {folder} cannot be used: {error.strerror or error}")


class RecordingWriter:
    """Writes rows to a folder, one for each update from the first on.

    Raises OutputError where the folder cannot be written.
    """

    def __init__(self, folder: Path, layouts: Layouts) -> None:
        self._folder = folder
        self._layouts = layouts
        self._ends = array("Q", [0])
        with disk(folder):
            self._file = (folder / _ROWS).open("wb")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        with disk(self._folder):
            self._file.close()

    def add(self, row: bytes) -> None:
        """Append the row of the next update."""
        try:
            self._file.write(row)
        except OSError as error:
            raise unusable(self._folder, error) from None
        self._ends.append(self._ends[-1] + len(row))

    def finish(self) -> None:
        """Write down what the rows consist of, and where each ends."""
        layouts = {"numbers": self._layouts.numbers, "tensors": self._layouts.tensors}
        with disk(self._folder):
            self._file.close()
            (self._folder / _ENDS).write_bytes(self._ends.tobytes())
            (self._folder / _LAYOUTS).write_text(json.dumps(layouts), encoding="utf-8")


class Recording:
    """Reads the rows of a folder; updates count from 1."""

    def __init__(self, folder: Path) -> None:
        stored = json.loads((folder / _LAYOUTS).read_text(encoding="utf-8"))
        self.layouts = Layouts()
        self.layouts.numbers = [tuple(names) for names in stored["numbers"]]
        self.layouts.tensors = [tuple(TensorPart(*part) for part in parts) for parts in stored["tensors"]]
        self._ends = array("Q")
        self._ends.frombytes((folder / _ENDS).read_bytes())
        with (folder / _ROWS).open("rb") as file:
            self._rows = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._rows.close()

    def __len__(self) -> int:
        return len(self._ends) - 1

    def block(self, first: int, last: int) -> bytes:
        """The rows of the updates from ``first`` to ``last``, both included, one after the other."""
        return self._rows[self._ends[first - 1] : self._ends[last]]

    def rows(self, first: int, last: int) -> Iterable[bytes]:
        """The same rows, each for itself."""
        return (self.block(update, update) for update in range(first, last + 1))
