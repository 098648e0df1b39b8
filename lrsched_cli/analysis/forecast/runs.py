"""The runs of a forecast: one up to the save point, and one restored from there under the new file."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import torch

from lrsched_cli.analysis.resume.checkpoints import checkpoint_path, read_checkpoint
from lrsched_cli.analysis.resume.recipes import COMPLETE, RECIPES
from lrsched_cli.analysis.resume.reference import UPDATES_AT_A_TIME, reason, record_reference
from lrsched_cli.analysis.resume.training import Run, training_of
from lrsched_cli.core.stand_ins import small_model
from lrsched_cli.errors import ResumeError, ScheduleMismatchWarning, StepError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from numpy.typing import NDArray

    from lrsched_cli.analysis.resume.training import Built, Training
    from lrsched_cli.core.config import Schedule

    Floats = NDArray[np.float64]
    Progress = Callable[[int], None]

(_COMPLETE,) = (one for one in RECIPES if one.label == COMPLETE)


class Saved(NamedTuple):
    """The run up to the save point.

    ``lrs`` has shape (updates, groups); ``optimizer`` is the class, ``groups`` are the param groups in the
    checkpoint, without their parameters.
    """

    checkpoint: Path
    lrs: Floats
    optimizer: str
    groups: tuple[dict[str, Any], ...]


class Resumed(NamedTuple):
    """The run after the save point.

    ``lrs`` has shape (updates, groups); all else is as it stands right after the restore. ``fresh`` are
    the param groups before it, as the file describes them.
    """

    lrs: Floats
    optimizer: str
    groups: tuple[dict[str, Any], ...]
    fresh: tuple[dict[str, Any], ...]
    scheduler: dict[str, Any]
    messages: tuple[str, ...]


def save(schedule: Schedule, save_at: int, folder: Path, seed: int, progress: Progress) -> Saved:
    """Train a small model up to the save point, and write a checkpoint.

    Raises ResumeError where that fails, OSError where the folder cannot be written.
    """
    training = training_of(without_shapes(schedule), save_at, seed)
    reference = record_reference(
        training, folder, frozenset({save_at}), progress=lambda done, _: progress(done)
    )
    for failure in reference.unsaved.values():
        raise ResumeError(failure)
    checkpoint = checkpoint_path(folder, save_at, early=False)
    groups = read_checkpoint(checkpoint)["optimizer"]["param_groups"]
    lrs = np.frombuffer(reference.lrs).reshape(-1, len(reference.groups))
    return Saved(checkpoint, lrs, reference.optimizer, _settings_of(groups))


def resumed_lrs(schedule: Schedule, checkpoint: Path, save_at: int, seed: int, progress: Progress) -> Resumed:
    """Restore the checkpoint into what the schedule builds, and train on to its last update.

    Raises ResumeError where the checkpoint cannot be restored, or training on fails.
    """
    training = training_of(without_shapes(schedule), schedule.total_steps, seed)
    stage = "restoring failed"
    lrs: list[list[float]] = []
    try:
        fresh = _settings_of(training.build().optimizer.param_groups)
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            built = _restored(training, checkpoint, save_at)
        groups = built.optimizer.param_groups
        settings, state = _settings_of(groups), built.scheduler.state_dict()
        run = Run(training, built)
        with torch.no_grad(), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            for update in range(save_at + 1, training.steps + 1):
                stage = f"training on failed at update {update}"
                run.update(update, lambda: lrs.append(_lrs(groups)))
                if update % UPDATES_AT_A_TIME == 0:
                    progress(update - save_at)
    except (Exception, SystemExit) as error:  # whatever restoring or training on may trip over
        raise ResumeError(f"{stage}: {reason(error)}") from error
    messages = [str(one.message) for one in caught if issubclass(one.category, ScheduleMismatchWarning)]
    kind = type(built.optimizer).__name__
    return Resumed(np.array(lrs), kind, settings, fresh, state, tuple(messages))


def scheduled_lrs(schedule: Schedule, checkpoint: Path, save_at: int) -> Floats:
    """The LRs of the updates after a restore, without training; shape (updates, groups).

    A schedule that fails on the way gives those before.
    """
    training = training_of(without_shapes(schedule), schedule.total_steps)
    lrs: list[list[float]] = []
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            built = _restored(training, checkpoint, save_at)
        for update in range(save_at + 1, training.steps + 1):
            if training.scheduler_first:
                training.scheduler_step(built.scheduler, update)
            lrs.append(_lrs(built.optimizer.param_groups))
            if not training.scheduler_first:
                training.scheduler_step(built.scheduler, update)
    except StepError:
        pass
    return np.array(lrs).reshape(-1, len(schedule.param_groups))


def optimizer_keys(schedule: Schedule) -> set[str]:
    """What the param groups of the schedule's optimizer hold before a scheduler is built over it."""
    return {key for group in small_model(without_shapes(schedule)).optimizer.param_groups for key in group}


def without_shapes(schedule: Schedule) -> Schedule:
    """The same schedule with one parameter in each group.

    LRs and settings are those of any model, and the file's shapes are only stand-ins: the model that is
    resumed is the one that was saved, whichever file describes it.
    """
    groups = tuple(group.model_copy(update={"shapes": {}}) for group in schedule.param_groups)
    return schedule.model_copy(update={"param_groups": groups})


def _restored(training: Training, checkpoint: Path, save_at: int) -> Built:
    return _COMPLETE.restore(training, lambda: read_checkpoint(checkpoint), save_at)


def _lrs(groups: list[dict[str, Any]]) -> list[float]:
    return [float(group["lr"]) for group in groups]


def _settings_of(groups: list[dict[str, Any]]) -> tuple[dict[str, Any], ...]:
    return tuple({key: value for key, value in group.items() if key != "params"} for group in groups)
