"""Functions by import path."""

from __future__ import annotations

import math
import sys
from pathlib import Path

import pytest

from lrsched_cli.core.user_code import import_function, what_it_runs


@pytest.fixture(autouse=True)
def own_import_path(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "path", list(sys.path))
    for name in ("mine", "package", "package.inner"):
        monkeypatch.setitem(sys.modules, name, sys)
        monkeypatch.delitem(sys.modules, name)


def reason(reference: str) -> str:
    with pytest.raises(ValueError, match=r".") as caught:
        import_function(reference)
    return str(caught.value)


def test_a_function_is_found_in_its_module() -> None:
    assert import_function("math:sqrt") is math.sqrt


def test_a_module_of_the_current_folder_is_found() -> None:
    Path("mine.py").write_text("def f(step): return step * 2\n")
    assert import_function("mine:f")(4) == 8


def test_the_current_folder_comes_before_all_others() -> None:
    Path("mine.py").write_text("f = abs\n")
    import_function("mine:f")
    assert sys.path[0] == str(Path.cwd())


def test_a_module_of_a_package_is_found() -> None:
    Path("package").mkdir()
    Path("package/inner.py").write_text("class Shape:\n    @staticmethod\n    def f(step): return step + 1\n")
    assert import_function("package.inner:Shape.f")(4) == 5


def test_a_name_may_be_in_any_alphabet() -> None:
    Path("mine.py").write_text("def größe(step): return 3\n")
    assert import_function("mine:größe")(4) == 3


@pytest.mark.parametrize(
    "reference",
    [
        "",
        ":",
        "mine",
        "mine:",
        ":f",
        "mine:f:g",
        "mine.:f",
        ".mine:f",
        "a b:f",
        "mine:f()",
        "mine/x:f",
        "1:f",
        "mine:f\n",
    ],
)
def test_what_names_no_function_is_an_error(reference: str) -> None:
    assert reason(reference).startswith('must be "package.module:function" (got ')


@pytest.mark.parametrize(
    ("module", "words"),
    [
        ("", "AttributeError"),
        ("f = None", "cannot be called"),
        ("raise KeyError('oops')", "KeyError: 'oops'"),
        ("import sys\nsys.exit('bye')", "SystemExit: bye"),
        ("def f(", "SyntaxError"),
    ],
)
def test_what_cannot_be_had_is_an_error_with_its_reason(module: str, words: str) -> None:
    Path("mine.py").write_text(module)
    assert words in reason("mine:f")


def test_an_interrupt_stops_the_import() -> None:
    Path("mine.py").write_text("raise KeyboardInterrupt\n")
    with pytest.raises(KeyboardInterrupt):
        import_function("mine:f")


def test_what_would_run_is_said_without_running_it() -> None:
    Path("mine.py").write_text("raise AssertionError\n")
    assert what_it_runs("mine.inner:Shape.f") == 'would import "mine.inner" and call its "Shape.f"'
