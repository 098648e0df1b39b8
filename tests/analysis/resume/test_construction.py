"""Getting between the constructions of an optimizer and of its scheduler."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import torch
from torch.optim import lr_scheduler

from lrsched_cli import LRScheduler
from lrsched_cli.analysis.resume.construction import constructions, takes

if TYPE_CHECKING:
    from collections.abc import Iterator


def optimizer_of(lr: float = 0.1) -> torch.optim.Optimizer:
    return torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=lr)


def all_constructors() -> dict[type[Any], Any]:
    def below(kind: type[Any]) -> Iterator[type[Any]]:
        yield kind
        for child in kind.__subclasses__():
            yield from below(child)

    return {kind: vars(kind).get("__init__") for kind in below(lr_scheduler.LRScheduler)}


def test_schedulers_are_given_in_the_order_in_which_they_begin() -> None:
    optimizer = optimizer_of()
    with constructions() as begun:
        first = lr_scheduler.LinearLR(optimizer)
        second = lr_scheduler.ExponentialLR(optimizer, 0.9)
        whole = lr_scheduler.SequentialLR(optimizer, [first, second], [3])
    assert [id(one) for one in begun] == [id(first), id(second), id(whole)]


def test_a_class_of_a_class_is_one_construction() -> None:
    class Child(lr_scheduler.StepLR):
        def __init__(self, optimizer: torch.optim.Optimizer) -> None:
            super().__init__(optimizer, 3)

    with constructions() as begun:
        child = Child(optimizer_of())
    assert [id(one) for one in begun] == [id(child)]


def test_a_class_made_meanwhile_is_seen_when_it_calls_its_parent() -> None:
    with constructions() as begun:

        class Late(lr_scheduler.StepLR):
            def __init__(self, optimizer: torch.optim.Optimizer) -> None:
                super().__init__(optimizer, 3)

        late = Late(optimizer_of())
    assert [id(one) for one in begun] == [id(late)]


def test_the_packages_own_scheduler_is_seen() -> None:
    with constructions() as begun:
        own = LRScheduler(optimizer_of())
    assert [id(one) for one in begun] == [id(own)]


def test_what_comes_before_the_first_scheduler_comes_before_it_and_once() -> None:
    optimizer = optimizer_of()
    told: list[tuple[Any, bool]] = []
    with constructions(before_first=lambda one: told.append((one, "initial_lr" in one.param_groups[0]))):
        lr_scheduler.StepLR(optimizer, 3)
        lr_scheduler.StepLR(optimizer_of(), 3)
    assert told == [(optimizer, False)]


def test_an_optimizer_given_by_name_is_found() -> None:
    optimizer = optimizer_of()
    told: list[Any] = []
    with constructions(before_first=told.append):
        lr_scheduler.StepLR(step_size=3, optimizer=optimizer)
    assert told == [optimizer]


class OfAnotherName(lr_scheduler.StepLR):
    def __init__(self, opt: torch.optim.Optimizer) -> None:
        super().__init__(opt, 3)


class OfAnyName(lr_scheduler.StepLR):
    def __init__(self, *given: Any) -> None:
        super().__init__(given[0], 3)


@pytest.mark.parametrize("kind", [OfAnotherName, OfAnyName])
def test_an_optimizer_is_found_whatever_its_argument_is_called(kind: Any) -> None:
    optimizer = optimizer_of()
    told: list[Any] = []
    with constructions(before_first=told.append):
        kind(optimizer)
    assert told == [optimizer]


def test_further_arguments_go_to_the_scheduler_at_that_place() -> None:
    optimizer = optimizer_of()
    optimizer.param_groups[0]["initial_lr"] = 0.1
    with constructions(arguments={1: {"last_epoch": 4}}):
        first = lr_scheduler.ExponentialLR(optimizer, 0.5)
        second = lr_scheduler.StepLR(optimizer, 3)
    assert (first.last_epoch, second.last_epoch) == (0, 5)


def test_further_arguments_win_over_those_given() -> None:
    optimizer = optimizer_of()
    optimizer.param_groups[0]["initial_lr"] = 0.1
    with constructions(arguments={0: {"last_epoch": 4}}):
        assert lr_scheduler.StepLR(optimizer, 3, 0.1, -1).last_epoch == 5
    with constructions(arguments={0: {"last_epoch": 4}}):
        assert lr_scheduler.StepLR(optimizer, 3, last_epoch=-1).last_epoch == 5


def test_constructors_are_as_before_afterwards() -> None:
    before = all_constructors()
    with constructions():
        assert all_constructors() != before
    assert all_constructors() == before


@pytest.mark.parametrize("error", [ValueError, SystemExit, KeyboardInterrupt])
def test_constructors_are_as_before_also_where_the_factory_raises(error: type[BaseException]) -> None:
    before = all_constructors()

    def fail() -> None:
        lr_scheduler.StepLR(optimizer_of(), 3)
        raise error

    with pytest.raises(error), constructions():
        fail()
    assert all_constructors() == before


def test_constructors_are_as_before_also_where_what_comes_first_raises() -> None:
    before = all_constructors()

    def fail(_: Any) -> None:
        raise RuntimeError

    with pytest.raises(RuntimeError), constructions(before_first=fail):
        lr_scheduler.StepLR(optimizer_of(), 3)
    assert all_constructors() == before


def test_a_construction_that_fails_fails_as_ever() -> None:
    make: Any = lr_scheduler.StepLR
    with constructions(), pytest.raises(TypeError):
        make(optimizer_of(), 3, 0.1, -1, "one too many")
    with constructions(), pytest.raises(TypeError):
        make()


def test_constructions_within_constructions_are_seen_by_both() -> None:
    before = all_constructors()
    with constructions() as outer, constructions() as inner:
        one = lr_scheduler.StepLR(optimizer_of(), 3)
    assert [id(seen) for seen in (*outer, *inner)] == [id(one)] * 2
    assert all_constructors() == before


@pytest.mark.parametrize(
    ("make", "expected"),
    [
        (lambda optimizer: lr_scheduler.StepLR(optimizer, 3), True),
        (lr_scheduler.ReduceLROnPlateau, False),
        (LRScheduler, False),
        (lambda optimizer: lr_scheduler.ChainedScheduler([lr_scheduler.StepLR(optimizer, 3)]), False),
    ],
    ids=["StepLR", "ReduceLROnPlateau", "LRScheduler", "ChainedScheduler"],
)
def test_a_constructor_says_whether_it_takes_last_epoch(make: Any, expected: bool) -> None:  # noqa: FBT001
    assert takes(make(optimizer_of()), "last_epoch") is expected
