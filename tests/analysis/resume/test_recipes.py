"""Every way of restoring, held against the same done by hand in plain torch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import pytest
import torch
from plain_resume import BY_HAND, Pieces, by_hand, reported, without_interruption
from torch.optim import lr_scheduler

from lrsched_cli import LRScheduler, UsageError
from lrsched_cli.analysis.resume.recipes import COMPLETE, RECIPES, chosen_recipes
from lrsched_cli.analysis.resume.verify import verify_resume

if TYPE_CHECKING:
    from collections.abc import Callable

    Optimizer = torch.optim.Optimizer

STEPS = 24
SAVE_AT = (1, 5, 6, 12, 23)
LABELS = tuple(one.label for one in RECIPES)


def two_groups(kind: Any = torch.optim.SGD, **settings: Any) -> tuple[torch.nn.Module, Optimizer]:
    model = torch.nn.Sequential(torch.nn.Linear(2, 2), torch.nn.Linear(2, 1))
    groups = [
        {"params": list(layer.parameters()), "lr": lr} for layer, lr in zip(model, (0.1, 0.02), strict=True)
    ]
    return model, kind(groups, **settings)


def with_momentum() -> tuple[torch.nn.Module, Optimizer]:
    return two_groups(momentum=0.9)


def with_adam() -> tuple[torch.nn.Module, Optimizer]:
    return two_groups(torch.optim.Adam)


def with_tensor_lrs() -> tuple[torch.nn.Module, Optimizer]:
    model, optimizer = two_groups()
    for group in optimizer.param_groups:
        group["lr"] = torch.tensor(group["lr"])
    return model, optimizer


def sequential(optimizer: Optimizer, **further: Any) -> Any:
    parts = [lr_scheduler.LinearLR(optimizer, 0.1, 1.0, 5), lr_scheduler.ExponentialLR(optimizer, 0.8)]
    return lr_scheduler.SequentialLR(optimizer, parts, [5], **further)


def chained(optimizer: Optimizer, **further: Any) -> Any:
    parts = [
        lr_scheduler.ConstantLR(optimizer, 0.5, 6, **further),
        lr_scheduler.ExponentialLR(optimizer, 0.9, **further),
    ]
    return lr_scheduler.ChainedScheduler(parts)


def per_epoch(scheduler: Any, update: int) -> None:
    if update % 4 == 0:
        scheduler.step()


def on_a_metric(scheduler: Any, update: int) -> None:
    # It falls, then stands still, so that the LR is reduced some updates later.
    scheduler.step(1 / min(update, 8))


class Stairs:
    """None of torch's schedulers."""

    def __init__(self, optimizer: Optimizer) -> None:
        self.optimizer = optimizer
        self.count = 0
        self.bases = [group["lr"] for group in optimizer.param_groups]

    def step(self) -> None:
        self.count += 1
        for group, base in zip(self.optimizer.param_groups, self.bases, strict=True):
            group["lr"] = base * 0.5 ** (self.count // 4)

    def state_dict(self) -> dict[str, Any]:
        return {"count": self.count, "bases": self.bases}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.count, self.bases = state["count"], state["bases"]


def of(kind: Any, *given: Any, **named: Any) -> Callable[..., Any]:
    return lambda optimizer, **further: kind(optimizer, *given, **named, **further)


class Case(NamedTuple):
    """A training, and the recipes that cannot be tried with it."""

    pieces: Pieces
    skipped: frozenset[str] = frozenset()


NO_LAST_EPOCH = frozenset({"last-epoch"})
NONE_OF_TORCHS = frozenset({"optimizer-first", "optimizer-only-2", "last-epoch"})

CASES = {
    "StepLR": Case(Pieces(two_groups, of(lr_scheduler.StepLR, 6, 0.5))),
    "StepLR over Adam": Case(Pieces(with_adam, of(lr_scheduler.StepLR, 6, 0.5))),
    "StepLR per epoch": Case(Pieces(two_groups, of(lr_scheduler.StepLR, 2, 0.5), per_epoch)),
    "MultiStepLR": Case(Pieces(two_groups, of(lr_scheduler.MultiStepLR, [6, 6, 12], 0.5))),
    "LinearLR": Case(Pieces(two_groups, of(lr_scheduler.LinearLR, 0.1, 1.0, 8))),
    "LambdaLR": Case(Pieces(two_groups, of(lr_scheduler.LambdaLR, lambda step: 1 / (1 + step)))),
    "CosineAnnealingLR": Case(Pieces(two_groups, of(lr_scheduler.CosineAnnealingLR, 10, 1e-3))),
    "CosineAnnealingWarmRestarts": Case(
        Pieces(two_groups, of(lr_scheduler.CosineAnnealingWarmRestarts, 5, 2))
    ),
    "OneCycleLR": Case(Pieces(with_momentum, of(lr_scheduler.OneCycleLR, 0.5, 40))),
    "OneCycleLR over Adam": Case(Pieces(with_adam, of(lr_scheduler.OneCycleLR, 0.5, 40))),
    "CyclicLR": Case(Pieces(with_momentum, of(lr_scheduler.CyclicLR, 0.01, 0.1, 4))),
    "ReduceLROnPlateau": Case(
        Pieces(two_groups, of(lr_scheduler.ReduceLROnPlateau, factor=0.5, patience=2), on_a_metric),
        NO_LAST_EPOCH,
    ),
    "SequentialLR": Case(Pieces(two_groups, sequential)),
    "ChainedScheduler": Case(Pieces(two_groups, chained)),
    "tensor LRs": Case(Pieces(with_tensor_lrs, of(lr_scheduler.ExponentialLR, 0.9))),
    "a class of the user's": Case(Pieces(two_groups, Stairs), NONE_OF_TORCHS),
    "LRScheduler": Case(Pieces(two_groups, of(LRScheduler, warmup_steps=3, T_0=5, gamma=0.7)), NO_LAST_EPOCH),
}


@pytest.mark.filterwarnings("ignore:.*lr_scheduler.step:UserWarning")  # by hand, replaying steps it alone
@pytest.mark.filterwarnings("ignore:The epoch parameter:UserWarning")  # SequentialLR's own call
@pytest.mark.parametrize("name", CASES)
def test_every_recipe_comes_to_what_it_does_by_hand(name: str) -> None:
    case = CASES[name]
    pieces = case.pieces
    report = verify_resume(
        pieces.build, save_at=SAVE_AT, recipes="all", steps=STEPS, step=pieces.step, seed=1
    )
    assert [one for one in report.results if one.failure] == []
    assert {one.recipe for one in report.skipped} == case.skipped
    whole = without_interruption(pieces.build(), STEPS, pieces.step)
    for label in LABELS:
        if label not in case.skipped:
            found = {one.save_at: reported(one) for one in report.of_recipe(label)}
            expected = {save_at: by_hand(label, pieces, whole, save_at) for save_at in SAVE_AT}
            assert found == expected, label
    assert report.identical
    assert all(one.identical for one in report.of_recipe("loaded-twice"))


def test_every_recipe_is_done_by_hand_somewhere() -> None:
    assert set(BY_HAND) == set(LABELS)


def test_the_recipes_are_the_documented_ones() -> None:
    assert list(dict.fromkeys(one.name for one in RECIPES)) == [
        "complete",
        "optimizer-first",
        "scheduler-only",
        "optimizer-only",
        "saved-early",
        "loaded-twice",
        "replay",
        "last-epoch",
    ]
    assert len(set(LABELS)) == len(LABELS)
    assert all(one.what and one.advice for one in RECIPES)


class TestWhatIsRestored:
    """Weights and optimizer state after the first resumed update, by recipe."""

    def kinds(self, recipe: str, make: Any = with_adam, loop: Any = None) -> dict[str, bool]:
        pieces = Pieces(make, of(LRScheduler, warmup_steps=3, T_0=50))
        report = verify_resume(pieces.build, save_at=6, recipes=recipe, steps=12, loop=loop)
        (result,) = report.of_recipe(recipe)
        return {one.kind: one.differing == 0 for one in result.kinds}

    @pytest.mark.parametrize("recipe", ["complete", "optimizer-first", "loaded-twice"])
    def test_whole_checkpoints_restore_everything(self, recipe: str) -> None:
        assert set(self.kinds(recipe).values()) == {True}

    @pytest.mark.parametrize("recipe", ["scheduler-only", "replay"])
    def test_without_the_optimizers_state_the_lrs_are_right_and_the_moments_are_not(
        self, recipe: str
    ) -> None:
        assert self.kinds(recipe) == {
            "param groups": True,
            "scheduler state": True,
            "optimizer state": False,
            "weights": False,
        }

    def test_without_the_schedulers_state_the_moments_are_right_and_the_lrs_are_not(self) -> None:
        assert self.kinds("optimizer-only") == {
            "param groups": False,
            "scheduler state": False,
            "optimizer state": True,
            "weights": False,
        }

    def test_a_file_written_between_the_steps_lacks_the_schedulers(self) -> None:
        assert self.kinds("saved-early") == {
            "param groups": False,
            "scheduler state": False,
            "optimizer state": True,
            "weights": False,
        }

    def test_a_file_written_between_the_steps_lacks_the_optimizers_where_the_scheduler_is_first(self) -> None:
        assert self.kinds("saved-early", loop="scheduler-first") == {
            "param groups": True,
            "scheduler state": True,
            "optimizer state": False,
            "weights": False,
        }

    def test_plain_sgd_has_no_moments_to_lose(self) -> None:
        assert set(self.kinds("scheduler-only", two_groups).values()) == {True}


class Adds(Stairs):
    """Loading adds to what is there, as some do."""

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.count += state["count"]


def test_a_state_that_is_added_is_found_by_loading_it_twice() -> None:
    pieces = Pieces(two_groups, Adds)
    report = verify_resume(pieces.build, save_at=6, recipes="loaded-twice", steps=12)
    assert report.identical
    (twice,) = report.of_recipe("loaded-twice")
    assert not twice.identical
    assert twice.kinds[1].first is not None
    assert (twice.kinds[1].first.expected, twice.kinds[1].first.resumed) == (7, 13)


def test_an_optimizer_argument_of_another_name_is_no_failure() -> None:
    class OfMine(lr_scheduler.ExponentialLR):
        def __init__(self, opt: Optimizer) -> None:
            super().__init__(opt, 0.9)

    report = verify_resume(Pieces(two_groups, OfMine).build, save_at=6, recipes="all", steps=12)
    assert [one.failure for one in report.results if one.failure] == []


def test_why_a_recipe_is_left_out_is_said_once() -> None:
    report = verify_resume(Pieces(two_groups, Stairs).build, save_at=(3, 6), recipes="all", steps=12)
    assert [one.recipe for one in report.skipped] == ["optimizer-first", "optimizer-only-2", "last-epoch"]
    assert "none of torch's" in report.skipped[0].reason
    assert "Stairs" in report.skipped[2].reason
    assert {one.recipe for one in report.results} == set(LABELS) - {one.recipe for one in report.skipped}


def test_a_scheduler_that_is_wrapped_takes_no_last_epoch() -> None:
    class Wrapper(Stairs):
        def __init__(self, optimizer: Optimizer) -> None:
            super().__init__(optimizer)
            self.inner = lr_scheduler.StepLR(optimizer, 3)

    report = verify_resume(Pieces(two_groups, Wrapper).build, save_at=6, recipes="last-epoch", steps=12)
    assert [one.recipe for one in report.skipped] == ["last-epoch"]


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        ((), {"complete"}),
        (("complete",), {"complete"}),
        (("replay",), {"complete", "replay"}),
        (("optimizer-only",), {"complete", "optimizer-only", "optimizer-only-2"}),
        (("all",), set(LABELS)),
        (("all", "replay"), set(LABELS)),
    ],
)
def test_recipes_are_chosen_by_name_and_complete_is_always_one(
    names: tuple[str, ...], expected: set[str]
) -> None:
    chosen = [one.label for one in chosen_recipes(names)]
    assert set(chosen) == expected
    assert chosen == [label for label in LABELS if label in expected]
    assert chosen[0] == COMPLETE


@pytest.mark.parametrize("name", ["", "Replay", "optimizer-only-2", "relpay", "everything"])
def test_a_name_that_is_no_recipe_is_refused_with_those_there_are(name: str) -> None:
    with pytest.raises(UsageError, match="no such recipe") as caught:
        chosen_recipes(["complete", name])
    assert f"--recipe {name}:" in str(caught.value)
    assert "loaded-twice" in str(caught.value)


def test_a_slip_is_answered_with_what_was_meant() -> None:
    with pytest.raises(UsageError, match="did you mean replay"):
        chosen_recipes(["relpay"])
