"""The ways in which people restore a run: what each loads, in which order, and what to do where it fails."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lrsched_cli.core.messages import did_you_mean
from lrsched_cli.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    import torch

    from lrsched_cli.analysis.resume.training import Built, Training

    Checkpoint = dict[str, Any]
    Restore = Callable[[Training, Callable[[], Checkpoint], int], Built]

COMPLETE = "complete"
_NO_MOMENTS = "without the optimizer's state, moments and weights cannot match: that is the recipe's doing"
_NEW_COUNTERS = "the scheduler's own counters begin anew, though its LRs do not: that is the recipe's doing"


class NotApplicable(Exception):  # noqa: N818 - it says why a recipe is left out, and is no error
    """A recipe cannot be tried with this scheduler; the text says why."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """A way to restore. Several may share the name that they are asked for by; the label tells them apart.

    ``advice`` is for who finds it failing; ``limit`` says why other things differ even where every LR is
    right. ``restore`` gets the training, a function that reads the checkpoint, and the save point.
    ``early``: the checkpoint is written between the steps of optimizer and scheduler.
    """

    name: str
    label: str
    what: str
    advice: str
    restore: Restore
    limit: str = ""
    early: bool = False


def _complete(training: Training, read: Callable[[], Checkpoint], save_at: int) -> Built:
    del save_at
    built, saved = training.build(), read()
    built.model.load_state_dict(saved["model"])
    built.optimizer.load_state_dict(saved["optimizer"])
    built.scheduler.load_state_dict(saved["scheduler"])
    return built


def _optimizer_first(training: Training, read: Callable[[], Checkpoint], save_at: int) -> Built:
    built = _optimizer_only_before(training, read, save_at)
    built.scheduler.load_state_dict(read()["scheduler"])
    return built


def _scheduler_only(training: Training, read: Callable[[], Checkpoint], save_at: int) -> Built:
    del save_at
    built, saved = training.build(), read()
    built.model.load_state_dict(saved["model"])
    built.scheduler.load_state_dict(saved["scheduler"])
    return built


def _optimizer_only(training: Training, read: Callable[[], Checkpoint], save_at: int) -> Built:
    del save_at
    built, saved = training.build(), read()
    built.model.load_state_dict(saved["model"])
    built.optimizer.load_state_dict(saved["optimizer"])
    return built


def _optimizer_only_before(training: Training, read: Callable[[], Checkpoint], save_at: int) -> Built:
    del save_at
    from lrsched_cli.analysis.resume.construction import constructions  # noqa: PLC0415 - imports torch

    saved = read()

    def load(optimizer: torch.optim.Optimizer) -> None:
        optimizer.load_state_dict(saved["optimizer"])

    with constructions(before_first=load) as begun:
        built = training.build()
    if not begun:
        raise NotApplicable("its scheduler is none of torch's: when it is built cannot be told")
    built.model.load_state_dict(saved["model"])
    return built


def _loaded_twice(training: Training, read: Callable[[], Checkpoint], save_at: int) -> Built:
    built, saved = _complete(training, read, save_at), read()
    built.optimizer.load_state_dict(saved["optimizer"])
    built.scheduler.load_state_dict(saved["scheduler"])
    return built


def _replay(training: Training, read: Callable[[], Checkpoint], save_at: int) -> Built:
    built = training.build()
    built.model.load_state_dict(read()["model"])
    for update in range(1, save_at + 1):
        training.scheduler_step(built.scheduler, update)
    return built


def _last_epoch(training: Training, read: Callable[[], Checkpoint], save_at: int) -> Built:
    from lrsched_cli.analysis.resume.construction import constructions, takes  # noqa: PLC0415 - imports torch

    with constructions() as begun:
        scheduler = training.build().scheduler
    # Where a scheduler of schedulers takes none, its parts may.
    whole = [scheduler] if takes(scheduler, "last_epoch") else getattr(scheduler, "_schedulers", ())
    places = [index for index, one in enumerate(begun) if any(one is part for part in whole)]
    if not places:
        raise NotApplicable(f"the constructor of {type(scheduler).__name__} takes no last_epoch")
    saved = read()

    def load(optimizer: torch.optim.Optimizer) -> None:
        optimizer.load_state_dict(saved["optimizer"])

    last_epoch = training.steps_taken(save_at) - 1
    with constructions(before_first=load, arguments={place: {"last_epoch": last_epoch} for place in places}):
        built = training.build()
    built.model.load_state_dict(saved["model"])
    return built


RECIPES: tuple[Recipe, ...] = (
    Recipe(
        COMPLETE,
        COMPLETE,
        "scheduler built, then both states loaded",
        "the scheduler's state_dict() or load_state_dict() leaves something out; its author can mend that",
        _complete,
    ),
    Recipe(
        "optimizer-first",
        "optimizer-first",
        "scheduler built after the optimizer's load",
        "build the scheduler before optimizer.load_state_dict(): its constructor writes LRs",
        _optimizer_first,
    ),
    Recipe(
        "scheduler-only",
        "scheduler-only",
        "optimizer's state not loaded",
        "load the optimizer's state too: it holds the LRs and the moments",
        _scheduler_only,
        limit=_NO_MOMENTS,
    ),
    Recipe(
        "optimizer-only",
        "optimizer-only",
        "scheduler's state not loaded",
        "save and load the scheduler's state as well: without it the schedule begins anew",
        _optimizer_only,
        limit=_NEW_COUNTERS,
    ),
    Recipe(
        "optimizer-only",
        "optimizer-only-2",
        "the same, scheduler built after the optimizer's load",
        "save and load the scheduler's state as well: without it the schedule begins anew",
        _optimizer_only_before,
        limit=_NEW_COUNTERS,
    ),
    Recipe(
        "saved-early",
        "saved-early",
        "saved between the two steps of an update",
        "write the checkpoint after both steps of an update, never between them",
        _complete,
        limit="the file lacks one of the two steps of its last update, whatever the scheduler does",
        early=True,
    ),
    Recipe(
        "loaded-twice",
        "loaded-twice",
        "both states loaded once more",
        "load_state_dict() must set the state, not add to it; until it does, load once",
        _loaded_twice,
    ),
    Recipe(
        "replay",
        "replay",
        "no state loaded, the scheduler stepped anew",
        "load both states instead of stepping: moments cannot be replayed",
        _replay,
        limit=_NO_MOMENTS,
    ),
    Recipe(
        "last-epoch",
        "last-epoch",
        "scheduler built with last_epoch, its state not loaded",
        "load the scheduler's state instead of passing last_epoch to its constructor",
        _last_epoch,
        limit=_NEW_COUNTERS,
    ),
)


def chosen_recipes(names: Iterable[str]) -> tuple[Recipe, ...]:
    """The recipes of these names (or ``all``), and always ``complete``, which the verdict is about.

    Raises UsageError for a name that is none.
    """
    wanted = list(names)
    known = list(dict.fromkeys(one.name for one in RECIPES))
    wrong = [name for name in wanted if name not in {*known, "all"}]
    if wrong:
        meant = did_you_mean(wrong[0], [*known, "all"])
        every = "" if "known" in meant else f" There are {', '.join(known)} and all."
        raise UsageError(f"--recipe {wrong[0]}: no such recipe{meant}{every}")
    return tuple(one for one in RECIPES if one.name in {COMPLETE, *wanted} or "all" in wanted)


def restored(recipe: Recipe, training: Training, read: Callable[[], Checkpoint], save_at: int) -> Built:
    """A training built anew and restored; torch's advice on the order of calls is not for a check of them."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return recipe.restore(training, read, save_at)
