"""The words around a picture: title, subtitle and footer."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from lrsched_cli.core.config import Schedule
from lrsched_cli.core.parameters import DEFAULTS, Parameters
from lrsched_cli.core.sections import as_written
from lrsched_cli.report.numbers_text import count_text, lr_text
from lrsched_cli.report.panels import MAX_HAIRLINES

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from lrsched_cli.analysis.trace import Trace

_MOST_SHOWN = 3
_IN_THE_SUBTITLE = {"warmup_steps", "warmup_type", "T_0", "T_mult", "gamma"}


@dataclass(frozen=True, slots=True)
class Caption:
    """Title and subtitle above the panels, two small lines below them, and the file's metadata."""

    title: str
    subtitle: str
    settings: str = ""
    stamp: str = ""
    fingerprint: str = ""


def schedule_caption(schedule: Schedule, trace: Trace, version: str) -> Caption:
    """Name, the schedule in a line, the other settings that differ from the defaults, version and hash."""
    parts = [schedule.optimizer.type, _batch(trace), *_course(schedule.scheduler), _too_many(trace)]
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
        subtitle=" · ".join([f"steps {first} to {last}", *_course(parameters)]),
        settings=" · ".join(_differing(parameters, _IN_THE_SUBTITLE)),
    )


def _too_many(trace: Trace) -> str:
    restarts = len(trace.restarts(0))
    return f"{restarts:,} restarts, too many to mark" if restarts > MAX_HAIRLINES else ""


def _course(parameters: Parameters) -> list[str]:
    warmup = f"warm-up {count_text(parameters.warmup_steps)} {parameters.warmup_type}"
    times = f" ×{parameters.T_mult}" if parameters.T_mult > 1 else ""
    return [
        warmup if parameters.warmup_steps else "no warm-up",
        f"restarts T₀ {count_text(parameters.T_0)}{times}",
        f"γ {parameters.gamma:g}",
    ]


def _batch(trace: Trace) -> str:
    sizes = _changes(trace.batch_size[1:])
    if math.isnan(sizes[0]):
        return ""
    shown = f"batch {_course_of([f'{size:.0f}' for size in sizes])}"
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
    stated = [f"{key} {_shown(value)}" for key, value in schedule.optimizer.settings.items()]
    settings = [*loop, *stated, *_differing(schedule.scheduler, _IN_THE_SUBTITLE)]
    own = [group for group in schedule.param_groups if group.scheduler is not None]
    settings += [
        f"{group.name}: "
        + ", ".join(
            f"{key} {_shown(getattr(group.scheduler, key))}"
            for key in sorted(group.scheduler.model_fields_set)
        )
        for group in own
        if group.scheduler is not None
    ]
    return settings


def _differing(parameters: Parameters, known: set[str]) -> list[str]:
    found = [
        f"{key} {_shown(getattr(parameters, key))}"
        for key in Parameters.model_fields
        if key not in known and getattr(parameters, key) != getattr(DEFAULTS, key)
    ]
    custom = getattr(parameters, "custom_lambda", None)
    return [*found, f"custom_lambda {_shown(custom)}"] if custom is not None else found


def _shown(value: Any) -> str:
    if isinstance(value, float):
        return lr_text(value)
    return str(as_written(value))
