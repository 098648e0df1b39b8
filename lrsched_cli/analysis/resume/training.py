"""A training in small, which can be begun anew as often as wanted, and its gradients."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

import torch

from lrsched_cli.core.build import build_scheduler
from lrsched_cli.core.stand_ins import small_model
from lrsched_cli.core.stepping import scheduler_steps, step_at

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from lrsched_cli.core.config import Schedule

    Factory = Callable[[], tuple[torch.nn.Module, torch.optim.Optimizer, Any]]
    SchedulerStep = Callable[[Any, int], object]

_NUMBERS_AT_A_TIME = 1 << 18
_MOST_GRADIENTS = 4096
"""The elements of one parameter that get a gradient; those beyond stand still."""


class Built(NamedTuple):
    """What is trained; ``names`` are those of its parameters."""

    model: torch.nn.Module
    optimizer: torch.optim.Optimizer
    scheduler: Any
    names: Mapping[torch.nn.Parameter, str]


@dataclass(frozen=True, slots=True)
class Training:
    """How a training is built, and how its scheduler takes the step that belongs to an update."""

    build: Callable[[], Built]
    scheduler_step: Callable[[Any, int], object]
    scheduler_first: bool
    steps: int
    seed: int = 0
    steps_taken: Callable[[int], int] = int
    """How many scheduler steps belong to so many updates."""
    scheduler_name: str = ""
    """What the scheduler is called; empty: as its class is."""


def training_of(schedule: Schedule, steps: int, seed: int = 0) -> Training:
    """The schedule's optimizer over a small model of its groups, in its batch plan and its loop."""

    def build() -> Built:
        small = small_model(schedule)
        return Built(small.model, small.optimizer, build_scheduler(schedule, small.optimizer), small.names)

    return Training(
        build,
        step_at(schedule),
        schedule.loop == "scheduler-first",
        steps,
        seed,
        partial(scheduler_steps, schedule),
        schedule.scheduler.type,
    )


def factory_training(
    factory: Factory, step: SchedulerStep | None, *, scheduler_first: bool, steps: int, seed: int = 0
) -> Training:
    """What a factory of the user's builds; ``step(scheduler, update)`` stands for ``scheduler.step()``."""

    def build() -> Built:
        with torch.random.fork_rng(devices=()):
            torch.manual_seed(seed)
            model, optimizer, scheduler = _checked(factory())
        return Built(model, optimizer, scheduler, {one: name for name, one in model.named_parameters()})

    def scheduler_step(scheduler: Any, update: int) -> None:
        del update
        scheduler.step()

    return Training(build, step or scheduler_step, scheduler_first, steps, seed)


def _checked(made: Any) -> tuple[torch.nn.Module, torch.optim.Optimizer, Any]:
    """What a factory gave; TypeError where it is not what it has to be."""
    needed = (
        ("named_parameters", "state_dict", "load_state_dict"),
        ("param_groups", "state", "step", "state_dict", "load_state_dict"),
        (),  # a scheduler may be anything; whether it can be saved and restored is the question
    )
    if not isinstance(made, tuple | list) or len(made) != len(needed):
        raise TypeError(f"it must give (model, optimizer, scheduler) (got {type(made).__name__})")
    for what, one, names in zip(("model", "optimizer", "scheduler"), made, needed, strict=True):
        missing = [name for name in names if not hasattr(one, name)]
        if missing:
            raise TypeError(f"{type(one).__name__} cannot be the {what}: it has no {missing[0]}")
    model, optimizer, scheduler = made
    return model, optimizer, scheduler


class Run:
    """A training under way: each update gets gradients that depend on nothing but the seed and its number."""

    def __init__(self, training: Training, built: Built) -> None:
        self.built = built
        self._training = training
        self._gradients = _Gradients(built.optimizer, training.seed)
        self._closure = (lambda: 0.0) if isinstance(built.optimizer, torch.optim.LBFGS) else None

    def update(
        self, number: int, before: Callable[[], None], between: Callable[[], None] | None = None
    ) -> None:
        """Train one update.

        Args:
            number: which one, from 1.
            before: called right before the optimizer's step, when the LRs are those that it uses.
            between: called between the steps of optimizer and scheduler.
        """
        self._gradients.write(number)
        training = self._training
        if training.scheduler_first:
            training.scheduler_step(self.built.scheduler, number)
            if between is not None:
                between()
        before()
        if self._closure is None:
            self.built.optimizer.step()
        else:
            self.built.optimizer.step(self._closure)
        if not training.scheduler_first:
            if between is not None:
                between()
            training.scheduler_step(self.built.scheduler, number)


class _Gradients:
    """Normal random gradients for every parameter, made from the seed and the update's number alone."""

    def __init__(self, optimizer: torch.optim.Optimizer, seed: int) -> None:
        self._seed = seed
        self._sparse = isinstance(optimizer, torch.optim.SparseAdam)
        parameters = [one for group in optimizer.param_groups for one in group["params"]]
        sizes = [min(one.numel(), _MOST_GRADIENTS) for one in parameters]
        width = max(1, sum(sizes))
        self._rows = max(1, _NUMBERS_AT_A_TIME // width)
        self._chunk = -1
        self._values = torch.empty(0, width)
        self._now = torch.zeros(width)
        self._shared: list[tuple[torch.nn.Parameter, torch.Tensor]] = []
        self._copied: list[tuple[torch.nn.Parameter, torch.Tensor]] = []
        for parameter, part in zip(parameters, torch.split(self._now, sizes), strict=True):
            if parameter.numel() == len(part) and _is_plain(parameter) and not self._sparse:
                self._shared.append((parameter, part.view_as(parameter)))  # written by a copy into _now
            else:
                self._copied.append((parameter, part))

    def write(self, number: int) -> None:
        """Put the gradients of an update in place."""
        chunk, row = divmod(number, self._rows)
        if chunk != self._chunk:
            # Of a larger seed, torch's generator uses the last 32 bits alone.
            digest = hashlib.blake2b(f"{self._seed} {chunk}".encode(), digest_size=4).digest()
            generator = torch.Generator().manual_seed(int.from_bytes(digest, "big"))
            self._values = torch.randn(self._rows, len(self._now), generator=generator)
            self._chunk = chunk
        self._now.copy_(self._values[row])
        for parameter, gradient in self._shared:
            if parameter.grad is not gradient:  # an optimizer may clear it
                parameter.grad = gradient
        for parameter, part in self._copied:
            dense = torch.zeros(parameter.numel())
            dense[: len(part)] = part
            copied = dense.view(parameter.shape).to(parameter)
            parameter.grad = copied.to_sparse() if self._sparse else copied


def _is_plain(parameter: torch.Tensor) -> bool:
    return parameter.dtype is torch.float32 and parameter.device.type == "cpu"
