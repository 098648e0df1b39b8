"""The dry run and its trace: rows, updates, warm-up ends, restarts, and what goes wrong on the way."""

from __future__ import annotations

import csv
import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch

from lrsched_cli import LRScheduler, ScheduleFileError, Trace, dry_run, load_schedule
from lrsched_cli.analysis.look_ahead import look_ahead
from lrsched_cli.core.factors import learning_rate
from lrsched_cli.core.law import Factors, Position
from lrsched_cli.core.sections import MAX_STEPS
from lrsched_cli.errors import UsageError

if TYPE_CHECKING:
    from lrsched_cli import Schedule

GOLDEN = Path(__file__).resolve().parents[1] / "golden"


def schedule_of(text: str) -> Schedule:
    path = Path("s.yaml")
    path.write_text(text, encoding="utf-8")
    return load_schedule(path)


def run(text: str, steps: int | None = None) -> Trace:
    return dry_run(schedule_of(text), steps)


SMALL = "steps: 40\nscheduler: {warmup_steps: 5, T_0: 10, gamma: 0.5}\n"
TWO = """\
steps: 40
param_groups:
  - {name: trunk, lr: 0.1}
  - {name: head, lr: 0.3, scheduler: {warmup_steps: 0, T_0: 7, T_mult: 1}}
scheduler: {warmup_steps: 5, T_0: 10}
"""


class TestRows:
    def test_there_is_a_row_per_step_and_one_before_the_first(self) -> None:
        trace = run(SMALL)
        assert trace.step.tolist() == list(range(41))
        assert trace.steps == 40

    def test_the_first_row_holds_the_base_lrs(self) -> None:
        assert run(TWO).lr[0].tolist() == [0.1, 0.3]

    def test_the_first_row_has_the_multiplier_one_and_no_factors(self) -> None:
        trace = run(TWO)
        assert trace.scale[0].tolist() == [1.0, 1.0]
        assert all(np.isnan(trace.factors[name][0]).all() for name in Factors._fields)

    def test_the_first_row_has_no_batch_size(self) -> None:
        assert math.isnan(run("batch_size: 128\n" + SMALL).batch_size[0])

    def test_without_a_batch_plan_no_row_has_a_batch_size(self) -> None:
        assert np.isnan(run(SMALL).batch_size).all()

    def test_each_row_has_the_batch_size_of_its_step(self) -> None:
        trace = run("batch_size: [{until: 2, size: 32}, {size: 96}]\n" + SMALL, steps=4)
        assert trace.batch_size[1:].tolist() == [32, 32, 96, 96]

    def test_the_arrays_have_a_column_per_group(self) -> None:
        trace = run(TWO)
        tables = [trace.lr, trace.scale, *trace.factors.values(), *trace.state.values()]
        assert {table.shape for table in tables} == {(41, 2)}

    def test_everything_is_in_double_precision(self) -> None:
        trace = run(TWO)
        arrays = [trace.step, trace.batch_size, trace.lr, *trace.factors.values(), *trace.state.values()]
        assert {array.dtype for array in arrays} == {np.dtype(np.float64)}

    def test_the_factors_and_the_state_have_their_names(self) -> None:
        trace = run(TWO)
        assert tuple(trace.factors) == Factors._fields == ("batch", "warmup", "cosine", "decay", "custom")
        assert set(trace.state) == set(Position._fields) == {"cycle", "T_cur", "T_i"}

    def test_each_group_has_its_own_position(self) -> None:
        trace = run(TWO)
        found = {name: trace.state[name][20].tolist() for name in Position._fields}
        assert found == {"cycle": [1, 2], "T_cur": [5, 6], "T_i": [20, 7]}

    def test_the_groups_names_are_those_of_the_file(self) -> None:
        assert run(TWO).groups == ("trunk", "head")

    def test_the_name_and_the_loop_are_those_of_the_schedule(self) -> None:
        trace = run("name: mine\nloop: scheduler-first\n" + SMALL)
        assert (trace.name, trace.loop) == ("mine", "scheduler-first")

    @pytest.mark.parametrize("steps", [1, 4094, 4095, 4096, 4097, 8191, 8192, 8193, 10_000])
    def test_long_runs_have_every_row_once(self, steps: int) -> None:
        trace = run(SMALL, steps)
        assert np.array_equal(trace.step, np.arange(steps + 1))
        assert len(trace.lr) == steps + 1

    def test_a_short_run_is_the_start_of_a_long_one(self) -> None:
        assert run(SMALL, 5000).lr[:41].tobytes() == run(SMALL).lr.tobytes()

    def test_a_recorded_trace_comes_out_bit_for_bit(self) -> None:
        trace = dry_run(load_schedule("default"))
        with (GOLDEN / "three_groups_batch128.csv").open(encoding="utf-8", newline="") as file:
            _, *rows = list(csv.reader(file))
        state = [trace.state[name][:, :1] for name in ("T_i", "T_cur", "cycle")]
        table = np.hstack([trace.step[:, None], *state, trace.scale[:, :1], trace.lr])
        assert table.tolist() == [[float(value) for value in row] for row in rows]


class TestReadOnly:
    @pytest.mark.parametrize("name", ["step", "batch_size", "lr", "scale"])
    def test_an_array_cannot_be_written(self, name: str) -> None:
        with pytest.raises(ValueError, match="read-only"):
            getattr(run(SMALL), name)[0] = 7.0

    @pytest.mark.parametrize("name", Factors._fields)
    def test_a_factors_array_cannot_be_written(self, name: str) -> None:
        with pytest.raises(ValueError, match="read-only"):
            run(SMALL).factors[name][0] = 7.0

    @pytest.mark.parametrize("name", Position._fields)
    def test_a_positions_array_cannot_be_written(self, name: str) -> None:
        with pytest.raises(ValueError, match="read-only"):
            run(SMALL).state[name][0] = 7.0

    @pytest.mark.parametrize("name", ["step", "batch_size", "lr", "scale"])
    def test_an_array_cannot_be_made_writable_again(self, name: str) -> None:
        with pytest.raises(ValueError, match="WRITEABLE"):
            getattr(run(SMALL), name).setflags(write=True)

    def test_the_mappings_of_arrays_cannot_be_changed(self) -> None:
        trace: Any = run(SMALL)
        for mapping in (trace.factors, trace.state):
            with pytest.raises(TypeError):
                mapping["lr"] = trace.lr

    def test_a_trace_is_frozen(self) -> None:
        trace: Any = run(SMALL)
        with pytest.raises(AttributeError):
            trace.name = "other"


class TestUpdates:
    @pytest.mark.parametrize(
        ("loop", "rows"), [("optimizer-first", range(40)), ("scheduler-first", range(1, 41))]
    )
    def test_there_is_a_row_for_each_update(self, loop: str, rows: range) -> None:
        trace = run(f"loop: {loop}\n" + SMALL)
        assert trace.step[trace.updates].tolist() == list(rows)

    @pytest.mark.parametrize(
        ("loop", "row", "update"),
        [
            ("optimizer-first", 0, 1),
            ("optimizer-first", 39, 40),
            ("optimizer-first", 40, None),
            ("scheduler-first", 0, None),
            ("scheduler-first", 1, 1),
            ("scheduler-first", 40, 40),
        ],
    )
    def test_the_update_of_a_row_follows_the_loop(self, loop: str, row: int, update: int | None) -> None:
        assert run(f"loop: {loop}\n" + SMALL).update_at(row) == update

    @pytest.mark.parametrize("loop", ["optimizer-first", "scheduler-first"])
    def test_the_updates_are_numbered_through(self, loop: str) -> None:
        trace = run(f"loop: {loop}\n" + SMALL)
        rows = [int(step) for step in trace.step[trace.updates]]
        assert [trace.update_at(row) for row in rows] == list(range(1, 41))

    def test_with_the_optimizer_first_the_first_update_runs_at_the_base_lr(self) -> None:
        trace = run("loop: optimizer-first\noptimizer: {lr: 0.5}\n" + SMALL)
        assert trace.lr[trace.updates][0, 0] == 0.5

    def test_with_the_scheduler_first_the_first_update_runs_at_the_warmups_start(self) -> None:
        trace = run("loop: scheduler-first\noptimizer: {lr: 0.5}\n" + SMALL)
        assert trace.lr[trace.updates][0, 0] == learning_rate(0.5, 0.2, 2.0, 1 / 5)

    @pytest.mark.parametrize("loop", ["optimizer-first", "scheduler-first"])
    def test_the_lrs_of_the_updates_are_those_of_a_real_training_loop(self, loop: str) -> None:
        schedule = schedule_of(f"loop: {loop}\n{TWO}")
        trace = dry_run(schedule)
        groups = [
            {"params": [torch.zeros(1, requires_grad=True)], "lr": schedule.base_lr(one), "name": one.name}
            for one in schedule.param_groups
        ]
        optimizer = torch.optim.Adam(groups)
        scheduler = schedule.build_scheduler(optimizer)
        used = []
        for _ in range(trace.steps):
            if loop == "scheduler-first":
                scheduler.step()
            used.append([group["lr"] for group in optimizer.param_groups])
            if loop == "optimizer-first":
                scheduler.step()
        assert trace.lr[trace.updates].tolist() == used


class TestTurningPoints:
    @pytest.mark.parametrize(
        ("warmup", "end"), [(0, 0), (1, 1), (5, 5), (39, 39), (40, 40), (41, 40), (1000, 40)]
    )
    def test_the_warmup_ends_at_its_last_step_or_with_the_run(self, warmup: int, end: int) -> None:
        assert run(f"steps: 40\nscheduler: {{warmup_steps: {warmup}}}").warmup_end(0) == end

    @pytest.mark.parametrize("warmup", [0, 5])
    def test_the_warmup_ends_where_every_step_is_a_restart_too(self, warmup: int) -> None:
        text = f"steps: 40\nscheduler: {{warmup_steps: {warmup}, T_0: 1, T_mult: 1}}"
        assert run(text).warmup_end(0) == warmup

    def test_at_the_end_of_the_warmup_the_multiplier_is_full(self) -> None:
        trace = run(SMALL)
        assert trace.scale[trace.warmup_end(0), 0] == 1.0

    def test_restarts_are_the_rows_where_a_cycle_begins(self) -> None:
        trace = run(SMALL)
        assert trace.restarts(0).tolist() == [15, 35]
        assert trace.state["T_cur"][[15, 35], 0].tolist() == [0, 0]

    def test_each_group_has_its_own_warmup_end_and_restarts(self) -> None:
        trace = run(TWO)
        assert (trace.warmup_end(1), trace.restarts(1).tolist()) == (0, [7, 14, 21, 28, 35])

    def test_a_run_within_the_first_cycle_has_no_restart(self) -> None:
        assert run(SMALL, 14).restarts(0).tolist() == []

    def test_the_turning_points_are_those_of_all_groups_sorted(self) -> None:
        assert run(TWO).turning_points() == [5, 7, 14, 15, 21, 28, 35]

    def test_without_warmup_and_restart_there_is_no_turning_point(self) -> None:
        assert run("steps: 9\nscheduler: {warmup_steps: 0}").turning_points() == []


class TestSteps:
    def test_the_schedules_own_number_is_taken(self) -> None:
        assert run(SMALL).steps == 40

    def test_a_given_number_wins(self) -> None:
        assert run(SMALL, 7).steps == 7

    def test_without_a_number_the_run_goes_to_the_end_of_the_fourth_cycle(self) -> None:
        trace = run("scheduler: {warmup_steps: 5, T_0: 10}")
        assert trace.steps == 5 + 10 + 20 + 40 + 80 - 1
        assert trace.state["cycle"][-1, 0] == 3
        assert trace.state["T_cur"][-1, 0] == 79

    def test_without_a_number_the_group_that_takes_longest_counts(self) -> None:
        text = "param_groups: [{name: a}, {name: b, scheduler: {T_0: 20}}]\n"
        assert run(text + "scheduler: {warmup_steps: 5, T_0: 10}").steps == 5 + 20 + 40 + 80 + 160 - 1

    @pytest.mark.parametrize("steps", [0, -1, MAX_STEPS + 1])
    def test_a_number_out_of_range_is_a_usage_error(self, steps: int) -> None:
        with pytest.raises(UsageError, match="steps must be a whole number from 1 to 10,000,000"):
            run(SMALL, steps)

    def test_a_fourth_cycle_that_ends_too_far_away_is_told_at_the_scheduler(self) -> None:
        with pytest.raises(
            ScheduleFileError, match=r"^s\.yaml:3:11: scheduler\.T_mult: the fourth cycle ends"
        ):
            run("name: far\nscheduler:\n  T_mult: 1000\n")

    def test_a_fourth_cycle_too_far_away_does_not_matter_where_steps_are_given(self) -> None:
        assert run("scheduler:\n  T_mult: 1000\n", 5).steps == 5

    def test_progress_is_told_on_the_way(self) -> None:
        told: list[tuple[int, int]] = []
        dry_run(schedule_of(SMALL), 10_000, progress=lambda done, total: told.append((done, total)))
        assert told
        assert {total for _, total in told} == {10_000}
        assert [done for done, _ in told] == sorted({done for done, _ in told})
        assert all(0 < done <= 10_000 for done, _ in told)


def problem_of(text: str) -> str:
    with pytest.raises(ScheduleFileError) as caught:
        run(text)
    (problem,) = caught.value.problems
    return str(problem)


class TestWhatGoesWrongOnTheWay:
    @pytest.mark.parametrize(
        ("formula", "reason"),
        [
            ("1 / (step - 7)", "division by zero"),
            ("sqrt(6 - step)", "no value"),
            ("exp(1000 if step == 7 else 0)", "too large"),
        ],
    )
    def test_a_formula_that_fails_is_told_at_its_line_with_the_step(self, formula: str, reason: str) -> None:
        problem = problem_of(f'steps: 40\nscheduler:\n  T_0: 10\n  custom_lambda: "{formula}"\n')
        assert problem.startswith("s.yaml:4:18: scheduler.custom_lambda: ")
        assert "step 7" in problem
        assert reason in problem

    def test_a_groups_own_formula_that_fails_is_told_at_its_line(self) -> None:
        problem = problem_of(
            "steps: 40\n"
            "param_groups:\n"
            "  - name: trunk\n"
            "  - name: head\n"
            "    scheduler:\n"
            '      custom_lambda: "1 / (step - 7)"\n'
            "scheduler:\n"
            '  custom_lambda: "1"\n'
        )
        assert problem.startswith("s.yaml:6:22: param_groups.head.scheduler.custom_lambda: ")
        assert "step 7" in problem

    def test_an_inherited_formula_that_fails_is_told_where_it_is_written(self) -> None:
        problem = problem_of(
            "steps: 40\n"
            "param_groups:\n"
            "  - {name: head, scheduler: {gamma: 0.5}}\n"
            "scheduler:\n"
            '  custom_lambda: "1 / (step - 7)"\n'
        )
        assert problem.startswith("s.yaml:5:18: scheduler.custom_lambda: ")

    def test_a_formula_that_fails_after_the_run_is_no_problem(self) -> None:
        assert run('steps: 40\nscheduler: {custom_lambda: "1 / (step - 41)"}').steps == 40

    def test_an_lr_that_is_not_finite_is_told_with_group_and_step(self) -> None:
        problem = problem_of("steps: 40\noptimizer: {lr: 1e308}\nscheduler:\n  {warmup_steps: 0}\n")
        assert problem.startswith("s.yaml:4:3: scheduler")
        assert "'default'" in problem
        assert "step 1" in problem

    def test_a_multiplier_that_is_not_finite_is_told_with_its_step(self) -> None:
        problem = problem_of("steps: 40\nscheduler:\n  {warmup_steps: 0, T_0: 1, T_mult: 1, gamma: 1e300}\n")
        assert problem.startswith("s.yaml:3:3: scheduler")
        assert "step 2" in problem

    def test_a_groups_own_lr_that_is_not_finite_is_told_at_the_group(self) -> None:
        problem = problem_of(
            "steps: 40\n"
            "param_groups:\n"
            "  - name: trunk\n"
            "  - name: head\n"
            "    lr: 1e308\n"
            "    scheduler: {warmup_steps: 0}\n"
            "scheduler: {warmup_steps: 0}\n"
        )
        assert problem.startswith("s.yaml:6:")
        assert "'head'" in problem

    def test_a_groups_own_multiplier_that_is_not_finite_is_told_at_the_group(self) -> None:
        problem = problem_of(
            "steps: 40\n"
            "param_groups:\n"
            "  - name: trunk\n"
            "  - name: head\n"
            "    scheduler: {warmup_steps: 0, T_0: 1, T_mult: 1, gamma: 1e300}\n"
        )
        assert problem.startswith("s.yaml:5:")

    def test_settings_that_torch_refuses_are_told_at_the_optimizer(self) -> None:
        problem = problem_of("steps: 40\noptimizer: {betas: [2.0, 0.9]}\n")
        assert problem.startswith("s.yaml:2:12: optimizer: torch refuses these settings")


def parameter_at(lr: float, **group: Any) -> dict[str, Any]:
    return {"params": [torch.zeros(1, requires_grad=True)], "lr": lr, **group}


class TestRecording:
    def test_an_unnamed_group_goes_by_its_index(self) -> None:
        scheduler = LRScheduler(torch.optim.SGD([parameter_at(0.1), parameter_at(0.2, name="b")]))
        assert look_ahead(scheduler, 1).groups == ("0", "b")

    def test_a_run_under_way_is_recorded_from_where_it_stands(self) -> None:
        scheduler = LRScheduler(torch.optim.SGD([parameter_at(0.1)]), warmup_steps=5, T_0=10)
        for _ in range(20):
            scheduler.step(96)
        whole = run("steps: 40\noptimizer: {lr: 0.1}\nscheduler: {warmup_steps: 5, T_0: 10}\nbatch_size: 96")
        trace = look_ahead(scheduler, 20, 96)
        assert trace.step.tolist() == list(range(20, 41))
        assert trace.lr.tobytes() == whole.lr[20:].tobytes()
        assert trace.factors["batch"].tobytes() == whole.factors["batch"][20:].tobytes()

    def test_a_run_under_way_has_its_warmup_behind_it(self) -> None:
        scheduler = LRScheduler(torch.optim.SGD([parameter_at(0.1)]), warmup_steps=5, T_0=10)
        for _ in range(20):
            scheduler.step()
        assert look_ahead(scheduler, 9).warmup_end(0) == 0
