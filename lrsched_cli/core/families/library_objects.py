"""From a scheduler section of another library to the object that it describes, or to source that makes it."""

from __future__ import annotations

from copy import deepcopy
from typing import TYPE_CHECKING, Any

from lrsched_cli.core.expressions import Expression
from lrsched_cli.core.families.arguments import OURS, each, family_for, is_function, is_import, is_section
from lrsched_cli.core.families.library_section import formula
from lrsched_cli.core.script.script import bracketed, literal
from lrsched_cli.core.stepping import one_line
from lrsched_cli.errors import ScheduleFileError, StepError

if TYPE_CHECKING:
    from collections.abc import Mapping

    import torch

    from lrsched_cli.core.config import Schedule
    from lrsched_cli.core.families.family import Path
    from lrsched_cli.core.script.script import Script


def built(
    section: Mapping[str, Any], path: Path, optimizer: torch.optim.Optimizer, schedule: Schedule
) -> Any:
    """The scheduler that a section describes, its parts built before it and in their order.

    Raises ScheduleFileError, at the section or part that the library refuses.
    """
    family = family_for(section)
    kind = str(section["type"])
    known = family.signature(kind, schedule.all_imported).arguments
    arguments = {}
    for key, value in section.items():
        place = (*path, key)
        if key in OURS:
            continue
        if any(is_section(one) for _, one in each(value, place)):
            parts = [built(one, at, optimizer, schedule) for at, one in each(value, place)]
            arguments[key] = parts if isinstance(value, list) else parts[0]
        elif key in known and is_function(known[key]):
            arguments[key] = _functions(value, place, schedule)
        else:
            arguments[key] = deepcopy(value)  # the library may keep it, and change it
    try:
        return family.construct(kind, optimizer, arguments, schedule)
    except StepError:
        raise
    except (Exception, SystemExit) as error:  # whatever the library finds wrong is the settings' fault
        message = f"{kind} refuses these settings: {one_line(error)}"
        raise ScheduleFileError([schedule.problem_at(path, message)]) from error


def written(section: Mapping[str, Any], schedule: Schedule, script: Script) -> str:
    """What ``built`` does as Python source: the call, with the calls of its parts inside."""
    family = family_for(section)
    kind = str(section["type"])
    known = family.signature(kind, schedule.all_imported).arguments
    arguments = {}
    for key, value in section.items():
        if key in OURS:
            continue
        if any(is_section(one) for _, one in each(value, ())):
            parts = [written(one, schedule, script) for _, one in each(value, ())]
            arguments[key] = bracketed("[", parts, "]") if isinstance(value, list) else parts[0]
        elif key in known and is_function(known[key]) and value is not None:
            arguments[key] = _written_functions(key, value, script)
        else:
            arguments[key] = literal(value)
    text: str = family.constructed(kind, script, arguments)
    return text


def _written_functions(key: str, value: Any, script: Script) -> str:
    functions = [
        script.reference(one["import"]) if is_import(one) else script.formula(key, Expression(one))
        for _, one in each(value, ())
    ]
    return bracketed("[", functions, "]") if isinstance(value, list) else functions[0]


def _functions(value: Any, path: Path, schedule: Schedule) -> Any:
    if value is None:
        return None
    found = [
        schedule.imported(one["import"]) if is_import(one) else formula(Expression(one), place)
        for place, one in each(value, path)
    ]
    return found if isinstance(value, list) else found[0]
