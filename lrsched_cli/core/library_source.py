"""An installed library's source as syntax trees, without importing it."""

from __future__ import annotations

import ast
import importlib.util
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

FunctionDef = ast.FunctionDef


def package_folder(name: str) -> Path:
    """The folder of an installed package. Raises ModuleNotFoundError, with what to do, where it is not."""
    found = importlib.util.find_spec(name)
    if found is None or found.origin is None:
        raise ModuleNotFoundError(f"{name} is not installed; pip install {name}")
    return Path(found.origin).parent


@cache
def tree_of(source: Path) -> ast.Module:
    """The syntax tree of a file."""
    return ast.parse(source.read_text(encoding="utf-8"))


def classes_in(tree: ast.Module) -> dict[str, ast.ClassDef]:
    """The classes that a file defines at its top, in their order."""
    return {node.name: node for node in tree.body if isinstance(node, ast.ClassDef)}


def functions_in(tree: ast.Module) -> dict[str, ast.FunctionDef]:
    """The functions that a file defines at its top; of several of one name the last one counts."""
    return {node.name: node for node in tree.body if isinstance(node, ast.FunctionDef)}


def method_of(name: str, method: str, classes: dict[str, ast.ClassDef]) -> ast.FunctionDef | None:
    """A class's method, its own or inherited from a class beside it; None where neither has one."""
    for known in lineage(name, classes):
        for node in classes[known].body:
            if isinstance(node, ast.FunctionDef) and node.name == method:
                return node
    return None


def lineage(name: str, classes: dict[str, ast.ClassDef]) -> Iterator[str]:
    """A class and those of its bases that are known by name, nearest first."""
    yield name
    for base in classes[name].bases:
        word = ast.unparse(base).rpartition(".")[2]
        if word in classes and word != name:
            yield from lineage(word, classes)
