"""A model by what names it, a file or ``package.module:build``, and the schedule with its param groups."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lrsched_cli.core.assignment import Assignment, assign
from lrsched_cli.core.files.model_file import check_regular
from lrsched_cli.core.files.parameter_list import read_parameter_list
from lrsched_cli.core.files.weight_files import read_checkpoint_weights, read_index, read_safetensors
from lrsched_cli.core.model_parameters import ModelListing, parameters_of_module
from lrsched_cli.core.user_code import import_function, is_reference, what_it_runs
from lrsched_cli.errors import Problem, ScheduleFileError, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable

    import torch

    from lrsched_cli.core.config import Schedule

_READERS: tuple[tuple[str, Callable[[Path], ModelListing]], ...] = (
    (".safetensors", read_safetensors),
    (".json", read_index),
    (".txt", read_parameter_list),
    ("", read_checkpoint_weights),
)
"""How a file is read, by the end of its name; the first that fits."""


def read_model(reference: str, *, trust: bool) -> ModelListing:
    """The parameters of a model: of a file, or of what ``package.module:build`` gives.

    Raises ScheduleFileError, in the name of the file, where it cannot be read; UsageError for code that
    is to be imported without ``trust``.
    """
    if is_reference(reference):
        if not trust:
            raise UsageError(f"--model {reference}: {what_it_runs(reference)}; allow it with --trust")
        return _built(reference)
    path = Path(reference)
    check_regular(path)
    reader = next(read for suffix, read in _READERS if path.name.lower().endswith(suffix))
    return reader(path)


def stated_model(schedule: Schedule) -> str | None:
    """What the file says under ``model``: a path as seen from the current folder, or an import reference."""
    if schedule.model is None or is_reference(schedule.model):
        return schedule.model
    # As with extends, a path is relative to the very file that it stands in.
    file = schedule.problem_at(("model",), "").file
    folder = Path() if schedule.origin is None or not Path(file).is_file() else Path(file).parent
    return str(folder / schedule.model)


def assignment_of(schedule: Schedule, model: str | None = None) -> tuple[Assignment, ModelListing]:
    """The groups that a model's parameters make, and the model; default: the one that the file states.

    Raises ScheduleFileError and UsageError as ``read_model`` and ``assign`` do.
    """
    reference = stated_model(schedule) if model is None else model
    if reference is None:
        raise UsageError("no model is given: give --model FILE, or state model: in the schedule file")
    trust = schedule.origin is not None and schedule.origin.trust
    try:
        listing = read_model(reference, trust=trust)
    except ScheduleFileError as error:
        if model is not None:
            raise
        reason = "; ".join(map(str, error.problems))
        raise ScheduleFileError([schedule.problem_at(("model",), f"cannot be used: {reason}")]) from None
    assignment = assign(schedule.as_stated, listing.parameters)
    if schedule.origin is not None:
        assignment.schedule._origin = replace(schedule.origin, model=reference)
    return assignment, listing


def schedule_with_model(schedule: Schedule, model: str | Path | torch.nn.Module | None) -> Schedule:
    """The schedule with a model's groups; see ``Schedule.with_model``."""
    if model is None or isinstance(model, str | Path):
        return assignment_of(schedule, None if model is None else str(model))[0].schedule
    expanded = assign(schedule.as_stated, parameters_of_module(model)).schedule
    expanded._origin = None  # no other process can read this model
    return expanded


def _built(reference: str) -> ModelListing:
    try:
        made: Any = import_function(reference)()
    except Exception as error:
        reason = str(error) if isinstance(error, ValueError) else f"{type(error).__name__}: {error}"
        raise ScheduleFileError([Problem(reference, 0, 0, "", reason)]) from error
    module = made[0] if isinstance(made, tuple | list) and made else made  # as verify-resume's factories
    if not hasattr(module, "named_parameters"):
        message = f"must give a torch.nn.Module (got {type(module).__name__})"
        raise ScheduleFileError([Problem(reference, 0, 0, "", message)])
    return ModelListing(reference, parameters_of_module(module))
