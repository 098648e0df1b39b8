"""The house rules, read off the source."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import typer

import lrsched_cli
from lrsched_cli.cli.app import app
from lrsched_cli.core.families import FAMILIES

if TYPE_CHECKING:
    from collections.abc import Iterator

PACKAGE = Path(lrsched_cli.__file__).parent
ROOT = Path(__file__).resolve().parent.parent
MOST_LINES_OF_A_MODULE = 420
MOST_LINES_OF_A_FUNCTION = 50
MAKERS_OF_TORCH_OBJECTS = {"core/build.py", "core/scheduler.py", "core/stand_ins.py"}
TRAINING_IN_SMALL = {
    "analysis/forecast/runs.py",
    *(f"analysis/resume/{name}.py" for name in ("checkpoints", "construction", "reading", "training")),
}
NEVER = re.compile(r"\b(iterations?|ticks?|ramps?|scales? for LR)\b", re.IGNORECASE)

FILES = {str(path.relative_to(PACKAGE)): path for path in sorted(PACKAGE.rglob("*.py"))}
every_module = pytest.mark.parametrize("name", FILES)

FunctionDef = ast.FunctionDef | ast.AsyncFunctionDef


def tree_of(name: str) -> ast.Module:
    return ast.parse(FILES[name].read_text(encoding="utf-8"))


def is_type_checking(node: ast.stmt) -> bool:
    return isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"


def imported_at_module_level(body: list[ast.stmt]) -> Iterator[str]:
    """The packages that importing the module imports; what functions and type checkers import is left out."""
    for node in body:
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield (node.module or "").partition(".")[0]
        elif is_type_checking(node):
            assert isinstance(node, ast.If)
            yield from imported_at_module_level(node.orelse)
        elif not isinstance(node, FunctionDef):
            for field in ("body", "orelse", "finalbody"):
                yield from imported_at_module_level(getattr(node, field, []))
            for handler in getattr(node, "handlers", []):
                yield from imported_at_module_level(handler.body)


def modules_importing(package: str) -> set[str]:
    return {name for name in FILES if package in imported_at_module_level(tree_of(name).body)}


def body_lines(function: FunctionDef) -> int:
    first = function.body[1:2] if ast.get_docstring(function) is not None else function.body[:1]
    return (function.end_lineno or 0) - first[0].lineno + 1 if first else 0


def functions_that_print(name: str) -> list[str]:
    tree = tree_of(name)

    def prints(node: ast.AST) -> bool:
        return isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "print"

    holders = [node for node in ast.walk(tree) if isinstance(node, FunctionDef)]
    inside = [(holder.name, call) for holder in holders for call in ast.walk(holder) if prints(call)]
    assert len(inside) >= sum(prints(node) for node in ast.walk(tree)), "print() outside of a function"
    return [holder for holder, _ in inside]


def words_for_users(command: Any) -> Iterator[str]:
    """What ``--help`` says of a command and of those below it."""
    yield from (text for text in (command.help, command.short_help, command.epilog) if text)
    for parameter in command.params:
        yield from (text for text in (getattr(parameter, "help", None), parameter.metavar) if text)
    for below in getattr(command, "commands", {}).values():
        yield from words_for_users(below)


@every_module
def test_no_module_is_too_long_to_read_at_once(name: str) -> None:
    assert len(FILES[name].read_text(encoding="utf-8").splitlines()) <= MOST_LINES_OF_A_MODULE


@every_module
def test_no_function_is_too_long_to_read_at_once(name: str) -> None:
    functions = [node for node in ast.walk(tree_of(name)) if isinstance(node, FunctionDef)]
    assert [one.name for one in functions if body_lines(one) > MOST_LINES_OF_A_FUNCTION] == []


@pytest.mark.parametrize("name", [name for name in FILES if not name.startswith("cli/")])
def test_only_the_command_line_prints(name: str) -> None:
    shows = ["visualize_optimizer_param_groups"] if name == "core/scheduler.py" else []
    assert functions_that_print(name) == shows


def test_torch_is_imported_only_where_its_objects_are_made_or_trained() -> None:
    assert modules_importing("torch") == MAKERS_OF_TORCH_OBJECTS | TRAINING_IN_SMALL


@pytest.mark.parametrize("package", ["matplotlib", "rich"])
def test_drawing_libraries_are_imported_only_by_reports(package: str) -> None:
    users = modules_importing(package)
    assert users
    assert {name for name in users if not name.startswith("report/")} == set()


def test_typer_is_imported_only_by_the_command_line() -> None:
    users = modules_importing("typer")
    assert users
    assert {name for name in users if not name.startswith("cli/")} == set()


def test_the_layers_import_one_way() -> None:
    lint = Path(sys.executable).with_name("lint-imports")
    done = subprocess.run([lint, "--no-cache"], cwd=ROOT, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(r"Contracts: [1-9]\d* kept, 0 broken", done.stdout)


def names_of_library_schedulers() -> set[str]:
    """The types of other libraries, as a file has them and as their classes are called."""
    others = [family for family in FAMILIES if family.name != "lrsched"]
    names = {name for family in others for name in family.names()}
    assert {"StepLR", "OneCycleLR"} <= names
    return names


def without_examples(source: str) -> str:
    """A source without the schedule files in its rules' docstrings, which may name any scheduler."""
    return re.sub(r"^ +(?:Triggers|Silent)::\n(?:\n| {8}.*\n)+", "", source, flags=re.MULTILINE)


@pytest.mark.parametrize("name", [name for name in FILES if not name.startswith("core/families/")])
def test_only_the_families_name_a_scheduler_class(name: str) -> None:
    """Comments and docstrings included: what is true of one class is said where the class is known."""
    source = without_examples(FILES[name].read_text(encoding="utf-8"))
    words = set(re.findall(r"\w+(?:\.\w+)*", source)) | set(re.findall(r"\w+", source))
    assert words & names_of_library_schedulers() == set()


def test_help_speaks_the_projects_language() -> None:
    texts = list(words_for_users(typer.main.get_command(app)))
    assert len(texts) > 20
    assert [text for text in texts if NEVER.search(text)] == []
