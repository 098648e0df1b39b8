"""A formula as plain Python gives the same double, bit for bit, or fails where the formula fails."""

from __future__ import annotations

import contextlib
import math
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from lrsched_cli.core.expressions import Expression
from lrsched_cli.core.script.formula_code import function_lines
from lrsched_cli.core.shipped import shipped_names, shipped_path
from lrsched_cli.core.yaml_source import read_yaml
from lrsched_cli.errors import ExpressionError

if TYPE_CHECKING:
    from collections.abc import Callable

ONE_ARGUMENT = ("abs", "sqrt", "exp", "log", "log2", "log10", "sin", "cos", "tan", "tanh", "floor", "ceil")
BINARY = ("+", "-", "*", "/", "//", "%", "**", "<", "<=", ">", ">=", "==", "!=", "and", "or")

leaves = st.sampled_from(["step", "pi", "e", "0", "1", "2", "7", "0.5", "1e-3", "1_000", "9007199254740993"])


def larger(some: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.one_of(
        st.tuples(some, st.sampled_from(BINARY), some).map(lambda it: f"({it[0]} {it[1]} {it[2]})"),
        st.tuples(st.sampled_from(["-", "+", "not "]), some).map(lambda it: f"({it[0]}{it[1]})"),
        st.tuples(st.sampled_from(ONE_ARGUMENT), some).map(lambda it: f"{it[0]}({it[1]})"),
        st.tuples(st.sampled_from(["min", "max"]), some, some).map(lambda it: f"{it[0]}({it[1]}, {it[2]})"),
        st.tuples(some, some, some).map(lambda it: f"({it[0]} if {it[1]} else {it[2]})"),
        st.tuples(some, some, some).map(lambda it: f"({it[0]} < {it[1]} <= {it[2]})"),
    )


formulas = st.recursive(leaves, larger, max_leaves=12)


def in_python(text: str) -> Callable[[int], Any]:
    names: dict[str, Any] = {"math": math}
    exec("\n".join(function_lines("f", Expression(text))), names)  # noqa: S102 - what is tested
    function: Callable[[int], Any] = names["f"]
    return function


@given(text=formulas, step=st.integers(0, 3000) | st.sampled_from([2**31, 2**53 - 1]))
@example(text="step ** 2 - 9007199254740993", step=94906267)
@example(text="step // 16 % 3", step=1000)
@example(text="abs(step < 5) / 2", step=3)
@example(text="max(1, step < 5) if (2 if step else 3) else not step", step=0)
def test_it_gives_the_same_float_at_every_step(text: str, step: int) -> None:
    try:
        expected = Expression(text)(step)
    except ExpressionError:
        with contextlib.suppress(ArithmeticError, ValueError, TypeError):
            assert not math.isfinite(in_python(text)(step))
        return
    value = in_python(text)(step)
    assert type(value) is float
    assert value.hex() == expected.hex()


def formulas_shipped() -> list[str]:
    found = []
    for name in shipped_names():
        path = shipped_path(name)
        assert path is not None
        section = read_yaml(path.read_text(encoding="utf-8"), name)[0].plain().get("scheduler", {})
        found += [section[key] for key in ("lr_lambda", "custom_lambda") if key in section]
    return found


@pytest.mark.parametrize("text", formulas_shipped())
def test_every_shipped_formula_is_the_same_function(text: str) -> None:
    function, formula = in_python(text), Expression(text)
    for step in (*range(0, 20_000, 7), *range(0, 1_000_000, 9973)):
        try:
            assert function(step).hex() == formula(step).hex()
        except ExpressionError:  # beyond the run
            continue


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("1", ["    # 1", "    return 1.0"]),
        ("step < 5", ["    # step < 5", "    step = float(step)", "    return float(step < 5.0)"]),
        (
            "1 if step < 5 else cos(pi) ** 2",
            [
                "    # 1 if step < 5 else cos(pi) ** 2",
                "    step = float(step)",
                "    if step < 5.0:",
                "        return 1.0",
                "    return math.pow(math.cos(math.pi), 2.0)",
            ],
        ),
        ("floor(e)", ["    # floor(e)", "    return float(math.floor(math.e))"]),
    ],
)
def test_it_reads_as_people_write_it(text: str, lines: list[str]) -> None:
    assert function_lines("f", Expression(text)) == ["def f(step):", *lines]


def test_a_long_formula_over_several_lines_is_told_in_a_comment() -> None:
    text = "step\n" + "  + step \t\r\n" * 60
    lines = function_lines("f", Expression(text))
    comments = [line for line in lines if line.startswith("    # ")]
    assert len(comments) > 2
    assert max(map(len, comments)) < 100
    assert all(line.isprintable() for line in lines)
