"""A trace read back from the CSV that ``lrsched trace`` or ``lrsched plot`` wrote."""

from __future__ import annotations

from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING

from lrsched_cli.analysis.cycle_state import restart_rows, warmup_end_row
from lrsched_cli.analysis.group_numbers import LR
from lrsched_cli.analysis.stored_columns import LR_PREFIX, STATE_KEYS, read_columns
from lrsched_cli.core.files.regular_file import read_at_most
from lrsched_cli.core.sources import decoded
from lrsched_cli.errors import Problem, ScheduleFileError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

MAX_BYTES = 200_000_000


@dataclass(frozen=True, eq=False)
class StoredTrace:
    """The rows of a stored trace: the LRs, and what else of the param groups the file holds.

    A CSV does not say in which order its training loop stepped, and may have gaps between its steps.
    """

    name: str
    groups: tuple[str, ...]
    step: Floats
    """Shape (rows,): whole numbers, rising."""
    lr: Floats
    """Shape (rows, groups): finite LRs."""
    state: Mapping[str, Floats] = field(default_factory=dict)
    """``cycle`` and ``T_cur``, shape (rows, groups), where the file has them for every group."""
    settings: Mapping[str, Floats] = field(default_factory=dict)
    """The other numbers of the param groups that the file has, such as ``momentum``, shape (rows, groups);
    NaN where a group has none. Those that a run leaves as they are, are not in a file."""

    @property
    def missing(self) -> int:
        """How many steps between the first and the last have no row."""
        return int(self.step[-1] - self.step[0]) + 1 - len(self.step)

    def number(self, name: str) -> Floats | None:
        """The LRs (``lr``) or a setting, shape (rows, groups); None where the file has no such columns."""
        return self.lr if name == LR else self.settings.get(name)

    def warmup_end(self, group: int) -> int | None:
        """The step at which the group's warm-up ends (0: it has none); None where the file does not say."""
        if not self.state:
            return None
        return int(self.step[warmup_end_row(self.state["T_cur"][:, group], self.state["cycle"][:, group])])

    def restarts(self, group: int) -> tuple[int, ...] | None:
        """The steps at which the group's cycle begins anew; None where the file does not say."""
        if not self.state:
            return None
        return tuple(int(step) for step in self.step[restart_rows(self.state["cycle"][:, group])])


def read_stored_trace(path: Path) -> StoredTrace:
    """Read a stored trace, at most 200 MB.

    Raises ScheduleFileError with the file's problems, each at its line and column: the first hundred.
    """
    label = str(path)
    reason, data = "", b""
    try:
        reason = _unreadable(path)
        data = b"" if reason else read_at_most(path, MAX_BYTES)
    except (OSError, ValueError) as error:
        reason = f"cannot be read: {getattr(error, 'strerror', None) or error}"
    if reason:
        raise ScheduleFileError([Problem(label, 0, 0, "", reason)])
    return parse_stored_trace(decoded(data, label), path.stem, label)


def _unreadable(path: Path) -> str:
    if path.is_file():
        large = path.stat().st_size > MAX_BYTES
        return f"is larger than {MAX_BYTES // 1_000_000} MB; compare a shorter trace" if large else ""
    if path.is_dir():
        return "is a folder; give a trace as CSV"
    return "is no regular file; give a trace as CSV" if path.exists() else "no such file"


def parse_stored_trace(text: str, name: str, label: str) -> StoredTrace:
    """The trace in ``text``; ``label`` is what its problems are told under."""
    names, table = read_columns(text, label)
    groups = tuple(one.removeprefix(LR_PREFIX) for one in names if one.startswith(LR_PREFIX))
    keys = dict.fromkeys(name.partition(".")[0] for name in names[1:])
    each = {
        key: table[:, 1 + len(groups) * place : 1 + len(groups) * (place + 1)]
        for place, key in enumerate(keys)
    }
    state = {key: each.pop(key) for key in STATE_KEYS if key in each}
    return StoredTrace(
        name, groups, table[:, 0], each.pop(LR), MappingProxyType(state), MappingProxyType(each)
    )
