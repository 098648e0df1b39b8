"""``lrsched init`` and ``lrsched schema``: a file to start from, and what editors check it with."""

from __future__ import annotations

import json
import os
import pty
import re
import subprocess
import sys
from pathlib import Path

import pytest
from command_line import run
from jsonschema import Draft202012Validator

from lrsched_cli import Schedule, dry_run, load_schedule
from lrsched_cli.core.shipped import shipped_names
from lrsched_cli.core.yaml_source import read_yaml

SCHEMA = "lrsched.schema.json"
FIRST_LINE = f"# yaml-language-server: $schema={SCHEMA}"


def files() -> dict[str, str]:
    return {str(path): path.read_text() for path in sorted(Path().rglob("*")) if path.is_file()}


def complaints(file: str) -> list[str]:
    """What the schema that the file's first line names has against it."""
    text = Path(file).read_text()
    named = Path(file).parent / text.splitlines()[0].partition("$schema=")[2]
    validator = Draft202012Validator(json.loads(named.read_text()))
    return [one.message for one in validator.iter_errors(read_yaml(text, file)[0].plain())]


def test_it_writes_a_file_that_runs_and_the_schema_that_its_first_line_names() -> None:
    result = run("init")
    assert (result.code, result.out, result.err) == (0, f"schedule.yaml\n{SCHEMA}\n", "")
    assert files().keys() == {"schedule.yaml", SCHEMA}
    text = files()["schedule.yaml"]
    assert text.startswith(FIRST_LINE + "\n")
    assert text.count("#") > 20
    assert complaints("schedule.yaml") == []
    schedule = load_schedule("schedule.yaml")
    trace = dry_run(schedule)
    assert (schedule.name, trace.steps, schedule.loop) == ("schedule", 999, "scheduler-first")
    assert (trace.lr > 0).all()
    assert trace.lr[100, 0] == trace.lr.max() == 1e-3
    assert trace.lr[999, 0] == pytest.approx(1e-4, rel=1e-3)  # the run ends at the end of a cycle


def test_what_its_comments_offer_can_be_written() -> None:
    run("init")
    text = files()["schedule.yaml"]
    offered = re.findall(
        r"^ *# (?=(?:description|batch_size|base_batch_size|custom_lambda|scheduler): )", text, re.MULTILINE
    )
    assert len(offered) == 5
    groups = "".join(f"{line[2:]}\n" for line in text.splitlines() if re.match(r"# (param_groups:|  )", line))
    assert len(load_schedule_of(groups).param_groups) == 2
    for line in text.splitlines():
        if found := re.match(
            r"( *)# ((description|batch_size|base_batch_size|custom_lambda|scheduler): .*)", line
        ):
            load_schedule_of(f"{'scheduler:' if found[1] else 'steps: 9'}\n{found[1]}{found[2]}\n")


def load_schedule_of(text: str) -> Schedule:
    Path("one.yaml").write_text(text)
    return load_schedule("one.yaml")


@pytest.mark.parametrize("preset", shipped_names())
def test_it_starts_from_any_shipped_schedule(preset: str) -> None:
    assert run("init", "--preset", preset, "runs/mine.yaml").code == 0
    assert files().keys() == {"runs/mine.yaml", f"runs/{SCHEMA}"}
    assert complaints("runs/mine.yaml") == []
    mine, shipped = load_schedule("runs/mine.yaml"), load_schedule(preset)
    assert mine.name == "mine"
    assert mine.model_copy(update={"name": preset}).fingerprint == shipped.fingerprint
    assert files()["runs/mine.yaml"].count("#") > 1


@pytest.mark.parametrize(
    ("arguments", "file", "name"),
    [
        ([], "schedule.yaml", "schedule"),
        (["--preset", "llama-7b"], "llama-7b.yaml", "llama-7b"),
        (["here"], "here/schedule.yaml", "schedule"),
        (["here", "--preset", "llama-7b"], "here/llama-7b.yaml", "llama-7b"),
        (["a.yml"], "a.yml", "a"),
        (["my run.yaml"], "my run.yaml", "schedule"),
        (["con.yaml"], "con.yaml", "schedule"),
        (["a..yaml", "--preset", "llama-7b"], "a..yaml", "llama-7b"),
        (["größe.yaml", "--preset", "llama-7b"], "größe.yaml", "llama-7b"),
    ],
)
def test_the_file_names_the_schedule_where_it_can(arguments: list[str], file: str, name: str) -> None:
    Path("here").mkdir()
    assert run("init", *arguments).code == 0
    assert load_schedule(file).name == name


def test_it_never_writes_over_a_file_without_force() -> None:
    Path("schedule.yaml").write_text("mine")
    result = run("init")
    assert (result.code, result.out) == (2, "")
    assert result.err == "lrsched: schedule.yaml: exists already; --force writes over it\n"
    assert files() == {"schedule.yaml": "mine"}
    assert run("init", "--force").code == 0
    assert files()["schedule.yaml"].startswith(FIRST_LINE)


def test_a_link_that_leads_nowhere_is_a_file_too() -> None:
    Path("schedule.yaml").symlink_to("elsewhere.yaml")
    assert run("init").code == 2
    assert not Path("elsewhere.yaml").exists()


def test_a_schema_that_lies_there_is_kept_and_told_of_where_it_is_another() -> None:
    run("init", "a.yaml")
    again = run("init", "b.yaml")
    assert (again.out, again.err) == ("b.yaml\n", "")
    Path(SCHEMA).write_text("{}")
    other = run("init", "c.yaml", "--force")
    assert other.out == "c.yaml\n"
    assert other.err == f"{SCHEMA} is kept; lrsched schema --out {SCHEMA} makes it anew\n"
    assert Path(SCHEMA).read_text() == "{}"
    assert run("schema", "--out", SCHEMA).out == f"{SCHEMA}\n"
    assert complaints("c.yaml") == []


def test_a_dash_prints_the_file_alone() -> None:
    result = run("init", "-", "--preset", "llama-7b")
    assert (result.code, result.err, files()) == (0, "", {})
    assert result.out.startswith(f"{FIRST_LINE}\n# LLaMA")
    assert "\nname: llama-7b\n" not in result.out


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--preset", "lama-7b"], "did you mean llama-7b?"),
        (["a.txt"], "a.txt: the name must end in .yaml or .yml, or be a folder"),
        (["nothing.yaml/a.yaml"], "cannot be written"),
        (["there", "--force"], "lrsched: there/schedule.yaml: is no regular file, and stays\n"),
        (["a.yaml", "b.yaml"], "b.yaml"),
    ],
)
def test_what_it_cannot_do_it_says(arguments: list[str], words: str) -> None:
    Path("nothing.yaml").touch()
    Path("there/schedule.yaml").mkdir(parents=True)
    result = run("init", *arguments)
    assert (result.code, result.out) == (2, "")
    assert words in result.err
    assert files() == {"nothing.yaml": ""}


def test_it_asks_nothing_on_a_terminal_either() -> None:
    holder, terminal = pty.openpty()
    command = [sys.executable, "-m", "lrsched_cli", "init"]
    done = subprocess.run(command, check=False, timeout=60, stdin=terminal, stdout=terminal, stderr=terminal)
    os.close(terminal)
    shown = os.read(holder, 10_000)
    os.close(holder)
    assert (done.returncode, shown.split()) == (0, [b"schedule.yaml", SCHEMA.encode()])


def test_the_schema_is_printed_or_written() -> None:
    printed = run("schema")
    assert (printed.code, printed.err, files()) == (0, "", {})
    assert run("schema", "--out", "-").out == printed.out
    assert run("schema", "--out", "here").out == f"here/{SCHEMA}\n"
    assert run("schema", "--out", "other.json").out == "other.json\n"
    assert files() == {f"here/{SCHEMA}": printed.out, "other.json": printed.out}
    assert run("schema", "--out", "schema.yaml").code == 2
