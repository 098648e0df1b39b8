"""A formula of a schedule file as a function in plain Python, which gives the same double at every step."""

from __future__ import annotations

import ast
from textwrap import wrap
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lrsched_cli.core.expressions import Expression

_WIDTH = 90
_BUILTIN = {"abs", "min", "max"}
_WHOLE = {"floor", "ceil"}
"""Functions that give whole numbers in Python, and doubles in the language of formulas."""


def function_lines(name: str, formula: Expression) -> list[str]:
    """The function's source; all of its numbers are floats, as those of the language are.

    Where the language would tell of a value that is no finite number, Python raises its own error or
    goes on with it.
    """
    tree = formula.tree()
    lines = [f"def {name}(step):", *(f"    # {one}" for one in wrap(" ".join(formula.text.split()), _WIDTH))]
    if any(isinstance(node, ast.Name) and node.id == "step" for node in ast.walk(tree)):
        lines.append("    step = float(step)")
    while isinstance(tree, ast.IfExp):
        lines += [f"    if {_text(tree.test)}:", f"        return {_as_float(tree.body)}"]
        tree = tree.orelse
    return [*lines, f"    return {_as_float(tree)}"]


def _as_float(node: ast.expr) -> str:
    return _text(node) if _is_float(node) else f"float({_text(node)})"


def _text(node: ast.expr) -> str:
    return ast.unparse(ast.fix_missing_locations(_InPython().visit(node)))


class _InPython(ast.NodeTransformer):
    """Names and calls of the language as those of Python."""

    def visit_Name(self, node: ast.Name) -> ast.expr:
        return _math(node.id) if node.id in {"pi", "e"} else node

    def visit_Call(self, node: ast.Call) -> ast.expr:
        name = node.func.id if isinstance(node.func, ast.Name) else ""
        arguments = [self.visit(one) for one in node.args]
        if name in _BUILTIN:
            return ast.Call(node.func, arguments, [])
        call = ast.Call(_math("pow" if name == "_power" else name), arguments, [])
        return ast.Call(ast.Name("float", ast.Load()), [call], []) if name in _WHOLE else call


def _math(name: str) -> ast.Attribute:
    return ast.Attribute(ast.Name("math", ast.Load()), name, ast.Load())


def _is_float(node: ast.expr) -> bool:
    """Whether a value is a float whatever the step; a comparison gives a truth, which counts as 1 or 0."""
    match node:
        case ast.Constant() | ast.Name():
            return True
        case ast.BinOp(left=left, right=right):
            return _is_float(left) or _is_float(right)
        case ast.UnaryOp(op=ast.UAdd() | ast.USub(), operand=operand):
            return _is_float(operand)
        case ast.BoolOp(values=values):
            return all(map(_is_float, values))
        case ast.IfExp(body=body, orelse=orelse):
            return _is_float(body) and _is_float(orelse)
        case ast.Call(func=ast.Name(id=name), args=args):
            return name not in _BUILTIN or all(map(_is_float, args))
    return False
