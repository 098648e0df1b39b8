"""What torch's classes take, read from torch's source without importing it.

Importing torch takes longer than everything else that a command does. A schedule file is therefore
checked against the signatures as they stand in the installed torch's source; a test holds them
against ``inspect.signature`` for every class.
"""

from __future__ import annotations

import ast
import importlib.util
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

_PACKAGE = "torch.optim"


@dataclass(frozen=True, slots=True)
class Argument:
    """One argument of a class; ``default`` is ``...`` where it has none, or one that is no literal."""

    name: str
    default: Any
    annotation: str

    def wrong(self, value: Any) -> str:
        """What the argument takes, in words, where ``value`` is not of that kind; else an empty text."""
        kinds = _kinds(self.annotation)
        if not kinds or any(_fits(kind, value) for kind in kinds):
            return ""
        return " or ".join(_in_words(kind) for kind in kinds)


@cache
def optimizer_names() -> tuple[str, ...]:
    """The optimizer classes of the installed torch, sorted."""
    return tuple(sorted(_sources()))


@cache
def optimizer_arguments(name: str) -> dict[str, Argument]:
    """The arguments of ``torch.optim.NAME`` by name, without ``params``; KeyError for no such class."""
    source = _sources()[name]
    for statement in _tree(source).body:
        if isinstance(statement, ast.ClassDef) and statement.name == name:
            for function in statement.body:
                if isinstance(function, ast.FunctionDef) and function.name == "__init__":
                    return _arguments(function)
    raise KeyError(name)


@cache
def _sources() -> dict[str, Path]:
    """The file of each class that ``torch/optim/__init__.py`` imports from a module of its own."""
    folder = _folder()
    sources: dict[str, Path] = {}
    for statement in _tree(folder / "__init__.py").body:
        if isinstance(statement, ast.ImportFrom) and statement.module:
            source = folder / (statement.module.removeprefix(_PACKAGE).lstrip(".") + ".py")
            for alias in statement.names:
                if source.is_file() and alias.name[0].isupper() and alias.name != "Optimizer":
                    sources[alias.name] = source
    return sources


def _folder() -> Path:
    found = importlib.util.find_spec("torch")
    if found is None or found.origin is None:
        raise ModuleNotFoundError("torch is not installed; pip install torch")
    return Path(found.origin).parent / "optim"


def _tree(source: Path) -> ast.Module:
    return ast.parse(source.read_text(encoding="utf-8"))


def _arguments(function: ast.FunctionDef) -> dict[str, Argument]:
    spec = function.args
    by_place = [*spec.posonlyargs, *spec.args]
    defaults: list[ast.expr | None] = [None] * (len(by_place) - len(spec.defaults))
    defaults += spec.defaults
    pairs = [*zip(by_place, defaults, strict=True), *zip(spec.kwonlyargs, spec.kw_defaults, strict=True)]
    arguments = [Argument(arg.arg, _literal(default), _text(arg.annotation)) for arg, default in pairs]
    return {one.name: one for one in arguments if one.name not in {"self", "params"}}


def _literal(node: ast.expr | None) -> Any:
    if node is None:
        return ...
    try:
        return ast.literal_eval(node)
    except ValueError:
        return ...


def _text(annotation: ast.expr | None) -> str:
    return "" if annotation is None else ast.unparse(annotation)


_WORDS = {
    "float": "a number",
    "int": "a whole number",
    "bool": "true or false",
    "str": "text",
    "None": "null",
}


def _kinds(annotation: str) -> list[str | int]:
    """The kinds that an annotation allows (a number: a tuple of so many numbers).

    An empty list where the annotation names a kind that cannot be judged.
    """
    if not annotation:
        return []
    parts = [part for part in _alternatives(ast.parse(annotation, mode="eval").body) if part != "Tensor"]
    return parts if all(isinstance(part, int) or part in _WORDS for part in parts) else []


def _alternatives(node: ast.expr) -> list[str | int]:
    if isinstance(node, ast.BinOp):
        return [*_alternatives(node.left), *_alternatives(node.right)]
    if isinstance(node, ast.Subscript):
        name = ast.unparse(node.value)
        if name == "Optional":
            return [*_alternatives(node.slice), "None"]
        if name.lower() == "tuple" and isinstance(node.slice, ast.Tuple):
            return [len(node.slice.elts)]
    return [ast.unparse(node)]


def _in_words(kind: str | int) -> str:
    return f"a list of {kind} numbers" if isinstance(kind, int) else _WORDS[kind]


def _fits(kind: str | int, value: Any) -> bool:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    match kind:
        case "float":
            return number
        case "int":
            return number and isinstance(value, int)
        case "bool":
            return isinstance(value, bool)
        case "str":
            return isinstance(value, str)
        case "None":
            return value is None
    right_length = isinstance(value, list | tuple) and len(value) == kind
    return right_length and all(one is None or _fits("float", one) for one in value)
