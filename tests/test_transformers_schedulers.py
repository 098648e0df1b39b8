"""The schedulers of transformers, resumed: as LambdaLR is, for that is what most of them are."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
from plain_schedulers import SAVE_AT, check_by_hand, measured, report_of

from lrsched_cli.analysis.conformance import Verdict, verdict

if TYPE_CHECKING:
    import torch

    Settings = dict[str, Any]

optimization = pytest.importorskip("transformers.optimization")

BOTH = {"num_warmup_steps": 5, "num_training_steps": 40}
BY_HAND: dict[str, tuple[Settings, Settings]] = {
    "constant": ({}, {}),
    "constant_with_warmup": ({"num_warmup_steps": 5}, {}),
    "cosine": (BOTH, {}),
    "cosine_warmup_with_min_lr": (BOTH, {"min_lr_rate": 0.1}),
    "cosine_with_min_lr": (BOTH, {"min_lr_rate": 0.1}),
    "cosine_with_restarts": (BOTH, {}),
    "greedy": ({}, {"patience": 3}),
    "inverse_sqrt": ({"num_warmup_steps": 5}, {}),
    "linear": (BOTH, {}),
    "polynomial": (BOTH, {}),
    "reduce_lr_on_plateau": ({}, {"patience": 3}),
    "warmup_stable_decay": (BOTH, {"num_decay_steps": 10}),
}
NO_LAMBDAS = {"greedy", "reduce_lr_on_plateau"}
MOVING_LAMBDAS = sorted(BY_HAND.keys() - NO_LAMBDAS - {"constant"})
every_name = pytest.mark.parametrize("name", BY_HAND)


def make(name: str, optimizer: torch.optim.Optimizer) -> Any:
    own, specific = BY_HAND[name]
    return optimization.get_scheduler(name, optimizer, scheduler_specific_kwargs=specific, **own)


def outcome(name: str, recipe: str) -> Verdict:
    return verdict(report_of(f"transformers.{name}").of_recipe(recipe))


def test_every_name_that_transformers_has_is_measured() -> None:
    of_the_library = {f"transformers.{one.value}" for one in optimization.TYPE_TO_SCHEDULER_FUNCTION}
    assert {one.type for one in measured().configurations if one.family == "transformers"} == of_the_library
    assert {f"transformers.{name}" for name in BY_HAND} == of_the_library


@every_name
def test_a_plain_loop_over_get_scheduler_finds_the_same_differences(name: str) -> None:
    recipes = {"complete", "scheduler-only", "optimizer-only", "saved-early"}
    results = [one for one in report_of(f"transformers.{name}").results if one.recipe in recipes]
    assert len(results) == len(SAVE_AT) * len(recipes)
    check_by_hand(partial(make, name), results)


@every_name
def test_a_complete_restore_is_exact(name: str) -> None:
    assert outcome(name, "complete") == Verdict("exact")
    assert outcome(name, "loaded-twice") == Verdict("exact")


@pytest.mark.parametrize("name", MOVING_LAMBDAS)
def test_what_is_made_of_lambdas_fails_as_lambdas_do(name: str) -> None:
    for recipe in ("optimizer-first", "scheduler-only"):
        assert outcome(name, recipe).outcome == "first update only"
    assert outcome(name, "optimizer-only").outcome == "late"
    assert outcome(name, "last-epoch") == Verdict("LRs exact")


def test_the_plateau_fails_as_torchs_does() -> None:
    ours, torchs = report_of("transformers.reduce_lr_on_plateau"), report_of("ReduceLROnPlateau")
    for recipe in ours.recipes:
        one, other = (verdict(report.of_recipe(recipe)) for report in (ours, torchs))
        assert (one.outcome, one.wrong_at) == (other.outcome, other.wrong_at)


def test_greedy_writes_the_lrs_when_its_state_is_loaded_and_none_when_it_is_built() -> None:
    assert outcome("greedy", "scheduler-only") == Verdict("LRs exact")
    assert outcome("greedy", "optimizer-only").outcome == "late"
    skipped = {one.recipe for one in report_of("transformers.greedy").skipped}
    assert skipped == {"optimizer-first", "optimizer-only-2", "last-epoch"}
