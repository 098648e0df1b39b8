"""A resumed run held against the recorded one: what counts as different, and how it is told."""

from __future__ import annotations

import itertools
import marshal
import math
import struct
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from plain_resume import shape_of

from lrsched_cli.analysis.resume.comparing import (
    MAX_ALSO,
    TailComparison,
    all_differences,
    differing_kinds,
    same,
)
from lrsched_cli.analysis.resume.recording import (
    Layouts,
    Recording,
    RecordingWriter,
    TensorPart,
    row_bytes,
    row_of,
)
from lrsched_cli.analysis.resume.results import KINDS, Difference, KindResult, LargestLR, SavePointResult

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from lrsched_cli.analysis.resume.results import Kind

GROUPS = ("a", "b")
NAMES = ("lr of a", "lr of b", "momentum of a")
NAN = math.nan


class Rows:
    """Makes rows of two groups, a weight and a moment, all over the same layouts."""

    def __init__(self) -> None:
        self.layouts = Layouts()

    def row(  # noqa: PLR0913, PLR0917 - everything that a row has
        self,
        numbers: tuple[float, ...] = (0.1, 0.2, 0.9),
        weights: tuple[float, ...] = (1.0, 2.0),
        moment: tuple[float, ...] = (3.0, 4.0),
        state: Any = None,
        others: Any = (),
        names: tuple[str, ...] = NAMES,
    ) -> bytes:
        tensors = {"w": (True, weights), "exp_avg of w": (False, moment)}
        raw = {name: struct.pack(f"<{len(values)}f", *values) for name, (_, values) in tensors.items()}
        parts = tuple(
            TensorPart(name, is_weight, "float32", len(raw[name])) for name, (is_weight, _) in tensors.items()
        )
        return row_bytes(
            (
                self.layouts.number_of_numbers(names[: len(numbers)]),
                struct.pack(f"<{len(numbers)}d", *numbers),
            ),
            (self.layouts.number_of_tensors(parts), b"".join(raw.values())),
            marshal.dumps(({"last_epoch": 3} if state is None else state, list(others)), 2),
        )


@pytest.fixture
def rows() -> Rows:
    return Rows()


def differing(rows: Rows, one: bytes, other: bytes) -> list[Kind]:
    taken = row_of(one, rows.layouts), row_of(other, rows.layouts)
    return [kind for kind, differs in differing_kinds(*taken) if differs]


def first(rows: Rows, one: bytes, other: bytes) -> Difference:
    taken = row_of(one, rows.layouts), row_of(other, rows.layouts)
    (kind,) = differing(rows, one, other)
    return all_differences(kind, 7, *taken)[0]


class TestRows:
    def test_equal_rows_differ_in_nothing(self, rows: Rows) -> None:
        assert differing(rows, rows.row(), rows.row()) == []

    @pytest.mark.parametrize(
        ("changed", "kind", "quantity", "expected", "resumed"),
        [
            ({"numbers": (0.1, 0.3, 0.9)}, "param groups", "lr of b", 0.2, 0.3),
            ({"numbers": (0.1, 0.2, 0.8)}, "param groups", "momentum of a", 0.9, 0.8),
            ({"numbers": (0.1, 0.2)}, "param groups", "momentum of a", 0.9, None),
            ({"state": {"last_epoch": 4}}, "scheduler state", "last_epoch", 3, 4),
            ({"state": {}}, "scheduler state", "last_epoch", 3, None),
            ({"state": {"last_epoch": 3, "x": [1]}}, "scheduler state", "x[0]", None, 1),
            ({"moment": (3.0, 5.0)}, "optimizer state", "exp_avg of w", 4.0, 5.0),
            ({"weights": (0.5, 2.0)}, "weights", "w", 1.0, 0.5),
        ],
    )
    def test_a_difference_is_told_by_its_kind_its_name_and_its_values(  # noqa: PLR0913, PLR0917 - a row of a table
        self, rows: Rows, changed: dict[str, Any], kind: Kind, quantity: str, expected: Any, resumed: Any
    ) -> None:
        one, other = rows.row(), rows.row(**changed)
        assert differing(rows, one, other) == [kind]
        assert first(rows, one, other) == Difference(quantity, 7, expected, resumed)

    def test_all_quantities_that_differ_are_told_in_their_order(self, rows: Rows) -> None:
        taken = [row_of(row, rows.layouts) for row in (rows.row(), rows.row((0.5, 0.2, 0.8)))]
        found = [one.quantity for one in all_differences("param groups", 7, *taken)]
        assert found == ["lr of a", "momentum of a"]

    def test_all_kinds_are_told_in_their_order(self, rows: Rows) -> None:
        other = rows.row((0.1, 0.2, 0.8), (9.0, 2.0), (9.0, 4.0), {"last_epoch": 0})
        assert differing(rows, rows.row(), other) == list(KINDS)

    def test_one_last_bit_is_a_difference(self, rows: Rows) -> None:
        other = rows.row((math.nextafter(0.1, 1), 0.2, 0.9))
        assert first(rows, rows.row(), other).quantity == "lr of a"
        weight = struct.unpack("<f", struct.pack("<I", 0x3F800001))[0]
        assert first(rows, rows.row(), rows.row(weights=(weight, 2.0))).resumed == weight

    def test_the_same_nan_is_no_difference(self, rows: Rows) -> None:
        nans: dict[str, Any] = {"numbers": (NAN, 1.0), "weights": (NAN, 1.0), "state": {"best": NAN}}
        assert differing(rows, rows.row(**nans), rows.row(**nans)) == []

    def test_a_nan_that_was_a_number_is_a_difference(self, rows: Rows) -> None:
        found = first(rows, rows.row(), rows.row((NAN, 0.2, 0.9)))
        assert (found.quantity, found.expected) == ("lr of a", 0.1)
        assert math.isnan(found.resumed)

    @pytest.mark.parametrize(
        "changed", [{"numbers": (0.0, 0.2)}, {"weights": (0.0, 1.0)}, {"moment": (0.0, 1.0)}], ids=str
    )
    def test_a_zero_of_the_other_sign_is_told_without_a_crash(
        self, rows: Rows, changed: dict[str, tuple[float, ...]]
    ) -> None:
        ((key, values),) = changed.items()
        one, other = rows.row(**changed), rows.row(**{key: (-0.0, *values[1:])})  # type: ignore[arg-type]
        if differing(rows, one, other):
            assert first(rows, one, other).update == 7

    def test_two_groups_of_one_name_are_told_apart_or_at_least_told(self, rows: Rows) -> None:
        names = ("lr of x", "lr of x")
        one, other = (rows.row((lr, 0.2), names=names) for lr in (0.1, 0.5))
        found = first(rows, one, other)
        assert "lr of x" in found.quantity
        assert (found.expected, found.resumed) == (0.1, 0.5)

    def test_data_in_another_order_is_no_difference(self, rows: Rows) -> None:
        one, other = rows.row(state={"a": 1, "b": 2}), rows.row(state={"b": 2, "a": 1})
        assert one != other
        assert differing(rows, one, other) == []

    def test_numbers_in_the_optimizers_state_that_are_no_tensors_are_compared(self, rows: Rows) -> None:
        one, other = rows.row(others=[(0, "step", 3)]), rows.row(others=[(0, "step", 4)])
        found = first(rows, one, other)
        assert differing(rows, one, other) == ["optimizer state"]
        assert (found.expected, found.resumed) == (3, 4)

    def test_a_list_of_another_length_is_told_whole(self, rows: Rows) -> None:
        found = first(rows, rows.row(weights=(1.0, 2.0)), rows.row(weights=(1.0,)))
        assert (found.expected, found.resumed) == ([1.0, 2.0], [1.0])

    def test_an_entry_deep_in_a_state_is_told_by_the_way_to_it(self, rows: Rows) -> None:
        states = [{"groups": [{"T_cur": 1}, {"T_cur": at, "x": {3: at}}]} for at in (2, 5)]
        found = first(rows, *(rows.row(state=state) for state in states))
        assert (found.quantity, found.expected, found.resumed) == ("groups[1].T_cur", 2, 5)


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        (1, 1.0, True),
        (NAN, NAN, True),
        (NAN, 1.0, False),
        ([1, NAN], (1, NAN), True),
        ([1], [1, 2], False),
        ({"a": 1}, {"a": 1, "b": None}, False),
        ({"a": [NAN]}, {"a": [NAN]}, True),
        ({"a": 1}, [1], False),
        ("1", 1, False),
        (None, 0, False),
        (b"a", b"a", True),
    ],
)
def test_nested_data_is_the_same_where_every_leaf_is(one: Any, other: Any, expected: bool) -> None:  # noqa: FBT001
    assert same(one, other) is expected
    assert same(other, one) is expected


def recorded(folder: Path, rows: Rows, content: list[bytes]) -> Recording:
    writer = RecordingWriter(folder, rows.layouts)
    for row in content:
        writer.add(row)
    writer.finish()
    return Recording(folder)


def kinds_of(
    folder: Path, rows: Rows, whole: list[bytes], resumed: list[bytes]
) -> tuple[dict[str, KindResult], LargestLR | None, TailComparison]:
    save_at = len(whole) - len(resumed)
    with recorded(folder, rows, whole) as reference:
        comparison = TailComparison(reference, save_at, GROUPS)
        for row in resumed:
            comparison.add(row)
        kinds, largest = comparison.finish()
    assert [one.kind for one in kinds] == list(KINDS)
    return {one.kind: one for one in kinds}, largest, comparison


class TestTails:
    def test_an_equal_tail_is_equal(self, tmp_path: Path, rows: Rows) -> None:
        whole = [rows.row((n / 10, 0.2, 0.9)) for n in range(1, 9)]
        kinds, largest, comparison = kinds_of(tmp_path, rows, whole, whole[3:])
        assert all((one.differing, one.first, one.shape) == (0, None, None) for one in kinds.values())
        assert largest is None
        assert comparison.lrs.tolist() == [lr for n in range(4, 9) for lr in (n / 10, 0.2)]

    def test_a_tail_is_held_against_its_own_updates(self, tmp_path: Path, rows: Rows) -> None:
        whole = [rows.row((n / 10, 0.2, 0.9)) for n in range(1, 9)]
        kinds, _, _ = kinds_of(tmp_path, rows, whole, whole[2:7])
        assert kinds["param groups"].differing == 5

    def test_quantities_that_differ_too_at_the_first_update_are_named(
        self, tmp_path: Path, rows: Rows
    ) -> None:
        whole = [rows.row()] * 4
        resumed = [rows.row((0.5, 0.2, 0.8)), rows.row((0.5, 0.6, 0.8))]
        kinds, _, _ = kinds_of(tmp_path, rows, whole, resumed)
        assert kinds["param groups"].also == ("momentum of a",)

    def test_of_very_many_quantities_some_are_named(self, tmp_path: Path, rows: Rows) -> None:
        states = [{f"x{index:02}": value for index in range(50)} for value in (0, 1)]
        whole = [rows.row(state=states[0])] * 4
        kinds, _, _ = kinds_of(tmp_path, rows, whole, [rows.row(state=states[1])] * 2)
        assert kinds["scheduler state"].also == tuple(f"x{index:02}" for index in range(1, MAX_ALSO + 1))

    def test_a_difference_between_groups_of_one_name_is_counted(self, tmp_path: Path, rows: Rows) -> None:
        names = ("lr of x", "lr of x")
        whole, resumed = ([rows.row((lr, 0.2), names=names)] * 4 for lr in (0.1, 0.5))
        kinds, largest, _ = kinds_of(tmp_path, rows, whole, resumed[:2])
        assert largest is not None
        assert kinds["param groups"].differing == 2

    def test_what_counts_as_a_difference_does_not_hang_on_later_updates(
        self, tmp_path: Path, rows: Rows
    ) -> None:
        whole = [rows.row((0.0, 0.2))] * 4
        found = []
        for folder, last in (("one", 0.0), ("other", 5.0)):
            (tmp_path / folder).mkdir()
            resumed = [rows.row((-0.0, 0.2)), rows.row((last, 0.2))]
            kinds, _, _ = kinds_of(tmp_path / folder, rows, whole, resumed)
            found.append(kinds["param groups"].differing)
        assert found[1] == found[0] + 1

    def test_the_largest_difference_is_that_of_any_group_and_the_first_update_that_has_it(
        self, tmp_path: Path, rows: Rows
    ) -> None:
        whole = [rows.row((0.5, 0.25, 0.9)) for _ in range(8)]
        resumed = [rows.row(numbers) for numbers in [(0.75, 0.25), (0.5, 1.25), (1.5, 1.25), (0.5, 0.25)]]
        _, largest, _ = kinds_of(tmp_path, rows, whole, resumed)
        assert largest == LargestLR(1.0, 6, "b")

    def test_without_a_difference_of_lrs_there_is_no_largest(self, tmp_path: Path, rows: Rows) -> None:
        whole = [rows.row()] * 4
        kinds, largest, _ = kinds_of(tmp_path, rows, whole, [rows.row((0.1, 0.2, 0.5))] * 2)
        assert kinds["param groups"].differing == 2
        assert largest is None

    @pytest.mark.filterwarnings("error")
    @pytest.mark.parametrize(
        "value",
        [
            math.inf,
            -math.inf,
            NAN,
        ],
    )
    def test_lrs_that_are_no_finite_number_are_measured_without_a_warning(
        self, tmp_path: Path, rows: Rows, value: float
    ) -> None:
        whole = [rows.row((value, 0.25))] * 4
        kinds, largest, _ = kinds_of(tmp_path, rows, whole, [rows.row((value, 0.75))] * 2)
        assert kinds["param groups"].differing == 2
        assert largest == LargestLR(0.5, 3, "b")

    def test_an_lr_that_becomes_infinite_is_the_largest_difference(self, tmp_path: Path, rows: Rows) -> None:
        whole = [rows.row()] * 4
        _, largest, _ = kinds_of(tmp_path, rows, whole, [rows.row((math.inf, 0.2, 0.9))] * 2)
        assert largest == LargestLR(math.inf, 3, "a")

    def test_an_lr_that_becomes_nan_does_not_hide_the_others(self, tmp_path: Path, rows: Rows) -> None:
        whole = [rows.row((0.5, 0.25))] * 4
        _, largest, _ = kinds_of(tmp_path, rows, whole, [rows.row((NAN, 0.75))] * 2)
        assert largest is not None

    @pytest.mark.parametrize("updates", [1, 2, 1023, 1024, 1025, 2049])
    def test_every_update_is_compared_however_many_there_are(
        self, tmp_path: Path, rows: Rows, updates: int
    ) -> None:
        whole = [rows.row((float(n), 0.2, 0.9)) for n in range(updates + 3)]
        resumed = whole[3:]
        kinds, _, _ = kinds_of(tmp_path, rows, whole, resumed)
        assert kinds["param groups"].differing == 0
        (tmp_path / "last").mkdir()
        resumed[-1] = rows.row((-1.0, 0.2, 0.9))
        kinds, largest, comparison = kinds_of(tmp_path / "last", rows, whole, resumed)
        assert kinds["param groups"].first == Difference("lr of a", updates + 3, float(updates + 2), -1.0)
        assert kinds["param groups"].differing == 1
        assert largest == LargestLR(updates + 3.0, updates + 3, "a")
        assert len(comparison.lrs) == 2 * updates

    def test_a_run_that_ends_early_is_compared_as_far_as_it_went(self, tmp_path: Path, rows: Rows) -> None:
        whole = [rows.row((float(n), 0.2, 0.9)) for n in range(1, 11)]
        with recorded(tmp_path, rows, whole) as reference:
            comparison = TailComparison(reference, 4, GROUPS)
            for row in (whole[4], rows.row((-1.0, 0.2, 0.9))):
                comparison.add(row)
            kinds, largest = comparison.finish()
        assert (kinds[0].differing, kinds[0].shape) == (1, "late")
        assert largest == LargestLR(7.0, 6, "a")

    def test_a_run_without_an_update_differs_in_nothing(self, tmp_path: Path, rows: Rows) -> None:
        with recorded(tmp_path, rows, [rows.row()] * 3) as reference:
            kinds, largest = TailComparison(reference, 2, GROUPS).finish()
        assert [one.differing for one in kinds] == [0, 0, 0, 0]
        assert largest is None


CHANGES: dict[str, Callable[[Rows], bytes]] = {
    "param groups": lambda rows: rows.row((0.1, 0.5, 0.9)),
    "scheduler state": lambda rows: rows.row(state={"last_epoch": 0}),
    "optimizer state": lambda rows: rows.row(moment=(0.0, 0.0)),
    "weights": lambda rows: rows.row(weights=(0.0, 0.0)),
}


@pytest.mark.parametrize("kind", KINDS)
@given(pattern=st.lists(st.booleans(), min_size=1, max_size=8))
def test_any_pattern_of_wrong_updates_has_its_count_its_first_and_its_shape(
    tmp_path_factory: pytest.TempPathFactory, kind: Kind, pattern: list[bool]
) -> None:
    rows = Rows()
    folder = tmp_path_factory.mktemp("rows")
    whole = [rows.row()] * (len(pattern) + 2)
    resumed = [CHANGES[kind](rows) if wrong else rows.row() for wrong in pattern]
    kinds, _, _ = kinds_of(folder, rows, whole, resumed)
    wrong = list(itertools.compress(range(3, len(whole) + 1), pattern))
    found = kinds[kind]
    assert found.differing == len(wrong)
    assert sum(one.differing for one in kinds.values()) == len(wrong)
    if wrong:
        assert found.first is not None
        assert (found.first.update, found.shape) == (wrong[0], shape_of(wrong, 3, len(whole)))
    else:
        assert (found.first, found.shape) == (None, None)


class TestResults:
    def result(self, *differing: int, failure: str | None = None) -> SavePointResult:
        firsts = [Difference("x", update, 0, 1) if update else None for update in differing]
        kinds = tuple(
            KindResult(kind, 3 if first else 0, first) for kind, first in zip(KINDS, firsts, strict=False)
        )
        return SavePointResult("complete", 5, 10, kinds, failure=failure)

    def test_a_result_is_identical_where_no_kind_differs(self) -> None:
        assert self.result(0, 0, 0, 0).identical
        for place in range(4):
            assert not self.result(*(9 * (place == index) for index in range(4))).identical

    def test_the_numbers_can_be_identical_where_the_weights_are_not(self) -> None:
        assert self.result(0, 6, 6, 6).numbers_identical
        assert not self.result(6, 0, 0, 0).numbers_identical

    def test_a_failure_is_identical_in_nothing(self) -> None:
        failed = self.result(0, 0, 0, 0, failure="it broke")
        assert (failed.identical, failed.numbers_identical) == (False, False)
        assert SavePointResult("complete", 5, 0, failure="it broke").identical is False

    def test_the_first_difference_is_the_earliest_of_all_kinds(self) -> None:
        found = self.result(9, 0, 7, 8).first
        assert found is not None
        assert found.update == 7
        assert self.result(0, 0, 0, 0).first is None

    def test_the_worst_kind_is_the_param_groups_where_they_differ(self) -> None:
        worst = self.result(9, 7, 0, 8).worst
        assert worst is not None
        assert worst.kind == "param groups"


def test_the_names_of_the_kinds_are_those_of_the_rows() -> None:
    rows = Rows()
    taken = row_of(rows.row(), rows.layouts)
    assert tuple(kind for kind, _ in differing_kinds(taken, taken)) == KINDS
    assert np.frombuffer(taken.numbers).tolist() == [0.1, 0.2, 0.9]
