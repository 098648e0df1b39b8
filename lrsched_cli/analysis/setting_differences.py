"""In which settings schedules differ: the cause of what their traces show."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lrsched_cli.analysis.group_matching import match_groups
from lrsched_cli.core.sections import as_written

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from lrsched_cli.core.config import Schedule
    from lrsched_cli.core.sections import ParamGroup

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
        ("step_every",): schedule.step_every,
        ("steps_per_epoch",): schedule.steps_per_epoch,
        ("batch_size",): _batch_plan(schedule),
        **{(rule, key): value for rule in schedule.expanding_rules for key, value in _rule(schedule, rule)},
        **{("optimizer", key): as_written(value) for key, value in optimizer.items()},
        **{("scheduler", key): value for key, value in schedule.family.settings(schedule).items()},
    }
    for group in schedule.param_groups:
        place = ("param_groups", names.get(group.name, group.name))
        settings |= {(*place, key): value for key, value in _group(schedule, group).items()}
    return settings


def _rule(holder: Schedule | ParamGroup, rule: str) -> Iterator[tuple[str, Any]]:
    """What a rule says that no model has been divided by yet."""
    stated = getattr(holder, rule)
    if stated is not None:
        yield from stated.model_dump().items()


def _group(schedule: Schedule, group: ParamGroup) -> dict[str, Any]:
    own = group.scheduler
    fields = () if own is None else [key for key in type(own).model_fields if key in own.model_fields_set]
    rules = {f"{rule}.{key}": value for rule in schedule.expanding_rules for key, value in _rule(group, rule)}
    return {
        **rules,
        "name": group.name,
        "lr": schedule.base_lr(group),
        **{key: as_written(value) for key, value in group.settings.items()},
        **{f"scheduler.{key}": as_written(getattr(own, key)) for key in fields},
    }


def _batch_plan(schedule: Schedule) -> str | None:
    """The batch sizes in a line, such as ``64 through step 100, 128``."""
    phases = [
        f"{phase.effective_size}" + (f" through step {phase.until}" if phase.until is not None else "")
        for phase in schedule.batch_size
    ]
    return ", ".join(phases) or None
