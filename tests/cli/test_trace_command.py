"""``lrsched trace``: the numbers, step by step."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from command_line import run, written

GOLDEN = Path(__file__).parents[1] / "golden"
SMALL = """
name: small
batch_size: [{until: 2, size: 16}, 64]
param_groups:
- {name: a, lr: 1}
- {name: "b, c", lr: 0.5, scheduler: {warmup_steps: 0}}
scheduler: {warmup_steps: 2, T_0: 2, T_mult: 1, batch_size_mode: linear}
steps: 6
"""


def schedule_of(golden: dict[str, Any]) -> dict[str, Any]:
    plan = golden["batch_size"]
    if isinstance(plan, list):
        plan = [{"size": size} if until is None else {"until": until, "size": size} for until, size in plan]
    return {
        "name": golden["name"],
        "steps": golden["steps"],
        "batch_size": plan,
        "param_groups": [{"name": f"lr_{index}", "lr": lr} for index, lr in enumerate(golden["lrs"])],
        "scheduler": {**golden["scheduler"], "custom_lambda": golden["custom_lambda"]},
    }


def table(text: str, delimiter: str = ",") -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text), delimiter=delimiter))


def small(*arguments: str) -> str:
    Path("small.yaml").write_text(SMALL)
    result = run("trace", "small.yaml", *arguments)
    assert (result.code, result.err) == (0, "")
    return result.out


@pytest.mark.parametrize("name", sorted(path.stem for path in GOLDEN.glob("*.json")))
def test_a_trace_is_the_golden_one_to_the_last_bit(name: str) -> None:
    golden = json.loads((GOLDEN / f"{name}.json").read_text())
    Path("s.yaml").write_text(yaml.safe_dump(schedule_of(golden)))
    assert run("trace", "s.yaml", "--factors").code == 0
    groups = [f"lr_{index}" for index in range(len(golden["lrs"]))]
    expected = table((GOLDEN / f"{name}.csv").read_text())
    for group in groups:
        columns = {"step": "step", f"scale.{group}": "lr_scale"}
        columns |= {f"{key}.{group}": key for key in ("T_i", "T_cur", "cycle")}
        columns |= {f"lr.{one}": one for one in groups}
        rows = table(Path("outputs", f"{name}.csv").read_text())
        found = [{there: row[here] for here, there in columns.items()} for row in rows]
        assert found == expected


def test_the_trace_goes_to_a_file_and_its_path_is_printed() -> None:
    assert small() == "outputs/small.csv\n"
    assert list(written()) == ["small.csv"]


def test_the_trace_goes_to_stdout_when_asked() -> None:
    assert (
        small("--out", "-")
        == """\
step,batch_size,lr.a,"lr.b, c",scale.a,"scale.b, c"
0,,1.0,0.5,1.0,1.0
1,16,0.42500000000000004,0.21250000000000002,0.125,0.125
2,16,0.65,0.31825000000000003,0.25,0.2425
3,64,1.1,0.5365,0.5,0.485
4,64,1.946,0.9468099999999999,0.97,0.9409
5,64,1.073,0.523405,0.485,0.47045
6,64,1.8936199999999999,0.9214057,0.9409,0.912673
"""
    )
    assert written() == {}


def test_the_factors_and_the_cycle_state_are_added_when_asked() -> None:
    rows = table(small("--factors", "--out", "-"))
    groups = ["a", "b, c"]
    keys = [f"{key}.{group}" for key in ("lr", "scale") for group in groups]
    own = ("warmup", "cosine", "decay", "custom", "cycle", "T_cur", "T_i")
    header = list(rows[0])
    assert header.count("batch") == 1
    header.remove("batch")
    assert header == ["step", "batch_size", *keys, *(f"{key}.{group}" for group in groups for key in own)]
    first = {key: rows[0][key] for key in ("batch", "warmup.a", "custom.a", "cycle.a", "T_cur.a", "T_i.a")}
    assert list(first.values()) == ["", "", "", "0", "0", "2"]
    second = {
        key: rows[5][key] for key in ("batch", "warmup.a", "cosine.a", "decay.a", "custom.a", "cycle.a")
    }
    assert list(second.values()) == ["1.0", "1.0", "0.5", "0.97", "1.0", "1"]


def test_the_factors_multiply_to_the_scale() -> None:
    for row in table(small("--factors", "--out", "-"))[1:]:
        product = float(row["batch"])
        for factor in ("warmup", "cosine", "decay", "custom"):
            product *= float(row[f"{factor}.a"])
        assert repr(product) == row["scale.a"]


@pytest.mark.parametrize(
    ("every", "steps"),
    [("1", [0, 1, 2, 3, 4, 5, 6]), ("5", [0, 2, 4, 5, 6]), ("1000000", [0, 2, 4, 6])],
)
def test_every_keeps_the_ends_and_the_turning_points(every: str, steps: list[int]) -> None:
    text = "name: s\nscheduler: {warmup_steps: 2, T_0: 2, T_mult: 1}\nsteps: 6\n"
    Path("s.yaml").write_text(text)
    rows = table(run("trace", "s.yaml", "--every", every, "--out", "-").out)
    assert [int(row["step"]) for row in rows] == steps


def test_a_tsv_has_tabs() -> None:
    assert small("--out", "t.tsv") == "t.tsv\n"
    assert table(Path("t.tsv").read_text(), "\t") == table(small("--out", "-"))


def test_a_json_file_has_the_columns_of_the_csv() -> None:
    assert small("--out", "t.json") == "t.json\n"
    document = json.loads(Path("t.json").read_text())
    assert (document["name"], document["groups"]) == ("small", ["a", "b, c"])
    rows = table(small("--out", "-"))
    for name, column in document["columns"].items():
        assert ["" if value is None else str(value) for value in column] == [row[name] for row in rows]


def test_json_is_one_document_on_stdout() -> None:
    document = json.loads(small("--json", "--every", "3"))
    assert document["columns"]["step"] == [0, 2, 3, 4, 6]
    assert document["columns"]["batch_size"][0] is None
    assert written() == {}


def test_json_and_a_file_may_be_asked_for_together() -> None:
    document = json.loads(small("--json", "--out", "t.csv"))
    assert [str(step) for step in document["columns"]["step"]] == [
        row["step"] for row in table(Path("t.csv").read_text())
    ]


def test_a_folder_gets_the_name_of_the_schedule() -> None:
    assert small("--out", "traces/new") == "traces/new/small.csv\n"
    assert Path("traces/new/small.csv").is_file()


def test_the_same_command_writes_the_same_bytes() -> None:
    small()
    first = written()
    small()
    assert written() == first


def test_steps_may_be_overridden() -> None:
    assert len(small("--steps", "3", "--out", "-").splitlines()) == 1 + 4


def test_settings_may_be_overridden() -> None:
    rows = table(small("--set", "param_groups.b, c.lr=8", "--set", "steps=1", "--out", "-"))
    assert (rows[0]["lr.a"], rows[0]["lr.b, c"]) == ("1.0", "8.0")
    assert len(rows) == 2


def test_a_dash_reads_standard_input() -> None:
    result = run("trace", "-", "--out", "-", stdin=SMALL.encode())
    assert (result.code, result.out) == (0, small("--out", "-"))


def test_a_shipped_schedule_goes_by_its_name_in_an_empty_folder() -> None:
    assert run("trace", "default").out == "outputs/default.csv\n"
    assert len(written()["default.csv"].splitlines()) == 1 + 3001


def test_a_trusted_function_is_a_factor() -> None:
    Path("halving_for_trace.py").write_text("def factor(step): return 0.5\n")
    text = "steps: 1\nscheduler: {warmup_steps: 0, custom_lambda: {import: 'halving_for_trace:factor'}}\n"
    Path("s.yaml").write_text(text)
    result = run("trace", "s.yaml", "--trust", "--factors", "--out", "-")
    assert table(result.out)[1]["custom.default"] == "0.5"
