"""``lrsched check`` as people and hooks call it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from command_line import run

SANE = "steps: 999\nloop: scheduler-first\nscheduler: {warmup_steps: 100, T_0: 300, T_mult: 2}\n"
WARNED = SANE.replace("999", "1000")
WRONG = 'steps: 999\nscheduler: {type: LambdaLR, lr_lambda: "1 - step / 900"}\n'
NOTED = "steps: 999\nscheduler: {type: CosineAnnealingLR, T_max: 999}\n"
INVALID = "steps: many\nshceduler: {}\n"


@pytest.fixture(autouse=True)
def files() -> None:
    for name, text in (
        ("sane", SANE),
        ("warned", WARNED),
        ("wrong", WRONG),
        ("noted", NOTED),
        ("invalid", INVALID),
    ):
        Path(f"{name}.yaml").write_text(text, encoding="utf-8")


@pytest.mark.parametrize(
    ("name", "code", "strict"),
    [
        ("sane", 0, 0),
        ("noted", 0, 0),
        ("warned", 0, 1),
        ("wrong", 1, 1),
        ("invalid", 2, 2),
        ("missing", 2, 2),
    ],
)
def test_the_exit_code_says_how_bad_it_is(name: str, code: int, strict: int) -> None:
    assert run("check", f"{name}.yaml").code == code
    assert run("check", f"{name}.yaml", "--strict").code == strict


def test_a_file_that_cannot_be_checked_does_not_keep_others_from_being() -> None:
    result = run("check", "invalid.yaml", "warned.yaml")
    assert result.code == 2
    assert [line.split(":", 1)[0] for line in result.out.splitlines()] == [
        "invalid.yaml",
        "invalid.yaml",
        "warned.yaml",
        "2 files",
    ]


def test_each_finding_is_a_line_with_its_place_and_the_last_one_counts() -> None:
    result = run("check", "warned.yaml")
    assert result.out == (
        "warned.yaml:1:8: LRS032 warning steps: the run ends 1 update too late, on the peak of restart 2:"
        " the last LR is 1.89e-3, 9.47 × the 2e-4 right before the restart; steps: 999 ends with the"
        " cycle\n1 file: 1 warning\n"
    )
    assert result.err == ""


def test_what_is_ignored_is_counted() -> None:
    Path("ignored.yaml").write_text("# lrsched: ignore LRS032 because so\n" + WARNED, encoding="utf-8")
    result = run("check", "ignored.yaml", "--strict")
    assert (result.code, result.out) == (0, "1 file: nothing found; 1 ignored, with a reason\n")


def test_json_is_one_document() -> None:
    document = json.loads(run("check", "--json", "sane.yaml", "warned.yaml", "invalid.yaml").out)
    assert document["files"] == ["sane.yaml", "warned.yaml", "invalid.yaml"]
    assert document["invalid"] == ["invalid.yaml"]
    assert document["counts"] == {"error": 2, "warning": 1, "note": 0}
    assert [one["code"] for one in document["findings"]] == ["LRS032", "LRS000", "LRS000"]
    assert document == json.loads(
        run("check", "--format", "json", "sane.yaml", "warned.yaml", "invalid.yaml").out
    )


def test_rules_are_selected_and_left_out() -> None:
    assert run("check", "warned.yaml", "--strict", "--ignore", "LRS032").code == 0
    assert run("check", "warned.yaml", "--strict", "--select", "LRS011,LRS032").code == 1
    assert run("check", "warned.yaml", "--strict", "--select", "LRS011", "--select", "LRS031").code == 0
    assert run("check", "invalid.yaml", "--select", "LRS011").code == 2


@pytest.mark.parametrize("option", ["--select", "--ignore"])
def test_a_rule_that_is_not_there_is_told_of(option: str) -> None:
    result = run("check", "sane.yaml", option, "LRS132,LRS134")
    assert (result.code, result.err) == (
        2,
        f"lrsched: {option} LRS134: there is no such rule; did you mean LRS133?\n",
    )
    assert run("check", "sane.yaml", option, "LRS000").code == 2


def test_folders_and_patterns_stand_for_their_schedules() -> None:
    for name in (
        "runs/b.yaml",
        "runs/a.yml",
        "runs/deep/c.yaml",
        "runs/.hidden.yaml",
        "runs/.d/e.yaml",
        "runs/f.txt",
    ):
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Path(name).write_text(SANE, encoding="utf-8")
    in_folder = ["runs/a.yml", "runs/b.yaml", "runs/deep/c.yaml"]

    def checked(*given: str) -> list[str]:
        found: list[str] = json.loads(run("check", "--json", *given).out)["files"]
        return found

    assert checked("runs") == checked("runs/") == in_folder
    assert checked("runs/b.yaml", "runs", "sane.yaml") == [
        "runs/b.yaml",
        "runs/a.yml",
        "runs/deep/c.yaml",
        "sane.yaml",
    ]
    assert checked("runs/*.y*ml") == ["runs/a.yml", "runs/b.yaml"]
    assert checked("**/c.yaml") == ["runs/deep/c.yaml"]
    Path("odd[1].yaml").write_text(SANE, encoding="utf-8")
    assert checked("odd[1].yaml") == ["odd[1].yaml"]


def test_a_folder_or_pattern_without_schedules_is_an_error() -> None:
    Path("empty").mkdir()
    assert run("check", "empty").err == "lrsched: empty: there is no schedule file in this folder\n"
    assert run("check", "nothing*.yaml").err == "lrsched: nothing*.yaml: nothing matches this pattern\n"
    assert run("check", "empty").code == 2


def test_shipped_names_and_standard_input_are_checked_too() -> None:
    assert run("check", "default", "--strict").code == 0
    result = run("check", "-", "--strict", stdin=WARNED.encode())
    assert result.code == 1
    assert result.out.startswith("<stdin>:1:8: LRS032 ")
    ignored = b"# lrsched: ignore LRS032 because so\n" + WARNED.encode()
    assert run("check", "-", "--strict", stdin=ignored).code == 0


def test_overrides_are_checked_at_their_place() -> None:
    result = run("check", "sane.yaml", "--set", "scheduler.gamma=1.5")
    assert result.out.startswith("--set:1:")
    assert "LRS082" in result.out


def test_a_function_of_the_users_own_is_looked_at_only_where_it_is_trusted() -> None:
    Path("mine.py").write_text("def falling(step):\n    return 1 - step / 900\n", encoding="utf-8")
    Path("own.yaml").write_text(
        SANE.replace("T_mult: 2", "T_mult: 2, eta_scal_min: 0, custom_lambda: {import: 'mine:falling'}"),
        encoding="utf-8",
    )
    assert run("check", "own.yaml").code == 2
    result = run("check", "own.yaml", "--trust")
    assert result.code == 1
    assert "LRS022 error scheduler.custom_lambda: the LR is " in result.out


def test_every_step_of_a_long_run_is_looked_at_on_demand() -> None:
    formula = "1 - 3 * (step % 9973 == 77 * 127)"
    text = f'steps: 50000\noptimizer: {{lr: 1}}\nscheduler: {{type: LambdaLR, lr_lambda: "{formula}"}}\n'
    Path("needle.yaml").write_text(text, encoding="utf-8")
    assert "LRS022" not in run("check", "needle.yaml").out
    result = run("check", "needle.yaml", "--every-step")
    assert (result.code, "the LR is -2 at update 9,780" in result.out) == (1, True)


def test_control_characters_of_a_file_do_not_reach_the_terminal() -> None:
    name = "bad\x1b[31m\n.yaml"
    Path(name).write_text(WARNED, encoding="utf-8")
    for output in ("text", "github"):
        out = run("check", name, "--format", output).out
        assert "\x1b" not in out
        assert len(out.splitlines()) == (2 if output == "text" else 1)


SUMMARY = "warned: 1 warning (LRS032); lrsched check tells what and where\n"


@pytest.mark.parametrize("command", ["plot", "show"])
def test_plot_and_show_say_in_a_line_what_check_would_warn_of(command: str) -> None:
    result = run(command, "warned.yaml")
    assert SUMMARY in result.out
    assert result.err == ""
    assert "LRS" not in run(command, "sane.yaml").out + run(command, "noted.yaml").out
    as_json = run(command, "warned.yaml", "--json")
    assert "LRS" not in as_json.out + as_json.err
    json.loads(as_json.out)


def test_with_other_steps_they_warn_of_those() -> None:
    assert "LRS" not in run("show", "warned.yaml", "--steps", "999").out
    assert "LRS031" in run("show", "sane.yaml", "--steps", "800").out


def test_a_reader_that_has_seen_enough_ends_it_quietly() -> None:
    command = [sys.executable, "-m", "lrsched_cli", "check", *["warned.yaml"], "default"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert process.stderr.read() == b""
