"""Temporary files beside a target: whoever finds one can tell whether the process that made it still lives.

A process locks its temporary files for as long as it writes them. The system drops the lock when the process
ends, however it ends; so a file that nobody locks is left over from one that was killed, and may go.
"""

from __future__ import annotations

import contextlib
import os
import re
import secrets
from pathlib import Path
from typing import TYPE_CHECKING

try:
    import fcntl
except ImportError:  # no such locks on this system: nothing is locked, and nothing is cleared away
    fcntl = None  # type: ignore[assignment]

if TYPE_CHECKING:
    from typing import BinaryIO

_NAME = re.compile(r"\.lrsched-[0-9a-f]{16}\.tmp")


def new_name(target: Path) -> Path:
    """A name beside ``target`` that no file has; short, however long the target's own is."""
    return target.with_name(f".lrsched-{secrets.token_hex(8)}.tmp")


def lock(file: BinaryIO) -> bool:
    """Lock a file just made; False where another process has taken it for a left-over in the meantime."""
    if fcntl is not None:
        with contextlib.suppress(OSError):  # a file system without locks: nobody clears away anything there
            fcntl.flock(file, fcntl.LOCK_EX)
    return os.fstat(file.fileno()).st_nlink > 0


def clear_left_overs(folder: Path) -> None:
    """Take away the temporary files in a folder whose process is gone. What cannot be taken away stays."""
    if fcntl is None:
        return
    with contextlib.suppress(OSError):
        for name in os.listdir(folder):  # noqa: PTH208 - names alone, and as they are
            if _NAME.fullmatch(name):
                with contextlib.suppress(OSError):
                    _clear(folder / name)


def _clear(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        path.unlink()  # still locked: who has just made it waits in lock(), and is told there
    finally:
        os.close(descriptor)
