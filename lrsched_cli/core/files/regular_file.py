"""Reading a file of the user's: a regular one, so many bytes at most, and never waiting for more to come."""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

_AT_ONCE = 1 << 20
# Some files of /proc are regular ones by name, and keep their readers waiting. Windows has no such flag.
_FLAGS = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)


def read_at_most(path: Path, most: int) -> bytes:
    """The first ``most`` bytes of a file, or all that it has.

    Raises OSError where it cannot be read, or is no regular file; ValueError for a path that can be none.
    """
    descriptor = os.open(path, _FLAGS)
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise OSError(f"{path} is no regular file")
        pieces, left = [], most
        while left > 0 and (piece := os.read(descriptor, min(left, _AT_ONCE))):
            pieces.append(piece)
            left -= len(piece)
        return b"".join(pieces)
    finally:
        os.close(descriptor)
