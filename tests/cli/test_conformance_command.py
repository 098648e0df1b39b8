"""``lrsched conformance`` on the command line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from command_line import run
from torch.optim import lr_scheduler

from lrsched_cli.core.families.family import Example
from lrsched_cli.core.families.torch_optim import TorchFamily
from lrsched_cli.report.conformance_text import BEGIN, END


def test_some_types_are_checked_and_told() -> None:
    result = run("conformance", "Exp*", "SWALR")
    assert (result.code, result.err) == (0, "")
    lines = result.out.splitlines()
    assert lines[0].startswith("2 configurations, by torch ")
    assert [line.split(": ")[0] for line in lines if line.startswith(("Exp", "SWALR"))] == [
        "ExponentialLR",
        "SWALR",
    ]
    assert lines[-1] == "All 2 continue exactly where the scheduler is built, then both states loaded."


def test_json_is_one_document_with_a_verdict_for_every_recipe() -> None:
    result = run("conformance", "StepLR", "--recipe", "last-epoch", "--recipe", "replay", "--json")
    document = json.loads(result.out)
    assert (result.code, document["identical"], document["no_example"]) == (0, True, [])
    assert document["recipes"] == ["complete", "replay", "last-epoch"]
    (row,) = document["configurations"]
    assert (row["family"], row["type"], row["settings"]) == ("torch", "StepLR", ["step_size 5", "gamma 0.5"])
    assert row["verdicts"]["complete"] == {"outcome": "exact", "largest": None, "wrong_at": []}
    assert row["verdicts"]["last-epoch"] == {"outcome": "permanent", "largest": 0.025, "wrong_at": [5, 20]}
    assert {one["name"] for one in document["libraries"]} == {"lrsched", "torch", "transformers"}


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["StepRL"], "lrsched: StepRL: no scheduler has such a type; did you mean StepLR?"),
        (["StepLR", "--recipe", "reply"], "lrsched: --recipe reply: no such recipe; did you mean replay?"),
        (["StepLR", "--out", "m.txt"], "lrsched: --out m.txt: the name must end in .md, or be a folder"),
        (["StepLR", "--out", "-"], "lrsched: --out -: this goes to a file"),
    ],
)
def test_what_cannot_be_run_ends_with_two(arguments: list[str], said: str) -> None:
    result = run("conformance", *arguments)
    assert (result.code, result.out) == (2, "")
    assert result.err.startswith(said)
    assert list(Path().iterdir()) == []


def test_a_new_page_gets_the_marks_and_is_made_anew_between_them() -> None:
    result = run("conformance", "StepLR", "--out", "m.md")
    assert (result.code, result.out.splitlines()[-1]) == (0, "m.md")
    page = Path("m.md").read_text(encoding="utf-8")
    assert page.startswith(f"{BEGIN}\nMeasured with torch ")
    assert page.endswith(f"{END}\n")
    Path("m.md").write_text(f"# Mine\n{page}and more\n")
    assert run("conformance", "SWALR", "--out", "m.md", "--json").code == 0
    changed = Path("m.md").read_text(encoding="utf-8")
    assert changed.startswith(f"# Mine\n{BEGIN}\n")
    assert changed.endswith(f"{END}\nand more\n")
    assert "`SWALR`" in changed
    assert "`StepLR`" not in changed


@pytest.mark.parametrize("content", [b"# Mine, without marks\n", b"\xff\xfe\x00"])
def test_a_page_without_a_place_for_it_is_left_as_it_is(content: bytes) -> None:
    Path("mine.md").write_bytes(content)
    result = run("conformance", "StepLR", "--out", "mine.md")
    assert (result.code, result.out) == (2, "")
    assert result.err.startswith("lrsched: mine.md: ")
    assert Path("mine.md").read_bytes() == content


def test_a_type_that_does_not_continue_exactly_ends_with_one(monkeypatch: pytest.MonkeyPatch) -> None:
    def without_its_place(self: lr_scheduler.StepLR) -> dict[str, object]:
        return {key: value for key, value in vars(self).items() if key not in {"optimizer", "last_epoch"}}

    monkeypatch.setattr(lr_scheduler.StepLR, "state_dict", without_its_place)
    result = run("conformance", "StepLR", "ExponentialLR", "--recipe", "complete")
    assert (result.code, result.err) == (1, "")
    first, second = result.out.splitlines()[-2:]
    assert first == "1 of 2 do not continue exactly after a complete restore:"
    assert second.startswith("  StepLR: step_size 5, gamma 0.5: late 0.05")


def test_a_type_that_cannot_be_run_ends_with_one_and_the_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    broken = [Example({"type": "OneCycleLR", "max_lr": 0.1, "total_steps": 20})]
    monkeypatch.setattr(TorchFamily, "examples", lambda _: broken)
    result = run("conformance", "OneCycleLR", "--recipe", "complete")
    assert (result.code, result.err) == (1, "")
    assert "OneCycleLR: max_lr 0.1, total_steps 20: cannot be run: scheduler: OneCycleLR fails" in result.out
