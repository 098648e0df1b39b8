"""Which batch size at which scheduler step."""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass(frozen=True, slots=True)
class BatchPlan:
    """Effective batch sizes in samples; phase ``i`` lasts through step ``ends[i]``, the last for ever.

    ``sizes`` has one entry more than ``ends``; a plan without a size (None) leaves the batch factor at 1.

    >>> BatchPlan(sizes=(32, 96, 256), ends=(500, 1200)).size_at(501)
    96
    """

    sizes: tuple[int | None, ...] = (None,)
    ends: tuple[int, ...] = ()

    def size_at(self, step: int) -> int | None:
        """The batch size of scheduler step ``step`` (counted from 1)."""
        return self.sizes[bisect_left(self.ends, step)]

    def sizes_until(self, steps: int) -> Iterator[int | None]:
        """The batch sizes of steps 1 to ``steps``."""
        done = 0
        for size, end in zip(self.sizes, (*self.ends, steps), strict=True):
            for _ in range(done, min(end, steps)):
                yield size
            done = max(done, min(end, steps))
