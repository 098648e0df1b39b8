"""Accelerate prepares the scheduler, saves it and restores it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from accelerate import Accelerator  # type: ignore[import-untyped]
from accelerate.scheduler import AcceleratedScheduler  # type: ignore[import-untyped]
from small_training import (
    SAVED,
    SCHEDULES,
    UPDATES,
    Lrs,
    Net,
    batch_size_of,
    loader,
    lrs_used_by,
    lrs_without_a_framework,
    optimizer_for,
)

from lrsched_cli import LRScheduler

if TYPE_CHECKING:
    from pathlib import Path


class Run:
    """A training loop as Accelerate's guide has it."""

    def __init__(self, schedule: str, *, batch_size: bool = False, accumulated: int = 1) -> None:
        model = Net()
        optimizer = optimizer_for(model)
        self.lrs: Lrs = lrs_used_by(optimizer)
        self.batch_size = batch_size
        self.accelerator = Accelerator(cpu=True, gradient_accumulation_steps=accumulated)
        self.model, self.optimizer, self.loader, self.scheduler = self.accelerator.prepare(
            model, optimizer, loader(), LRScheduler(optimizer, **SCHEDULES[schedule])
        )

    def train(self, first: int, last: int) -> None:
        """Do the updates ``first`` to ``last``."""
        update = first
        while True:
            for batch in self.loader:
                with self.accelerator.accumulate(self.model):
                    self.accelerator.backward(self.model(**batch)["loss"])
                    self.optimizer.step()
                    self.scheduler.step(*([batch_size_of(update)] if self.batch_size else []))
                    self.optimizer.zero_grad()
                update += self.accelerator.sync_gradients
                if update > last:
                    return


@pytest.mark.parametrize("batch_size", [False, True], ids=["no batch size", "batch size"])
@pytest.mark.parametrize("schedule", SCHEDULES)
def test_a_loaded_state_goes_on_with_the_same_lrs(schedule: str, batch_size: bool, tmp_path: Path) -> None:  # noqa: FBT001
    whole = Run(schedule, batch_size=batch_size)
    whole.train(1, UPDATES)
    first = Run(schedule, batch_size=batch_size)
    first.train(1, SAVED)
    first.accelerator.save_state(str(tmp_path / "state"))
    second = Run(schedule, batch_size=batch_size)
    second.accelerator.load_state(str(tmp_path / "state"))
    second.train(SAVED + 1, UPDATES)

    assert whole.lrs == lrs_without_a_framework(schedule, batch_size=batch_size)
    assert first.lrs + second.lrs == whole.lrs


def test_the_wrapped_scheduler_shows_the_lrs_of_the_optimizer() -> None:
    run = Run("head has its own")
    run.train(1, SAVED)
    assert isinstance(run.scheduler, AcceleratedScheduler)
    assert isinstance(run.scheduler.scheduler, LRScheduler)
    assert run.scheduler.get_last_lr() == [group["lr"] for group in run.optimizer.param_groups]
    assert run.scheduler.get_last_lr() == lrs_without_a_framework("head has its own")[SAVED]


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_accumulated_gradients_are_one_step(schedule: str, tmp_path: Path) -> None:
    first = Run(schedule, accumulated=2)
    first.train(1, SAVED)
    first.accelerator.save_state(str(tmp_path / "state"))
    second = Run(schedule, accumulated=2)
    second.accelerator.load_state(str(tmp_path / "state"))
    second.train(SAVED + 1, UPDATES)
    assert first.lrs + second.lrs == lrs_without_a_framework(schedule)
