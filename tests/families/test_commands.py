"""Every scheduler of torch and transformers runs through every command that reads a schedule."""

from __future__ import annotations

import csv
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import torch_cases
import transformers_cases
from plain_training import OPTIMIZERS, Case, optimizer_of, train

from lrsched_cli.core.families.transformers import PREFIX

sys.path.append(str(Path(__file__).resolve().parent.parent / "cli"))

from command_line import run, written

if TYPE_CHECKING:
    from plain_training import Plain

GROUPS = ("trunk", "head", "rest")
PNG = b"\x89PNG\r\n"
SAVE_AT = 7
CONSTANT = "scheduler: {type: ConstantLR, factor: 1}\n"
ONE_OF_EACH: dict[str, Case] = {
    **{kind: cases[0] for kind, cases in torch_cases.CASES.items()},
    # Those of "constant" differ in their length alone.
    **{PREFIX + name: cases[-1] for name, cases in transformers_cases.CASES.items()},
}
each_kind = pytest.mark.parametrize("kind", ONE_OF_EACH)


def file_of(case: Case) -> Path:
    path = Path("it.yaml")
    text = f"steps: {case.updates}\n{OPTIMIZERS['SGD']}scheduler: {case.section}\n"
    path.write_text(text, encoding="utf-8")
    return path


def plain(case: Case) -> Plain:
    return train(case, optimizer_of("SGD"))


def done(*arguments: str | Path) -> str:
    """What a command prints that must succeed."""
    result = run(*arguments)
    assert (result.code, result.err) == (0, "")
    return result.out


def document(*arguments: str | Path) -> Any:
    return json.loads(done(*arguments, "--json"))


@each_kind
def test_plot_draws_it_and_writes_its_numbers(kind: str) -> None:
    case = ONE_OF_EACH[kind]
    out = done("plot", file_of(case), "--dpi", "60").splitlines()
    assert out[-2:] == ["outputs/it.png", "outputs/it.csv"]
    files = written()
    assert set(files) == {"it.png", "it.csv"}
    assert files["it.png"].startswith(PNG)
    rows = list(csv.DictReader(files["it.csv"].decode().splitlines()))
    assert [[float(row[f"lr.{group}"]) for group in GROUPS] for row in rows] == plain(case).lrs


@each_kind
def test_show_tells_where_each_group_starts_peaks_and_ends(kind: str) -> None:
    case = ONE_OF_EACH[kind]
    path = file_of(case)
    expected = plain(case)
    used = expected.lrs[:-1]
    shown = {one["name"]: one for one in document("show", path)["groups"]}
    for group, name in enumerate(GROUPS):
        lrs = [row[group] for row in used]
        assert shown[name]["base_lr"] == expected.base_lrs[group]
        assert (shown[name]["first"]["lr"], shown[name]["final"]["lr"]) == (lrs[0], lrs[-1])
        assert (shown[name]["peak"]["lr"], shown[name]["minimum"]["lr"]) == (max(lrs), min(lrs))
        assert shown[name]["peak"]["step"] == lrs.index(max(lrs))
    assert done("show", path).startswith(f"it: {case.updates} scheduler steps\n")


@each_kind
def test_trace_prints_every_row(kind: str) -> None:
    case = ONE_OF_EACH[kind]
    rows = list(csv.DictReader(done("trace", file_of(case), "--out", "-").splitlines()))
    assert [int(row["step"]) for row in rows] == list(range(case.updates + 1))
    assert [[float(row[f"lr.{group}"]) for group in GROUPS] for row in rows] == plain(case).lrs


@each_kind
def test_compare_finds_it_equal_to_itself_and_tells_where_it_leaves_the_base_lrs(kind: str) -> None:
    case = ONE_OF_EACH[kind]
    path = file_of(case)
    Path("again.yaml").write_text(path.read_text(encoding="utf-8"), encoding="utf-8")
    same = document("compare", path, "again.yaml", "--expect-equal", "--dpi", "60")
    assert same["equal"] is True
    Path("flat.yaml").write_text(f"steps: {case.updates}\n{OPTIMIZERS['SGD']}{CONSTANT}", encoding="utf-8")
    result = run("compare", path, "flat.yaml", "--expect-equal", "--json", "--dpi", "60")
    flat = [0.1, 0.02, 0.3]
    differing = [row for row, lrs in enumerate(plain(case).lrs) if lrs != flat]
    found = json.loads(result.out)
    assert (result.code, found["equal"]) == ((1, False) if differing else (0, True))
    assert written()[Path(found["files"][0]).name].startswith(PNG)
    (pair,) = found["pairs"]
    firsts = [one["first_step"] for one in pair["groups"] if one["first_step"] is not None]
    assert firsts == [] if not differing else min(firsts) == differing[0]


@each_kind
def test_verify_resume_restores_it_in_a_new_process(kind: str) -> None:
    case = ONE_OF_EACH[kind]
    found = document("verify-resume", file_of(case), "--save-at", str(SAVE_AT))
    assert found["identical"] is True
    assert found["fresh_process"] is True
    assert found["scheduler"] == kind
    (result,) = found["results"]
    assert (result["save_at"], result["updates"]) == (SAVE_AT, case.updates - SAVE_AT)
