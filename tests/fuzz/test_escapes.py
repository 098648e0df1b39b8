"""No known way out of a Python sandbox is a way out of the language of formulas, and no bomb goes off."""

from __future__ import annotations

import re
import sys
import time
import tracemalloc
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from lrsched_cli.core.config import load_schedule
from lrsched_cli.core.expressions import Expression
from lrsched_cli.errors import ExpressionError, ScheduleFileError

if TYPE_CHECKING:
    from collections.abc import Iterator

CORPUS = Path(__file__).with_name("escapes.txt")
STEPS = (0, 1, 999, 10**7)
SECONDS = 2.0
MEGABYTES = 300
PARSING = {"compile"}
RUNNING = {"compile", "exec"}  # the second of what the first has made of nodes that were checked


def _unescaped(line: str) -> str:
    return re.sub(
        r"\\(?:u([0-9a-f]{4})|U([0-9a-f]{8}))", lambda found: chr(int(found[1] or found[2], 16)), line
    )


ESCAPES = [_unescaped(line) for line in CORPUS.read_text("ascii").splitlines() if not line.startswith("# ")]

BOMBS = {
    "a tower of powers": "9**9**9",
    "a higher tower": "9**9**9**9**9**9",
    "powers in brackets": "((9**9)**9)**(9**9)",
    "a product beyond the largest double": "1e308*10",
    "a sum beyond the largest double": "1.7e308 + 1.7e308",
    "infinity minus infinity": "1e308*10 - 1e308*10",
    "infinity as a number": "1e309",
    "a division by zero": "(10**9)//0",
    "a division by zero in steps": "1 / (step - step)",
    "a remainder by zero": "5 % 0",
    "a power that is no real number": "(-8) ** 0.5",
    "zero to a negative power": "0 ** -1",
    "an overflow of exp": "exp(1e9)",
    "an overflow of powers of step": "(step + 2) ** 1e9",
    "the logarithm of zero": "log(step * 0)",
    "the root of a negative number": "sqrt(-1 - step)",
    "the ceiling of infinity": "ceil(1e308 * 10)",
    "the sine of infinity": "sin(1e308 * 10)",
    "a number of 100,000 digits": "9" * 100_000,
    "a hexadecimal number of 4,000 digits": "0x" + "f" * 4000,
    "an octal number of 4,000 digits": "0o" + "7" * 4000,
    "a large exponent": "1e999999999999",
    "100 KB of sums": "1+" * 51_200 + "1",
    "100 KB of powers": "9**" * 34_000 + "9",
    "100 KB of brackets": "(" * 51_200 + "1" + ")" * 51_200,
    "10,000 brackets": "(" * 10_000 + "1" + ")" * 10_000,
    "10,000 open brackets": "(" * 10_000,
    "2,000 brackets": "(" * 2000 + "1" + ")" * 2000,
    "1,300 calls": "abs(" * 800 + "1" + ")" * 800,
    "2,000 open lists": "[" * 2000,
    "2,000 open mappings": "{" * 2000,
    "4,000 signs": "-" * 4000 + "1",
    "1,000 nots": "not " * 1000 + "1",
    "a chain of conditions": "1 if step else " * 270 + "1",
    "a chain of lambdas": "lambda:" * 500 + "1",
    "a tower of attributes": "step" + ".a" * 2000,
    "a tower of subscripts": "step" + "[0]" * 1300,
    "a tower of calls": "abs" + "()" * 2000,
    "10 MB": "1" * 10_000_000,
    "10 MB of white space": " " * 10_000_000 + "1",
}


@contextmanager
def nothing_happening_but(allowed: set[str]) -> Iterator[None]:
    """Fail where Python's own audit sees a file opened, a module imported, a process started and the like."""
    seen: list[str] = []
    _listeners.append(seen)
    try:
        yield
    finally:
        _listeners.remove(seen)
    assert set(seen) <= allowed


_listeners: list[list[str]] = []


def _listen(event: str, _: object) -> None:
    for seen in _listeners:
        seen.append(event)


sys.addaudithook(_listen)  # cannot be taken away again, and costs nothing while nobody listens


def test_the_corpus_is_a_large_one_without_doubles() -> None:
    assert len(set(ESCAPES)) == len(ESCAPES)
    assert len(ESCAPES) >= 150


@pytest.mark.parametrize("text", ESCAPES, ids=ascii)
def test_no_escape_parses(text: str) -> None:
    with nothing_happening_but(PARSING), pytest.raises(ExpressionError):
        Expression(text)


def test_an_escape_in_a_file_or_an_override_is_a_problem_at_its_place() -> None:
    for text in ESCAPES:
        quoted = '"' + "".join(f"\\U{ord(one):08x}" for one in text) + '"'
        with pytest.raises(ScheduleFileError, match=r"^--set:1:"):
            load_schedule("default", overrides=[f"scheduler.custom_lambda={quoted}"])
        Path("s.yaml").write_text(f"scheduler:\n  custom_lambda: {quoted}\n", encoding="ascii")
        with pytest.raises(ScheduleFileError, match=r"^s\.yaml:2:"):
            load_schedule("s.yaml")


@pytest.mark.parametrize("text", BOMBS.values(), ids=BOMBS.keys())
def test_no_bomb_gives_a_number_takes_long_or_grows(text: str) -> None:
    tracemalloc.start()
    started = time.process_time()
    try:
        with nothing_happening_but(RUNNING), pytest.raises(ExpressionError):
            _evaluate(text)
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert time.process_time() - started < SECONDS
    assert most < MEGABYTES * 2**20


def _evaluate(text: str) -> None:
    formula = Expression(text)
    for step in STEPS:
        formula(step)
