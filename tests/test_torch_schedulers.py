"""torch's own schedulers, resumed: known faults are found, where they are known to be, and no others."""

from __future__ import annotations

import re
from math import cos, pi
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import torch
from plain_schedulers import (
    SAVE_AT,
    STEPS,
    TORCH,
    check_by_hand,
    measured,
    param_groups,
    plain_optimizer,
    report_of,
)
from torch.optim import lr_scheduler as lrs

from lrsched_cli import load_schedule, verify_resume
from lrsched_cli.analysis import conformance
from lrsched_cli.report.conformance_text import conformance_markdown, with_table

if TYPE_CHECKING:
    from collections.abc import Callable

    from lrsched_cli import ResumeReport
    from lrsched_cli.analysis.resume.results import SavePointResult

    Make = Callable[..., Any]
    Name = tuple[str, int]

PAGE = Path(__file__).resolve().parent.parent / "docs" / "resume.md"
RECIPES = (
    "optimizer-first",
    "scheduler-only",
    "optimizer-only",
    "optimizer-only-2",
    "last-epoch",
    "saved-early",
)
SHAPES = {"permanent": "BAD", "late": "LATE", "heals": "HEAL", "first update only": "1ST"}
RELEASE = "2.13"
of_this_release = pytest.mark.skipif(
    not torch.__version__.startswith(f"{RELEASE}."),
    reason=f"written down are the faults of torch {RELEASE}, and this is {torch.__version__}",
)

# What is known of each example of a type, by its place among them: the shapes of the faults in tails of more
# than one update, and where they are if not everywhere. The columns are RECIPES.
KNOWN = {
    ("LambdaLR", 0): ("1ST", "1ST", "LATE", "BAD", "OK", "BAD"),
    ("MultiplicativeLR", 0): ("OK", "BAD", "OK", "OK", "OK", "BAD"),
    ("MultiplicativeLR", 1): ("OK", "BAD", "LATE", "LATE", "OK", "BAD"),
    ("StepLR", 0): ("OK", "BAD but 1 4", "LATE but 5 20", "LATE but 5 20", "BAD at 5 20", "LATE HEAL"),
    ("MultiStepLR", 0): ("OK", "BAD but 1 4", "LATE", "LATE", "BAD at 5 20", "1ST LATE HEAL but 31"),
    ("ConstantLR", 0): ("BAD", "BAD but 1 4", "LATE", "BAD HEAL", "BAD at 5", "1ST LATE at 1 4 5"),
    ("LinearLR", 0): ("BAD", "BAD", "LATE", "BAD", "OK", "HEAL at 1 4 5 6"),
    ("LinearLR", 1): ("OK", "BAD", "LATE", "LATE", "OK", "1ST HEAL but 31"),
    ("ExponentialLR", 0): ("OK", "BAD", "OK", "OK", "OK", "BAD"),
    ("PolynomialLR", 0): ("OK", "BAD", "LATE", "LATE", "OK", "BAD"),
    ("CosineAnnealingLR", 0): ("OK", "BAD", "LATE", "LATE", "OK", "BAD"),
    ("CosineAnnealingLR", 1): ("OK", "BAD HEAL", "LATE", "LATE", "OK", "BAD"),
    ("CosineAnnealingWarmRestarts", 0): (
        "1ST but 5 20",
        "1ST but 5 20",
        "LATE but 5 20",
        "BAD but 5 20",
        "OK",
        "BAD",
    ),
    ("CosineAnnealingWarmRestarts", 1): (
        "1ST but 5",
        "1ST but 5",
        "LATE",
        "BAD LATE",
        "BAD at 13 20 31",
        "BAD",
    ),
    ("CyclicLR", 0): ("1ST but 20", "1ST but 20", "LATE", "BAD LATE", "OK", "BAD"),
    ("CyclicLR", 1): ("1ST", "1ST", "LATE", "BAD", "OK", "BAD"),
    ("OneCycleLR", 0): ("1ST", "1ST", "LATE", "BAD", "OK", "BAD"),
    ("OneCycleLR", 1): ("1ST", "1ST", "LATE", "BAD", "OK", "BAD"),
    ("SequentialLR", 0): ("1ST BAD HEAL", "1ST BAD HEAL", "LATE", "BAD", "1ST BAD HEAL", "BAD"),
    ("SequentialLR", 1): ("1ST BAD HEAL", "1ST BAD HEAL", "LATE", "BAD", "1ST BAD HEAL", "BAD"),
    ("ChainedScheduler", 0): ("BAD", "BAD", "LATE", "BAD", "OK", "BAD"),
    ("ChainedScheduler", 1): ("BAD", "BAD", "LATE", "BAD HEAL", "BAD at 5", "BAD"),
    ("ReduceLROnPlateau", 0): (
        "OK",
        "BAD at 13 20 31",
        "LATE at 13 20 31",
        "LATE at 13 20 31",
        "n/a",
        "LATE HEAL at 13 20 31",
    ),
    ("SWALR", 0): (
        "OK",
        "1ST HEAL",
        "LATE at 1 4 5 6",
        "LATE at 1 4 5 6",
        "LATE at 1 4 5 6",
        "HEAL at 1 4 5 6",
    ),
}


def summary(results: tuple[SavePointResult, ...]) -> str:
    """The shapes of the param groups' faults in tails of more than one update, and where they are."""
    if not results:
        return "n/a"
    tails = [one for one in results if one.updates > 1]
    wrong = {one.save_at: SHAPES[one.kinds[0].shape or ""] for one in tails if one.kinds[0].differing}
    right = [one.save_at for one in tails if one.save_at not in wrong]
    found = " ".join(sorted(set(wrong.values()), key=["1ST", "BAD", "LATE", "HEAL"].index)) or "OK"
    if not wrong or not right:
        return found
    few, word = (list(wrong), "at") if len(wrong) <= len(SAVE_AT) // 2 else (right, "but")
    return " ".join([found, word, *map(str, few)])


@of_this_release
@pytest.mark.parametrize("recipe", RECIPES)
@pytest.mark.parametrize("name", KNOWN)
def test_each_known_fault_is_found_where_it_is(name: Name, recipe: str) -> None:
    assert summary(report_of(*name).of_recipe(recipe)) == KNOWN[name][RECIPES.index(recipe)]


def test_what_is_known_is_about_every_configuration() -> None:
    measured_here = [one.type for one in measured().configurations if one.family == "torch"]
    assert sorted(kind for kind, _ in KNOWN) == measured_here
    assert {kind for kind, _ in KNOWN} == set(TORCH)
    assert conformance.SAVE_AT == SAVE_AT
    assert {report_of(*name).steps for name in KNOWN} == {STEPS}


@pytest.mark.parametrize("name", KNOWN)
def test_only_a_complete_restore_is_exact_with_every_class(name: Name) -> None:
    report = report_of(*name)
    for recipe in ("complete", "loaded-twice"):
        assert [one.identical for one in report.of_recipe(recipe)] == [True] * len(SAVE_AT)
    for recipe in ("scheduler-only", "optimizer-only", "optimizer-only-2", "saved-early"):
        assert not any(one.identical for one in report.of_recipe(recipe)[:1])


@pytest.mark.parametrize("name", KNOWN)
def test_steps_taken_anew_give_the_lrs_but_not_the_moments(name: Name) -> None:
    for result in report_of(*name).of_recipe("replay"):
        assert result.numbers_identical
        assert not result.identical
        (moments,) = (one for one in result.kinds if one.kind == "optimizer state")
        assert moments.differing == result.updates


def test_only_the_plateau_takes_no_last_epoch() -> None:
    assert [name for name in KNOWN if report_of(*name).skipped] == [("ReduceLROnPlateau", 0)]
    (skipped,) = report_of("ReduceLROnPlateau").skipped
    assert skipped.recipe == "last-epoch"
    assert skipped.reason == "the constructor of ReduceLROnPlateau takes no last_epoch"


# The same once more without the package: a plain loop, the states copied, the numbers of the groups compared.


@pytest.mark.parametrize("name", KNOWN)
def test_a_plain_loop_finds_the_same_differences(name: Name) -> None:
    report = report_of(*name)
    results = [one for one in report.results if one.recipe not in {"loaded-twice", "replay"}]
    assert len(results) == len(SAVE_AT) * (7 - len(report.skipped))
    check_by_hand(TORCH[name[0]][name[1]], results)


# Single numbers, each known from torch itself.


def first_difference(report: ResumeReport, recipe: str, save_at: int) -> tuple[str, float, float]:
    (result,) = (one for one in report.of_recipe(recipe) if one.save_at == save_at)
    first = param_groups(result).first
    assert first is not None
    return first.quantity, first.expected, first.resumed


@of_this_release
@pytest.mark.parametrize(
    ("name", "recipe", "save_at", "right_and_wrong"),
    [
        (("LinearLR", 0), "optimizer-first", 13, (0.1, 0.01)),
        (("LinearLR", 0), "optimizer-only", 13, (0.1, 0.19)),
        (("ConstantLR", 0), "optimizer-first", 13, (0.1, 0.03)),
        (("ConstantLR", 0), "last-epoch", 5, (0.1, 0.1 / 0.3)),
        (("StepLR", 0), "last-epoch", 5, (0.05, 0.025)),
        (("StepLR", 0), "last-epoch", 20, (0.00625, 0.003125)),
        (("MultiStepLR", 0), "last-epoch", 5, (0.01, 0.001)),
        (("CosineAnnealingLR", 1), "scheduler-only", 31, (0.001 + 0.0495 * (1 + cos(3.1 * pi)), 0.1)),
        (("CosineAnnealingWarmRestarts", 1), "last-epoch", 13, (0.0095491503, 0.0793892626)),
        (("SequentialLR", 0), "last-epoch", 6, (0.09, 0.01)),
        (("ExponentialLR", 0), "saved-early", 13, (0.1 * 0.9**13, 0.1 * 0.9**12)),
    ],
)
def test_the_first_wrong_lr(
    name: Name,
    recipe: str,
    save_at: int,
    right_and_wrong: tuple[float, float],
) -> None:
    quantity, *both = first_difference(report_of(*name), recipe, save_at)
    assert quantity == "lr of first"
    assert tuple(both) == pytest.approx(right_and_wrong)


@of_this_release
@pytest.mark.parametrize(
    ("name", "recipe", "save_at", "largest"),
    [
        (("LinearLR", 0), "optimizer-only", 13, 0.9),
        (("LinearLR", 0), "optimizer-first", 39, 0.09),
        (("CosineAnnealingLR", 1), "scheduler-only", 31, 3.85),
        (("ChainedScheduler", 0), "optimizer-only", 5, 0.84),
        (("ConstantLR", 0), "optimizer-only", 13, 0.1 / 0.3 - 0.1),
    ],
)
def test_how_wrong_an_lr_becomes(name: Name, recipe: str, save_at: int, largest: float) -> None:
    (result,) = (one for one in report_of(*name).of_recipe(recipe) if one.save_at == save_at)
    assert result.largest_lr is not None
    assert result.largest_lr.group == "first"
    assert result.largest_lr.value == pytest.approx(largest, abs=0.005)


def factory(make: Make) -> Callable[[], Any]:
    def build() -> Any:
        optimizer = plain_optimizer()
        parameters = [one for group in optimizer.param_groups for one in group["params"]]
        return torch.nn.ParameterList(parameters), optimizer, make(optimizer)

    return build


def flat_cyclic(optimizer: torch.optim.Optimizer) -> Any:
    return lrs.CyclicLR(optimizer, base_lr=0.1, max_lr=0.1, step_size_up=5)


def flat_one_cycle(optimizer: torch.optim.Optimizer) -> Any:
    return lrs.OneCycleLR(optimizer, max_lr=0.1, total_steps=41, div_factor=1, final_div_factor=1)


@pytest.mark.parametrize(
    ("make", "expected", "fresh"),
    [(flat_cyclic, 0.84, 0.9), (flat_one_cycle, 0.9 + 0.05 * cos(pi * 3 / 11.3), 0.95)],
)
@pytest.mark.parametrize("recipe", ["optimizer-first", "scheduler-only"])
def test_a_wrong_momentum_is_found_where_every_lr_is_right(
    make: Make, expected: float, fresh: float, recipe: str
) -> None:
    report = verify_resume(factory(make), save_at=3, recipes=recipe, steps=STEPS)
    (result,) = report.of_recipe(recipe)
    assert result.largest_lr is None
    quantity, *both = first_difference(report, recipe, 3)
    assert quantity == "momentum of group 0"
    assert both == pytest.approx([expected, fresh])
    assert conformance.verdict([result]) == conformance.Verdict("first update only", None, (3,))


@of_this_release
def test_warm_restarts_with_last_epoch_are_lost_from_twice_t_0_on() -> None:
    make = TORCH["CosineAnnealingWarmRestarts"][1]
    report = verify_resume(factory(make), save_at=range(1, STEPS), recipes="last-epoch", steps=STEPS)
    results = report.of_recipe("last-epoch")
    assert [one.save_at for one in results if one.numbers_identical] == list(range(1, 10))


def test_an_example_resumes_in_a_new_process_as_in_this_one(tmp_path: Path) -> None:
    path = tmp_path / "plateau.yaml"
    path.write_text(
        "steps: 40\n"
        "optimizer: {type: SGD, momentum: 0.9, lr: 0.1}\n"
        "param_groups: [{name: first, lr: 0.1}, {name: second, lr: 0.02}]\n"
        "scheduler: {type: ReduceLROnPlateau, factor: 0.5, patience: 3, metric: '1 / min(step, 8)'}\n"
    )
    report = verify_resume(load_schedule(path), save_at=SAVE_AT, recipes="all", steps=STEPS)
    assert report.fresh_process
    assert report.identical
    assert not report_of("ReduceLROnPlateau").fresh_process
    assert report.results == report_of("ReduceLROnPlateau").results


def test_the_tables_in_the_docs_are_current() -> None:
    page = PAGE.read_text(encoding="utf-8")
    made = conformance_markdown(measured())
    was_measured_with = re.search(r"^Measured with (.+)\.$", page, re.MULTILINE)
    is_measured_with = re.search(r"^Measured with (.+)\.$", made, re.MULTILINE)
    assert was_measured_with is not None
    assert is_measured_with is not None
    if was_measured_with[1] != is_measured_with[1]:
        pytest.skip(f"the tables are about {was_measured_with[1]}, and here is {is_measured_with[1]}")
    assert with_table(page, made) == page
