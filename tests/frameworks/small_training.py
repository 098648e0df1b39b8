"""What every framework here trains: a small model with two param groups, under three schedules.

All schedules are past their warm-up at update ``SAVED`` and restart between it and ``UPDATES``.
"""

from __future__ import annotations

from typing import Any

import torch

from lrsched_cli import LRScheduler

UPDATES = 20
SAVED = 6  # the update after which a run is saved and broken off
BATCH_SIZE = 4


def falling(step: int) -> float:
    """A custom factor that differs at every step."""
    return 1 / (1 + 0.01 * step)


_BASE: dict[str, Any] = {"warmup_steps": 3, "T_0": 5, "gamma": 0.9}  # restarts at steps 8 and 18
_OWN: dict[str, Any] = {"warmup_steps": 0, "T_0": 4, "T_mult": 1, "eta_scal_max": 1.5}  # at 4, 8, 12, 16, 20
SCHEDULES: dict[str, dict[str, Any]] = {
    "same for all": _BASE,
    "head has its own": {**_BASE, "group_overrides": {"head": _OWN}},
    "custom factors": {
        **_BASE,
        "warmup_type": "cosine",
        "custom_lambda": falling,
        "group_overrides": {"head": {"gamma": 0.5, "custom_lambda": None}},
    },
}

Lrs = list[list[float]]


class Net(torch.nn.Module):
    """A body and a head."""

    def __init__(self) -> None:
        super().__init__()
        self.body = torch.nn.Linear(3, 4)
        self.head = torch.nn.Linear(4, 1)

    def forward(self, x: torch.Tensor, y: torch.Tensor) -> dict[str, torch.Tensor]:
        """Loss and output, under the names that the Hugging Face Trainer looks for."""
        out = self.head(torch.tanh(self.body(x)))
        return {"loss": torch.nn.functional.mse_loss(out, y), "logits": out}


class Points(torch.utils.data.Dataset[dict[str, torch.Tensor]]):
    """Fixed samples, enough for eight batches: a run goes over them more than once."""

    def __init__(self) -> None:
        generator = torch.Generator().manual_seed(1)
        self.x = torch.randn(8 * BATCH_SIZE, 3, generator=generator)
        self.y = self.x.sum(dim=1, keepdim=True)

    def __len__(self) -> int:
        return len(self.x)

    def __getitem__(self, index: int) -> dict[str, torch.Tensor]:
        return {"x": self.x[index], "y": self.y[index]}


def loader() -> torch.utils.data.DataLoader[dict[str, torch.Tensor]]:
    """The samples in batches, in their order."""
    return torch.utils.data.DataLoader(Points(), batch_size=BATCH_SIZE)


def optimizer_for(model: Net) -> torch.optim.Optimizer:
    """Two groups with names and LRs of their own."""
    return torch.optim.AdamW(
        [
            {"name": "body", "params": model.body.parameters(), "lr": 1e-3},
            {"name": "head", "params": model.head.parameters(), "lr": 7e-3},
        ]
    )


def lrs_used_by(optimizer: torch.optim.Optimizer) -> Lrs:
    """A list that grows by the LRs of all groups each time that the optimizer updates the model."""
    used: Lrs = []

    def note(updating: torch.optim.Optimizer, _args: object, _kwargs: object) -> None:
        used.append([group["lr"] for group in updating.param_groups])

    optimizer.register_step_pre_hook(note)
    return used


def batch_size_of(update: int) -> int:
    """An effective batch size that changes during a run, after it was saved."""
    return 48 if update <= SAVED + 3 else 192


def lrs_without_a_framework(schedule: str, *, batch_size: bool = False) -> Lrs:
    """The LRs of all updates where nothing but the scheduler is at work."""
    optimizer = optimizer_for(Net())
    scheduler = LRScheduler(optimizer, **SCHEDULES[schedule])
    lrs: Lrs = []
    for update in range(1, UPDATES + 1):
        lrs.append([group["lr"] for group in optimizer.param_groups])
        scheduler.step(batch_size_of(update) if batch_size else None)
    return lrs
