"""``lrsched clock``: the ledger of a run, and what another batch plan changes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from command_line import run, written

SMALL = """\
name: small
steps: {epochs: 4, dataset_size: 100, tokens_per_sample: 10}
batch_size: {per_device: 4, devices: 3, accumulate: 2}
loop: scheduler-first
scheduler: {warmup_steps: 1ep, T_0: 50%, eta_scal_min: 0.0, eta_scal_max: 1.0, base_batch_size: 24}
"""

LEDGER = """\
The batch plan
updates  batch size  per_device  devices  accumulate
────────────────────────────────────────────────────
1 to 20          24           4        3           2

An epoch
at updates  micro-batches (each device)  updates  samples  repeated  dropped
────────────────────────────────────────────────────────────────────────────
   1 to 20                            9        5      102         2        0
100 samples in the data set · drop_last no · sampler_drop_last no · partial_accumulation update

In all
                               run
──────────────────────────────────
updates                         20
epochs                           4
samples                        408
tokens                       4,080
micro-batches (each device)     36
repeated by the sampler          8
dropped by the sampler           0
dropped by the loader            0
read for no update               0

Counts in other units
setting                 written  steps
──────────────────────────────────────
steps                       4ep     20
scheduler.warmup_steps      1ep      5
scheduler.T_0               50%     10

Where the schedule turns
turn          update  % of run  epochs  samples  tokens
───────────────────────────────────────────────────────
warm-up ends       5       25%       1      102   1,020
restart 1         15       75%       3      306   3,060
the end           20      100%       4      408   4,080
"""

CHANGE = """\
In all
                               now    new
─────────────────────────────────────────
updates                         20     12
epochs                           4      4
samples                        408    408
tokens                       4,080  4,080
micro-batches (each device)     36     20
"""


@pytest.fixture(autouse=True)
def small() -> None:
    Path("small.yaml").write_text(SMALL)


def test_the_ledger_of_a_run() -> None:
    result = run("clock", "small.yaml")
    assert (result.code, result.err) == (0, "")
    assert result.out == LEDGER
    assert not Path("outputs").exists()


def test_what_is_rounded_says_so() -> None:
    text = "steps: {samples: 100}\nbatch_size: 8\nscheduler: {T_0: 10%}\n"
    Path("s.yaml").write_text(text)
    assert "steps            100sa  13 (rounded up)\n" in run("clock", "s.yaml").out
    Path("s.yaml").write_text(text.replace("100}", "100, rounding: nearest}"))
    assert "steps            100sa  13 (the nearest)\n" in run("clock", "s.yaml").out


def test_a_plain_schedule_is_counted_in_steps() -> None:
    out = run("clock", "no-warmup").out
    assert "epochs" not in out.partition("Where the schedule turns")[0]
    assert "the end" in out


def test_a_changed_plan_stands_beside_the_present_one() -> None:
    result = run("clock", "small.yaml", "--devices", "6")
    assert (result.code, result.err) == (0, "")
    assert CHANGE in result.out
    assert result.out.endswith("outputs/clock-small.png\n")
    assert written().keys() == {"clock-small.png"}


@pytest.mark.parametrize(
    ("options", "size", "updates"),
    [
        (["--devices", "6"], 48, 12),
        (["--per-device", "8"], 48, 12),
        (["--accumulate", "4"], 48, 12),
        (["--devices", "6", "--accumulate", "1"], 24, 20),
        (["--set", "batch_size.devices=6"], 48, 12),
        (["--set", "batch_size=100"], 100, 4),
        (["--set", "steps.epochs=2", "--devices", "6"], 48, 6),
        (["--steps", "7", "--devices", "6"], 48, 7),
    ],
)
def test_any_part_of_the_plan_can_change(options: list[str], size: int, updates: int) -> None:
    result = run("clock", "small.yaml", *options, "--json")
    new = json.loads(result.out)["new"]
    assert (new["phases"][-1]["size"], new["run"]["update"]) == (size, updates)


def test_the_lrs_of_the_three_rules_stand_side_by_side() -> None:
    result = run("clock", "small.yaml", "--devices", "6")
    lines = [line.rstrip() for line in result.out.partition("LRs by")[2].splitlines()]
    assert [line.split()[-6:-1] for line in lines[3:6]] == [
        ["1", "2", "1e-3", "2e-3", "2"],
        ["1", "1.414", "1e-3", "1.414e-3", "1.414"],
        ["1", "1.707", "1e-3", "1.707e-3", "1.707"],
    ]
    assert "sqrt*" in lines[4]
    assert lines[6] == "* the file's rule"


def test_a_changed_rule_and_the_files_are_marked_apart() -> None:
    out = run("clock", "small.yaml", "--set", "scheduler.batch_size_mode=blend").out
    assert "\n* the file's rule · † the rule with the changes\n" in out
    assert " blend† " in out


def test_without_a_batch_size_there_is_no_table_of_rules() -> None:
    Path("s.yaml").write_text("steps: 30\nscheduler: {warmup_steps: 10%}\n")
    result = run("clock", "s.yaml", "--set", "scheduler.gamma=0.5")
    assert (result.code, result.err) == (0, "")
    assert "LRs by each batch rule" not in result.out
    assert result.out.endswith("\n\noutputs/clock-s.png\n")
    assert json.loads(run("clock", "s.yaml", "--set", "steps=20", "--json").out)["rules"] == []


def test_a_group_whose_lr_is_0_has_no_ratio() -> None:
    Path("s.yaml").write_text(SMALL + "param_groups: [{name: frozen, lr: 0}]\n")
    (line,) = [one for one in run("clock", "s.yaml", "--devices", "6").out.splitlines() if "frozen" in one]
    assert line.split() == ["frozen", "linear", "1", "2", "0", "0", "-", "0"]


def test_the_ledger_as_json() -> None:
    result = run("clock", "small.yaml", "--json")
    found = json.loads(result.out)
    assert found["run"] == {"update": 20, "share": 1, "epochs": 4, "samples": 408, "tokens": 4080}
    assert found["phases"][0]["epoch"]["dropped"] == 0
    assert found["counts"][1] == {
        "key": "scheduler.warmup_steps",
        "written": "1ep",
        "steps": 5,
        "exact": True,
    }
    assert found["turns"][0] == {
        "what": "warm-up ends",
        "groups": [],
        "update": 5,
        "share": 0.25,
        "epochs": 1,
        "samples": 102,
        "tokens": 1020,
    }
    assert (found["dataset_size"], found["rounding"]) == (100, "up")


def test_standard_input_can_be_changed_too() -> None:
    result = run("clock", "-", "--devices", "6", "--json", stdin=SMALL.encode())
    found = json.loads(result.out)
    assert (found["now"]["run"]["update"], found["new"]["run"]["update"]) == (20, 12)


def test_the_picture_goes_where_it_is_wanted() -> None:
    result = run(
        "clock", "small.yaml", "--devices", "6", "--out", "there/p.svg", "--log-y", "--dark", "--size", "6x4"
    )
    assert result.out.endswith("there/p.svg\n")
    assert Path("there/p.svg").read_text().startswith("<?xml")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (
            ["default", "--devices", "2"],
            "lrsched: --devices: default gives its batch size as 128; write it as",
        ),
        (["no-warmup", "--accumulate", "2"], "lrsched: --accumulate: no-warmup has no batch_size to change"),
        (["small.yaml", "--devices", "6", "--size", "6"], "lrsched: --size must be WIDTHxHEIGHT in inches"),
        (
            ["small.yaml", "--set", "steps.drop_last=true", "--devices", "1000000000000"],
            "--devices: batch_size.0: an epoch of 100 samples has no update of 8,000,000,000,000",
        ),
        (["small.yaml", "--set", "steps.epochs=2epochs"], "--set:1:14: steps.epochs: is no count of steps"),
    ],
)
def test_what_cannot_be_done_is_refused(arguments: list[str], words: str) -> None:
    result = run("clock", *arguments)
    assert (result.code, result.out) == (2, "")
    assert result.err.startswith(words)
    assert not Path("outputs").exists()
