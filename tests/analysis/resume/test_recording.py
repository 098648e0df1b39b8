"""What is read of a run at every update, and how it is kept."""

from __future__ import annotations

import collections
import marshal
import math
import struct
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch

from lrsched_cli.analysis.resume.comparing import same
from lrsched_cli.analysis.resume.reading import Reader, group_names
from lrsched_cli.analysis.resume.recording import (
    Layouts,
    Recording,
    RecordingWriter,
    Row,
    TensorPart,
    lr_bytes,
    row_bytes,
    row_of,
)
from lrsched_cli.analysis.resume.training import Built

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


class Held:
    """A scheduler that holds what it is given."""

    def __init__(self, state: Any = None) -> None:
        self.state = state

    def state_dict(self) -> Any:
        return self.state


def parameter(*values: float, dtype: torch.dtype = torch.float32) -> torch.nn.Parameter:
    return torch.nn.Parameter(torch.tensor(values, dtype=dtype))


def built(
    *parameters: torch.nn.Parameter,
    scheduler: Any = None,
    kind: Any = torch.optim.SGD,
    names: Mapping[torch.nn.Parameter, str] | None = None,
    **settings: Any,
) -> Built:
    """One param group for each parameter; each parameter is called after its place."""
    parameters = parameters or (parameter(1.0), parameter(2.0))
    optimizer = kind([{"params": [one]} for one in parameters], **{"lr": 0.5, **settings})
    names = {one: f"p{index}" for index, one in enumerate(parameters)} if names is None else names
    return Built(torch.nn.ParameterList(parameters), optimizer, scheduler or Held(), names)


def read(one: Built, layouts: Layouts | None = None, reader: Reader | None = None) -> Row:
    layouts = layouts or Layouts()
    reader = reader or Reader(one, layouts)
    reader.before_update()
    return row_of(reader.row(), layouts)


def numbers_of(row: Row) -> dict[str, float]:
    return dict(zip(row.names, np.frombuffer(row.numbers).tolist(), strict=True))


def tensors_of(row: Row) -> dict[str, bytes]:
    found, start = {}, 0
    for part in row.parts:
        found[part.name] = row.tensors[start : start + part.size]
        start += part.size
    assert start == len(row.tensors)
    return found


def state_of(row: Row) -> Any:
    return marshal.loads(row.state)[0]  # noqa: S302 - our own row


class TestNumbers:
    def test_lrs_come_first_and_every_number_is_there(self) -> None:
        row = read(built(momentum=0.9, weight_decay=0.01))
        assert row.names[:2] == ("lr of group 0", "lr of group 1")
        found = numbers_of(row)
        assert (found["momentum of group 0"], found["weight_decay of group 1"]) == (0.9, 0.01)
        assert found["nesterov of group 0"] == 0.0

    def test_betas_are_two_numbers(self) -> None:
        found = numbers_of(read(built(kind=torch.optim.Adam, betas=(0.8, 0.95))))
        assert (found["betas[0] of group 1"], found["betas[1] of group 1"]) == (0.8, 0.95)

    def test_a_group_goes_by_its_name_else_by_its_place(self) -> None:
        one = built()
        one.optimizer.param_groups[1]["name"] = "head"
        assert group_names(one.optimizer) == ("group 0", "head")
        assert "lr of head" in read(one).names

    @pytest.mark.parametrize(
        "lr", [torch.tensor(0.25), torch.tensor([0.25]), np.float64(0.25), np.float32(0.25)]
    )
    def test_an_lr_of_another_kind_is_a_number(self, lr: Any) -> None:
        one = built()
        one.optimizer.param_groups[0]["lr"] = lr
        assert numbers_of(read(one))["lr of group 0"] == 0.25

    @pytest.mark.parametrize("value", [0.0, -0.0, math.inf, math.nan, 5e-324, 0.1, 1e308, 7, True])
    def test_numbers_are_kept_bit_for_bit(self, value: float) -> None:
        one = built()
        one.optimizer.param_groups[1]["lr"] = value
        assert lr_bytes(_raw(one), 2)[8:] == struct.pack("<d", value)

    def test_text_and_none_are_no_numbers(self) -> None:
        one = built()
        one.optimizer.param_groups[0] |= {"note": "x", "nothing": None, "pair": (1.0, None)}
        names = read(one).names
        found = [name for name in names if name.startswith(("note", "nothing", "pair"))]
        assert found == ["pair[0] of group 0"]

    def test_numbers_are_those_right_before_the_update(self) -> None:
        one, layouts = built(), Layouts()
        reader = Reader(one, layouts)
        reader.before_update()
        one.optimizer.param_groups[0]["lr"] = 7.0
        assert numbers_of(row_of(reader.row(), layouts))["lr of group 0"] == 0.5


def _raw(one: Built) -> bytes:
    reader = Reader(one, Layouts())
    reader.before_update()
    return reader.row()


class TestNumbersThatChangeTheirKind:
    """Each changes a param group after a first reading, and says what has to be read then."""

    def changed(self, before: dict[str, Any], after: dict[str, Any]) -> dict[str, float]:
        one, layouts = built(), Layouts()
        group = one.optimizer.param_groups[1]
        group |= before
        reader = Reader(one, layouts)
        read(one, layouts, reader)
        for key in before.keys() - after.keys():
            del group[key]
        group |= after
        found = numbers_of(read(one, layouts, reader))
        assert found == numbers_of(read(one)), "a reader that begins now reads otherwise"
        return found

    def test_a_number_that_becomes_none_is_gone(self) -> None:
        assert "x of group 1" not in self.changed({"x": 1.0}, {"x": None})

    def test_a_none_that_becomes_a_number_is_there(self) -> None:
        assert self.changed({"x": None}, {"x": 3.0})["x of group 1"] == 3.0

    def test_a_key_added_in_mid_run_is_there(self) -> None:
        assert self.changed({}, {"x": 3.0})["x of group 1"] == 3.0

    def test_a_key_taken_away_is_gone(self) -> None:
        assert "x of group 1" not in self.changed({"x": 1.0}, {})

    def test_one_key_for_another_is_seen(self) -> None:
        found = self.changed({"x": 1.0}, {"y": 2.0})
        assert found["y of group 1"] == 2.0
        assert "x of group 1" not in found

    def test_a_number_that_becomes_text_is_gone(self) -> None:
        assert "x of group 1" not in self.changed({"x": 1.0}, {"x": "text"})

    def test_a_number_that_becomes_a_tensor_stays_a_number(self) -> None:
        assert self.changed({"x": 1.0}, {"x": torch.tensor(2.0)})["x of group 1"] == 2.0

    def test_a_number_that_becomes_two_is_two(self) -> None:
        assert self.changed({"x": 1.0}, {"x": [2.0, 3.0]})["x[1] of group 1"] == 3.0

    def test_a_pair_that_becomes_one_number_is_one(self) -> None:
        assert self.changed({"x": [2.0, 3.0]}, {"x": 4.0})["x of group 1"] == 4.0

    def test_a_pair_that_becomes_shorter_is_shorter(self) -> None:
        assert "x[1] of group 1" not in self.changed({"x": [2.0, 3.0]}, {"x": [2.0]})

    def test_a_pair_that_gets_a_none_is_no_pair_of_numbers(self) -> None:
        assert "x[1] of group 1" not in self.changed({"x": [2.0, 3.0]}, {"x": [2.0, None]})

    def test_a_pair_that_becomes_longer_is_longer(self) -> None:
        assert self.changed({"x": [2.0, 3.0]}, {"x": [2.0, 3.0, 4.0]})["x[2] of group 1"] == 4.0

    def test_text_that_becomes_a_number_is_there(self) -> None:
        assert self.changed({"x": "text"}, {"x": 4.0})["x of group 1"] == 4.0

    def test_an_added_group_is_there(self) -> None:
        one, layouts = built(), Layouts()
        reader = Reader(one, layouts)
        read(one, layouts, reader)
        one.optimizer.add_param_group({"params": [parameter(3.0)], "lr": 9.0, "name": "new"})
        row = read(one, layouts, reader)
        assert row.names[:3] == ("lr of group 0", "lr of group 1", "lr of new")
        assert numbers_of(row)["lr of new"] == 9.0
        assert len(tensors_of(row)) == 3


class TestTensors:
    @pytest.mark.parametrize(
        "dtype",
        [torch.float32, torch.float64, torch.float16, torch.bfloat16, torch.complex64],
        ids=str,
    )
    def test_weights_of_any_kind_are_read_bit_for_bit(self, dtype: torch.dtype) -> None:
        values = parameter(0.1, -2.5, 3e-5, dtype=dtype)
        row = read(built(values))
        expected = values.detach().view(torch.uint8).numpy().tobytes()
        assert tensors_of(row) == {"p0": expected}

    @pytest.mark.parametrize(
        "values",
        [
            torch.zeros(0),
            torch.zeros(0, 3, dtype=torch.bfloat16),
            torch.tensor(4.0),
            torch.tensor(4.0, dtype=torch.bfloat16),
            torch.arange(6.0).reshape(2, 3).T,
            torch.ones(1).expand(3),
        ],
        ids=["empty", "empty bfloat16", "scalar", "scalar bfloat16", "transposed", "expanded"],
    )
    def test_weights_of_any_shape_are_read(self, values: torch.Tensor) -> None:
        one = built(torch.nn.Parameter(values))
        expected = values.contiguous().reshape(-1).view(torch.uint8).numpy().tobytes()
        assert tensors_of(read(one)) == {"p0": expected}

    @pytest.mark.parametrize(
        "values",
        [torch.ones(2, 3), torch.ones(2, 3, dtype=torch.bfloat16), torch.ones(3, 2).T],
        ids=["plain", "bfloat16", "transposed"],
    )
    def test_a_change_in_place_is_read(self, values: torch.Tensor) -> None:
        one, layouts = built(torch.nn.Parameter(values.clone())), Layouts()
        reader = Reader(one, layouts)
        before = read(one, layouts, reader).tensors
        with torch.no_grad():
            next(one.model.parameters())[1, 2] = 5.0
        after = read(one, layouts, reader).tensors
        assert before != after
        assert after == read(one).tensors

    def test_weights_that_move_in_memory_are_read_where_they_are(self) -> None:
        values = parameter(1.0, 2.0)
        one, layouts = built(values), Layouts()
        reader = Reader(one, layouts)
        read(one, layouts, reader)
        values.data = torch.tensor([7.0, 8.0])
        assert read(one, layouts, reader).tensors == np.array([7, 8], dtype="float32").tobytes()

    def test_optimizer_state_is_told_from_weights(self) -> None:
        values = parameter(1.0, 2.0)
        one, layouts = built(values, kind=torch.optim.Adam), Layouts()
        reader = Reader(one, layouts)
        assert [part.name for part in read(one, layouts, reader).parts] == ["p0"]
        values.grad = torch.ones(2)
        one.optimizer.step()
        parts = read(one, layouts, reader).parts
        assert {part.name: part.is_weight for part in parts} == {
            "p0": True,
            "step of p0": False,
            "exp_avg of p0": False,
            "exp_avg_sq of p0": False,
        }

    def test_a_tensor_that_is_replaced_in_the_state_is_read(self) -> None:
        values = parameter(1.0)
        one, layouts = built(values), Layouts()
        reader = Reader(one, layouts)
        for number in (3.0, 4.0):
            one.optimizer.state[values] = {"buffer": torch.tensor([number])}
            assert tensors_of(read(one, layouts, reader))["buffer of p0"] == struct.pack("<f", number)

    def test_parameters_that_the_model_does_not_name_are_counted(self) -> None:
        one = built(names={})
        assert list(tensors_of(read(one))) == ["parameter 1 without a name", "parameter 2 without a name"]


class TestSchedulerState:
    @pytest.mark.parametrize(
        "state",
        [
            {"a": 1, "b": [1.5, None, True], "c": {"d": ("x", 2)}},
            {1: "a", 2: {"b": math.inf}},
            {"huge": 10**400},
            {},
            None,
        ],
        ids=repr,
    )
    def test_plain_data_is_kept_as_it_is(self, state: Any) -> None:
        assert state_of(read(built(scheduler=Held(state)))) == state

    @pytest.mark.parametrize(
        ("value", "expected"),
        [
            (torch.tensor([1.0, 2.5]), [1.0, 2.5]),
            (torch.tensor(3), 3),
            (collections.Counter({4: 2}), {4: 2}),
            (collections.OrderedDict(a=1), {"a": 1}),
            ({"deep": [torch.tensor(1.5)]}, {"deep": [1.5]}),
            (object(), "object"),
            (len, "builtin_function_or_method"),
        ],
        ids=["tensor", "whole tensor", "Counter", "OrderedDict", "deep", "object", "function"],
    )
    def test_objects_become_plain_data(self, value: Any, expected: Any) -> None:
        assert state_of(read(built(scheduler=Held({"it": value, "object": torch.tensor(0)})))) == {
            "it": expected,
            "object": 0,
        }

    @pytest.mark.parametrize(
        "kind",
        [
            np.float64,
            np.float32,
            np.int64,
            np.bool_,
        ],
    )
    def test_numbers_of_numpy_beside_an_object_become_plain_numbers(self, kind: Any) -> None:
        state = {"x": kind(1), "object": torch.tensor(0)}
        assert state_of(read(built(scheduler=Held(state))))["x"] == 1

    def test_a_huge_whole_number_beside_an_object_is_no_crash(self) -> None:
        state = {"huge": 10**400, "object": torch.tensor(0)}
        assert state_of(read(built(scheduler=Held(state))))["huge"] == 10**400

    def test_equal_sets_beside_an_object_are_equal_data(self) -> None:
        one, other = ({"x": set(numbers), "object": torch.tensor(0)} for numbers in ([0, 8], [8, 0]))
        states = [state_of(read(built(scheduler=Held(state)))) for state in (one, other)]
        assert same(*states)

    def test_equal_states_are_equal_bytes_however_their_objects_are_shared(self) -> None:
        shared = [1000.5, 2000.5]
        apart = [list(shared), [*shared]]
        rows = [read(built(scheduler=Held({"x": x}))) for x in ([shared, shared], apart)]
        assert rows[0].state == rows[1].state

    def test_a_scheduler_without_a_state_is_read_all_the_same(self) -> None:
        class Stateless:
            pass

        assert state_of(read(built(scheduler=Stateless()))) is None


def recorded(folder: Path, rows: list[bytes], layouts: Layouts) -> Recording:
    writer = RecordingWriter(folder, layouts)
    for row in rows:
        writer.add(row)
    writer.finish()
    return Recording(folder)


def test_a_recording_gives_back_its_rows_by_update(tmp_path: Path) -> None:
    layouts = Layouts()
    number = layouts.number_of_numbers(("lr of a",))
    parts = layouts.number_of_tensors((TensorPart("w", is_weight=True, dtype="float32", size=3),))
    rows = [row_bytes((number, struct.pack("<d", n)), (parts, b"abc"), b"state" * n) for n in range(1, 8)]
    with recorded(tmp_path, rows, layouts) as recording:
        assert len(recording) == 7
        assert recording.block(3, 3) == rows[2]
        assert recording.block(2, 7) == b"".join(rows[1:])
        assert list(recording.rows(5, 7)) == rows[4:]
        row = row_of(recording.block(4, 4), recording.layouts)
    assert row == Row(
        ("lr of a",),
        struct.pack("<d", 4),
        (TensorPart("w", is_weight=True, dtype="float32", size=3),),
        b"abc",
        b"state" * 4,
    )
    assert lr_bytes(rows[3], 1) == struct.pack("<d", 4)


def test_layouts_are_numbered_in_the_order_of_their_first_use() -> None:
    layouts = Layouts()
    assert [layouts.number_of_numbers(names) for names in [("a",), ("b",), ("a",), ()]] == [0, 1, 0, 2]
    part = TensorPart("w", is_weight=True, dtype="float32", size=4)
    assert [layouts.number_of_tensors(parts) for parts in [(part,), (), (part,)]] == [0, 1, 0]
