"""A Python script while it is being written: what it imports, the functions it defines, its literals."""

from __future__ import annotations

import keyword
from textwrap import indent
from typing import TYPE_CHECKING, Any

from lrsched_cli.core.script.formula_code import function_lines

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from lrsched_cli.core.expressions import Expression

PACKAGE = __name__.partition(".")[0]
WIDTH = 100
_OWN_NAMES = ("build_optimizer", "build_scheduler", "math", "model", "optimizer", "torch")


class Script:
    """Gathers imports and functions, each under a name that nothing else in the script has."""

    def __init__(self) -> None:
        self._imported: dict[str, str] = {}
        self._modules: set[str] = set()
        self._functions: dict[str, list[str]] = {}

    def module(self, name: str) -> str:
        """Import a module; returns its name."""
        self._modules.add(name)
        return name

    def name(self, module: str, path: str) -> str:
        """Import something from a module; returns how it is called in the script."""
        first = path.partition(".")[0]
        if first in _OWN_NAMES or first in self._functions or self._imported.get(first, module) != module:
            return f"{self.module(module)}.{path}"
        self._imported[first] = module
        return path

    def reference(self, written: str) -> str:
        """Import something of the user's own, as ``package.module:name``."""
        module, _, path = written.partition(":")
        return self.name(module, path)

    def formula(self, wanted: str, formula: Expression) -> str:
        """Define the function of a formula; returns its name: ``wanted``, or that with a number."""
        name, number = wanted, 1
        while name in self._functions or name in self._imported or name in _OWN_NAMES:
            number += 1
            name = f"{wanted}_{number}"
        self._functions[name] = function_lines(name, formula)
        if any("math." in line and not line.startswith("    #") for line in self._functions[name]):
            self.module("math")
        return name

    @property
    def needs_package(self) -> bool:
        """Whether it imports anything of this package."""
        modules = {*self._modules, *self._imported.values()}
        return any(one == PACKAGE or one.startswith(f"{PACKAGE}.") for one in modules)

    def import_lines(self) -> list[str]:
        """The imports: whole modules, then names from modules."""
        by_module: dict[str, list[str]] = {}
        for name, module in self._imported.items():
            by_module.setdefault(module, []).append(name)
        return [
            *(f"import {one}" for one in sorted(self._modules)),
            *(f"from {one} import {', '.join(sorted(by_module[one]))}" for one in sorted(by_module)),
        ]

    def function_lines(self) -> list[str]:
        """The functions, two empty lines after each."""
        return [line for lines in self._functions.values() for line in [*lines, "", ""]]


def call(function: str, first: Sequence[str], arguments: Mapping[str, str]) -> str:
    """A call in source; ``first`` and the values of ``arguments`` are source already."""
    plain = {key: value for key, value in arguments.items() if _is_name(key)}
    others = [f"{literal(key)}: {value}" for key, value in arguments.items() if key not in plain]
    parts = [*first, *(f"{key}={value}" for key, value in plain.items())]
    return bracketed(f"{function}(", [*parts, *([f"**{{{', '.join(others)}}}"] if others else [])], ")")


def bracketed(opening: str, parts: Sequence[str], closing: str) -> str:
    """On one line where there is room, else each part on a line of its own."""
    line = f"{opening}{', '.join(parts)}{closing}"
    if len(line) <= WIDTH and "\n" not in line:
        return line
    return f"{opening}\n" + "".join(indent(part, "    ") + ",\n" for part in parts) + closing


def literal(value: Any) -> str:
    """Plain data as source, from which Python makes the same data; texts in double quotes where that does."""
    if isinstance(value, str):
        return f'"{value}"' if repr(value)[1:-1] == value and '"' not in value else repr(value)
    if isinstance(value, dict):
        return bracketed("{", [f"{literal(key)}: {literal(one)}" for key, one in value.items()], "}")
    if isinstance(value, list):
        return bracketed("[", [literal(one) for one in value], "]")
    if isinstance(value, tuple):
        return "(" + ", ".join(map(literal, value)) + (",)" if len(value) == 1 else ")")
    return repr(value)


def _is_name(key: str) -> bool:
    return key.isascii() and key.isidentifier() and not keyword.iskeyword(key)
