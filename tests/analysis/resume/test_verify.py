"""``verify_resume``: what may be asked, what is reported, and what becomes of whatever fails on the way."""

from __future__ import annotations

import gc
import random
import sys
import tempfile
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from torch.optim import lr_scheduler

from lrsched_cli import LrschedError, OutputError, ScheduleFileError, StateError, UsageError
from lrsched_cli.analysis.resume import verify
from lrsched_cli.analysis.resume.results import SavePoint
from lrsched_cli.analysis.resume.verify import verify_resume
from lrsched_cli.core.config import Schedule
from lrsched_cli.errors import ResumeError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from lrsched_cli.analysis.resume.results import ResumeReport, SavePointResult

    Optimizer = torch.optim.Optimizer
    Built = tuple[torch.nn.Module, Optimizer, Any]


# A file left open is told of by Python at its end, in the middle of whatever the caller does then.
LEFT_OPEN = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")


@pytest.fixture(autouse=True)
def temporary_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder of the test's own for temporary files; nothing of a check may be left there."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    yield folder
    assert list(folder.glob("lrsched*")) == []


class Falling:
    """Each update's LR is a little lower."""

    def __init__(self, optimizer: Optimizer) -> None:
        self.optimizer = optimizer
        self.count = 0

    def step(self) -> None:
        self.count += 1
        for group in self.optimizer.param_groups:
            group["lr"] = 0.1 / (1 + self.count)

    def state_dict(self) -> dict[str, Any]:
        return {"count": self.count}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.count = state["count"]


def factory(
    scheduler: Callable[[Optimizer], Any] = Falling, kind: Any = torch.optim.SGD, **settings: Any
) -> Callable[[], Built]:
    def make() -> Built:
        model = torch.nn.Sequential(torch.nn.Linear(2, 2), torch.nn.Linear(2, 1))
        groups = [{"params": list(layer.parameters())} for layer in model]
        optimizer = kind(groups, **{"lr": 0.1, **settings})
        return model, optimizer, scheduler(optimizer)

    return make


def checked(make: Any, save_at: Any = 3, steps: int = 8, **further: Any) -> ResumeReport:
    return verify_resume(make, save_at=save_at, steps=steps, **further)


def only(report: ResumeReport) -> SavePointResult:
    (result,) = report.results
    return result


def schedule_of(**settings: Any) -> Schedule:
    return Schedule.model_validate({"name": "s", "steps": 20, **settings})


class TestArguments:
    @pytest.mark.parametrize("steps", [0, -1, True, 2.0, "5", 10_000_001])
    def test_steps_that_are_no_whole_number_in_range_are_refused(self, steps: Any) -> None:
        with pytest.raises(UsageError, match="steps must be a whole number from 1 to 10,000,000"):
            verify_resume(factory(), steps=steps)

    def test_one_step_is_too_few(self) -> None:
        with pytest.raises(UsageError, match="at least 2"):
            verify_resume(factory(), steps=1)

    @pytest.mark.parametrize(
        "further",
        [{"step": lambda scheduler, _: scheduler.step()}, {"loop": "scheduler-first"}],
        ids=["step", "loop"],
    )
    def test_a_schedule_takes_no_step_and_no_loop(self, further: Any) -> None:
        with pytest.raises(UsageError, match="a schedule has a loop of its own"):
            verify_resume(schedule_of(), **further)

    def test_a_named_factory_takes_a_named_step(self) -> None:
        Path("a_factory_to_name.py").write_text("def make():\n    raise AssertionError\n")
        with pytest.raises(UsageError, match="name its step as well"):
            verify_resume("a_factory_to_name:make", step=lambda scheduler, _: scheduler.step())

    @pytest.mark.parametrize(
        "name", ["s.yaml", "no_such_module_here:make", "torch:no_such", "torch:__version__", ""]
    )
    def test_a_name_that_is_no_function_is_refused(self, name: str) -> None:
        with pytest.raises(UsageError):
            verify_resume(name)
        with pytest.raises(UsageError):
            verify_resume(factory(), step=name)

    @pytest.mark.parametrize("save_at", [0, "x", "every:0", ["3", "-1"], [2.5]])
    def test_save_points_that_are_none_are_refused_before_anything_is_built(self, save_at: Any) -> None:
        def never() -> Built:
            raise AssertionError

        with pytest.raises(UsageError, match="--save-at"):
            verify_resume(never, save_at=save_at)

    def test_recipes_that_are_none_are_refused(self) -> None:
        with pytest.raises(UsageError, match="--recipe"):
            verify_resume(factory(), recipes=["complete", "nonsense"])

    @pytest.mark.parametrize("save_at", [8, "9", "every:8"])
    def test_a_save_point_beyond_the_run_is_refused(self, save_at: Any) -> None:
        with pytest.raises(UsageError, match="8 updates"):
            checked(factory(), save_at)

    @pytest.mark.parametrize("save_at", [(), []], ids=["tuple", "list"])
    def test_no_save_point_at_all_is_refused(self, save_at: Any) -> None:
        with pytest.raises(UsageError):
            checked(factory(), save_at)

    def test_a_loop_that_is_none_is_refused(self) -> None:
        with pytest.raises(UsageError):
            checked(factory(), loop="sideways")

    @pytest.mark.parametrize("seed", [-1, 1.5, "1", 2**64])
    def test_a_seed_that_is_none_is_refused(self, seed: Any) -> None:
        with pytest.raises(UsageError):
            checked(factory(), seed=seed)


class TestReport:
    def test_a_schedule_is_told_as_the_file_has_it(self) -> None:
        report = verify_resume(
            schedule_of(
                loop="scheduler-first",
                optimizer={"type": "RMSprop"},
                param_groups=[{"name": "trunk"}, {"name": "head"}],
                scheduler={"warmup_steps": 4, "T_0": 7},
            )
        )
        assert (report.name, report.optimizer, report.scheduler) == ("s", "RMSprop", "LRScheduler")
        assert (report.groups, report.loop, report.steps) == (("trunk", "head"), "scheduler-first", 20)
        assert report.recipes == ("complete",)
        assert report.torch_version == torch.__version__
        assert report.identical
        assert not report.fresh_process
        assert SavePoint(11, "restart 1") in report.save_points
        assert SavePoint(4, "warm-up end") in report.save_points

    def test_a_factory_is_told_by_its_names(self) -> None:
        report = checked(factory())
        assert (report.name, report.optimizer, report.scheduler) == ("make", "SGD", "Falling")
        assert (report.groups, report.loop, report.steps) == (("group 0", "group 1"), "optimizer-first", 8)
        assert report.save_points == (SavePoint(3, ""),)

    def test_a_factory_that_is_no_function_is_told_by_its_class(self) -> None:
        class Factory:
            def __call__(self) -> Built:
                return factory()()

        assert checked(Factory()).name == "Factory"

    def test_a_factory_trains_200_updates_unless_told_otherwise(self) -> None:
        report = verify_resume(factory(), save_at=199)
        assert (report.steps, only(report).updates) == (200, 1)

    def test_a_schedule_trains_its_own_steps_unless_told_otherwise(self) -> None:
        assert verify_resume(schedule_of(), save_at=1).steps == 20
        assert verify_resume(schedule_of(), save_at=1, steps=5).steps == 5

    def test_results_come_by_recipe_then_by_save_point(self) -> None:
        report = checked(factory(), (6, 2), recipes=["replay", "scheduler-only"])
        assert [(one.recipe, one.save_at, one.updates) for one in report.results] == [
            (recipe, save_at, 8 - save_at)
            for recipe in ("complete", "scheduler-only", "replay")
            for save_at in (2, 6)
        ]
        assert report.recipes == ("complete", "scheduler-only", "replay")

    def test_the_verdict_is_that_of_complete_alone(self) -> None:
        report = checked(factory(kind=torch.optim.Adam), recipes="all")
        assert report.identical
        assert not all(one.identical for one in report.results)

    @pytest.mark.parametrize("word", ["all", "every:1"])
    def test_every_update_can_be_a_save_point(self, word: str) -> None:
        report = checked(factory(), word)
        assert [one.save_at for one in report.results] == list(range(1, 8))

    def test_boundaries_of_a_factory_are_where_its_lrs_turn(self) -> None:
        report = verify_resume(factory(lambda optimizer: lr_scheduler.StepLR(optimizer, 10)), steps=30)
        assert {9, 10, 11, 19, 20, 21} <= {point.step for point in report.save_points}
        assert {point.label for point in report.save_points if point.step in {9, 10}} == {
            "turn",
            "turn - 1",
        } or {point.step for point in report.save_points if point.label == "turn"} == {9, 10, 19, 20}

    def test_the_same_check_says_the_same(self) -> None:
        class Forgets(Falling):
            def load_state_dict(self, state: dict[str, Any]) -> None:
                pass

        one, other = (checked(factory(Forgets), seed=5) for _ in range(2))
        assert one == other
        assert not one.identical

    def test_progress_grows_to_all_updates(self) -> None:
        told: list[tuple[int, int]] = []
        verify_resume(factory(), steps=3000, save_at=(500, 1000), progress=lambda *now: told.append(now))
        totals = {total for _, total in told}
        assert totals == {3000 + 2500 + 2000}
        assert [done for done, _ in told] == sorted(done for done, _ in told)
        assert told[0][0] < 3000 < told[-1][0] <= 7500


class TestFactories:
    @pytest.mark.parametrize("given", [None, (1, 2), (1, 2, 3), "abc", 5], ids=repr)
    def test_a_factory_that_gives_something_else_is_an_error(self, given: Any) -> None:
        with pytest.raises(ResumeError, match="the training cannot be built: "):
            checked(lambda: given)

    @pytest.mark.parametrize("places", [(0, 2, 1), (0, 0, 2), (0, 3, 2)], ids=["swapped", "twice", "None"])
    def test_a_factory_whose_optimizer_is_none_is_an_error(self, places: tuple[int, ...]) -> None:
        def make() -> Any:
            built = (*factory()(), None)
            return tuple(built[place] for place in places)

        with pytest.raises(ResumeError):
            checked(make)

    def test_a_factory_without_a_scheduler_is_an_error(self) -> None:
        with pytest.raises(ResumeError, match="failed at update 1: AttributeError"):
            checked(lambda: (*factory()()[:2], None))

    @pytest.mark.parametrize("error", [ValueError("no data"), SystemExit(3), FileNotFoundError(2, "no data")])
    def test_a_factory_that_raises_is_an_error(self, error: BaseException) -> None:
        def make() -> Built:
            raise error

        with pytest.raises(ResumeError, match=f"cannot be built: {type(error).__name__}"):
            checked(make)

    def test_an_error_of_the_packages_own_goes_through_as_it_is(self) -> None:
        def make() -> Built:
            raise StateError("as it is")

        with pytest.raises(StateError, match="as it is"):
            checked(make)

    def test_something_that_cannot_be_called_is_an_error(self) -> None:
        with pytest.raises(LrschedError):
            checked(5)

    def test_a_factory_that_fails_only_when_called_again_fails_the_resumed_run(self) -> None:
        calls = []

        def make() -> Built:
            calls.append(1)
            if len(calls) > 2:  # one to see where it turns, one without interruption
                raise ValueError("only twice\nand no more")
            return factory()()

        result = only(checked(make))
        assert result.failure == "restoring failed: ValueError: only twice"
        assert (result.updates, result.identical) == (0, False)

    def test_parameters_that_the_model_does_not_have_are_not_restored_and_told(self) -> None:
        def make() -> Built:
            model, optimizer, _ = factory()()
            optimizer.add_param_group({"params": [torch.nn.Parameter(torch.zeros(2))], "lr": 0.1})
            return model, optimizer, Falling(optimizer)

        result = only(checked(make))
        assert result.numbers_identical
        assert result.first is not None
        assert (result.first.quantity, result.first.update) == ("parameter 1 without a name", 4)

    def test_frozen_and_buffered_parts_of_a_model_do_no_harm(self) -> None:
        def make() -> Built:
            model = torch.nn.Sequential(torch.nn.Linear(2, 2), torch.nn.BatchNorm1d(2))
            model[0].bias.requires_grad_(False)  # noqa: FBT003 - torch's own
            optimizer = torch.optim.SGD([one for one in model.parameters() if one.requires_grad], lr=0.1)
            return model, optimizer, Falling(optimizer)

        assert checked(make).identical

    @pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16, torch.float16], ids=str)
    @pytest.mark.parametrize("kind", [torch.optim.SGD, torch.optim.Adam])
    def test_weights_of_any_precision_continue_exactly(self, dtype: torch.dtype, kind: Any) -> None:
        def make() -> Built:
            model = torch.nn.Linear(3, 2).to(dtype)
            optimizer = kind(model.parameters(), lr=0.1)
            return model, optimizer, Falling(optimizer)

        assert checked(make).identical

    def test_large_parameters_are_compared_bit_for_bit_too(self) -> None:
        class Flips(Falling):
            def load_state_dict(self, state: dict[str, Any]) -> None:
                super().load_state_dict(state)
                with torch.no_grad():
                    self.optimizer.param_groups[0]["params"][0].view(-1)[-1] += 2.0**-20

        def make(scheduler: Any = Falling) -> Built:
            model = torch.nn.Linear(100, 60)
            optimizer = torch.optim.Adam(model.parameters(), lr=0.1)
            return model, optimizer, scheduler(optimizer)

        assert checked(make).identical
        kinds = {one.kind: one for one in only(checked(lambda: make(Flips))).kinds}
        assert [kind for kind, one in kinds.items() if one.differing] == ["weights"]
        assert kinds["weights"].first is not None
        assert kinds["weights"].first.quantity.startswith("weight")

    def test_empty_parameters_continue_exactly(self) -> None:
        def make() -> Built:
            model = torch.nn.ParameterList([torch.zeros(0), torch.zeros(2)])
            optimizer = torch.optim.Adam(model.parameters(), lr=0.1)
            return model, optimizer, Falling(optimizer)

        assert checked(make, recipes="all").identical

    @pytest.mark.parametrize("kind", [torch.optim.SGD, torch.optim.Adam])
    def test_tensor_lrs_continue_exactly(self, kind: Any) -> None:
        def make() -> Built:
            model = torch.nn.Linear(3, 2)
            optimizer = kind(model.parameters(), lr=torch.tensor(0.1), foreach=False)
            return model, optimizer, lr_scheduler.ExponentialLR(optimizer, 0.9)

        report = checked(make, recipes="all")
        assert report.identical

    def test_an_optimizer_that_clears_its_gradients_continues_exactly(self) -> None:
        class Clears(torch.optim.SGD):
            def step(self, closure: Any = None) -> Any:
                done = super().step(closure)
                self.zero_grad()
                return done

        assert checked(factory(kind=Clears)).identical


class Restless(Falling):
    """Adds, takes away and empties entries of the groups on its way."""

    def step(self) -> None:
        super().step()
        group = self.optimizer.param_groups[0]
        match self.count:
            case 2:
                group["extra"] = 0.5
            case 4:
                group["extra"] = None
            case 5:
                group["extra"] = (1.0, 2.0)
            case 6:
                del group["extra"]


def test_groups_whose_entries_come_and_go_continue_exactly() -> None:
    assert checked(factory(Restless), "all").identical


def test_an_entry_that_is_lost_is_found() -> None:
    class Loses(Restless):
        def load_state_dict(self, state: dict[str, Any]) -> None:
            super().load_state_dict(state)
            del self.optimizer.param_groups[0]["extra"]

    result = only(checked(factory(Loses)))
    found = result.kinds[0]
    assert found.first is not None
    assert (found.first.quantity, found.first.expected, found.first.resumed) == (
        "extra of group 0",
        0.5,
        None,
    )
    assert (found.differing, found.shape) == (1, "first update only")


def test_an_lr_that_is_none_leaves_the_other_groups_theirs() -> None:
    class WithoutAnLr(torch.optim.SGD):
        def step(self, closure: Any = None) -> Any:
            del closure

    class One(Falling):
        def step(self) -> None:
            self.count += 1
            self.optimizer.param_groups[1]["lr"] = 0.1 / (1 + self.count)

        def load_state_dict(self, state: dict[str, Any]) -> None:
            super().load_state_dict(state)
            self.optimizer.param_groups[1]["lr"] = 2.0

    def make() -> Built:
        model, optimizer, _ = factory(kind=WithoutAnLr)()
        optimizer.param_groups[0]["lr"] = None
        return model, optimizer, One(optimizer)

    largest = only(checked(make)).largest_lr
    assert largest is not None
    assert largest.group == "group 1"


def test_a_group_that_is_added_on_the_way_cannot_be_restored_and_is_told() -> None:
    class Unfreezes(Falling):
        def step(self) -> None:
            super().step()
            if self.count == 2:
                new = torch.nn.Parameter(torch.zeros(1))
                self.optimizer.add_param_group({"params": [new], "lr": 0.1, "name": "new"})

    report = checked(factory(Unfreezes), (1, 4))
    first, second = report.results
    assert first.updates == 7
    assert first.failure is None
    assert second.failure is not None
    assert second.failure.startswith("restoring failed: ValueError: loaded state dict has a different number")


class TestStates:
    def state_of(self, value: Any) -> SavePointResult:
        class Holds(Falling):
            def state_dict(self) -> dict[str, Any]:
                return {"count": self.count, "value": value}

        return only(checked(factory(Holds)))

    @pytest.mark.parametrize(
        "value",
        [float("nan"), float("inf"), torch.tensor([1.0, float("nan")]), None, {"a": [1, (2, "x")]}],
        ids=repr,
    )
    def test_what_can_be_saved_and_compared_is(self, value: Any) -> None:
        assert self.state_of(value).identical

    @pytest.mark.parametrize("value", [np.float64(0.5), np.int64(3), np.arange(3)], ids=repr)
    def test_numpys_numbers_can_be_saved_and_not_read(self, value: Any) -> None:
        failure = self.state_of(value).failure
        assert failure is not None
        assert failure.startswith("restoring failed: UnpicklingError: ")

    def test_functions_by_name_can_be_saved_and_not_read(self) -> None:
        failure = self.state_of(schedule_of).failure
        assert failure is not None
        assert failure.startswith("restoring failed: ")

    def test_lambdas_cannot_be_saved(self) -> None:
        failure = self.state_of(lambda step: step).failure
        assert failure is not None
        assert failure.startswith("the checkpoint cannot be written: ")

    def test_a_state_that_cannot_be_saved_at_one_point_alone_fails_there_alone(self) -> None:
        class Sometimes(Falling):
            def state_dict(self) -> dict[str, Any]:
                return {"count": self.count, **({"no": lambda: None} if self.count == 3 else {})}

        report = checked(factory(Sometimes), (2, 3, 4))
        assert [one.failure is None for one in report.results] == [True, False, True]
        assert not report.identical

    def test_a_state_that_raises_is_an_error_of_the_training(self) -> None:
        class Raises(Falling):
            def state_dict(self) -> dict[str, Any]:
                raise ValueError("no state")

        with pytest.raises(ResumeError, match="failed at update 1: ValueError: no state"):
            checked(factory(Raises))

    def test_a_scheduler_without_a_state_fails_the_check_and_not_the_command(self) -> None:
        class Stateless:
            def step(self) -> None:
                pass

        result = only(checked(factory(lambda _: Stateless())))
        assert result.failure is not None
        assert "state_dict" in result.failure
        assert not result.identical

    def test_a_scheduler_that_cannot_load_fails_the_check(self) -> None:
        class Fails(Falling):
            def load_state_dict(self, state: dict[str, Any]) -> None:
                raise KeyError(f"not {len(state)}")

        result = only(checked(factory(Fails)))
        assert result.failure is not None
        assert result.failure.startswith("restoring failed: KeyError")

    @pytest.mark.parametrize("error", [SystemExit(1), RuntimeError()], ids=repr)
    def test_whatever_loading_raises_is_told(self, error: BaseException) -> None:
        class Fails(Falling):
            def load_state_dict(self, state: dict[str, Any]) -> None:
                del state
                raise error

        failure = only(checked(factory(Fails))).failure
        assert failure is not None
        assert type(error).__name__ in failure

    def test_a_zero_of_the_other_sign_is_no_crash(self) -> None:
        class Zero(Falling):
            def step(self) -> None:
                self.count += 1
                for group in self.optimizer.param_groups:
                    group["lr"] = 0.0

            def load_state_dict(self, state: dict[str, Any]) -> None:
                super().load_state_dict(state)
                self.optimizer.param_groups[0]["lr"] = -0.0

        assert only(checked(factory(Zero))).failure is None

    def test_groups_of_one_name_are_told_apart(self) -> None:
        class ForgetsTheFirst(Falling):
            def __init__(self, optimizer: Optimizer) -> None:
                super().__init__(optimizer)
                for group in optimizer.param_groups:
                    group["name"] = "same"

            def load_state_dict(self, state: dict[str, Any]) -> None:
                super().load_state_dict(state)
                self.optimizer.param_groups[0]["lr"] = 7.0

        result = only(checked(factory(ForgetsTheFirst)))
        assert result.failure is None
        assert result.kinds[0].differing == 1

    def test_numbers_in_the_optimizers_state_are_told_by_name(self) -> None:
        class Counts(torch.optim.SGD):
            def step(self, closure: Any = None) -> Any:
                for group in self.param_groups:
                    for one in group["params"]:
                        self.state[one]["count"] = self.state[one].get("count", 0) + 1
                return super().step(closure)

            def load_state_dict(self, state_dict: dict[str, Any]) -> None:
                super().load_state_dict(state_dict)
                self.state[self.param_groups[1]["params"][0]]["count"] = 0

        result = only(checked(factory(kind=Counts)))
        first = result.kinds[2].first
        assert first is not None
        assert (first.expected, first.resumed) == (4, 1)
        assert first.quantity == "count of 1.weight"


class TestSchedulersThatRaise:
    def test_beyond_its_end_is_an_error_of_the_training(self) -> None:
        make = factory(lambda optimizer: lr_scheduler.OneCycleLR(optimizer, 0.1, total_steps=5), momentum=0.9)
        with pytest.raises(
            ResumeError, match=r"without interruption failed at update 6: ValueError: Tried to step"
        ):
            checked(make)
        assert verify_resume(make, steps=5).identical

    def test_in_the_resumed_run_alone_it_is_the_result(self) -> None:
        class Overruns(Falling):
            limit = 99

            def step(self) -> None:
                if self.count == self.limit:
                    raise ValueError("no further")
                super().step()

            def load_state_dict(self, state: dict[str, Any]) -> None:
                super().load_state_dict(state)
                self.limit = 6

        result = only(checked(factory(Overruns)))
        assert result.failure == "training on failed at update 7: ValueError: no further"
        assert result.updates == 3  # 4, 5 and 6 were compared
        assert result.kinds[0].differing == 0
        assert not result.identical

    def test_what_differs_before_a_failure_is_told_too(self) -> None:
        class Overruns(Falling):
            limit = 99

            def step(self) -> None:
                if self.count == self.limit:
                    raise ValueError("no further")
                super().step()

            def load_state_dict(self, state: dict[str, Any]) -> None:
                self.count, self.limit = state["count"] - 1, 5

        result = only(checked(factory(Overruns)))
        assert (result.updates, result.kinds[0].differing, result.kinds[0].shape) == (3, 2, "late")

    def test_a_file_that_a_scheduler_does_not_find_is_not_the_temporary_folders_fault(self) -> None:
        def step(scheduler: Any, update: int) -> None:
            if update == 3:
                Path("no such metrics").read_text()
            scheduler.step()

        with pytest.raises(ResumeError, match="failed at update 3: FileNotFoundError"):
            checked(factory(), step=step)

    def test_a_schedule_that_fails_on_the_way_is_the_files_fault(self) -> None:
        schedule = schedule_of(scheduler={"custom_lambda": "1 / (12 - step)"})
        with pytest.raises(LrschedError) as caught:
            verify_resume(schedule)
        assert isinstance(caught.value, ScheduleFileError)
        assert "12" in str(caught.value)


class TestSteps:
    def test_a_scheduler_that_wants_a_metric_gets_one(self) -> None:
        make = factory(lambda optimizer: lr_scheduler.ReduceLROnPlateau(optimizer, patience=1))
        with pytest.raises(ResumeError, match="TypeError"):
            checked(make)
        metrics: list[float] = []

        def step(scheduler: Any, update: int) -> None:
            metrics.append(1 / update)
            scheduler.step(1 / update)

        report = verify_resume(make, save_at="all", steps=20, step=step)
        assert report.identical
        assert {1 / update for update in range(1, 21)} == set(metrics)

    def test_a_scheduler_can_be_stepped_once_per_epoch(self) -> None:
        def step(scheduler: Any, update: int) -> None:
            if update % 5 == 0:
                scheduler.step()

        make = factory(lambda optimizer: lr_scheduler.ExponentialLR(optimizer, 0.5))
        report = verify_resume(make, save_at="all", steps=20, step=step)
        assert report.identical
        turns = verify_resume(make, steps=20, step=step).save_points
        assert {5, 10, 15} <= {point.step for point in turns}

    def test_a_scheduler_can_step_first(self) -> None:
        report = checked(factory(), "all", loop="scheduler-first")
        assert report.identical
        assert report.loop == "scheduler-first"

    def test_an_order_that_was_asked_for_is_not_advised_against(self) -> None:
        make = factory(lambda optimizer: lr_scheduler.ExponentialLR(optimizer, 0.5))
        with warnings.catch_warnings(record=True) as told:
            warnings.simplefilter("always")
            checked(make, loop="scheduler-first")
        assert told == []


class TestWhatIsLeftAlone:
    def test_random_numbers(self) -> None:
        def state() -> tuple[Any, ...]:
            return torch.get_rng_state().tolist(), random.getstate(), repr(np.random.get_state())  # noqa: NPY002

        before = state()
        checked(factory(), recipes="all", seed=9)
        verify_resume(schedule_of())
        assert state() == before

    def test_warning_filters_and_gradients_and_precision(self) -> None:
        def state() -> tuple[Any, ...]:
            return list(warnings.filters), torch.is_grad_enabled(), torch.get_default_dtype(), gc.isenabled()

        before = state()
        checked(factory(lambda optimizer: lr_scheduler.StepLR(optimizer, 3)), recipes="all")
        assert state() == before

    def test_constructors_of_schedulers(self) -> None:
        kinds = (lr_scheduler.LRScheduler, lr_scheduler.StepLR, lr_scheduler.SequentialLR)
        before = [vars(kind)["__init__"] for kind in kinds]
        checked(factory(lambda optimizer: lr_scheduler.StepLR(optimizer, 3)), recipes="all")

        def fails() -> Built:
            raise ValueError

        with pytest.raises(ResumeError):
            checked(fails, recipes="all")
        assert [vars(kind)["__init__"] for kind in kinds] == before

    def test_no_file_stays_open_where_the_training_fails(self, monkeypatch: pytest.MonkeyPatch) -> None:
        told: list[Any] = []
        monkeypatch.setattr(sys, "unraisablehook", told.append)

        def interrupt(done: int, total: int) -> None:
            raise ValueError(done, total)

        with pytest.raises(ValueError, match=r"\(1024, "):
            verify_resume(factory(), steps=2000, save_at=5, progress=interrupt)
        gc.collect()
        assert told == []

    def test_the_current_folder(self) -> None:
        before = set(Path().iterdir())
        checked(factory(), recipes="all")
        assert set(Path().iterdir()) == before


class TestTemporaryFiles:
    @LEFT_OPEN
    def test_they_are_gone_also_where_the_check_is_interrupted(self) -> None:
        def interrupt(done: int, total: int) -> None:
            del done, total
            raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            verify_resume(factory(), steps=2000, save_at=5, progress=interrupt)

    def test_a_scheduler_that_interrupts_interrupts_the_check(self) -> None:
        class Interrupts(Falling):
            def load_state_dict(self, state: dict[str, Any]) -> None:
                raise KeyboardInterrupt(state)

        with pytest.raises(KeyboardInterrupt):
            checked(factory(Interrupts))

    def test_a_folder_that_cannot_be_made_is_an_error(
        self, temporary_folder: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(tempfile, "tempdir", str(temporary_folder / "not there"))
        with pytest.raises(OutputError, match="no temporary folder can be made: No such file"):
            checked(factory())

    def test_a_tmpdir_that_is_not_there_is_passed_over(
        self, temporary_folder: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(tempfile, "tempdir", None)
        monkeypatch.setenv("TMPDIR", str(temporary_folder / "not there"))
        monkeypatch.setenv("TEMP", str(temporary_folder))
        assert checked(factory()).identical

    @LEFT_OPEN
    @pytest.mark.parametrize("recipes", [(), "all"])
    def test_a_progress_that_fails_is_not_the_temporary_folders_fault(self, recipes: Any) -> None:
        class Broken(Exception):  # noqa: N818 - of the test's own
            pass

        def fail(done: int, total: int) -> None:
            raise Broken(done, total)

        with pytest.raises(Broken):
            verify_resume(factory(), steps=1100, save_at=5, recipes=recipes, progress=fail)


class TestCurves:
    def curves(self, *, keep: bool) -> verify.Curves:
        class Halves(Falling):
            def load_state_dict(self, state: dict[str, Any]) -> None:
                self.count = state["count"] // 2

        asked = verify.asked_for(
            factory(Halves),
            save_at=(2, 4),
            recipes=("replay",),
            steps=6,
            step=None,
            loop=None,
            seed=0,
            time_limit=9,
        )
        return verify.check(asked._replace(keep_lrs=keep))[1]

    def test_lrs_are_kept_where_that_is_asked_for(self) -> None:
        curves = self.curves(keep=True)
        expected = [0.1, *(0.1 / (1 + count) for count in range(1, 6))]
        assert curves.reference.tolist() == [[lr, lr] for lr in expected]
        # Right at first, then after half as many steps; what was replayed is no other curve.
        assert set(curves.resumed) == {("complete", 2), ("complete", 4)}
        later = [0.1 / (1 + 4), 0.1 / (1 + 3)]
        assert curves.resumed["complete", 4].tolist() == [[lr, lr] for lr in later]

    def test_lrs_are_not_kept_otherwise(self) -> None:
        assert self.curves(keep=False).resumed == {}
