"""Lightning takes the scheduler, steps it every update and resumes it from a checkpoint."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import lightning
import pytest
from lightning.pytorch.utilities.types import LRSchedulerTypeTuple
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

    import torch


pytestmark = [
    # Lightning's own use of torch's pytrees.
    pytest.mark.filterwarnings("ignore:.isinstance.treespec, LeafSpec.. is deprecated:FutureWarning"),
    # Lightning's advice on data: these loaders need no state and no workers.
    pytest.mark.filterwarnings(
        "ignore:You're resuming from a checkpoint that ended before the epoch:UserWarning"
    ),
    pytest.mark.filterwarnings("ignore:The 'train_dataloader' does not have many workers:UserWarning"),
    # Lightning's remark on a machine that has a GPU.
    pytest.mark.filterwarnings("ignore:GPU available but not used:UserWarning"),
]


class Module(lightning.LightningModule):
    """The small model, scheduled step by step."""

    def __init__(self, schedule: str) -> None:
        super().__init__()
        self.net = Net()
        self.schedule = schedule
        self.lrs: Lrs = []

    def training_step(self, batch: dict[str, torch.Tensor]) -> torch.Tensor:
        loss: torch.Tensor = self.net(**batch)["loss"]
        return loss

    def configure_optimizers(self) -> Any:
        optimizer = optimizer_for(self.net)
        self.lrs = lrs_used_by(optimizer)
        scheduler = LRScheduler(optimizer, **SCHEDULES[self.schedule])
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": scheduler, "interval": "step"}}


class ModuleWithBatchSize(Module):
    """The same, telling the scheduler the batch size through Lightning's hook."""

    def lr_scheduler_step(self, scheduler: Any, metric: Any) -> None:  # noqa: ARG002 - Lightning's name
        scheduler.step(batch_size=batch_size_of(scheduler.last_epoch + 1))


def trainer(updates: int) -> lightning.Trainer:
    return lightning.Trainer(
        accelerator="cpu",
        enable_checkpointing=False,
        enable_model_summary=False,
        enable_progress_bar=False,
        logger=False,
        max_steps=updates,
    )


@pytest.mark.parametrize("module", [Module, ModuleWithBatchSize])
@pytest.mark.parametrize("schedule", SCHEDULES)
def test_a_checkpoint_goes_on_with_the_same_lrs(schedule: str, module: type[Module], tmp_path: Path) -> None:
    whole, first, second = module(schedule), module(schedule), module(schedule)
    trainer(UPDATES).fit(whole, loader())
    broken_off = trainer(SAVED)
    broken_off.fit(first, loader())
    broken_off.save_checkpoint(tmp_path / "saved.ckpt")
    trainer(UPDATES).fit(second, loader(), ckpt_path=tmp_path / "saved.ckpt", weights_only=True)

    assert whole.lrs == lrs_without_a_framework(schedule, batch_size=module is ModuleWithBatchSize)
    assert first.lrs + second.lrs == whole.lrs


def test_lightning_accepts_it_as_a_scheduler_of_torch() -> None:
    module, training = Module("same for all"), trainer(1)
    training.fit(module, loader())
    config = training.lr_scheduler_configs[0]
    assert isinstance(config.scheduler, LRScheduler)
    assert isinstance(config.scheduler, LRSchedulerTypeTuple)
    assert config.scheduler.last_epoch == 1
