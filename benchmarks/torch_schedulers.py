"""Do runs with torch's own schedulers resume exactly? ``python benchmarks/torch_schedulers.py [--write]``.

Every configuration below is a factory for ``lrsched verify-resume --factory``. The command checks them
all, restored in every way there is a recipe for, and prints a table; ``--write`` puts it into
docs/resume.md.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from math import cos, pi
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch.optim import lr_scheduler as lrs
from torch.optim.swa_utils import SWALR

from lrsched_cli import verify_resume

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from lrsched_cli import ResumeReport
    from lrsched_cli.analysis.resume.results import SavePointResult, Shape

    Reports = Mapping[str, ResumeReport]

PAGE = Path(__file__).resolve().parent.parent / "docs" / "resume.md"
BEGIN = "<!-- made by: python benchmarks/torch_schedulers.py --write -->"
END = "<!-- end of what it made -->"

STEPS = 40
SAVE_AT = (1, 4, 5, 6, 13, 20, 31, 39)
BASE_LRS = (0.1, 0.02)
MOST_PLACES_TOLD = len(SAVE_AT) // 2
WORST_FIRST: tuple[Shape, ...] = ("permanent", "late", "heals", "first update only")
COLUMNS = (
    "complete",
    "optimizer-first",
    "scheduler-only",
    "optimizer-only",
    "optimizer-only-2",
    "saved-early",
    "last-epoch",
)
BELOW = ("loaded-twice", "replay")
"""Recipes that do as well with one scheduler as with another: a line below the table says how."""


@dataclass(frozen=True, slots=True)
class Factory:
    """Builds a training; ``settings`` say in words what the scheduler of the class ``kind`` is given.

    ``scheduler`` takes the optimizer, and ``last_epoch`` where the class does.
    """

    kind: str
    settings: str
    scheduler: Callable[..., Any]

    def __call__(self) -> tuple[torch.nn.Module, torch.optim.Optimizer, Any]:
        """Model, optimizer and scheduler at their start."""
        model = torch.nn.Linear(2, 1)
        optimizer = two_groups(model)
        return model, optimizer, self.scheduler(optimizer)


def two_groups(model: torch.nn.Module) -> torch.optim.Optimizer:
    """SGD with momentum, which CyclicLR and OneCycleLR schedule as well."""
    groups = [{"params": [one], "lr": lr} for one, lr in zip(model.parameters(), BASE_LRS, strict=True)]
    return torch.optim.SGD(groups, momentum=0.9)


def scheduler_step(scheduler: Any, update: int) -> None:
    """The step after an update; ReduceLROnPlateau gets a loss that stands still from update 8 on."""
    if isinstance(scheduler, lrs.ReduceLROnPlateau):
        scheduler.step(1 / min(update, 8))
    else:
        scheduler.step()


def _of(kind: Callable[..., Any], settings: str, **arguments: Any) -> Factory:
    """A factory for one of torch's classes, built with these arguments."""
    return Factory(kind.__name__, settings, lambda optimizer, **more: kind(optimizer, **arguments, **more))


def _half_cosine(step: int) -> float:
    return 0.5 * (1 + cos(pi * step / STEPS))


def _less_by_step(step: int) -> float:
    return 1 - 1 / (step + 10)


def _warm_up(optimizer: torch.optim.Optimizer) -> Any:
    return lrs.LinearLR(optimizer, 0.1, total_iters=5)


def _warm_up_then_exponential(optimizer: torch.optim.Optimizer, **more: Any) -> Any:
    both = [_warm_up(optimizer), lrs.ExponentialLR(optimizer, 0.9)]
    return lrs.SequentialLR(optimizer, both, [5], **more)


def _warm_up_then_cosine(optimizer: torch.optim.Optimizer, **more: Any) -> Any:
    both = [_warm_up(optimizer), lrs.CosineAnnealingLR(optimizer, 35, eta_min=1e-3)]
    return lrs.SequentialLR(optimizer, both, [5], **more)


def _linear_times_cosine(optimizer: torch.optim.Optimizer, **more: Any) -> Any:
    both = [lrs.LinearLR(optimizer, 0.1, total_iters=5, **more), lrs.CosineAnnealingLR(optimizer, 40, **more)]
    return lrs.ChainedScheduler(both, optimizer)


def _constant_times_exponential(optimizer: torch.optim.Optimizer, **more: Any) -> Any:
    both = [
        lrs.ConstantLR(optimizer, 0.3, total_iters=5, **more),
        lrs.ExponentialLR(optimizer, 0.9, **more),
    ]
    return lrs.ChainedScheduler(both, optimizer)


lambda_lr = _of(lrs.LambdaLR, "half a cosine over 40", lr_lambda=_half_cosine)
multiplicative_lr = _of(lrs.MultiplicativeLR, "× 0.95", lr_lambda=lambda _: 0.95)
multiplicative_lr_by_step = _of(lrs.MultiplicativeLR, "× 1 − 1/(step + 10)", lr_lambda=_less_by_step)
step_lr = _of(lrs.StepLR, "× 0.5 every 5", step_size=5, gamma=0.5)
multi_step_lr = _of(lrs.MultiStepLR, "× 0.1 at 5 and 20", milestones=[5, 20])
constant_lr = _of(lrs.ConstantLR, "× 0.3 until 5", factor=0.3, total_iters=5)
linear_lr = _of(lrs.LinearLR, "0.1 to 1 over 10", start_factor=0.1, total_iters=10)
linear_lr_down = _of(lrs.LinearLR, "1 to 0.1 over 20", start_factor=1.0, end_factor=0.1, total_iters=20)
exponential_lr = _of(lrs.ExponentialLR, "× 0.9", gamma=0.9)
polynomial_lr = _of(lrs.PolynomialLR, "power 2 over 40", power=2, total_iters=40)
cosine_lr = _of(lrs.CosineAnnealingLR, "T_max 40", T_max=40, eta_min=1e-3)
cosine_lr_periodic = _of(lrs.CosineAnnealingLR, "T_max 10", T_max=10, eta_min=1e-3)
warm_restarts = _of(lrs.CosineAnnealingWarmRestarts, "T_0 5, T_mult 1", T_0=5)
warm_restarts_growing = _of(lrs.CosineAnnealingWarmRestarts, "T_0 5, T_mult 2", T_0=5, T_mult=2)
cyclic_lr = _of(lrs.CyclicLR, "0.01 to 0.1 in 5, and back", base_lr=0.01, max_lr=0.1, step_size_up=5)
cyclic_lr_falling = _of(
    lrs.CyclicLR, "exp_range, up in 8", base_lr=0.01, max_lr=0.1, step_size_up=8, mode="exp_range", gamma=0.97
)
one_cycle_lr = _of(lrs.OneCycleLR, "over 41", max_lr=list(BASE_LRS), total_steps=STEPS + 1)
one_cycle_lr_three_phases = _of(
    lrs.OneCycleLR, "three phases over 41", max_lr=0.1, total_steps=STEPS + 1, three_phase=True
)
sequential_exponential = Factory("SequentialLR", "LinearLR until 5, ExponentialLR", _warm_up_then_exponential)
sequential_cosine = Factory("SequentialLR", "LinearLR until 5, CosineAnnealingLR", _warm_up_then_cosine)
chained_cosine = Factory("ChainedScheduler", "LinearLR, CosineAnnealingLR", _linear_times_cosine)
chained_constant = Factory("ChainedScheduler", "ConstantLR, ExponentialLR", _constant_times_exponential)
plateau = _of(lrs.ReduceLROnPlateau, "× 0.5, patience 3", factor=0.5, patience=3)
swa_lr = _of(SWALR, "to 0.05 over 10", swa_lr=0.05, anneal_epochs=10)

FACTORIES = {name: one for name, one in list(globals().items()) if isinstance(one, Factory)}


def check(factory: Factory) -> ResumeReport:
    """The check whose results are in the table."""
    return verify_resume(factory, save_at=SAVE_AT, recipes="all", steps=STEPS, step=scheduler_step)


def verdict(results: Sequence[SavePointResult]) -> str:
    r"""What a recipe comes to: the worst shape, the largest \|ΔLR\|, and the save points where they are few.

    A tail of one update can only be wrong in its first one; where there are longer tails, it has no say in
    the shape.
    """
    if not results:
        return "n/a"
    failed = [one for one in results if one.failure is not None]
    if failed:
        return f"fails{_places(failed)}"
    wrong = [one for one in results if not one.numbers_identical]
    if not wrong:
        return "exact" if all(one.identical for one in results) else "LRs exact"
    telling = [one for one in wrong if one.updates > 1] or wrong
    shapes = {one.kinds[0].shape for one in telling}
    worst = next(shape for shape in WORST_FIRST if shape in shapes)
    largest = max((one.largest_lr.value for one in wrong if one.largest_lr is not None), default=0.0)
    return f"{worst}{f' {largest:.3g}' if largest else ''}{_places(wrong)}"


def _places(results: Sequence[SavePointResult]) -> str:
    points = [str(one.save_at) for one in results]
    return f" at {', '.join(points)}" if len(points) <= MOST_PLACES_TOLD else ""


def table(reports: Reports) -> str:
    """All verdicts, what they were measured with, and why some cells are empty."""
    head = ["scheduler", *(f"`{name}`" for name in COLUMNS)]
    lines = [_line(head), _line(["---"] * len(head))]
    lines += [
        _line([f"`{FACTORIES[name].kind}`: {FACTORIES[name].settings}", *_verdicts(report)])
        for name, report in reports.items()
    ]
    reasons = dict.fromkeys(one.reason for report in reports.values() for one in report.skipped)
    below = [*(_in_every_row(recipe, reports) for recipe in BELOW), f"n/a: {'; '.join(reasons)}."]
    return "\n".join([f"Measured with torch {_version(reports)}.", "", *lines, "", *below, ""])


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _verdicts(report: ResumeReport) -> list[str]:
    return [verdict(report.of_recipe(recipe)) for recipe in COLUMNS]


def _in_every_row(recipe: str, reports: Reports) -> str:
    verdicts = dict.fromkeys(verdict(report.of_recipe(recipe)) for report in reports.values())
    return f"`{recipe}`: {' or '.join(verdicts)} in every row."


def _version(reports: Reports) -> str:
    """The version of torch, without the build's own part."""
    return next(iter(reports.values())).torch_version.partition("+")[0]


def with_table(page: str, made: str) -> str:
    """The page with another table between its two marks."""
    before, _, rest = page.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n{made}{END}{after}"


def main() -> None:
    """Make the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--write", action="store_true", help="put the table into docs/resume.md")
    write = parser.parse_args().write
    made = table({name: check(factory) for name, factory in FACTORIES.items()})
    print(made, end="")
    if write:
        PAGE.write_text(with_table(PAGE.read_text(encoding="utf-8"), made), encoding="utf-8")


if __name__ == "__main__":
    main()
