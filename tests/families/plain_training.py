"""A training loop in plain torch, with none of this project's code: what every dry run is held against."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

OPTIMIZERS: dict[str, str] = {
    "SGD": """\
optimizer: {type: SGD, lr: 0.1, momentum: 0.9}
param_groups:
- {name: trunk}
- {name: head, lr: 0.02, momentum: 0.5, weight_decay: 0.01}
- {name: rest, lr: 0.3}
""",
    "Adam": """\
optimizer: {type: Adam, lr: 0.004, betas: [0.8, 0.98]}
param_groups:
- {name: trunk, lr: 0.001}
- {name: head, betas: [0.7, 0.9], weight_decay: 0.01}
- {name: rest, lr: 0.0005}
""",
}
"""The same optimizers as :func:`optimizer_of` makes, as a schedule file has them."""

NOT_SCHEDULED = {"params", "name", "lr", "initial_lr"}


@dataclass(frozen=True)
class Case:
    """A scheduler as a file states it, and the same one built by hand.

    ``section`` is the YAML text of ``scheduler:``, ``by_hand`` makes the scheduler over an optimizer.
    ``metric`` gives the number for its step number k (from 1), where its ``step`` takes one.
    """

    section: str
    by_hand: Callable[[Any], Any]
    metric: Callable[[int], float] | None = None
    updates: int = 60


@dataclass(frozen=True)
class Loop:
    """The order of the two steps; ``epoch`` is how many updates are made for each step of the scheduler."""

    scheduler_first: bool = False
    epoch: int = 1

    @property
    def text(self) -> str:
        """The loop as a schedule file has it."""
        order = "loop: scheduler-first\n" if self.scheduler_first else ""
        return order + (f"step_every: epoch\nsteps_per_epoch: {self.epoch}\n" if self.epoch > 1 else "")


def optimizer_of(name: str) -> torch.optim.Optimizer:
    """Three groups with LRs, momenta and weight decays of their own."""
    trunk, head, rest = ([torch.nn.Parameter(torch.ones(2))] for _ in range(3))
    groups: list[dict[str, Any]]
    if name == "SGD":
        groups = [
            {"params": trunk},
            {"params": head, "lr": 0.02, "momentum": 0.5, "weight_decay": 0.01},
            {"params": rest, "lr": 0.3},
        ]
        return torch.optim.SGD(groups, lr=0.1, momentum=0.9)
    groups = [
        {"params": trunk, "lr": 0.001},
        {"params": head, "betas": (0.7, 0.9), "weight_decay": 0.01},
        {"params": rest, "lr": 0.0005},
    ]
    return torch.optim.Adam(groups, lr=0.004, betas=(0.8, 0.98))


@dataclass(frozen=True)
class Plain:
    """What a plain loop left in the param groups: row 0 before the first update, row k after update k.

    ``lrs[k][g]`` is the LR of group g; ``changing[name][k][g]`` any other number that changed on the way.
    ``base_lrs[g]`` is the LR that the scheduler starts from.
    """

    base_lrs: list[float]
    lrs: list[list[float]]
    changing: dict[str, list[list[float]]]


def train(case: Case, optimizer: torch.optim.Optimizer, loop: Loop = Loop()) -> Plain:
    """The loop that torch's documentation prescribes, epoch by epoch, or with its two steps exchanged."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # exchanged steps, and what a library deprecates in itself
        scheduler = case.by_hand(optimizer)
        base_lrs = [group.get("initial_lr", group["lr"]) for group in optimizer.param_groups]
        rows = [numbers(optimizer)]
        taken = 0
        for first in range(0, case.updates, loop.epoch):
            epoch = range(first, min(first + loop.epoch, case.updates))
            if loop.scheduler_first:
                taken = step(scheduler, case, taken)
            for _ in epoch:
                update(optimizer)
                rows.append(numbers(optimizer))
            if not loop.scheduler_first and len(epoch) == loop.epoch:
                taken = step(scheduler, case, taken)
                rows[-1] = numbers(optimizer)
    return Plain(base_lrs, [row.pop("lr") for row in rows], only_changing(rows))


def step(scheduler: Any, case: Case, taken: int) -> int:
    """Take one step of the scheduler; how many have been taken then."""
    if case.metric is None:
        scheduler.step()
    else:
        scheduler.step(case.metric(taken + 1))
    return taken + 1


def update(optimizer: torch.optim.Optimizer) -> None:
    """One update with a gradient for every parameter."""
    for group in optimizer.param_groups:
        for parameter in group["params"]:
            parameter.grad = torch.full_like(parameter, 0.1)
    optimizer.step()


def numbers(optimizer: torch.optim.Optimizer) -> dict[str, list[float]]:
    """The numbers of all groups now: the LRs as ``lr``, an entry of a pair as ``betas[0]``."""
    found: dict[str, list[float]] = {"lr": [group["lr"] for group in optimizer.param_groups]}
    for key, value in optimizer.param_groups[0].items():
        if key not in NOT_SCHEDULED and isinstance(value, tuple):
            for place in range(len(value)):
                found[f"{key}[{place}]"] = [group[key][place] for group in optimizer.param_groups]
        elif key not in NOT_SCHEDULED and type(value) in {int, float}:
            found[key] = [group[key] for group in optimizer.param_groups]
    return found


def only_changing(rows: Sequence[dict[str, list[float]]]) -> dict[str, list[list[float]]]:
    """The numbers that are not the same in every row."""
    by_name = {name: [row[name] for row in rows] for name in rows[0]}
    return {name: values for name, values in by_name.items() if any(one != values[0] for one in values)}
