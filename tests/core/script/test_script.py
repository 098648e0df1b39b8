"""What a script is put together from: names that do not clash, and literals that read back."""

from __future__ import annotations

import ast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lrsched_cli.core.expressions import Expression
from lrsched_cli.core.script.script import Script, call, literal

plain = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda one: st.lists(one) | st.tuples(one) | st.dictionaries(st.text(), one),
)


@given(value=plain)
def test_a_literal_reads_back(value: object) -> None:
    assert ast.literal_eval(literal(value)) == value


def test_names_are_imported_once_and_clashing_ones_stay_with_their_module() -> None:
    script = Script()
    assert script.name("torch.optim.lr_scheduler", "StepLR") == "StepLR"
    assert script.name("torch.optim.lr_scheduler", "StepLR") == "StepLR"
    assert script.reference("mine.schedulers:StepLR") == "mine.schedulers.StepLR"
    assert script.reference("mine:Cosine.fast") == "Cosine.fast"
    assert script.reference("mine:optimizer") == "mine.optimizer"
    assert script.import_lines() == [
        "import mine",
        "import mine.schedulers",
        "from mine import Cosine",
        "from torch.optim.lr_scheduler import StepLR",
    ]
    assert not script.needs_package


@pytest.mark.parametrize(
    ("module", "needs"), [("lrsched_cli", True), ("lrsched_cli.core", True), ("x", False)]
)
def test_it_knows_whether_it_needs_this_package(module: str, needs: bool) -> None:  # noqa: FBT001
    script = Script()
    script.name(module, "Thing")
    assert script.needs_package is needs


def test_each_formula_gets_a_name_of_its_own_and_math_where_it_needs_it() -> None:
    script = Script()
    assert script.formula("lr_lambda", Expression("step / 2")) == "lr_lambda"
    assert script.import_lines() == []
    assert script.formula("lr_lambda", Expression("sqrt(step)")) == "lr_lambda_2"
    assert script.name("mine", "lr_lambda") == "mine.lr_lambda"
    assert script.import_lines() == ["import math", "import mine"]


def test_a_call_is_on_one_line_where_there_is_room() -> None:
    assert call("StepLR", ["optimizer"], {"step_size": "3"}) == "StepLR(optimizer, step_size=3)"
    long = call("f", [], {f"argument_{number}": "1.0" for number in range(9)})
    assert long.startswith("f(\n    argument_0=1.0,\n")
    assert long.endswith(",\n)")


@pytest.mark.parametrize("key", ["x=1), evil(", "class", "a b", "größe", "ﬁ"])
def test_a_key_that_is_no_name_cannot_become_code(key: str) -> None:
    text = call("f", [], {"plain": "1", key: "2"})
    tree = ast.parse(text, mode="eval").body
    assert isinstance(tree, ast.Call)
    assert ast.unparse(tree.func) == "f"
    names = [keyword.arg for keyword in tree.keywords]
    assert names == ["plain", None]
    assert ast.literal_eval(tree.keywords[1].value) == {key: 2}
