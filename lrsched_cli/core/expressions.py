"""The little language of ``custom_lambda``: one formula of the step, and nothing else.

A text becomes a Python syntax tree, of which only the listed kinds of node are let through; every
number becomes a float and every call goes to a function listed here. So a formula cannot reach a
name, an attribute or an import, and cannot grow a number: ``9**9**9**9`` overflows at once.
"""

from __future__ import annotations

import ast
import math
import re
import warnings
from typing import TYPE_CHECKING, Any

from lrsched_cli.errors import ExpressionError

if TYPE_CHECKING:
    from collections.abc import Callable

MAX_LENGTH = 4096
MAX_DEPTH = 200

_STRANGE = re.compile(r"[^ -~\t\n\r]|[#\\\\;]")  # beyond ASCII; comments and line joints of Python

_OPERATORS = (ast.Add, ast.Sub, ast.Mult, ast.Div, ast.FloorDiv, ast.Mod)
_COMPARISONS = (ast.Lt, ast.LtE, ast.Gt, ast.GtE, ast.Eq, ast.NotEq)
_SIGNS = (ast.UAdd, ast.USub, ast.Not)
_NAMES = {"step": None, "pi": math.pi, "e": math.e}


def _floor(x: float) -> float:
    return float(math.floor(x))


def _ceil(x: float) -> float:
    return float(math.ceil(x))


_FUNCTIONS: dict[str, Callable[..., float]] = {
    "abs": abs,
    "min": min,
    "max": max,
    "sqrt": math.sqrt,
    "exp": math.exp,
    "log": math.log,
    "log2": math.log2,
    "log10": math.log10,
    "sin": math.sin,
    "cos": math.cos,
    "tan": math.tan,
    "tanh": math.tanh,
    "floor": _floor,
    "ceil": _ceil,
}
_OF_SEVERAL = {"min", "max"}

VALUES, FUNCTIONS = tuple(_NAMES), tuple(_FUNCTIONS)
"""The names of the language: of values, and of functions."""


class Expression:
    """A formula of ``step``, compiled once; call it with a step to get a float.

    Args:
        text: such as ``"0.5 * (1 + cos(pi * min(step, 800) / 800))"``; 4096 characters at most.

    Raises:
        ExpressionError: the text does not parse, or uses something that the language does not have.

    >>> Expression("max(0.5, 1 - step * 1e-4)")(1000)
    0.9
    """

    __slots__ = ("_function", "text")

    def __init__(self, text: str) -> None:
        self.text = text
        tree = _rebuilt(_parsed(text), MAX_DEPTH)
        function = ast.Lambda(
            args=ast.arguments(
                posonlyargs=[], args=[ast.arg("step")], kwonlyargs=[], kw_defaults=[], defaults=[]
            ),
            body=tree,
        )
        names: dict[str, Any] = {"__builtins__": {}, **_NAMES, **_FUNCTIONS, "_power": math.pow}
        try:
            module = ast.fix_missing_locations(ast.Expression(function))
            code = compile(module, "<custom_lambda>", "eval")
        except (RecursionError, MemoryError):
            raise ExpressionError("is nested too deeply") from None
        self._function: Callable[[float], float] = eval(code, names)  # noqa: S307 - every node is checked

    def __call__(self, step: float) -> float:
        """The value at ``step``. Raises ExpressionError where it is no finite number."""
        try:
            value = self._function(float(step))
        except (ArithmeticError, ValueError, TypeError) as error:
            raise ExpressionError(_REASONS.get(str(error), str(error))) from None
        if math.isfinite(value):
            return value if type(value) is float else float(value)  # a comparison alone gives a bool
        raise ExpressionError(f"the value is {value}")

    def tree(self) -> ast.expr:
        """The formula as it is run: every number a float, every power a call of ``_power``."""
        return _rebuilt(_parsed(self.text), MAX_DEPTH)

    def __reduce__(self) -> tuple[type[Expression], tuple[str]]:
        return Expression, (self.text,)

    def __repr__(self) -> str:
        return f"Expression({self.text!r})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Expression) and self.text == other.text

    def __hash__(self) -> int:
        return hash(self.text)


_REASONS = {
    "float division by zero": "division by zero",
    "float modulo": "division by zero",
    "float modulo by zero": "division by zero",
    "float floor division by zero": "division by zero",
    "math domain error": "a function has no value there (such as the square root of a negative number)",
    "math range error": "the number is too large",
}


def _parsed(text: str) -> ast.expr:
    if not text.strip():
        raise ExpressionError('is empty; write a formula of step, such as "1 if step < 1000 else 0.5"')
    strange = _STRANGE.search(text)
    if strange:
        raise ExpressionError(f"is no formula: {strange[0]!r} is not part of the language")
    if len(text) > MAX_LENGTH:
        raise ExpressionError(f"is {len(text):,} characters long; {MAX_LENGTH:,} are allowed")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")  # what Python only warns of, such as "1if", is no formula
            # A formula may run over several lines, as YAML's block texts do.
            return ast.parse(" ".join(text.split()), mode="eval").body
    except SyntaxError as error:
        raise ExpressionError(f"is no formula: {error.msg}") from None
    except (ValueError, RecursionError, MemoryError):
        raise ExpressionError(
            "is no formula that can be read (nested too deeply, or not plain text)"
        ) from None


def _rebuilt(node: ast.expr, depth: int) -> ast.expr:  # noqa: C901, PLR0912 - a case for each kind of node
    """The same formula with every number a float and every power a call; or an ExpressionError."""
    if depth == 0:
        raise ExpressionError(f"is nested deeper than {MAX_DEPTH} levels (a sum of n terms has n levels)")
    depth -= 1
    match node:
        case ast.Constant(value=bool() | str() | bytes() | complex() | None):
            raise ExpressionError(f"only numbers are allowed, not {_piece(node)}")
        case ast.Constant(value=int() | float() as number):
            return ast.Constant(_finite(number))
        case ast.Name(id=name):
            if name not in _NAMES:
                raise ExpressionError(_unknown(name))
            return ast.Name(name, ast.Load())
        case ast.BinOp(left=left, op=ast.Pow(), right=right):
            power = ast.Name("_power", ast.Load())
            return ast.Call(power, [_rebuilt(left, depth), _rebuilt(right, depth)], [])
        case ast.BinOp(left=left, op=op, right=right) if isinstance(op, _OPERATORS):
            return ast.BinOp(_rebuilt(left, depth), op, _rebuilt(right, depth))
        case ast.UnaryOp(op=op, operand=operand) if isinstance(op, _SIGNS):
            return ast.UnaryOp(op, _rebuilt(operand, depth))
        case ast.BoolOp(op=op, values=values):
            return ast.BoolOp(op, [_rebuilt(value, depth) for value in values])
        case ast.Compare(left=left, ops=ops, comparators=others) if all(
            isinstance(op, _COMPARISONS) for op in ops
        ):
            return ast.Compare(_rebuilt(left, depth), ops, [_rebuilt(other, depth) for other in others])
        case ast.IfExp(test=test, body=body, orelse=orelse):
            return ast.IfExp(_rebuilt(test, depth), _rebuilt(body, depth), _rebuilt(orelse, depth))
        case ast.Call(func=ast.Name(id=name), args=args, keywords=[]) if name in _FUNCTIONS:
            return ast.Call(ast.Name(name, ast.Load()), _arguments(name, args, depth), [])
        case ast.Call(func=ast.Name(id=name)) if name not in _FUNCTIONS:
            raise ExpressionError(_unknown(name))
    raise ExpressionError(f"{_piece(node)} is not part of the language; {_LANGUAGE}")


def _arguments(name: str, args: list[ast.expr], depth: int) -> list[ast.expr]:
    if name in _OF_SEVERAL:
        if len(args) < 2:  # noqa: PLR2004
            raise ExpressionError(f"{name} takes two numbers or more (got {len(args)})")
    elif len(args) != 1:
        raise ExpressionError(f"{name} takes one number (got {len(args)})")
    return [_rebuilt(arg, depth) for arg in args]


def _finite(number: float) -> float:
    try:
        value = float(number)
    except OverflowError:
        value = math.inf
    if math.isfinite(value):
        return value
    raise ExpressionError("has a number that is too large")


_LANGUAGE = (
    "there are step, pi, e, numbers, + - * / // % **, comparisons, and or not, x if c else y, and "
    + " ".join(_FUNCTIONS)
)


def _unknown(name: str) -> str:
    return f"the name {_short(name)} is not known; {_LANGUAGE}"


def _piece(node: ast.expr) -> str:
    try:
        return _short(ast.unparse(node))
    except (RecursionError, ValueError):
        return type(node).__name__


def _short(text: str, longest: int = 40) -> str:
    shown = repr(text)
    return shown if len(shown) <= longest else shown[: longest - 1] + "…"
