"""What an installed library's source says of the arguments of its classes and functions."""

from __future__ import annotations

import ast
import inspect
import re

_ENTRY = re.compile(r"^( *)(\w+)(?: \((?:[^()]|\([^()]*\))*\))?: *(.*)$")
_MARKUP = re.compile(r"(?::\w+(?::\w+)?:)?`+~?([^`]*)`+|\*\*?(\w[^*]*)\*\*?")


def argument_docs(name: str, tree: ast.Module) -> dict[str, str]:
    """What is said of each argument of a class or function of a file, each on one line; {} for none.

    Understood are entries ``name (kind): text`` whose text may go on below, further to the right: the
    form that torch and transformers use.
    """
    found: dict[str, str] = {}
    lines = _text_of(name, tree).splitlines()
    for number, line in enumerate(lines):
        entry = _ENTRY.match(line)
        if entry and entry[2] not in found:
            rest = _indented_below(lines[number + 1 :], len(entry[1]))
            text = _plain(" ".join([entry[3], *rest]))
            if text:
                found[entry[2]] = text
    return found


def _indented_below(lines: list[str], indent: int) -> list[str]:
    """The lines of an entry after its first: those further to the right, up to an empty one."""
    found = []
    for line in lines:
        if not line.strip() or len(line) - len(line.lstrip()) <= indent:
            break
        found.append(line.strip())
    return found


def _text_of(name: str, tree: ast.Module) -> str:
    """The docstring of a class or function, also one that is assigned to it afterwards."""
    for node in tree.body:
        if isinstance(node, ast.ClassDef | ast.FunctionDef) and node.name == name:
            written = ast.get_docstring(node)
            if written:
                return written
        elif isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == f"{name}.__doc__":
            return inspect.cleandoc("".join(_texts(node.value)))
    return ""


def _texts(node: ast.expr) -> list[str]:
    """The texts that a docstring is put together from; what is not written there is left out."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return [node.value]
    if isinstance(node, ast.JoinedStr):
        return [text for part in node.values for text in _texts(part)]
    if isinstance(node, ast.BinOp):
        return [*_texts(node.left), *_texts(node.right)]
    return []


def _plain(text: str) -> str:
    return " ".join(_MARKUP.sub(lambda found: found[1] or found[2] or "", text).split())
