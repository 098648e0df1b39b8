"""torch's own schedulers, resumed: known faults are found, where they are known to be, and no others."""

from __future__ import annotations

import re
import sys
from copy import deepcopy
from math import cos, pi
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import torch
from torch.optim import lr_scheduler as lrs

from lrsched_cli import ResumeReport, verify_resume

ROOT = Path(__file__).resolve().parent.parent
sys.path.append(str(ROOT / "benchmarks"))

import torch_schedulers as ours  # noqa: E402 - a script in a folder of its own

if TYPE_CHECKING:
    from collections.abc import Callable

    from lrsched_cli.analysis.resume.results import KindResult, SavePointResult

    Make = Callable[..., Any]
    Numbers = list[tuple[float, ...]]

STEPS = 40
SAVE_AT = (1, 4, 5, 6, 13, 20, 31, 39)
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

# What is known of each class: the shapes of the faults in tails of more than one update, and where they are
# if not everywhere. The columns are RECIPES.
KNOWN = {
    "lambda_lr": ("1ST", "1ST", "LATE", "BAD", "OK", "BAD"),
    "multiplicative_lr": ("OK", "BAD", "OK", "OK", "OK", "BAD"),
    "multiplicative_lr_by_step": ("OK", "BAD", "LATE", "LATE", "OK", "BAD"),
    "step_lr": ("OK", "BAD but 1 4", "LATE but 5 20", "LATE but 5 20", "BAD at 5 20", "LATE HEAL"),
    "multi_step_lr": ("OK", "BAD but 1 4", "LATE", "LATE", "BAD at 5 20", "1ST LATE HEAL but 31"),
    "constant_lr": ("BAD", "BAD but 1 4", "LATE", "BAD HEAL", "BAD at 5", "1ST LATE at 1 4 5"),
    "linear_lr": ("BAD", "BAD", "LATE", "BAD", "OK", "HEAL at 1 4 5 6"),
    "linear_lr_down": ("OK", "BAD", "LATE", "LATE", "OK", "1ST HEAL but 31"),
    "exponential_lr": ("OK", "BAD", "OK", "OK", "OK", "BAD"),
    "polynomial_lr": ("OK", "BAD", "LATE", "LATE", "OK", "BAD"),
    "cosine_lr": ("OK", "BAD", "LATE", "LATE", "OK", "BAD"),
    "cosine_lr_periodic": ("OK", "BAD HEAL", "LATE", "LATE", "OK", "BAD"),
    "warm_restarts": ("1ST but 5 20", "1ST but 5 20", "LATE but 5 20", "BAD but 5 20", "OK", "BAD"),
    "warm_restarts_growing": ("1ST but 5", "1ST but 5", "LATE", "BAD LATE", "BAD at 13 20 31", "BAD"),
    "cyclic_lr": ("1ST but 20", "1ST but 20", "LATE", "BAD LATE", "OK", "BAD"),
    "cyclic_lr_falling": ("1ST", "1ST", "LATE", "BAD", "OK", "BAD"),
    "one_cycle_lr": ("1ST", "1ST", "LATE", "BAD", "OK", "BAD"),
    "one_cycle_lr_three_phases": ("1ST", "1ST", "LATE", "BAD", "OK", "BAD"),
    "sequential_exponential": ("1ST BAD HEAL", "1ST BAD HEAL", "LATE", "BAD", "1ST BAD HEAL", "BAD"),
    "sequential_cosine": ("1ST BAD HEAL", "1ST BAD HEAL", "LATE", "BAD", "1ST BAD HEAL", "BAD"),
    "chained_cosine": ("BAD", "BAD", "LATE", "BAD", "OK", "BAD"),
    "chained_constant": ("BAD", "BAD", "LATE", "BAD HEAL", "BAD at 5", "BAD"),
    "plateau": (
        "OK",
        "BAD at 13 20 31",
        "LATE at 13 20 31",
        "LATE at 13 20 31",
        "n/a",
        "LATE HEAL at 13 20 31",
    ),
    "swa_lr": ("OK", "1ST HEAL", "LATE at 1 4 5 6", "LATE at 1 4 5 6", "LATE at 1 4 5 6", "HEAL at 1 4 5 6"),
}


@pytest.fixture(scope="module")
def reports() -> dict[str, ResumeReport]:
    return {name: ours.check(factory) for name, factory in ours.FACTORIES.items()}


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
def test_each_known_fault_is_found_where_it_is(
    name: str, recipe: str, reports: dict[str, ResumeReport]
) -> None:
    assert summary(reports[name].of_recipe(recipe)) == KNOWN[name][RECIPES.index(recipe)]


def test_what_is_known_is_about_every_configuration() -> None:
    assert list(KNOWN) == list(ours.FACTORIES)
    assert (ours.STEPS, ours.SAVE_AT) == (STEPS, SAVE_AT)


@pytest.mark.parametrize("name", KNOWN)
def test_only_a_complete_restore_is_exact_with_every_class(
    name: str, reports: dict[str, ResumeReport]
) -> None:
    report = reports[name]
    for recipe in ("complete", "loaded-twice"):
        assert [one.identical for one in report.of_recipe(recipe)] == [True] * len(SAVE_AT)
    for recipe in ("scheduler-only", "optimizer-only", "optimizer-only-2", "saved-early"):
        assert not any(one.identical for one in report.of_recipe(recipe)[:1])


@pytest.mark.parametrize("name", KNOWN)
def test_steps_taken_anew_give_the_lrs_but_not_the_moments(
    name: str, reports: dict[str, ResumeReport]
) -> None:
    for result in reports[name].of_recipe("replay"):
        assert result.numbers_identical
        assert not result.identical
        (moments,) = (one for one in result.kinds if one.kind == "optimizer state")
        assert moments.differing == result.updates


def test_only_the_plateau_takes_no_last_epoch(reports: dict[str, ResumeReport]) -> None:
    assert [name for name, report in reports.items() if report.skipped] == ["plateau"]
    (skipped,) = reports["plateau"].skipped
    assert skipped.recipe == "last-epoch"
    assert skipped.reason == "the constructor of ReduceLROnPlateau takes no last_epoch"


# The same once more without the package: a plain loop, the states copied, the numbers of the groups compared.


def numbers_of(optimizer: torch.optim.Optimizer) -> tuple[float, ...]:
    return tuple(group[key] for key in ("lr", "momentum") for group in optimizer.param_groups)


def plain_optimizer() -> torch.optim.Optimizer:
    lrs_of_groups = (0.1, 0.02)
    groups = [{"params": [torch.nn.Parameter(torch.ones(1))], "lr": lr} for lr in lrs_of_groups]
    return torch.optim.SGD(groups, momentum=0.9)


def go(optimizer: torch.optim.Optimizer, scheduler: Any, updates: range) -> Numbers:
    """Train; the updates count from 1. Gives the numbers that each ran with."""
    found = []
    for update in updates:
        found.append(numbers_of(optimizer))
        optimizer.step()
        ours.scheduler_step(scheduler, update)
    return found


def saved(make: Make, save_at: int, *, early: bool = False) -> tuple[Any, Any]:
    optimizer = plain_optimizer()
    scheduler = make(optimizer)
    go(optimizer, scheduler, range(1, save_at + 1 - early))
    if early:
        optimizer.step()
    return deepcopy((optimizer.state_dict(), scheduler.state_dict()))


def resumed(make: Make, recipe: str, save_at: int) -> Numbers:
    """Restore by the statements that people write, in their order."""
    optimizer_state, scheduler_state = saved(make, save_at, early=recipe == "saved-early")
    optimizer = plain_optimizer()
    match recipe:
        case "complete" | "saved-early":
            scheduler = make(optimizer)
            optimizer.load_state_dict(optimizer_state)
            scheduler.load_state_dict(scheduler_state)
        case "optimizer-first":
            optimizer.load_state_dict(optimizer_state)
            scheduler = make(optimizer)
            scheduler.load_state_dict(scheduler_state)
        case "scheduler-only":
            scheduler = make(optimizer)
            scheduler.load_state_dict(scheduler_state)
        case "optimizer-only":
            scheduler = make(optimizer)
            optimizer.load_state_dict(optimizer_state)
        case "optimizer-only-2":
            optimizer.load_state_dict(optimizer_state)
            scheduler = make(optimizer)
        case "last-epoch":
            optimizer.load_state_dict(optimizer_state)
            scheduler = make(optimizer, last_epoch=save_at - 1)
    return go(optimizer, scheduler, range(save_at + 1, STEPS + 1))


def wrong_updates(expected: Numbers, found: Numbers, save_at: int) -> list[int]:
    pairs = enumerate(zip(expected, found, strict=True), start=save_at + 1)
    return [update for update, (one, other) in pairs if one != other]


def largest_difference(expected: Numbers, found: Numbers) -> float:
    """Of an LR; the momenta stand behind the two of them."""
    rows = zip(expected, found, strict=True)
    return max(abs(one[group] - other[group]) for one, other in rows for group in (0, 1))


def param_groups(result: SavePointResult) -> KindResult:
    (found,) = (one for one in result.kinds if one.kind == "param groups")
    return found


@pytest.mark.parametrize("name", KNOWN)
def test_a_plain_loop_finds_the_same_differences(name: str, reports: dict[str, ResumeReport]) -> None:
    make = ours.FACTORIES[name].scheduler
    optimizer = plain_optimizer()
    whole = go(optimizer, make(optimizer), range(1, STEPS + 1))
    results = [one for one in reports[name].results if one.recipe not in {"loaded-twice", "replay"}]
    assert len(results) == len(SAVE_AT) * (7 - len(reports[name].skipped))
    for result in results:
        found = resumed(make, result.recipe, result.save_at)
        expected = whole[result.save_at :]
        wrong = wrong_updates(expected, found, result.save_at)
        groups = param_groups(result)
        assert groups.differing == len(wrong)
        assert (groups.first.update if groups.first else None) == (wrong[0] if wrong else None)
        largest = largest_difference(expected, found)
        assert (result.largest_lr.value if result.largest_lr else 0.0) == largest


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
        ("linear_lr", "optimizer-first", 13, (0.1, 0.01)),
        ("linear_lr", "optimizer-only", 13, (0.1, 0.19)),
        ("constant_lr", "optimizer-first", 13, (0.1, 0.03)),
        ("constant_lr", "last-epoch", 5, (0.1, 0.1 / 0.3)),
        ("step_lr", "last-epoch", 5, (0.05, 0.025)),
        ("step_lr", "last-epoch", 20, (0.00625, 0.003125)),
        ("multi_step_lr", "last-epoch", 5, (0.01, 0.001)),
        ("cosine_lr_periodic", "scheduler-only", 31, (0.001 + 0.0495 * (1 + cos(3.1 * pi)), 0.1)),
        ("warm_restarts_growing", "last-epoch", 13, (0.0095491503, 0.0793892626)),
        ("sequential_exponential", "last-epoch", 6, (0.09, 0.01)),
        ("exponential_lr", "saved-early", 13, (0.1 * 0.9**13, 0.1 * 0.9**12)),
    ],
)
def test_the_first_wrong_lr(
    name: str,
    recipe: str,
    save_at: int,
    right_and_wrong: tuple[float, float],
    reports: dict[str, ResumeReport],
) -> None:
    quantity, *both = first_difference(reports[name], recipe, save_at)
    assert quantity == "lr of group 0"
    assert tuple(both) == pytest.approx(right_and_wrong)


@of_this_release
@pytest.mark.parametrize(
    ("name", "recipe", "save_at", "largest"),
    [
        ("linear_lr", "optimizer-only", 13, 0.9),
        ("linear_lr", "optimizer-first", 39, 0.09),
        ("cosine_lr_periodic", "scheduler-only", 31, 3.85),
        ("chained_cosine", "optimizer-only", 5, 0.84),
        ("constant_lr", "optimizer-only", 13, 0.1 / 0.3 - 0.1),
    ],
)
def test_how_wrong_an_lr_becomes(
    name: str, recipe: str, save_at: int, largest: float, reports: dict[str, ResumeReport]
) -> None:
    (result,) = (one for one in reports[name].of_recipe(recipe) if one.save_at == save_at)
    assert result.largest_lr is not None
    assert result.largest_lr.group == "group 0"
    assert result.largest_lr.value == pytest.approx(largest, abs=0.005)


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
    report = verify_resume(ours.Factory("", "", make), save_at=3, recipes=recipe, steps=STEPS)
    (result,) = report.of_recipe(recipe)
    assert result.largest_lr is None
    quantity, *both = first_difference(report, recipe, 3)
    assert quantity == "momentum of group 0"
    assert both == pytest.approx([expected, fresh])
    assert ours.verdict([result]) == "first update only at 3"


@of_this_release
def test_warm_restarts_with_last_epoch_are_lost_from_twice_t_0_on() -> None:
    report = verify_resume(
        ours.warm_restarts_growing, save_at=range(1, STEPS), recipes="last-epoch", steps=STEPS
    )
    results = report.of_recipe("last-epoch")
    assert [one.save_at for one in results if one.numbers_identical] == list(range(1, 10))


def test_named_factories_resume_in_a_new_process_as_in_this_one(reports: dict[str, ResumeReport]) -> None:
    report = verify_resume(
        "torch_schedulers:plateau",
        step="torch_schedulers:scheduler_step",
        save_at=SAVE_AT,
        recipes="all",
        steps=STEPS,
    )
    assert report.fresh_process
    assert report.identical
    assert report.results == reports["plateau"].results


def test_the_table_in_the_docs_is_current(reports: dict[str, ResumeReport]) -> None:
    page = ours.PAGE.read_text(encoding="utf-8")
    measured = re.search(r"^Measured with torch (\S+)\.$", page, re.MULTILINE)
    assert measured is not None
    here = torch.__version__.partition("+")[0]
    if measured[1] != here:
        pytest.skip(f"the table is about torch {measured[1]}, and this is {here}")
    assert ours.with_table(page, ours.table(reports)) == page
