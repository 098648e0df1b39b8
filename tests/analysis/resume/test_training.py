"""The trainings of a resume check: what is built, its gradients, and the order of its steps."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import torch

from lrsched_cli import LRScheduler
from lrsched_cli.analysis.resume.training import Built, Run, Training, factory_training, training_of
from lrsched_cli.core.config import Schedule

if TYPE_CHECKING:
    from collections.abc import Sequence


class Log:
    """A scheduler that writes down its steps."""

    def __init__(self, events: list[str]) -> None:
        self.events = events

    def step(self) -> None:
        self.events.append("scheduler")


class LoggedSGD(torch.optim.SGD):
    events: list[str]

    def step(self, closure: Any = None) -> Any:
        self.events.append("optimizer")
        return super().step(closure)


def of(
    *parameters: torch.Tensor,
    kind: Any = torch.optim.SGD,
    names: dict[Any, str] | None = None,
    **settings: Any,
) -> Built:
    tensors = [torch.nn.Parameter(one) for one in parameters]
    optimizer = kind(tensors, **{"lr": 0.1, **settings})
    return Built(torch.nn.ParameterList(tensors), optimizer, Log([]), names or {})


def training(seed: int = 0, *, scheduler_first: bool = False) -> Training:
    def unused() -> Built:
        raise AssertionError

    return Training(unused, lambda scheduler, _: scheduler.step(), scheduler_first, 10, seed)


def gradients(built: Built, updates: Sequence[int], seed: int = 0) -> list[list[torch.Tensor]]:
    """The gradients that each of these updates is made with, after one another."""
    run = Run(training(seed), built)
    found: list[list[torch.Tensor]] = []

    def keep() -> None:
        params = [one for group in built.optimizer.param_groups for one in group["params"]]
        found.append([one.grad.clone() for one in params])

    with torch.no_grad():
        for number in updates:
            run.update(number, keep)
    return found


def equal(one: Sequence[torch.Tensor], other: Sequence[torch.Tensor]) -> bool:
    return all(torch.equal(a, b) for a, b in zip(one, other, strict=True))


SHAPES = {
    "vectors": (torch.zeros(3), torch.zeros(2, 2)),
    "scalar": (torch.tensor(0.0),),
    "float64": (torch.zeros(3, dtype=torch.float64), torch.zeros(2)),
    "bfloat16": (torch.zeros(3, dtype=torch.bfloat16), torch.zeros(2)),
    "empty": (torch.zeros(0), torch.zeros(2)),
    "large": (torch.zeros(5000), torch.zeros(70, 70)),
}


class TestGradients:
    @pytest.mark.parametrize("shapes", SHAPES)
    def test_gradients_are_the_same_whatever_update_a_run_begins_at(self, shapes: str) -> None:
        whole = gradients(of(*SHAPES[shapes]), range(1, 41))
        for begin in (1, 2, 17, 40):
            tail = gradients(of(*SHAPES[shapes]), range(begin, 41))
            assert all(equal(*pair) for pair in zip(whole[begin - 1 :], tail, strict=True))

    def test_gradients_are_the_same_far_into_a_run_too(self) -> None:
        # Large parameters: numbers are drawn for a few updates at a time.
        shapes = (torch.zeros(4000), torch.zeros(4000))
        whole = gradients(of(*shapes), range(1, 121))
        for begin in (32, 33, 64, 65, 100):
            assert equal(whole[begin - 1], gradients(of(*shapes), [begin])[0])

    def test_every_update_has_other_gradients(self) -> None:
        found = gradients(of(torch.zeros(3)), range(1, 50))
        assert len({tuple(one[0].tolist()) for one in found}) == 49

    def test_every_seed_has_other_gradients(self) -> None:
        found = [gradients(of(torch.zeros(3)), [1], seed)[0][0] for seed in range(20)]
        assert len({tuple(one.tolist()) for one in found}) == 20

    @pytest.mark.parametrize("seed", [0, 1, 2**31, 2**32 - 1])
    def test_every_seed_is_taken(self, seed: int) -> None:
        assert gradients(of(torch.zeros(3)), [1], seed)[0][0].isfinite().all()

    @pytest.mark.parametrize("shapes", SHAPES)
    def test_gradients_are_of_the_parameters_kind(self, shapes: str) -> None:
        built = of(*SHAPES[shapes])
        (found,) = gradients(built, [1])
        for parameter, gradient in zip(built.model.parameters(), found, strict=True):
            assert (gradient.shape, gradient.dtype) == (parameter.shape, parameter.dtype)
            assert gradient.isfinite().all()
            assert not gradient.numel() or gradient.count_nonzero()

    def test_sparse_gradients_are_given_where_nothing_else_is_taken(self) -> None:
        built = of(torch.zeros(3, 2), kind=torch.optim.SparseAdam)
        (one,), (other,) = gradients(built, [1, 2])
        assert one.is_sparse
        assert not torch.equal(one.to_dense(), other.to_dense())

    def test_gradients_that_the_optimizer_clears_are_given_anew(self) -> None:
        class Clears(torch.optim.SGD):
            def step(self, closure: Any = None) -> Any:
                done = super().step(closure)
                self.zero_grad()
                return done

        built = of(torch.zeros(2), kind=Clears)
        run = Run(training(), built)
        positions = []
        with torch.no_grad():
            for number in (1, 2, 3):
                run.update(number, lambda: None)
                positions.append(tuple(next(built.model.parameters()).tolist()))
        assert len(set(positions)) == 3

    def test_the_users_random_numbers_are_left_alone(self) -> None:
        before = torch.get_rng_state()
        gradients(of(torch.zeros(3)), range(1, 20))
        assert torch.equal(torch.get_rng_state(), before)

    def test_an_optimizer_that_wants_a_closure_gets_one(self) -> None:
        built = of(torch.zeros(3), kind=torch.optim.LBFGS)
        before = [one.clone() for one in built.model.parameters()]
        gradients(built, [1, 2])
        assert not equal(before, list(built.model.parameters()))


@pytest.mark.parametrize(
    ("scheduler_first", "expected"),
    [
        (False, ["before", "optimizer", "between", "scheduler"]),
        (True, ["scheduler", "between", "before", "optimizer"]),
    ],
)
def test_an_update_takes_its_steps_in_the_order_of_the_loop(
    scheduler_first: bool,  # noqa: FBT001
    expected: list[str],
) -> None:
    built = of(torch.zeros(2), kind=LoggedSGD)
    events = built.scheduler.events
    assert isinstance(built.optimizer, LoggedSGD)
    built.optimizer.events = events
    run = Run(training(scheduler_first=scheduler_first), built)
    with torch.no_grad():
        run.update(1, lambda: events.append("before"), lambda: events.append("between"))
        assert events == expected
        run.update(2, lambda: events.append("before"))
    assert events == [*expected, *(one for one in expected if one != "between")]


class TestOfASchedule:
    def schedule(self, **settings: Any) -> Schedule:
        groups = [
            {"name": "a", "lr": 0.1, "shapes": {"w": [3, 500], "b": [7]}},
            {"name": "b", "lr": 0.2, "weight_decay": 0.5},
        ]
        return Schedule.model_validate({"name": "s", "steps": 20, "param_groups": groups, **settings})

    def test_it_has_the_files_groups_optimizer_and_scheduler(self) -> None:
        built = training_of(self.schedule(optimizer={"type": "AdamW", "betas": [0.8, 0.9]}), 20).build()
        assert type(built.optimizer).__name__ == "AdamW"
        assert isinstance(built.optimizer, torch.optim.AdamW)
        assert isinstance(built.scheduler, LRScheduler)
        settings = [
            (group["name"], group["lr"], group["weight_decay"], tuple(group["betas"]))
            for group in built.optimizer.param_groups
        ]
        assert settings == [("a", 0.1, 0.01, (0.8, 0.9)), ("b", 0.2, 0.5, (0.8, 0.9))]

    def test_its_parameters_are_small_and_named(self) -> None:
        built = training_of(self.schedule(), 20).build()
        assert sorted(built.names.values()) == ["b of a", "b of b", "w of a"]
        assert set(map(id, built.names)) == {id(one) for one in built.model.parameters()}
        assert sum(one.numel() for one in built.model.parameters()) < 20

    def test_every_build_is_a_new_one(self) -> None:
        one = training_of(self.schedule(), 20)
        first, second = one.build(), one.build()
        assert first.optimizer is not second.optimizer
        assert not {id(p) for p in first.model.parameters()} & {id(p) for p in second.model.parameters()}

    def test_its_scheduler_is_stepped_with_the_batch_sizes_of_the_plan(self) -> None:
        plan = [{"until": 2, "size": 64}, {"size": 256}]
        one = training_of(self.schedule(batch_size=plan), 20)
        sizes: list[Any] = []

        class Sizes:
            def step(self, size: Any) -> None:
                sizes.append(size)

        for update in (1, 2, 3, 4):
            one.scheduler_step(Sizes(), update)
        assert sizes == [64, 64, 256, 256]

    @pytest.mark.parametrize("loop", ["optimizer-first", "scheduler-first"])
    def test_its_loop_is_the_files(self, loop: str) -> None:
        one = training_of(self.schedule(loop=loop), 12, 5)
        assert (one.scheduler_first, one.steps, one.seed) == (loop == "scheduler-first", 12, 5)


class TestOfAFactory:
    def make(self) -> Any:
        model = torch.nn.Linear(3, 2)
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        return model, optimizer, torch.optim.lr_scheduler.StepLR(optimizer, 3)

    def test_every_build_begins_at_the_same_weights(self) -> None:
        one = factory_training(self.make, None, scheduler_first=False, steps=5, seed=3)
        first, second = one.build(), one.build()
        assert first.model is not second.model
        assert equal(list(first.model.parameters()), list(second.model.parameters()))
        other = factory_training(self.make, None, scheduler_first=False, steps=5, seed=4).build()
        assert not equal(list(first.model.parameters()), list(other.model.parameters()))

    def test_the_users_random_numbers_are_left_alone(self) -> None:
        before = torch.get_rng_state()
        factory_training(self.make, None, scheduler_first=False, steps=5).build()
        assert torch.equal(torch.get_rng_state(), before)

    def test_its_parameters_have_the_models_names(self) -> None:
        built = factory_training(self.make, None, scheduler_first=False, steps=5).build()
        assert list(built.names.values()) == ["weight", "bias"]

    def test_its_scheduler_is_stepped_plainly_or_as_asked(self) -> None:
        log = Log([])
        factory_training(self.make, None, scheduler_first=False, steps=5).scheduler_step(log, 4)
        assert log.events == ["scheduler"]
        updates: list[Any] = []
        asked = factory_training(
            self.make,
            lambda scheduler, update: updates.append((scheduler, update)),
            scheduler_first=True,
            steps=5,
        )
        asked.scheduler_step(log, 4)
        assert updates == [(log, 4)]
        assert log.events == ["scheduler"]
        assert asked.scheduler_first
