"""The Hugging Face Trainer takes the scheduler, logs its LRs and resumes it from a checkpoint."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from small_training import (
    BATCH_SIZE,
    SAVED,
    SCHEDULES,
    UPDATES,
    Lrs,
    Net,
    Points,
    lrs_used_by,
    lrs_without_a_framework,
    optimizer_for,
)
from transformers import Trainer, TrainingArguments

from lrsched_cli import LRScheduler

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(autouse=True)
def offline(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)


def trainer(schedule: str, folder: Path, accumulated: int = 1) -> tuple[Trainer, Lrs]:
    """A Trainer of a new model, and the LRs that its updates will use."""
    model = Net()
    optimizer = optimizer_for(model)
    arguments = TrainingArguments(
        output_dir=str(folder),
        dataloader_pin_memory=False,
        disable_tqdm=True,
        gradient_accumulation_steps=accumulated,
        logging_steps=1,
        max_steps=UPDATES,
        per_device_train_batch_size=BATCH_SIZE,
        remove_unused_columns=False,
        report_to=[],
        save_steps=SAVED,
        use_cpu=True,
    )
    scheduler = LRScheduler(optimizer, **SCHEDULES[schedule])
    # The Trainer asks for a LambdaLR and takes any scheduler of torch's.
    training = Trainer(model, arguments, train_dataset=Points(), optimizers=(optimizer, scheduler))  # type: ignore[arg-type]
    return training, lrs_used_by(optimizer)


@pytest.mark.parametrize("accumulated", [1, 2], ids=["every batch", "every second batch"])
@pytest.mark.parametrize("schedule", SCHEDULES)
def test_a_checkpoint_goes_on_with_the_same_lrs(schedule: str, accumulated: int, tmp_path: Path) -> None:
    whole, all_lrs = trainer(schedule, tmp_path, accumulated)
    whole.train()
    second, later_lrs = trainer(schedule, tmp_path / "second", accumulated)
    second.train(resume_from_checkpoint=str(tmp_path / f"checkpoint-{SAVED}"))

    assert all_lrs == lrs_without_a_framework(schedule)
    assert later_lrs == all_lrs[SAVED:]
    assert logged_lrs(whole) == logged_lrs(second) == [body for body, _ in all_lrs]


def logged_lrs(training: Trainer) -> list[float]:
    """The Trainer logs the LR of the first group, as it was at each update."""
    return [entry["learning_rate"] for entry in training.state.log_history if "learning_rate" in entry]
