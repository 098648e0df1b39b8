"""The checkpoints of a resume check: written by ``torch.save``, read with ``weights_only``."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import torch

from lrsched_cli.analysis.resume.recording import disk

if TYPE_CHECKING:
    from pathlib import Path

    from lrsched_cli.analysis.resume.training import Built


def checkpoint_path(folder: Path, save_at: int, *, early: bool) -> Path:
    """The file of a save point; early ones are written between the steps of optimizer and scheduler."""
    return folder / f"{save_at}{'-early' if early else ''}.pt"


def write_checkpoint(path: Path, built: Built) -> None:
    """Save model, optimizer and scheduler. An OutputError is the disk's, anything else a state's."""
    buffer = io.BytesIO()  # torch would tell of a full disk as a RuntimeError of its own
    torch.save(
        {
            "model": built.model.state_dict(),
            "optimizer": built.optimizer.state_dict(),
            "scheduler": built.scheduler.state_dict(),
        },
        buffer,
    )
    with disk(path.parent):
        path.write_bytes(buffer.getvalue())


def read_checkpoint(path: Path) -> dict[str, Any]:
    """Load a checkpoint as everybody should: without running code from it."""
    loaded: dict[str, Any] = torch.load(path, weights_only=True)
    return loaded
