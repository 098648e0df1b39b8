"""In which settings schedules differ: the cause of what their traces show."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lrsched_cli.analysis.group_matching import match_groups
from lrsched_cli.core.sections import as_written

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lrsched_cli.core.config import Schedule
    from lrsched_cli.core.sections import GroupScheduler, ParamGroup

_Key = tuple[str, ...]
"""The section, and the key in it."""


@dataclass(frozen=True, slots=True)
class SettingDifference:
    """A setting that is not the same in all schedules: its value in each, None where it has none there."""

    key: str
    values: tuple[Any, ...]


def setting_differences(schedules: Mapping[str, Schedule]) -> tuple[SettingDifference, ...]:
    """The settings in which schedules, each under its label, differ; ``name`` and ``description`` aside.

    A param group's settings stand under the name of the group that it is matched with in the first
    schedule.
    """
    if not schedules:
        return ()
    first, *_ = schedules.values()
    each = [_settings(schedule, _names_as_in(first, schedule)) for schedule in schedules.values()]
    keys = dict.fromkeys(key for settings in each for key in settings)
    sections = list(dict.fromkeys(key[:-1] for key in keys))
    rows = [
        SettingDifference(".".join(key), tuple(settings.get(key) for settings in each))
        for key in sorted(keys, key=lambda key: sections.index(key[:-1]))
    ]
    return tuple(row for row in rows if any(value != row.values[0] for value in row.values))


def _names_as_in(first: Schedule, schedule: Schedule) -> dict[str, str]:
    groups, others = ([group.name for group in one.param_groups] for one in (first, schedule))
    return {match.other_name: match.name for match in match_groups(groups, others).matches}


def _settings(schedule: Schedule, names: Mapping[str, str]) -> dict[_Key, Any]:
    optimizer = {"type": schedule.optimizer.type, **schedule.optimizer.settings}
    settings: dict[_Key, Any] = {
        ("steps",): schedule.total_steps,
        ("loop",): schedule.loop,
        ("batch_size",): _batch_plan(schedule),
        **{("optimizer", key): as_written(value) for key, value in optimizer.items()},
        **{("scheduler", key): value for key, value in _scheduler(schedule.scheduler).items()},
    }
    for group in schedule.param_groups:
        place = ("param_groups", names.get(group.name, group.name))
        settings |= {(*place, key): value for key, value in _group(schedule, group).items()}
    return settings


def _group(schedule: Schedule, group: ParamGroup) -> dict[str, Any]:
    own = group.scheduler
    stated = _scheduler(own) if own is not None else {}
    return {
        "name": group.name,
        "lr": schedule.base_lr(group),
        **{key: as_written(value) for key, value in group.settings.items()},
        **{f"scheduler.{key}": stated[key] for key in stated if own and key in own.model_fields_set},
    }


def _scheduler(section: GroupScheduler) -> dict[str, Any]:
    return {key: as_written(getattr(section, key)) for key in type(section).model_fields}


def _batch_plan(schedule: Schedule) -> str | None:
    """The batch sizes in a line, such as ``64 through step 100, 128``."""
    phases = [
        f"{phase.effective_size}" + (f" through step {phase.until}" if phase.until is not None else "")
        for phase in schedule.batch_size
    ]
    return ", ".join(phases) or None
