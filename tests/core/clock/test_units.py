"""Amounts with a unit, as people write them."""

from __future__ import annotations

from contextlib import suppress
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lrsched_cli.core.clock.units import Quantity, quantity


@pytest.mark.parametrize(
    ("text", "amount", "unit"),
    [
        ("5ep", Fraction(5), "ep"),
        ("0.5ep", Fraction(1, 2), "ep"),
        ("10%", Fraction(10), "%"),
        ("0.1 %", Fraction(1, 10), "%"),
        ("2Ktok", Fraction(2000), "tok"),
        ("2ktok", Fraction(2000), "tok"),
        ("375Mtok", Fraction(375_000_000), "tok"),
        ("300Btok", Fraction(3 * 10**11), "tok"),
        ("1.5Ttok", Fraction(15 * 10**11), "tok"),
        ("3e11tok", Fraction(3 * 10**11), "tok"),
        ("1_000_000sa", Fraction(10**6), "sa"),
        (" 1.28Msa ", Fraction(1_280_000), "sa"),
        ("0ep", Fraction(0), "ep"),
    ],
)
def test_an_amount_is_read_exactly(text: str, amount: Fraction, unit: str) -> None:
    assert quantity(text) == Quantity(amount, unit, text.strip())


@pytest.mark.parametrize(
    "text", ["linear", "", "100", "1e-3", "ep", "%", "step * 2", "5 * ep", "1/2ep", "×5ep"]
)
def test_what_is_no_number_with_a_word_is_left_alone(text: str) -> None:
    assert quantity(text) is None


@pytest.mark.parametrize(
    "text",
    ["5epochs", "5 epoch", "10percent", "5Kep", "5M%", "-5ep", "+5ep", "5steps", "1__0ep", "5EP", "1e-3ep"],
)
def test_a_number_with_no_known_unit_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is no count of steps; write a whole number of steps, or 5ep, 10%"):
        quantity(text)


@given(st.integers(0, 10**15), st.integers(0, 6), st.sampled_from(["ep", "sa", "tok", "%"]))
def test_decimals_are_no_floats(whole: int, places: int, unit: str) -> None:
    digits = f"{whole:0{places + 1}d}"
    written = f"{digits[:-places]}.{digits[-places:]}" if places else digits
    found = quantity(f"{written}{unit}")
    assert found is not None
    assert found.amount == Fraction(whole, 10**places)


@given(st.text(max_size=80))
def test_any_other_text_is_none_or_a_clear_error(text: str) -> None:
    with suppress(ValueError):
        found = quantity(text)
        assert found is None or found.amount >= 0
