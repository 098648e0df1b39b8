"""Results as one JSON document."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lrsched_cli import Problem
from lrsched_cli.report.json_text import json_text


@dataclass(frozen=True)
class Inner:
    value: float
    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Outer:
    inner: Inner
    several: tuple[Inner, ...]
    nothing: None = None


PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@given(PLAIN)
def test_plain_values_read_back_as_they_were(value: Any) -> None:
    assert json.loads(json_text(value)) == value


def test_dataclasses_become_objects_with_their_fields_in_order() -> None:
    inner = Inner(1e-3, ("a", "b"))
    as_dict = {"value": 1e-3, "names": ["a", "b"]}
    read = json.loads(json_text(Outer(inner, (inner, inner))))
    assert read == {"inner": as_dict, "several": [as_dict, as_dict], "nothing": None}
    assert list(read) == ["inner", "several", "nothing"]


def test_a_problem_keeps_its_place() -> None:
    read = json.loads(json_text([Problem("a.yaml", 3, 7, "scheduler.T_0", "must be 1 or more")]))
    assert read == [
        {"file": "a.yaml", "line": 3, "column": 7, "key": "scheduler.T_0", "message": "must be 1 or more"}
    ]


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, np.float64("nan")])
def test_what_is_no_number_in_json_is_null(value: float) -> None:
    text = json_text({"bare": value, "deep": [Inner(value, ())]})
    assert json.loads(text, parse_constant=pytest.fail) == {
        "bare": None,
        "deep": [{"value": None, "names": []}],
    }


def test_keys_that_are_no_text_become_text() -> None:
    assert json.loads(json_text({1: {2.5: "a"}})) == {"1": {"2.5": "a"}}


def test_letters_stay_letters_and_the_document_ends_its_line() -> None:
    text = json_text({"name": "naïve 頭"})
    assert "naïve 頭" in text
    assert text.endswith("}\n")
