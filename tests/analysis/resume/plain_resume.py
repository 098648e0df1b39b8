"""Saving, restoring and training on by hand, in plain torch: what a resume check must come to."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any, NamedTuple

import torch

if TYPE_CHECKING:
    from collections.abc import Callable

    from lrsched_cli.analysis.resume.results import SavePointResult

    Built = tuple[torch.nn.Module, torch.optim.Optimizer, Any]
    Factory = Callable[[], Built]
    SchedulerStep = Callable[[Any, int], object]
    Row = dict[str, float]
    Restore = Callable[["Pieces", dict[str, Any], int], Built]


def plain_step(scheduler: Any, update: int) -> None:
    del update
    scheduler.step()


class Pieces(NamedTuple):
    """A training whose scheduler can be built at any time, and with further arguments."""

    optimizer: Callable[[], tuple[torch.nn.Module, torch.optim.Optimizer]]
    scheduler: Callable[..., Any]
    step: SchedulerStep = plain_step

    def build(self) -> Built:
        model, optimizer = self.optimizer()
        return model, optimizer, self.scheduler(optimizer)


def name_of(group: dict[str, Any], index: int) -> str:
    return str(group.get("name", f"group {index}"))


def numbers_of(optimizer: torch.optim.Optimizer) -> Row:
    """The LRs, then momentum and betas, of every param group by their names."""
    groups = [(name_of(group, index), group) for index, group in enumerate(optimizer.param_groups)]
    row = {f"lr of {name}": float(group["lr"]) for name, group in groups}
    row |= {f"momentum of {name}": float(group["momentum"]) for name, group in groups if "momentum" in group}
    for name, group in groups:
        row |= {f"betas[{place}] of {name}": beta for place, beta in enumerate(group.get("betas", ()))}
    return row


def trained(
    built: Built,
    step: SchedulerStep,
    first: int,
    last: int,
    on_the_way: Callable[[int], None] = lambda _: None,
) -> list[Row]:
    """Train the updates from ``first`` to ``last``, the optimizer first; what each of them ran at."""
    _, optimizer, scheduler = built
    rows = []
    for update in range(first, last + 1):
        for group in optimizer.param_groups:
            for parameter in group["params"]:
                parameter.grad = torch.ones_like(parameter)
        rows.append(numbers_of(optimizer))
        optimizer.step()
        on_the_way(-update)
        step(scheduler, update)
        on_the_way(update)
    return rows


class Whole(NamedTuple):
    """The run without interruption, and its states after updates (and, by the negative, in them)."""

    rows: list[Row]
    states: dict[int, dict[str, Any]]


def without_interruption(built: Built, steps: int, step: SchedulerStep = plain_step) -> Whole:
    states: dict[int, dict[str, Any]] = {}

    def keep(update: int) -> None:
        named = zip(("model", "optimizer", "scheduler"), built, strict=True)
        states[update] = {name: copy.deepcopy(one.state_dict()) for name, one in named}

    return Whole(trained(built, step, 1, steps, keep), states)


class Found(NamedTuple):
    """How many updates differ, the first one and its first quantity, the shape, and the largest ΔLR."""

    differing: int
    first: tuple[int, str] | None
    shape: str | None
    largest: tuple[float, int, str] | None


def compared(whole: list[Row], resumed: list[Row], save_at: int) -> Found:
    tail = list(enumerate(zip(whole[save_at:], resumed, strict=True), start=save_at + 1))
    wrong = [update for update, (one, other) in tail if one != other]
    if not wrong:
        return Found(0, None, None, None)
    one, other = dict(tail)[wrong[0]]
    quantity = next(name for name in one if one[name] != other[name])
    distances = [
        (abs(one[name] - other[name]), -update, name.removeprefix("lr of "))
        for update, (one, other) in tail
        for name in one
        if name.startswith("lr of ")
    ]
    value, update, _ = max(distances, key=lambda found: found[:2])
    group = next(name for distance, when, name in distances if (distance, when) == (value, update))
    return Found(
        len(wrong),
        (wrong[0], quantity),
        shape_of(wrong, save_at + 1, len(whole)),
        (value, -update, group) if value else None,
    )


def shape_of(wrong: list[int], first: int, last: int) -> str:
    """How a fault at these updates runs over all from ``first`` to ``last``."""
    if first not in wrong:
        return "late"
    if wrong == [first]:
        return "first update only"
    return "permanent" if last in wrong else "heals"


def reported(result: SavePointResult) -> Found:
    """What a check says of the param groups, in the same form."""
    groups, largest = result.kinds[0], result.largest_lr
    first = None if groups.first is None else (groups.first.update, groups.first.quantity)
    found = None if largest is None else (largest.value, largest.update, largest.group)
    return Found(groups.differing, first, groups.shape, found)


def loaded(built: Built, saved: dict[str, Any]) -> Built:
    for name, one in zip(("model", "optimizer", "scheduler"), built, strict=True):
        one.load_state_dict(copy.deepcopy(saved[name]))
    return built


def complete_by_hand(make: Factory, save_at: int, steps: int) -> Found:
    """What a check by the recipe ``complete`` must say of the param groups."""
    whole = without_interruption(make(), steps)
    rows = trained(loaded(make(), whole.states[save_at]), plain_step, save_at + 1, steps)
    return compared(whole.rows, rows, save_at)


def _complete(pieces: Pieces, saved: dict[str, Any], save_at: int) -> Built:
    del save_at
    return loaded(pieces.build(), saved)


def _optimizer_first(pieces: Pieces, saved: dict[str, Any], save_at: int) -> Built:
    built = _restarted(pieces, saved, save_at)
    built[2].load_state_dict(copy.deepcopy(saved["scheduler"]))
    return built


def _scheduler_only(pieces: Pieces, saved: dict[str, Any], save_at: int) -> Built:
    del save_at
    built = pieces.build()
    built[2].load_state_dict(copy.deepcopy(saved["scheduler"]))
    return built


def _optimizer_only(pieces: Pieces, saved: dict[str, Any], save_at: int) -> Built:
    del save_at
    built = pieces.build()
    built[1].load_state_dict(copy.deepcopy(saved["optimizer"]))
    return built


def _restarted(pieces: Pieces, saved: dict[str, Any], save_at: int, **further: Any) -> Built:
    del save_at
    model, optimizer = pieces.optimizer()
    optimizer.load_state_dict(copy.deepcopy(saved["optimizer"]))
    return model, optimizer, pieces.scheduler(optimizer, **further)


def _loaded_twice(pieces: Pieces, saved: dict[str, Any], save_at: int) -> Built:
    built = _complete(pieces, saved, save_at)
    built[1].load_state_dict(copy.deepcopy(saved["optimizer"]))
    built[2].load_state_dict(copy.deepcopy(saved["scheduler"]))
    return built


def _replayed(pieces: Pieces, saved: dict[str, Any], save_at: int) -> Built:
    del saved
    built = pieces.build()
    for update in range(1, save_at + 1):
        pieces.step(built[2], update)
    return built


def _last_epoch(pieces: Pieces, saved: dict[str, Any], save_at: int) -> Built:
    return _restarted(pieces, saved, save_at, last_epoch=save_at - 1)


BY_HAND: dict[str, Restore] = {
    "complete": _complete,
    "optimizer-first": _optimizer_first,
    "scheduler-only": _scheduler_only,
    "optimizer-only": _optimizer_only,
    "optimizer-only-2": _restarted,
    "saved-early": _complete,
    "loaded-twice": _loaded_twice,
    "replay": _replayed,
    "last-epoch": _last_epoch,
}


def by_hand(recipe: str, pieces: Pieces, whole: Whole, save_at: int) -> Found:
    """What a check by this recipe at this save point must say of the param groups."""
    saved = whole.states[-save_at if recipe == "saved-early" else save_at]
    built = BY_HAND[recipe](pieces, saved, save_at)
    rows = trained(built, pieces.step, save_at + 1, len(whole.rows))
    return compared(whole.rows, rows, save_at)
