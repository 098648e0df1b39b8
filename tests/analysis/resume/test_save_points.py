"""After how many updates a resume check saves: what ``save_at`` says, and where a schedule turns."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from lrsched_cli import UsageError, dry_run
from lrsched_cli.analysis.resume.results import SavePoint
from lrsched_cli.analysis.resume.save_points import (
    MAX_TURNING_POINTS,
    check_save_at,
    save_points,
    turning_points_in,
    turning_points_of,
)
from lrsched_cli.core.config import Schedule

if TYPE_CHECKING:
    from collections.abc import Sequence


def steps_of(save_at: Sequence[str | int], steps: int = 10, **turning: int) -> list[int]:
    points, _ = save_points(save_at, steps, lambda: {at: name for name, at in turning.items()})
    return [point.step for point in points]


@pytest.mark.parametrize(
    ("save_at", "expected"),
    [
        ([5], [5]),
        (["5"], [5]),
        (["007"], [7]),
        (["7,3,5"], [3, 5, 7]),
        ([" 7 , 3 "], [3, 7]),
        ([9, 1], [1, 9]),
        ([3, "3,3", 3], [3]),
        (["every:4"], [4, 8]),
        (["every:9"], [9]),
        (["every:4", 5, "8"], [4, 5, 8]),
        (["every:4,5"], [4, 5, 8]),
        (["all"], [1, 2, 3, 4, 5, 6, 7, 8, 9]),
        (["all", "boundaries", 3], [1, 2, 3, 4, 5, 6, 7, 8, 9]),
        (["boundaries"], [1, 5, 9]),
        (["boundaries,3"], [1, 3, 5, 9]),
    ],
    ids=str,
)
def test_save_points_are_sorted_and_each_there_once(save_at: list[str | int], expected: list[int]) -> None:
    assert steps_of(save_at) == expected


@pytest.mark.parametrize("save_at", ["boundaries", "all", "every:1", 1])
def test_a_run_of_two_updates_has_one_save_point(save_at: str | int) -> None:
    assert steps_of([save_at], 2) == [1]


def test_a_run_of_one_update_cannot_be_resumed() -> None:
    with pytest.raises(UsageError, match="1 update cannot be resumed"):
        steps_of([1], 1)


@pytest.mark.parametrize(
    "word",
    [
        "",
        "0",
        "-1",
        "1.5",
        "+3",
        "1e3",
        "first",
        "every",
        "every:",
        "every:0",
        "every:-2",
        "1-3",
        "٣",
        "x" * 99,
    ],
)
def test_what_is_no_save_point_is_refused_by_name(word: str) -> None:
    with pytest.raises(UsageError, match="--save-at") as caught:
        check_save_at(["1", word, "all"])
    assert f"--save-at {word or '(nothing)'}:" in str(caught.value)
    with pytest.raises(UsageError):
        check_save_at([f"4,{word}"])


@pytest.mark.parametrize("word", [0, -3, True, 2.5, None])
def test_what_is_no_whole_number_from_one_on_is_refused(word: Any) -> None:
    with pytest.raises(UsageError, match="must be a step from 1 on"):
        check_save_at([word])


def test_all_that_is_wrong_is_named_at_once() -> None:
    with pytest.raises(UsageError) as caught:
        check_save_at(["a", 5, "0,b"])
    assert str(caught.value).startswith("--save-at a, 0, b: ")


def test_good_save_points_are_not_refused() -> None:
    check_save_at([1, "2", " 3 ,every:4", "boundaries", "all", 10**9])


def test_what_lies_beyond_the_run_is_refused_by_name() -> None:
    with pytest.raises(UsageError) as caught:
        steps_of([9, 10, "every:10", "5,1234567"], 10)
    text = str(caught.value)
    assert text.startswith("--save-at 10, every:10, 1234567: ")
    assert "10 updates" in text
    assert "9" in text.rpartition(":")[2]


def test_boundaries_are_the_turning_points_with_their_neighbours_and_the_usual_three() -> None:
    points, left_out = save_points(["boundaries"], 100, lambda: {20: "warm-up end", 60: "restart 1"})
    assert left_out == 0
    assert points == (
        SavePoint(1, "first"),
        SavePoint(19, "warm-up end - 1"),
        SavePoint(20, "warm-up end"),
        SavePoint(21, "warm-up end + 1"),
        SavePoint(50, "middle"),
        SavePoint(59, "restart 1 - 1"),
        SavePoint(60, "restart 1"),
        SavePoint(61, "restart 1 + 1"),
        SavePoint(99, "last but one"),
    )


def test_neighbouring_turning_points_keep_their_names() -> None:
    points, _ = save_points(["boundaries"], 100, lambda: {1: "a", 50: "b", 51: "c", 99: "d"})
    names = {point.step: point.label for point in points}
    assert [names[step] for step in (1, 50, 51, 99)] == ["a", "b", "c", "d"]
    assert set(names) == {1, 2, 49, 50, 51, 52, 98, 99}


def test_turning_points_outside_the_run_are_left_alone() -> None:
    points, left_out = save_points(["boundaries"], 10, lambda: {0: "a", 10: "b", 11: "c", 500: "d"})
    assert [point.step for point in points] == [1, 5, 9]
    assert left_out == 0


def test_a_save_point_at_a_turning_point_is_named_after_it_however_it_was_asked_for() -> None:
    for word in (4, "4", "every:4", "all"):
        points, _ = save_points([word], 10, lambda: {4: "restart 1"})
        assert SavePoint(4, "restart 1") in points


def test_of_very_many_turning_points_some_are_left_out_and_counted() -> None:
    turning = {10 * n: f"restart {n}" for n in range(1, 101)}
    points, left_out = save_points(["boundaries"], 1803, lambda: turning)
    kept = {point.step for point in points} & set(turning)
    assert len(kept) == MAX_TURNING_POINTS  # the middle, 901, is none of them
    assert left_out == len(turning) - MAX_TURNING_POINTS
    assert {10, 1000} <= kept
    for step in kept:
        assert {step - 1, step + 1} <= {point.step for point in points}


def test_up_to_the_limit_no_turning_point_is_left_out() -> None:
    turning = {10 * n: "t" for n in range(1, MAX_TURNING_POINTS + 1)}
    points, left_out = save_points(["boundaries"], 2000, lambda: turning)
    assert left_out == 0
    assert set(turning) <= {point.step for point in points}


def schedule_of(**settings: Any) -> Schedule:
    return Schedule.model_validate({"name": "s", "steps": 100, **settings})


def test_a_schedule_turns_at_warm_up_ends_restarts_and_the_ends_of_batch_phases() -> None:
    schedule = schedule_of(
        batch_size=[{"until": 33, "size": 8}, {"until": 70, "size": 16}, {"size": 32}],
        scheduler={"warmup_steps": 7, "T_0": 40, "T_mult": 2},
        param_groups=[
            {"name": "a"},
            {"name": "b", "scheduler": {"warmup_steps": 11, "T_0": 20}},
            {"name": "c", "scheduler": {"warmup_steps": 0}},
        ],
    )
    found = turning_points_of(dry_run(schedule), schedule.batch_plan.ends)
    # a: 7, 47; b: 11, 31, 71; c: 40.
    assert set(found) == {33, 70, 7, 47, 11, 31, 71, 40}
    assert (found[33], found[7], found[47]) == ("batch plan", "warm-up end", "restart 1")
    assert found[71] == "restart 2"


def test_a_schedule_without_turns_has_no_turning_points() -> None:
    schedule = schedule_of(scheduler={"warmup_steps": 0, "T_0": 500})
    assert turning_points_of(dry_run(schedule), schedule.batch_plan.ends) == {}


@pytest.mark.parametrize(
    ("lrs", "expected"),
    [
        ([1, 1, 1, 1, 1], []),
        ([1, 2, 3, 4, 5], []),
        ([1, 2, 3, 2, 1], [2]),
        ([1, 1, 1, 2, 3], [2]),
        ([1, 2, 3, 3, 3], [2]),
        ([3, 2, 1, 3, 2, 1], [2, 3]),  # a restart: down, up, down
        ([1, 1, 0.1, 0.1, 0.1], [1, 2]),  # a stair
        ([0, 0, 0, 0], []),
        ([1], []),
        ([1, 2], []),
    ],
    ids=str,
)
def test_a_curve_turns_where_it_begins_or_ceases_to_move_or_changes_direction(
    lrs: list[float], expected: list[int]
) -> None:
    assert sorted(turning_points_in(np.array(lrs, dtype=float)[:, None])) == expected


def test_a_curve_of_several_groups_turns_where_any_of_them_does() -> None:
    one, other = [1, 2, 3, 2, 1, 0], [5, 5, 5, 5, 4, 3]
    assert sorted(turning_points_in(np.array([one, other], dtype=float).T)) == [2, 3]


def test_rounding_is_no_turn() -> None:
    wiggly = 0.1 + np.array([0, 1, -1, 1, -1, 0]) * 1e-17 * np.arange(6)
    wiggly += np.array([0, 1, 0, 1, 0, 1]) * 2.0**-56
    assert turning_points_in(wiggly[:, None]) == {}


def test_a_run_without_steps_has_no_curve() -> None:
    assert turning_points_in(np.empty((0, 2))) == {}
