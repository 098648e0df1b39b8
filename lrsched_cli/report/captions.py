"""The words around a picture: title, subtitle and footer."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from lrsched_cli.core.config import Schedule
from lrsched_cli.core.families import own
from lrsched_cli.core.numbers_text import count_text, lr_text
from lrsched_cli.report.panels import MAX_HAIRLINES

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

    from lrsched_cli.analysis.trace import Trace
    from lrsched_cli.core.parameters import Parameters

_MOST_SHOWN = 3


@dataclass(frozen=True, slots=True)
class Caption:
    """Title and subtitle above the panels, two small lines below them, and the file's metadata."""

    title: str
    subtitle: str
    settings: str = ""
    stamp: str = ""
    fingerprint: str = ""

    def with_settings_left_out(self, changing: Iterable[str], drawn: Sequence[str]) -> Caption:
        """The caption, with those of the changing settings at the foot that have no panel."""
        rest = ", ".join(name for name in changing if name not in drawn)
        told = f"not drawn, but changing too: {rest}" if rest else ""
        return replace(self, settings=" · ".join(filter(None, [told, self.settings])))


def schedule_caption(schedule: Schedule, trace: Trace, version: str) -> Caption:
    """Name, the schedule in a line, the other settings that differ from the defaults, version and hash."""
    parts = [schedule.optimizer.type, _batch(trace), *schedule.family.headline(schedule), _too_many(trace)]
    return Caption(
        title=schedule.name,
        subtitle=" · ".join(part for part in parts if part),
        settings=" · ".join(_other_settings(schedule)),
        stamp=f"lrsched {version} · {schedule.fingerprint[:8]}",
        fingerprint=schedule.fingerprint,
    )


def scheduler_caption(parameters: Parameters, trace: Trace) -> Caption:
    """The caption of a look ahead."""
    first, last = (count_text(step) for step in (trace.step[0], trace.step[-1]))
    return Caption(
        title=trace.name,
        subtitle=" · ".join([f"steps {first} to {last}", *own.headline(parameters)]),
        settings=" · ".join(own.further_settings(parameters)),
    )


def _too_many(trace: Trace) -> str:
    restarts = len(trace.restarts(0))
    return f"{restarts:,} restarts, too many to mark" if restarts > MAX_HAIRLINES else ""


def _batch(trace: Trace) -> str:
    sizes = _changes(trace.batch_size[1:])
    if math.isnan(sizes[0]):
        return ""
    shown = f"batch {_course_of([f'{size:.0f}' for size in sizes])}"
    if "batch" not in trace.factors:
        return shown
    batch = trace.factors["batch"][1:]
    if (batch != batch[:, :1]).any():  # the groups have batch factors of their own
        return shown
    return f"{shown} ({_course_of([f'×{factor:.3g}' for factor in _changes(batch[:, 0])])})"


def _changes(values: NDArray[np.float64]) -> list[float]:
    """The values in their order, without repeats of the one before."""
    new = np.append(True, values[1:] != values[:-1])
    return values[new].tolist() if not np.isnan(values[0]) else [math.nan]


def _course_of(values: list[str]) -> str:
    return " → ".join(values) if len(values) <= _MOST_SHOWN else f"{values[0]} → … → {values[-1]}"


def _other_settings(schedule: Schedule) -> list[str]:
    loop = [] if schedule.loop == Schedule.model_fields["loop"].default else [f"loop {schedule.loop}"]
    every = schedule.updates_per_step
    by_epoch = [f"a scheduler step every {every:,} updates"] if every > 1 else []
    stated = [f"{key} {_shown(value)}" for key, value in schedule.optimizer.settings.items()]
    return [*loop, *by_epoch, *stated, *schedule.family.further_settings(schedule)]


def _shown(value: Any) -> str:
    return lr_text(value) if isinstance(value, float) else str(value)
