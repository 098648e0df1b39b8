"""What a checkpoint does with the settings of a schedule: from the measurements in docs/resume.md."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from lrsched_cli.core.families.family import Path

Fate = Literal[
    "in the checkpoint", "not in the checkpoint", "lost in another order", "set back in another order"
]


@dataclass(frozen=True, slots=True)
class ResumeNote:
    """A setting's fate when a run is resumed.

    ``in the checkpoint``: the saved value silently wins over the file's. ``not in the checkpoint``: the
    file's value goes on from the second update. ``lost in another order``: a scheduler that is built after
    the optimizer's state is loaded leaves a factor behind that stays for good. ``set back in another order``:
    it writes the LR of step 0 there, whatever was loaded, and the run goes on from that.
    """

    path: Path
    fate: Fate


_STORED: Mapping[str, tuple[str, ...]] = {
    "StepLR": ("step_size", "gamma"),
    "MultiStepLR": ("milestones", "gamma"),
    "ConstantLR": ("factor", "total_iters"),
    "LinearLR": ("start_factor", "end_factor", "total_iters"),
    "ExponentialLR": ("gamma",),
    "PolynomialLR": ("total_iters", "power"),
    "CosineAnnealingLR": ("T_max", "eta_min"),
    "CosineAnnealingWarmRestarts": ("T_0", "T_mult", "eta_min"),
    "CyclicLR": ("base_lr", "max_lr", "step_size_up", "step_size_down", "gamma"),
    "OneCycleLR": ("max_lr", "total_steps", "epochs"),
    "ReduceLROnPlateau": ("factor", "patience", "min_lr"),
    "SequentialLR": ("milestones",),
}
"""Arguments that the state of a class of torch holds, so that a changed file changes nothing on resume."""

_FORMULAS: Mapping[str, str] = {"LambdaLR": "lr_lambda", "MultiplicativeLR": "lr_lambda"}
"""Arguments that no state holds."""

_IN_ANOTHER_ORDER: Mapping[str, Fate] = {
    "ConstantLR": "lost in another order",
    "LinearLR": "lost in another order",
    "ChainedScheduler": "lost in another order",
    "SequentialLR": "set back in another order",
}
"""Classes whose row in docs/resume.md says ``permanent`` under ``optimizer-first``, and how that comes."""


def torch_resume_notes(section: Mapping[str, object], path: Path) -> Iterator[ResumeNote]:
    """The fates of a section's stated settings."""
    kind = str(section["type"])
    stored = [key for key in _STORED.get(kind, ()) if key in section]
    for key in stored:
        yield ResumeNote((*path, key), "in the checkpoint")
    if kind in _FORMULAS:
        yield ResumeNote((*path, _FORMULAS[kind]), "not in the checkpoint")
    if kind in _IN_ANOTHER_ORDER and not _begins_anew(section):
        yield ResumeNote((*path, "type"), _IN_ANOTHER_ORDER[kind])


def _begins_anew(section: Mapping[str, object]) -> bool:
    """Whether the last of several schedulers works its LRs out from the base LR, and so mends them."""
    parts = section.get("schedulers")
    last = parts[-1] if isinstance(parts, list) and parts else None
    return isinstance(last, dict) and last.get("type") in _FROM_THE_BASE_LR


_FROM_THE_BASE_LR = {"LambdaLR", "CosineAnnealingWarmRestarts", "CyclicLR", "OneCycleLR"}
"""Classes whose row says ``first update only`` there."""
