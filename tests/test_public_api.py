"""What ``import lrsched_cli`` offers, what it costs, and that all of it is documented."""

from __future__ import annotations

import ast
import inspect
import json
import re
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import lrsched_cli

if TYPE_CHECKING:
    from collections.abc import Iterator

PACKAGE = Path(lrsched_cli.__file__).parent
CHANGELOG = Path(__file__).resolve().parent.parent / "CHANGELOG.md"
HEAVY = ("torch", "numpy", "pydantic", "matplotlib", "yaml", "rich", "typer")

Definition = ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef


def modules() -> list[Path]:
    return sorted(PACKAGE.rglob("*.py"))


def public_definitions(node: ast.Module | ast.ClassDef, place: str) -> Iterator[tuple[str, Definition]]:
    """The node itself, and every public class, function and method in it."""
    yield place, node
    for child in node.body:
        if isinstance(child, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) and child.name[0] != "_":
            if isinstance(child, ast.ClassDef):
                yield from public_definitions(child, f"{place}.{child.name}")
            else:
                yield f"{place}.{child.name}", child


def modules_loaded_by(statement: str) -> set[str]:
    script = f"import sys, json\n{statement}\nprint(json.dumps(sorted(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True)
    return {name.partition(".")[0] for name in json.loads(done.stdout)}


@pytest.mark.parametrize("name", lrsched_cli.__all__)
def test_every_public_name_can_be_imported(name: str) -> None:
    assert getattr(lrsched_cli, name) is not None


@pytest.mark.parametrize("name", [name for name in lrsched_cli.__all__ if name[0] != "_"])
def test_every_public_name_has_a_docstring_of_its_own(name: str) -> None:
    public = getattr(lrsched_cli, name)
    assert inspect.isclass(public) or inspect.isfunction(public)
    assert (public.__doc__ or "").strip()
    assert public.__doc__ not in {base.__doc__ for base in getattr(public, "__mro__", ())[1:]}


def test_each_name_is_there_once() -> None:
    names = [name for name in lrsched_cli.__all__ if name[0] != "_"]
    assert len(set(names)) == len(names)
    assert {"LRScheduler", "Schedule", "Trace", "dry_run", "load_schedule"} <= set(names)


def test_dir_lists_every_public_name() -> None:
    assert set(lrsched_cli.__all__) <= set(dir(lrsched_cli))


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no_such_name"):
        _ = lrsched_cli.no_such_name
    with pytest.raises(ImportError, match="no_such_name"):
        from lrsched_cli import no_such_name  # noqa: F401, PLC0415 - the statement is the test


def test_importing_the_package_imports_nothing_heavy() -> None:
    assert modules_loaded_by("import lrsched_cli").isdisjoint(HEAVY)


def test_loading_a_schedule_imports_neither_torch_nor_numpy_nor_matplotlib() -> None:
    loaded = modules_loaded_by("import lrsched_cli; lrsched_cli.load_schedule('default')")
    assert "yaml" in loaded
    assert loaded.isdisjoint({"torch", "numpy", "matplotlib", "rich", "typer"})


def test_the_scheduler_imports_no_matplotlib() -> None:
    loaded = modules_loaded_by("from lrsched_cli import LRScheduler")
    assert "torch" in loaded
    assert loaded.isdisjoint({"matplotlib", "rich", "typer"})


def test_the_version_is_that_of_the_installed_package() -> None:
    assert lrsched_cli.__version__ == version("lrsched-cli")


def test_the_version_heads_the_changelog() -> None:
    headings = re.findall(r"^## \[(.+?)\]", CHANGELOG.read_text(encoding="utf-8"), re.MULTILINE)
    assert next(heading for heading in headings if heading != "Unreleased") == lrsched_cli.__version__


@pytest.mark.parametrize("file", modules(), ids=lambda file: str(file.relative_to(PACKAGE)))
def test_every_module_class_function_and_method_has_a_docstring(file: Path) -> None:
    tree = ast.parse(file.read_text(encoding="utf-8"))
    without = [place for place, node in public_definitions(tree, file.stem) if not ast.get_docstring(node)]
    assert without == []


def test_types_are_shipped() -> None:
    assert (PACKAGE / "py.typed").is_file()
