"""``lrsched export``: the script, run in another process, trains at the LRs of the schedule, bit for bit."""

from __future__ import annotations

import io
import json
import subprocess
import sys
import tokenize
from pathlib import Path
from typing import Any

import exported_runs
import pytest
import torch
from command_line import run

from lrsched_cli import dry_run, load_schedule
from lrsched_cli.core.families import FAMILIES
from lrsched_cli.core.families.library import LibraryFamily
from lrsched_cli.core.families.library_section import metric_of
from lrsched_cli.core.sections import LibraryScheduler
from lrsched_cli.core.signatures import optimizer_names

GROUPS = [{"name": "one", "lr": 0.1, "match": ["fir*"]}, {"name": "rest", "lr": 0.02}]
EVERY = 4
LENGTH = 40
"""OneCycleLR's examples end there."""


def documents() -> dict[str, dict[str, Any]]:
    """Schedules of every type that there is, and of every optimizer."""
    found: dict[str, dict[str, Any]] = {}
    for family in FAMILIES:
        for number, one in enumerate(family.examples()):
            kind = one.section.get("type", "LRScheduler")
            optimizer = one.optimizer or {"type": "AdamW", "weight_decay": 0.05, "betas": [0.9, 0.95]}
            found[f"{kind}-{number}"] = {
                "steps": min(one.steps, LENGTH),
                "optimizer": optimizer,
                "param_groups": GROUPS,
                "scheduler": dict(one.section),
            }
    for name in optimizer_names():
        found[f"optimizer-{name}"] = {
            "steps": 9,
            "optimizer": {"type": name, "lr": 0.03},
            "scheduler": {"type": "PolynomialLR", "total_iters": 9},
        }
    return {**found, **PARTICULAR}


PARTICULAR: dict[str, dict[str, Any]] = {
    "epochs": {
        "steps": 30,
        "step_every": "epoch",
        "steps_per_epoch": EVERY,
        "scheduler": {"type": "LambdaLR", "lr_lambda": "1 / (1 + step // 2)"},
    },
    "epochs-first": {
        "steps": 30,
        "step_every": "epoch",
        "steps_per_epoch": EVERY,
        "loop": "scheduler-first",
        "scheduler": {"type": "ExponentialLR", "gamma": 0.7},
    },
    "lambdas": {
        "steps": 50,
        "param_groups": GROUPS,
        "scheduler": {"type": "LambdaLR", "lr_lambda": ["0.95 ** step", "1 if step < 9 else cos(step) ** 2"]},
    },
    "nested": {
        "steps": 60,
        "optimizer": {"type": "SGD", "lr": 1, "momentum": 0.9, "nesterov": True},
        "scheduler": {
            "type": "ChainedScheduler",
            "schedulers": [
                {"type": "LambdaLR", "lr_lambda": "min(1, 40 / (step + 1))"},
                {
                    "type": "SequentialLR",
                    "milestones": [8, 40],
                    "schedulers": [
                        {"type": "LinearLR", "start_factor": 0.1, "total_iters": 8},
                        {"type": "CosineAnnealingLR", "T_max": 32, "eta_min": 1e-4},
                        {"type": "transformers.constant_with_warmup", "num_warmup_steps": 3},
                    ],
                },
            ],
        },
    },
    "own-groups": {
        "steps": 300,
        "loop": "scheduler-first",
        "batch_size": [{"until": 100, "size": 32}, {"per_device": 16, "devices": 8}],
        "optimizer": {"type": "AdamW"},
        "param_groups": [
            {**GROUPS[0], "scheduler": {"warmup_steps": 0, "custom_lambda": "1 - step / 1000"}},
            {**GROUPS[1], "weight_decay": 0.0, "scheduler": {"gamma": 0.5, "custom_lambda": None}},
        ],
        "scheduler": {"warmup_steps": 20, "T_0": 50, "custom_lambda": "0.99 ** step"},
    },
    "own-patterns": {  # which only this package understands, so that the script reads the file
        "steps": 30,
        "param_groups": [{"name": "one", "lr": 0.1, "match": ["re:^f.rst$"]}, {"name": "rest", "lr": 0.5}],
        "scheduler": {"type": "ExponentialLR", "gamma": 0.9},
    },
}
DOCUMENTS = documents()


def arguments_of(name: str) -> list[list[float]]:
    """What the scheduler's ``step`` is called with, step by step."""
    schedule = load_schedule(f"{name}.yaml")
    if isinstance(schedule.scheduler, LibraryScheduler):
        if schedule.scheduler.metric is None:
            return [[]]
        metric = metric_of(schedule)
        return [[metric(step)] for step in range(1, schedule.total_steps + 1)]
    return [[size] if size else [] for size in schedule.batch_plan.sizes_until(schedule.total_steps)]


def in_another_process(scripts: dict[str, dict[str, Any]], *, plain: bool) -> dict[str, Any]:
    jobs = [
        {
            "name": name,
            "script": f"{name}.py",
            "steps": document["steps"],
            "loop": document.get("loop", "optimizer-first"),
            "steps_per_epoch": document.get("steps_per_epoch", 1),
            "arguments": arguments_of(name),
        }
        for name, document in scripts.items()
    ]
    Path("jobs.json").write_text(json.dumps({"plain": plain, "jobs": jobs}))
    command = [sys.executable, exported_runs.__file__, "jobs.json"]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def exported(name: str, document: dict[str, Any]) -> bool:
    """Write a schedule and its script; whether the script is plain."""
    Path(f"{name}.yaml").write_text(json.dumps(document))
    result = run("export", f"{name}.yaml")
    assert result.code == 0, result.err
    Path(f"{name}.py").write_text(result.out)
    return "lrsched_cli" not in result.out


@pytest.fixture(autouse=True)
def import_path_as_before(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "path", list(sys.path))


def differences(name: str, rows: list[list[dict[str, Any]]]) -> list[str]:
    """What the training had otherwise than the dry run: nothing, where both agree in every bit."""
    trace = dry_run(load_schedule(f"{name}.yaml"))
    planned = {"lr": trace.lr, **trace.settings}
    wrong = []
    for key in {*planned, *rows[0][0]}:
        setting, _, index = key.partition("[")
        had = [[group[setting] for group in row] for row in rows]
        if index:
            had = [[values[int(index.rstrip("]"))] for values in row] for row in had]
        elif f"{key}[0]" in planned:
            continue
        if had != (planned[key].tolist() if key in planned else [had[0]] * len(rows)):
            wrong.append(f"{name}: {key}")
    return wrong


def test_scripts_of_every_type_train_as_planned_without_this_package() -> None:
    plain = {name: one for name, one in DOCUMENTS.items() if exported(name, one)}
    own = {name for name in DOCUMENTS if name.startswith(("LRScheduler", "own"))}
    assert plain.keys() == DOCUMENTS.keys() - own
    types = {name for family in FAMILIES if isinstance(family, LibraryFamily) for name in family.names()}
    assert types <= {one["scheduler"]["type"] for one in plain.values()}
    rows = in_another_process(plain, plain=True)
    assert [wrong for name in plain for wrong in differences(name, rows[name])] == []
    one_cycle = rows[next(name for name in plain if name.startswith("OneCycleLR"))]
    assert one_cycle[0][0]["momentum"] != one_cycle[9][0]["momentum"]  # not only LRs were compared


def test_scripts_that_need_this_package_import_it_and_say_what_for() -> None:
    own = {name: one for name, one in DOCUMENTS.items() if name.startswith(("LRScheduler", "own"))}
    assert not any(exported(name, one) for name, one in own.items())
    rows = in_another_process(own, plain=False)
    assert [wrong for name in own for wrong in differences(name, rows[name])] == []
    reads_the_file = {
        name for name in own if f'load_schedule("{name}.yaml")' in Path(f"{name}.py").read_text()
    }
    assert reads_the_file == {"own-patterns"}
    assert "(pip install lrsched-cli) for LRScheduler." in Path("own-groups.py").read_text()
    assert "(pip install lrsched-cli) for re: patterns." in Path("own-patterns.py").read_text()


def test_rules_for_param_groups_stay_in_the_file() -> None:
    Path("s.yaml").write_text("steps: 9\nno_weight_decay: {dims_below: 2}\n")
    result = run("export", "s.yaml", "--set", "optimizer.weight_decay=0.5")
    assert 'SCHEDULE = load_schedule("s.yaml", overrides=["optimizer.weight_decay=0.5"])' in result.out
    names: dict[str, Any] = {}
    exec(result.out, names)  # noqa: S102 - what is tested
    optimizer = names["build_optimizer"](torch.nn.Linear(2, 2))
    decays = {
        tuple(one.shape): group["weight_decay"] for group in optimizer.param_groups for one in group["params"]
    }
    assert decays == {(2, 2): 0.5, (2,): 0.0}
    assert names["build_scheduler"](optimizer).get_last_lr() == [1e-3, 1e-3]
    piped = run("export", "-", stdin=Path("s.yaml").read_bytes())
    assert (piped.code, piped.out) == (2, "")
    assert "give it by its path" in piped.err


def test_an_optimizer_of_the_users_own_is_imported_by_the_script() -> None:
    Path("mine_too.py").write_text("import torch\nclass Own(torch.optim.SGD):\n    pass\n")
    Path("s.yaml").write_text(
        "steps: 9\noptimizer: {type: 'mine_too:Own', lr: 0.5}\nscheduler: {type: StepLR, step_size: 3}\n"
    )
    result = run("export", "s.yaml", "--trust")
    assert "from mine_too import Own\n" in result.out
    assert "return Own(model.parameters(), lr=0.5)" in result.out
    assert "import torch\n" not in result.out


def test_code_of_the_users_own_is_imported_by_the_script() -> None:
    Path("exported_mine.py").write_text(
        "from torch.optim.lr_scheduler import LambdaLR\n"
        "def half(step): return 0.5 ** step\n"
        "class StepLR(LambdaLR):\n"
        "    def __init__(self, optimizer, rate, **more):\n"
        "        super().__init__(optimizer, lambda step: rate ** step)\n"
    )
    sections = [
        {"type": "exported_mine:StepLR", "rate": 0.9, "x) + evil(": 1},
        {"type": "StepLR", "step_size": 3},
    ]
    chained = {"type": "ChainedScheduler", "schedulers": sections}
    document = {"steps": 9, "optimizer": {"type": "SGD"}, "scheduler": chained}
    Path("s.yaml").write_text(json.dumps(document))
    result = run("export", "s.yaml", "--trust")
    assert (result.code, result.err) == (0, "")
    assert "from exported_mine import StepLR\n" in result.out
    assert "torch.optim.lr_scheduler.StepLR(optimizer, step_size=3)" in result.out
    assert '**{"x) + evil(": 1}' in result.out
    lambdas = {"type": "LambdaLR", "lr_lambda": {"import": "exported_mine:half"}}
    Path("s.yaml").write_text(json.dumps({**document, "scheduler": lambdas}))
    assert "lr_lambda=half" in run("export", "s.yaml", "--trust").out
    assert run("export", "s.yaml").code == 2


def test_nothing_in_a_file_becomes_code() -> None:
    evil = '"""\nimport os; os.system("touch pwned") #'
    group = {"name": "a'\\\"b", "match": ["'); evil('"], "lr": 1}
    document = {
        "description": '"""); evil(',
        "steps": 3,
        "optimizer": {"type": "LBFGS", "line_search_fn": evil},
        "param_groups": [group, {"name": "rest"}],
    }
    Path("s.yaml").write_text(json.dumps(document))
    names: dict[str, Any] = {}
    exec(run("export", "s.yaml").out, names)  # noqa: S102 - what is tested
    assert names["PARAM_GROUPS"][0] == {"name": group["name"], "lr": 1.0}
    assert names["PATTERNS"] == [group["match"], []]
    assert "evil" not in names
    assert "os" not in names
    assert not Path("pwned").exists()


def test_two_groups_that_take_the_rest_are_told_of() -> None:
    Path("s.yaml").write_text("param_groups:\n- {name: a}\n- {name: b}\n")
    result = run("export", "s.yaml")
    assert (result.code, result.out) == (2, "")
    assert (
        result.err == "s.yaml:3:3: param_groups.b: has no match, like 'a'; only one group can take the rest\n"
    )


@pytest.mark.parametrize(
    ("settings", "lines"),
    [
        (
            "",
            [
                "for update in range(8):",
                "    loss.backward()",
                "    optimizer.step()",
                "    scheduler.step()",
            ],
        ),
        (
            "loop: scheduler-first\nbatch_size: 32\n",
            ["for update in range(8):", "    scheduler.step(batch_size=32)", "    loss.backward()"],
        ),
        (
            "batch_size: [{until: 5, size: 3}, 8]\n",
            ["    scheduler.step(batch_size=batch_size)", "batch_size: 3 through step 5, then 8"],
        ),
        (
            "step_every: epoch\nsteps_per_epoch: 4\n",
            ["    optimizer.step()", "    if (update + 1) % 4 == 0:", "        scheduler.step()"],
        ),
        (
            "step_every: epoch\nsteps_per_epoch: 4\nloop: scheduler-first\n",
            ["    if update % 4 == 0:", "        scheduler.step()", "    loss.backward()"],
        ),
        ("scheduler: {type: ReduceLROnPlateau, metric: 1 / step}\n", ["    scheduler.step(metric)"]),
    ],
)
def test_the_training_loop_is_told_in_comments(settings: str, lines: list[str]) -> None:
    Path("s.yaml").write_text(f"steps: 8\n{settings}")
    comments = [line[2:] for line in run("export", "s.yaml").out.splitlines() if line.startswith("# ")]
    places = [comments.index(line) for line in lines]
    assert places == sorted(places)


def test_a_script_says_what_it_is_made_from_and_what_it_needs() -> None:
    result = run("export", "default", "--set", "scheduler.gamma=0.5")
    made, empty, name, source, needs = result.out.splitlines()[:5]
    assert made.startswith("# Made by lrsched export (lrsched ")
    assert empty == "#"
    assert name == "# default: three param groups under one schedule of warm restarts"
    assert source == "# from default --set scheduler.gamma=0.5"
    assert needs.startswith("# It needs lrsched")
    assert result.err == "default: the script needs lrsched for LRScheduler\n"
    assert run("export", "llama-7b").err == ""


def test_json_says_whether_the_script_is_plain() -> None:
    document = json.loads(run("export", "llama-7b", "--json").out)
    assert (document["name"], document["plain"]) == ("llama-7b", True)
    assert document["code"] == run("export", "llama-7b").out
    assert json.loads(run("export", "default", "--json").out)["plain"] is False


@pytest.mark.parametrize(
    ("file", "description"),
    [("s.yaml", "coding: utf-7"), ("+AAo-raise SystemExit(5)+AAo-#.yaml", "coding=utf-7")],
)
def test_no_word_of_the_file_says_how_python_reads_the_script(file: str, description: str) -> None:
    """A stranger's words after the name of another encoding would be read as Python."""
    Path(file).write_text(
        f'name: s\nsteps: 5\ndescription: "{description}"\nscheduler: {{type: StepLR, step_size: 2}}\n'
        'param_groups: [{name: "x+ACI-, exit(5): +ACI-", match: ["a*"], lr: 0.1}, {name: r}]\n'
    )
    code = run("export", file).out.encode()
    assert tokenize.detect_encoding(io.BytesIO(code).readline)[0] == "utf-8"
    exec(compile(code, "script.py", "exec"), names := dict[str, object]())  # noqa: S102 - what users do
    groups = names["PARAM_GROUPS"]
    assert isinstance(groups, list)
    assert groups[0]["name"] == "x+ACI-, exit(5): +ACI-"
