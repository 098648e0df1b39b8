"""A limit to the memory that reading one file may take."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def at_most(more: int) -> Iterator[None]:
    """Let this process take ``more`` bytes than it has now, and no more: what asks for them fails.

    Python's own objects fail with MemoryError, torch's tensors with RuntimeError. On other systems than Linux
    there is no such limit, and this does nothing.
    """
    if sys.platform != "linux":
        yield
        return
    import resource  # noqa: PLC0415 - not on every system

    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    wanted = _taken() + more
    if soft == resource.RLIM_INFINITY or wanted < soft:
        resource.setrlimit(resource.RLIMIT_AS, (wanted, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))


def _taken() -> int:
    """The bytes of address space that this process has."""
    import resource  # noqa: PLC0415 - as above

    pages, *_ = Path("/proc/self/statm").read_text(encoding="ascii").split()
    return int(pages) * resource.getpagesize()
