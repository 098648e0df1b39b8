"""The README is true: commands print what it shows, scripts run, no part of the command line is missing."""

from __future__ import annotations

import os
import re
import runpy
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple
from unittest.mock import patch

import pytest
import typer

from lrsched_cli.cli.app import app
from lrsched_cli.core.parameters import Parameters

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
DOCS = "\n".join(page.read_text(encoding="utf-8") for page in PAGES)
ANY_LINES = "..."
EXIT_CODES = ("0", "1", "2", "130")


class Block(NamedTuple):
    language: str
    text: str


class Command(NamedTuple):
    line: str
    output: str


def blocks(text: str) -> list[Block]:
    return [Block(*found) for found in re.findall(r"^```(\w+)\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)]


def commands(console: str) -> list[Command]:
    parts = re.split(r"^\$ (.*)\n", console, flags=re.MULTILINE)
    assert parts[0] == "", "a console block begins with a command"
    return [Command(*pair) for pair in zip(parts[1::2], parts[2::2], strict=True)]


def is_as_shown(output: str, shown: str) -> bool:
    """Line by line the same, where a line ``...`` stands for any number of lines."""
    pattern = "".join(
        r"(?:.*\n)*" if line == ANY_LINES else re.escape(line) + r" *\n"
        for line in shown.rstrip("\n").split("\n")
    )
    return re.fullmatch(pattern, output.rstrip("\n") + "\n") is not None


def surroundings() -> dict[str, str]:
    """The environment of a plain pipe, with this interpreter's commands first."""
    kept = {name: os.environ[name] for name in ("HOME", "LANG", "TMPDIR", "SYSTEMROOT") if name in os.environ}
    search = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)])
    return {
        **kept,
        "PATH": search,
        "PYTHONWARNINGS": "error",
        "MPLBACKEND": "Agg",
        "PYTHONIOENCODING": "utf-8",
    }


def run(command: list[str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command,
        check=False,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        env=surroundings(),
    )


def failures(block: Block) -> Iterator[str]:
    """Do what a block shows, in the current folder; tell what came out otherwise."""
    if block.language == "yaml":
        name = re.match(r"# (\S+\.yaml)\n", block.text)
        assert name is not None, "a schedule file begins with its name"
        Path(name[1]).write_text(block.text, encoding="utf-8")
    elif block.language == "python":
        # In this process, which has torch loaded already; a script that fails ends the test where it fails.
        named = re.match(r"# (\w+\.py)\n", block.text)
        script = named[1] if named else "script.py"
        Path(script).write_text(block.text, encoding="utf-8")
        with patch.object(sys, "path", [str(Path.cwd()), *sys.path]):
            runpy.run_path(script, run_name="__main__")
        for imported in Path.cwd().glob("*.py"):  # the next folder may have a script of the same name
            sys.modules.pop(imported.stem, None)
    elif block.language == "console":
        for command in commands(block.text):
            done = run([shutil.which("sh") or "/bin/sh", "-c", command.line])
            if not is_as_shown(done.stdout, command.output) or str(done.returncode) not in EXIT_CODES:
                ending = f"--- ended with {done.returncode}, shown is"
                yield f"$ {command.line}\n{done.stdout}{ending}\n{command.output}"


def names_and_options(command: Any, path: str = "lrsched") -> Iterator[tuple[str, tuple[str, ...]]]:
    """Each command of the tree with its long options."""
    options = [
        name for one in command.params for name in (*one.opts, *one.secondary_opts) if name.startswith("--")
    ]
    yield path, tuple(options)
    for name, below in getattr(command, "commands", {}).items():
        yield from names_and_options(below, f"{path} {name}")


TREE = dict(names_and_options(typer.main.get_command(app)))
OPTIONS = sorted({"--help", *(option for options in TREE.values() for option in options)})


def test_the_readme_shows_what_happens() -> None:
    languages = [block.language for block in blocks(README)]
    assert {"console", "python", "yaml"} <= set(languages)
    assert [failure for block in blocks(README) for failure in failures(block)] == []


@pytest.mark.parametrize("name", ["presets", "clock"])
def test_a_page_with_commands_shows_what_happens(name: str) -> None:
    page = (ROOT / "docs" / f"{name}.md").read_text(encoding="utf-8")
    assert [failure for block in blocks(page) for failure in failures(block)] == []


@pytest.mark.parametrize(
    ("output", "shown", "same"),
    [
        ("a\nb\n", "a\nb\n", True),
        ("a\n\nb\n", "a\n\nb\n", True),
        ("a\nb\n", "a\n", False),
        ("a\nc\n", "a\nb\n", False),
        ("a\nb\nc\nd\n", "a\n...\nd\n", True),
        ("a\nd\n", "a\n...\nd\n", True),
        ("a\nb\nc\n", "a\n...\nd\n", False),
        ("a*\n", "aa\n", False),
    ],
)
def test_three_dots_alone_stand_for_any_lines(output: str, shown: str, *, same: bool) -> None:
    assert is_as_shown(output, shown) is same


def test_two_commands_set_everything_up() -> None:
    set_up = [block.text.strip() for block in blocks(README) if block.language == "sh"]
    assert len(set_up) == 2
    assert all(len(text.splitlines()) == 1 and " install " in text for text in set_up)
    assert "lrsched" in set_up[0].rpartition("&&")[2]
    assert "pytest" in set_up[1].rpartition("&&")[2]


def test_ci_runs_the_set_up_command_that_the_readme_gives() -> None:
    script = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    wanted = [block.text.strip() for block in blocks(README) if block.language == "sh"][1]
    extraction = re.search(r"^(\w+)=\$\((.*README\.md.*)\)$", script, re.MULTILINE)
    assert extraction is not None
    assert f'eval "${extraction[1]}"' in script
    shell = [shutil.which("bash") or "/bin/bash", "-c", extraction[2]]
    found = subprocess.run(shell, check=True, capture_output=True, text=True, cwd=ROOT)
    assert found.stdout.strip() == wanted


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_within_the_repository_lead_somewhere(page: Path) -> None:
    links = re.findall(r"\]\(([^)\s]+)\)", page.read_text(encoding="utf-8"))
    inside = [link.partition("#")[0] for link in links if "://" not in link and not link.startswith("#")]
    assert [link for link in inside if not (page.parent / link).exists()] == []


@pytest.mark.parametrize("command", TREE)
def test_every_command_is_in_the_docs(command: str) -> None:
    assert re.search(rf"{re.escape(command)}\b", DOCS)


@pytest.mark.parametrize("option", OPTIONS)
def test_every_option_is_in_the_docs(option: str) -> None:
    assert re.search(rf"(?<![\w-]){re.escape(option)}(?![\w-])", DOCS)


def test_the_docs_speak_of_no_option_that_is_not_there() -> None:
    ours = "\n".join(re.findall(r"`(?:lrsched [^`]*|--[^`]*)`|^\$ lrsched .*", DOCS, re.MULTILINE))
    assert set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", ours)) <= set(OPTIONS)


@pytest.mark.parametrize("code", EXIT_CODES)
def test_every_exit_code_is_in_the_docs(code: str) -> None:
    section = re.search(r"^#+ Exit codes\n(.*?)^#", README, re.MULTILINE | re.DOTALL)
    assert section is not None
    assert re.search(rf"^\| {code} \| \w.*\|$", section[1], re.MULTILINE)


@pytest.mark.parametrize("name", sorted(path.stem for path in (ROOT / "schedules").glob("*.yaml")))
def test_every_shipped_schedule_is_in_the_docs_with_its_picture(name: str) -> None:
    presets = (ROOT / "docs" / "presets.md").read_text(encoding="utf-8")
    assert f"[{name}](../schedules/{name}.yaml)" in presets
    assert f"](../outputs/gallery/{name}.png)" in presets


@pytest.mark.parametrize("name", Parameters.model_fields)
def test_every_parameter_is_in_the_docs_with_its_default(name: str) -> None:
    (row,) = re.findall(rf"^\| `{name}` \|.*$", DOCS, re.MULTILINE)
    cells = [cell.strip(" `") for cell in row.strip("|").split("|")]
    assert str(Parameters.model_fields[name].default) in cells
