"""What classes and functions take: read from a library's source without importing it, or by inspection.

Importing torch takes longer than everything else that a command does. A schedule file is therefore
checked against the signatures as they stand in the installed library's source; tests hold them against
``inspect.signature`` for every class.
"""

from __future__ import annotations

import ast
import inspect
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from lrsched_cli.core.library_docs import argument_docs
from lrsched_cli.core.library_source import package_folder, tree_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

_PACKAGE = "torch.optim"


@dataclass(frozen=True, slots=True)
class Argument:
    """One argument of a class; ``default`` is ``...`` where it has none, or one that cannot be read."""

    name: str
    default: Any
    annotation: str
    required: bool = False

    @property
    def kinds(self) -> tuple[Kind, ...]:
        """The kinds of value that the argument takes; none where that cannot be told."""
        return _kinds(self.annotation) if self.annotation else _kinds_like(self.default)

    def wrong(self, value: Any) -> str:
        """What the argument takes, in words, where ``value`` is not of that kind; else an empty text."""
        kinds = self.kinds
        if not kinds or any(_fits(kind, value) for kind in kinds):
            return ""
        return " or ".join(map(_in_words, kinds))


@cache
def optimizer_names() -> tuple[str, ...]:
    """The optimizer classes of the installed torch, sorted."""
    return tuple(sorted(_sources()))


@cache
def optimizer_arguments(name: str) -> dict[str, Argument]:
    """The arguments of ``torch.optim.NAME`` by name, without ``params``; KeyError for no such class."""
    source = _sources()[name]
    for statement in tree_of(source).body:
        if isinstance(statement, ast.ClassDef) and statement.name == name:
            for function in statement.body:
                if isinstance(function, ast.FunctionDef) and function.name == "__init__":
                    arguments = stated_arguments(function)
                    return {key: one for key, one in arguments.items() if key not in {"self", "params"}}
    raise KeyError(name)


def optimizer_docs(name: str) -> dict[str, str]:
    """What torch says of the arguments of ``torch.optim.NAME``."""
    return argument_docs(name, tree_of(_sources()[name]))


@cache
def _sources() -> dict[str, Path]:
    """The file of each class that ``torch/optim/__init__.py`` imports from a module of its own."""
    folder = package_folder("torch") / "optim"
    sources: dict[str, Path] = {}
    for statement in tree_of(folder / "__init__.py").body:
        if isinstance(statement, ast.ImportFrom) and statement.module:
            source = folder / (statement.module.removeprefix(_PACKAGE).lstrip(".") + ".py")
            for alias in statement.names:
                if source.is_file() and alias.name[0].isupper() and alias.name != "Optimizer":
                    sources[alias.name] = source
    return sources


def stated_arguments(function: ast.FunctionDef) -> dict[str, Argument]:
    """The named arguments that a function's source states, in their order."""
    spec = function.args
    by_place = [*spec.posonlyargs, *spec.args]
    defaults: list[ast.expr | None] = [None] * (len(by_place) - len(spec.defaults))
    defaults += spec.defaults
    pairs = [*zip(by_place, defaults, strict=True), *zip(spec.kwonlyargs, spec.kw_defaults, strict=True)]
    return {
        arg.arg: Argument(arg.arg, _literal(default), _text(arg.annotation), required=default is None)
        for arg, default in pairs
    }


def inspected_arguments(function: Callable[..., Any]) -> tuple[dict[str, Argument], bool]:
    """The named arguments of a function or class at hand, in their order; and whether it takes any other.

    Raises ValueError where Python cannot tell.
    """
    parameters = inspect.signature(function).parameters.values()
    arguments = {
        one.name: Argument(
            one.name,
            ... if one.default is one.empty else one.default,
            one.annotation if isinstance(one.annotation, str) else _annotation(one.annotation),
            required=one.default is one.empty,
        )
        for one in parameters
        if one.kind not in {one.VAR_POSITIONAL, one.VAR_KEYWORD}
    }
    return arguments, any(one.kind is one.VAR_KEYWORD for one in parameters)


def arguments_but_the_first(function: Callable[..., Any]) -> tuple[dict[str, Argument], bool]:
    """The same without the first argument: the parameters of an optimizer, the optimizer of a scheduler.

    Raises ValueError where Python cannot tell, or there is no argument.
    """
    try:
        arguments, takes_any = inspected_arguments(function)
        del arguments[next(iter(arguments))]
    except (TypeError, ValueError, StopIteration):
        raise ValueError("has no signature that could be read, or takes no argument") from None
    return arguments, takes_any


def _annotation(annotation: Any) -> str:
    if annotation is inspect.Parameter.empty:
        return ""
    return inspect.formatannotation(annotation).replace("typing.", "")


_ARITHMETIC = (ast.Constant, ast.BinOp, ast.UnaryOp, ast.operator, ast.unaryop, ast.Expression)


def _literal(node: ast.expr | None) -> Any:
    if node is None:
        return ...
    try:
        return ast.literal_eval(node)
    except ValueError:
        pass
    if all(isinstance(part, _ARITHMETIC) for part in ast.walk(node)):
        return eval(compile(ast.Expression(node), "", "eval"), {})  # noqa: S307 - numbers alone: 1.0 / 3
    return ...


def _text(annotation: ast.expr | None) -> str:
    return "" if annotation is None else ast.unparse(annotation)


Kind = str | int | tuple[str, Any]
"""The kind of a value by its name; a number: a tuple of so many numbers; ``("list", kind)``; choices."""

_WORDS = {
    "float": "a number",
    "int": "a whole number",
    "bool": "true or false",
    "str": "text",
    "None": "null",
}
_PLURALS = {"float": "numbers", "int": "whole numbers"}
_LISTS = {"list", "List", "Sequence", "Iterable"}


@cache
def _kinds(annotation: str) -> tuple[Kind, ...]:
    """The kinds that an annotation allows; none where it names a kind that cannot be judged."""
    try:
        parsed = ast.parse(annotation, mode="eval").body
    except SyntaxError:  # an annotation that only its own library understands
        return ()
    parts = tuple(part for part in _alternatives(parsed) if part not in {"Tensor", "torch.Tensor"})
    return parts if all(map(_is_known, parts)) else ()


def _is_known(kind: Kind) -> bool:
    if isinstance(kind, tuple):
        return kind[0] == "choices" or kind[1] in _PLURALS
    return isinstance(kind, int) or kind in _WORDS


def _kinds_like(default: Any) -> tuple[Kind, ...]:
    """What an argument without annotation takes, as far as its default tells."""
    if isinstance(default, bool):
        return ("bool",)
    if isinstance(default, int | float):
        return ("float",)
    return ("str",) if isinstance(default, str) else ()


def _alternatives(node: ast.expr) -> list[Kind]:
    if isinstance(node, ast.BinOp):
        return [*_alternatives(node.left), *_alternatives(node.right)]
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return _alternatives(ast.parse(node.value, mode="eval").body)
    if isinstance(node, ast.Subscript):
        name = ast.unparse(node.value).rpartition(".")[2]
        if name == "Optional":
            return [*_alternatives(node.slice), "None"]
        if name == "Union" and isinstance(node.slice, ast.Tuple):
            return [kind for one in node.slice.elts for kind in _alternatives(one)]
        if name.lower() == "tuple" and isinstance(node.slice, ast.Tuple):
            return [len(node.slice.elts)]
        if name == "Literal":
            return [("choices", tuple(ast.literal_eval(one) for one in _elements(node.slice)))]
        if name in _LISTS:
            return [("list", ast.unparse(node.slice))]
    return [ast.unparse(node)]


def _elements(node: ast.expr) -> list[ast.expr]:
    return node.elts if isinstance(node, ast.Tuple) else [node]


def _in_words(kind: Kind) -> str:
    if isinstance(kind, tuple):
        what, of = kind
        return " or ".join(map(str, of)) if what == "choices" else f"a list of {_PLURALS[of]}"
    return f"a list of {kind} numbers" if isinstance(kind, int) else _WORDS[kind]


def _fits(kind: Kind, value: Any) -> bool:
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
        case ("choices", choices):
            return any(type(value) is type(one) and value == one for one in choices)
        case ("list", of):
            return isinstance(value, list | tuple) and all(_fits(of, one) for one in value)
    right_length = isinstance(value, list | tuple) and len(value) == kind
    return right_length and all(one is None or _fits("float", one) for one in value)
