"""Trainings whose schedulers (or optimizers) do not come back as they were, each in one way of its own."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

import torch

from lrsched_cli import LRScheduler

if TYPE_CHECKING:
    from collections.abc import Mapping

    Built = tuple[torch.nn.Module, torch.optim.Optimizer, LRScheduler]

# Warm-up through step 4, restarts at 12 and 28.
SETTINGS: dict[str, Any] = {"warmup_steps": 4, "T_0": 8, "T_mult": 2, "gamma": 0.7}
STEPS = 50
RESTARTS = (12, 28)
RIGHT_FOR = 10
START_MOMENTUM = 0.9


def _trained_by(
    scheduler: type[LRScheduler], kind: type[torch.optim.Optimizer] = torch.optim.Adam, **settings: Any
) -> Built:
    model = torch.nn.ModuleDict({"trunk": torch.nn.Linear(3, 2), "head": torch.nn.Linear(2, 1)})
    groups = [
        {"params": list(model[name].parameters()), "name": name, "lr": lr}
        for name, lr in (("trunk", 0.1), ("head", 0.02))
    ]
    make: Any = kind
    optimizer: torch.optim.Optimizer = make(groups, lr=0.1, **settings)
    return model, optimizer, scheduler(optimizer, **SETTINGS)


def _without(state: Mapping[str, Any], entry: str, groups: tuple[int, ...] = (0, 1)) -> dict[str, Any]:
    """A state in which an entry is 0, at the top and in these groups."""
    changed = copy.deepcopy(dict(state))
    if 0 in groups:
        changed[entry] = 0
    for index in groups:
        changed["groups"][index][entry] = 0
    return changed


class ForgetsTCur(LRScheduler):
    def load_state_dict(self, state_dict: Mapping[str, Any], *, strict: bool = False) -> None:
        super().load_state_dict(_without(state_dict, "T_cur"), strict=strict)


class ForgetsDecay(LRScheduler):
    def load_state_dict(self, state_dict: Mapping[str, Any], *, strict: bool = False) -> None:
        super().load_state_dict(_without(state_dict, "cycle"), strict=strict)


class OffByOne(LRScheduler):
    def load_state_dict(self, state_dict: Mapping[str, Any], *, strict: bool = False) -> None:
        super().load_state_dict(state_dict, strict=strict)
        self.step()


class ResetsAtFirstStep(LRScheduler):
    resumed = False

    def load_state_dict(self, state_dict: Mapping[str, Any], *, strict: bool = False) -> None:
        super().load_state_dict(state_dict, strict=strict)
        self.resumed = True

    def step(self, batch_size: float | None = None) -> None:
        if self.resumed:
            self.resumed = False
            super().load_state_dict(LRScheduler(self.optimizer, **SETTINGS).state_dict())
        super().step(batch_size)


class RightForTenSteps(LRScheduler):
    left = -1

    def load_state_dict(self, state_dict: Mapping[str, Any], *, strict: bool = False) -> None:
        super().load_state_dict(state_dict, strict=strict)
        self.left = RIGHT_FOR

    def step(self, batch_size: float | None = None) -> None:
        super().step(batch_size)
        if self.left >= 0:
            self.left -= 1
        if self.left == 0:
            super().load_state_dict(_without(self.state_dict(), "cycle"))


class WrongAtRestarts(LRScheduler):
    def load_state_dict(self, state_dict: Mapping[str, Any], *, strict: bool = False) -> None:
        at_a_restart = state_dict["T_cur"] == 0 and state_dict["cycle"] > 0
        super().load_state_dict(_without(state_dict, "cycle") if at_a_restart else state_dict, strict=strict)


class WrongInTheHead(LRScheduler):
    def load_state_dict(self, state_dict: Mapping[str, Any], *, strict: bool = False) -> None:
        super().load_state_dict(state_dict, strict=strict)
        self.head_scale = 1.5

    def step(self, batch_size: float | None = None) -> None:
        super().step(batch_size)
        head = self.optimizer.param_groups[1]
        head["lr"] *= getattr(self, "head_scale", 1.0)


class WrongForThreeUpdates(LRScheduler):
    left = 0

    def load_state_dict(self, state_dict: Mapping[str, Any], *, strict: bool = False) -> None:
        super().load_state_dict(state_dict, strict=strict)
        self.left = 3
        self._distort()

    def step(self, batch_size: float | None = None) -> None:
        super().step(batch_size)
        self._distort()

    def _distort(self) -> None:
        if self.left > 0:
            self.left -= 1
            for group in self.optimizer.param_groups:
                group["lr"] *= 1 + 2.0**-52


class DrivesMomentum(LRScheduler):
    def step(self, batch_size: float | None = None) -> None:
        super().step(batch_size)
        for group in self.optimizer.param_groups:
            group["momentum"] = 0.5 + 0.4 / (1 + self.last_epoch)


class ForgetsMomentum(DrivesMomentum):
    def load_state_dict(self, state_dict: Mapping[str, Any], *, strict: bool = False) -> None:
        super().load_state_dict(state_dict, strict=strict)
        for group in self.optimizer.param_groups:
            group["momentum"] = START_MOMENTUM


class ForgetsAMoment(torch.optim.Adam):
    """Adam that loses the first moment of the head's weight."""

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        super().load_state_dict(state_dict)
        self.state[self.param_groups[1]["params"][0]]["exp_avg"].zero_()


def works() -> Built:
    return _trained_by(LRScheduler)


def drives_momentum() -> Built:
    return _trained_by(DrivesMomentum, torch.optim.SGD, momentum=START_MOMENTUM)


def forgets_t_cur() -> Built:
    return _trained_by(ForgetsTCur)


def forgets_decay() -> Built:
    return _trained_by(ForgetsDecay)


def off_by_one() -> Built:
    return _trained_by(OffByOne)


def resets_at_first_step() -> Built:
    return _trained_by(ResetsAtFirstStep)


def right_for_ten_steps() -> Built:
    return _trained_by(RightForTenSteps)


def wrong_at_restarts() -> Built:
    return _trained_by(WrongAtRestarts)


def wrong_in_the_head() -> Built:
    return _trained_by(WrongInTheHead)


def wrong_for_three_updates() -> Built:
    return _trained_by(WrongForThreeUpdates)


def forgets_momentum() -> Built:
    return _trained_by(ForgetsMomentum, torch.optim.SGD, momentum=START_MOMENTUM)


def forgets_a_moment() -> Built:
    return _trained_by(LRScheduler, ForgetsAMoment)
