"""The little language of ``custom_lambda``: what it says, what it refuses, and that nothing breaks it."""

from __future__ import annotations

import contextlib
import json
import math
import time
import warnings
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from lrsched_cli.core.expressions import MAX_LENGTH, Expression
from lrsched_cli.errors import ExpressionError

if TYPE_CHECKING:
    from collections.abc import Callable

GOLDEN = Path(__file__).resolve().parents[1] / "golden"
HANG = 10.0  # seconds; every case takes milliseconds


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("step", 3.0),
        ("pi", math.pi),
        ("e", math.e),
        ("1", 1.0),
        ("1.5", 1.5),
        (".5", 0.5),
        ("1e-3", 1e-3),
        ("1E3", 1000.0),
        ("1_000", 1000.0),
        ("1 + 2", 3.0),
        ("1 - 2", -1.0),
        ("2 * 3", 6.0),
        ("1 / 4", 0.25),
        ("7 // 2", 3.0),
        ("7 % 4", 3.0),
        ("-7 % 4", 1.0),
        ("2 ** 3", 8.0),
        ("2 ** 3 ** 2", 512.0),
        ("-2 ** 2", -4.0),
        ("2 ** -1", 0.5),
        ("+step", 3.0),
        ("-step", -3.0),
        ("--step", 3.0),
        ("1 + 2 * 3", 7.0),
        ("(1 + 2) * 3", 9.0),
        ("step < 3", 0.0),
        ("step <= 3", 1.0),
        ("step > 3", 0.0),
        ("step >= 3", 1.0),
        ("step == 3", 1.0),
        ("step != 3", 0.0),
        ("1 < step < 5", 1.0),
        ("1 < step < 2", 0.0),
        ("not step", 0.0),
        ("step > 1 and step < 3", 0.0),
        ("step > 1 or step < 3", 1.0),
        ("0 and 1 / 0", 0.0),
        ("1 or 1 / 0", 1.0),
        ("2 if step < 3 else 5", 5.0),
        ("5 if step == 3 else 1 / 0", 5.0),
        ("1 if step < 2 else 2 if step < 4 else 3", 2.0),
        ("abs(-step)", 3.0),
        ("min(step, 2)", 2.0),
        ("min(5, step, 4)", 3.0),
        ("max(step, 2)", 3.0),
        ("max(1, step, 2, 7)", 7.0),
        ("sqrt(9)", 3.0),
        ("exp(1)", math.exp(1)),
        ("log(10)", math.log(10)),
        ("log2(8)", 3.0),
        ("log10(1000)", 3.0),
        ("sin(1)", math.sin(1)),
        ("cos(pi)", -1.0),
        ("tan(1)", math.tan(1)),
        ("tanh(1)", math.tanh(1)),
        ("floor(2.7)", 2.0),
        ("floor(-2.1)", -3.0),
        ("ceil(2.1)", 3.0),
        ("cos(sqrt(abs(min(step, -4))))", math.cos(2)),
        ("  step  ", 3.0),
        ("1\n+ step\n", 4.0),
    ],
)
def test_the_language_means_what_it_does_in_mathematics(text: str, expected: float) -> None:
    assert Expression(text)(3) == expected


@pytest.mark.parametrize("text", ["1", "step", "step > 1", "not step", "floor(step)", "min(1, 2)", "7 // 2"])
def test_a_value_is_always_a_float(text: str) -> None:
    assert type(Expression(text)(3)) is float


@pytest.mark.parametrize(
    "text",
    [
        "step.real",
        "step.__class__",
        "(1).__class__",
        "().__class__.__bases__[0].__subclasses__()",
        "pi.hex",
        "sqrt.__self__",
        "sqrt.__globals__",
        "step.__class__(1)",
        "step[0]",
        "[1, 2][0]",
        "[1, 2]",
        "(1, 2)",
        "1,",
        "()",
        "{1: 2}",
        "{1, 2}",
        "{}",
        "{**step}",
        "x",
        "Step",
        "STEP",
        "epoch",
        "inf",
        "nan",
        "tau",
        "math",
        "math.pi",
        "os",
        "sqrt",
        "max",
        "_power",
        "_power(2, 3)",
        "__builtins__",
        "__builtins__['eval']",
        "__import__('os')",
        "__import__('os').system('true')",
        "eval('1')",
        "exec('1')",
        "compile('1', '', 'eval')",
        "open('schedule.yaml')",
        "print(step)",
        "input()",
        "getattr(step, 'real')",
        "globals()",
        "vars()",
        "dir()",
        "type(step)",
        "int(step)",
        "float('1')",
        "pow(2, 3)",
        "round(step)",
        "sum([step])",
        "range(9)",
        "step(1)",
        "pi()",
        "1()",
        "(sqrt)(4)(2)",
        "(sqrt if step else cos)(4)",
        "lambda: 1",
        "lambda step: step",
        "(lambda: 1)()",
        "[step for step in (1, 2)]",
        "{step for step in (1, 2)}",
        "{step: 1 for step in (1, 2)}",
        "(step for step in (1, 2))",
        "step for step in (1, 2)",
        "max(step for step in (1, 2))",
        "'1'",
        '"1"',
        "'a' 'b'",
        "'1' * 9",
        "b'1'",
        "r'1'",
        "f'{step}'",
        "f'1'",
        "True",
        "False",
        "None",
        "...",
        "1j",
        "(x := 1)",
        "x := 1",
        "step := 1",
        "import os",
        "import os; 1",
        "from os import path",
        "x = 1",
        "step = 1",
        "step += 1",
        "return 1",
        "yield 1",
        "(yield)",
        "await step",
        "del step",
        "pass",
        "raise step",
        "assert step",
        "global step",
        "def f(): pass",
        "class A: pass",
        "if step: 1",
        "if step: 1\nelse: 2",
        "for step in 1: 2",
        "while 1: 2",
        "with step: 1",
        "1; 2",
        "1\n2",
        "min(a=1, b=2)",
        "max(1, 2, key=abs)",
        "max(1, 2, default=3)",
        "sqrt(x=4)",
        "min(*step)",
        "min(*step, *step)",
        "min(1, *step)",
        "min(**step)",
        "sqrt(**{})",
        "step[1:2]",
        "step[...]",
        "*step",
        "**step",
        "step @ step",
        "step << 2",
        "step >> 2",
        "step & 1",
        "step | 1",
        "step ^ 1",
        "~step",
        "step is 1",
        "step is not 1",
        "step in 1",
        "step not in 1",
        "step <> 1",
        "step && 1",
        "step || 1",
        "!step",
        "step ? 1 : 2",
        "1 if step",
        "step++",
        "1 +",
        "* 2",
        "(1",
        "1)",
        "1) + (2",
        ") + (",
        "1)(2",
        "sqrt()",
        "sqrt(1, 2)",
        "min()",
        "min(1)",
        "max(step)",
        "log(8, 2)",
        "2step",
        "1..2",
        "1__0",
        "0777",
        "1e",
        "1,5",
        "50%",
        "$step",
        "step \\",
        "`step`",
        "#",
        "\uff53\uff54\uff45\uff50",
        "\u03c0",
        "step\x00",
        "\x00",
        "\ud800",
        "\u200bstep",
        "\u2212 1",
        "",
        "   ",
        "\n",
    ],
)
def test_nothing_else_parses(text: str) -> None:
    with pytest.raises(ExpressionError):
        Expression(text)


BOMBS = {
    "powers": "9**9**9**9",
    "powers of powers": "((9**9)**9**9)**9**9",
    "product of powers": "*".join(["9**300"] * 500),
    "a number too long to be read": "1" * 4000,
    "a hexadecimal number": "0x" + "f" * 4000,
    "a large exponent": "1e999999999",
    "100 KB of ones": "1" * 100_000,
    "100 KB of sums": "1+" * 50_000 + "1",
    "100 KB of spaces": " " * 100_000 + "1/0",
    "4,000 minus signs": "-" * 4000 + "1",
    "1,000 nots": "not " * 1000 + "1",
    "10,000 brackets": "(" * 10_000 + "1" + ")" * 10_000,
    "2,000 brackets": "(" * 2000 + "1" + ")" * 2000,
    "2,000 open brackets": "(" * 2000,
    "4,000 open square brackets": "[" * 4000,
    "800 calls": "abs(" * 800 + "1" + ")" * 800,
    "2,000 sums": "1+" * 2000 + "1",
    "1,300 powers": "2**" * 1300 + "2",
    "500 nested choices": "1 if (" * 400 + "1" + ") else 2" * 100,
    "lambdas": "lambda:" * 500 + "1",
    "dictionaries": "{1:" * 1000,
    "a rounded infinity": "floor(1e308 * 10)",
    "a factorial of sorts": "exp(exp(exp(step + 9)))",
}


@pytest.mark.parametrize("text", BOMBS.values(), ids=BOMBS.keys())
def test_a_bomb_ends_in_an_error_at_once(text: str) -> None:
    start = time.monotonic()
    with pytest.raises(ExpressionError):
        Expression(text)(3)
    assert time.monotonic() - start < HANG


def works(text: str) -> bool:
    try:
        Expression(text)(3)
    except Exception:  # noqa: BLE001 - of whatever kind: the caller looks for where it begins
        return False
    return True


def deepest(made: Callable[[int], str], high: int) -> int:
    low = 1
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if works(made(middle)) else (low, middle)
    return low


@pytest.mark.parametrize(
    "made",
    [
        lambda n: "-" * n + "1",
        lambda n: "1" + "+1" * n,
        lambda n: "1**" * n + "1",
        lambda n: "not " * n + "1",
    ],
    ids=["signs", "sums", "powers", "nots"],
)
def test_around_the_deepest_formula_that_works_nothing_but_expression_errors_comes_out(
    made: Callable[[int], str],
) -> None:
    last = deepest(made, 1300)
    for depth in range(last - 5, last + 8):
        with contextlib.suppress(ExpressionError):
            assert Expression(made(depth))(3) in {-1.0, 0.0, 1.0, depth + 1.0}


def test_a_formula_may_be_as_long_as_the_limit_says() -> None:
    assert Expression("1".rjust(MAX_LENGTH))(1) == 1.0


def test_a_formula_beyond_the_limit_says_how_long_it_is() -> None:
    with pytest.raises(ExpressionError, match="4,097"):
        Expression("1".rjust(MAX_LENGTH + 1))


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("1 / (step - 3)", "division by zero"),
        ("1 // (step - 3)", "division by zero"),
        ("1 % (step - 3)", "division by zero"),
        ("0 ** (step - 4)", "no value"),
        ("(2 - step) ** 0.5", "no value"),
        ("sqrt(2 - step)", "no value"),
        ("log(step - 3)", "no value"),
        ("log2(2 - step)", "no value"),
        ("log10(0)", "no value"),
        ("exp(1000 * step)", "too large"),
        ("10 ** (200 * step)", "too large"),
        ("1e308 * step", "inf"),
        ("1e308 * step - 1e308 * step", "nan"),
    ],
)
def test_a_step_without_a_value_is_an_error_with_its_reason(text: str, reason: str) -> None:
    formula = Expression(text)
    with pytest.raises(ExpressionError, match=reason):
        formula(3)


def test_a_formula_goes_on_after_a_step_without_a_value() -> None:
    formula = Expression("1 / (step - 3)")
    with pytest.raises(ExpressionError):
        formula(3)
    assert formula(4) == 1.0


@pytest.mark.parametrize("text", ["epoch", "step.real", "1 +", "True"])
def test_a_refusal_says_why_on_one_line(text: str) -> None:
    with pytest.raises(ExpressionError) as caught:
        Expression(text)
    assert "\n" not in str(caught.value)


def test_an_unknown_name_is_told_with_what_there_is() -> None:
    with pytest.raises(ExpressionError, match=r"'epoch'.*step, pi, e"):
        Expression("epoch + 1")


@pytest.mark.parametrize("text", ["1if step < 5 else 2", "1 is 1", "1()", "2 if 1or 0 else 3"])
def test_no_text_makes_python_warn(text: str) -> None:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        works(text)
    assert [str(one.message) for one in caught] == []


PLAIN: dict[str, Callable[[int], float]] = {
    "lambda_cos": lambda step: 0.5 * (1 + math.cos(math.pi * min(step, 800) / 800)),
    "lambda_tail": lambda step: 1.0 if step < 1000 else max(0.5, 1 - (step - 1000) * 1e-4),
}


def test_every_recorded_formula_is_compared() -> None:
    texts = {
        path.stem: json.loads(path.read_text(encoding="utf-8"))["custom_lambda"]
        for path in GOLDEN.glob("*.json")
    }
    assert {name for name, text in texts.items() if text is not None} == set(PLAIN)


@pytest.mark.parametrize("name", PLAIN)
def test_a_recorded_formula_has_the_bits_of_plain_python(name: str) -> None:
    about = json.loads((GOLDEN / f"{name}.json").read_text(encoding="utf-8"))
    formula = Expression(about["custom_lambda"])
    steps = range(1, 10_001)
    assert [formula(step).hex() for step in steps] == [float(PLAIN[name](step)).hex() for step in steps]


def test_formulas_of_one_text_are_equal() -> None:
    assert (Expression("step"), hash(Expression("step"))) == (Expression("step"), hash(Expression("step")))
    assert Expression("step") != Expression("pi")


def test_a_formula_shows_its_text() -> None:
    assert repr(Expression("1 / step")) == "Expression('1 / step')"
