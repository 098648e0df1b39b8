"""What is wrong, in words that say what would be right."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import pytest
from pydantic import BaseModel, Field, ValidationError

from lrsched_cli.core.config import Schedule
from lrsched_cli.core.messages import did_you_mean, expected, known_keys, message_for, shown, unknown_key


@pytest.mark.parametrize(
    ("word", "known", "said"),
    [
        ("stepz", ["steps", "loop"], "; did you mean steps?"),
        ("t_0", ["T_0", "T_mult"], "; did you mean T_0?"),
        ("ADAMW", ["Adam", "AdamW"], "; did you mean AdamW?"),
        ("zzz", ["steps", "loop"], "; known here: loop, steps"),
        ("zzz", [], ""),
        ("", ["a"], "; known here: a"),
    ],
)
def test_the_nearest_known_word_is_offered_else_all(word: str, known: list[str], said: str) -> None:
    assert did_you_mean(word, known) == said


def test_of_many_known_words_the_nearest_in_length_are_compared_and_the_first_told() -> None:
    words = [f"loss_{n:06}" for n in range(100_000)]
    assert did_you_mean("accuracy", words).endswith(", loss_000049 and 99,950 more")
    assert did_you_mean("loss_000O00", words).startswith("; did you mean loss_000")


def test_of_long_words_none_is_compared_and_none_told_whole() -> None:
    words = ["x" * 5000 + str(n) for n in range(3)]
    assert did_you_mean("x" * 5000, words) == f"; known here: {', '.join(['x' * 59 + '…'] * 3)}"


def test_an_unknown_key_is_said_to_be_one() -> None:
    assert unknown_key("gama", ["gamma"]) == "is no known key; did you mean gamma?"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (5, "5"),
        (1e-3, "0.001"),
        (None, "null"),
        (True, "true"),
        ("a b", '"a b"'),
        ("größe", '"größe"'),
        ("a\nb\x1b", '"a\\nb\\u001b"'),
        ([1, "x"], '[1, "x"]'),
        ({"a": None}, '{"a": null}'),
        ({1, 2}, "{1, 2}"),
    ],
)
def test_a_value_is_shown_as_people_write_it(value: object, text: str) -> None:
    assert shown(value) == text


@pytest.mark.parametrize(("length", "end"), [(58, '"'), (59, "…")])
def test_a_long_value_is_shown_in_part(length: int, end: str) -> None:
    text = shown("x" * length)
    assert (len(text), text[-1]) == (60, end)


class Example(BaseModel):
    whole: Annotated[int, Field(strict=True, ge=1, le=1000)] = 1
    share: Annotated[float, Field(strict=True, ge=0, le=1)] = 1
    positive: Annotated[float, Field(strict=True, gt=0)] = 1
    choice: Literal["linear", "cosine"] = "linear"
    perhaps: Annotated[float, Field(strict=True, ge=0)] | None = None
    many: tuple[int, ...] = ()
    table: dict[str, int] = {}
    switch: Annotated[bool, Field(strict=True)] = False
    text: str = ""


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("whole", 0, "a whole number, 1 or more"),
        ("whole", 2000, "a whole number from 1 to 1,000"),
        ("share", 2, "a number from 0 to 1"),
        ("positive", 0, "a number above 0"),
        ("choice", "x", "linear or cosine"),
        ("perhaps", -1, "a number, 0 or more"),
        ("many", 5, "a list"),
        ("table", 5, "a mapping"),
        ("switch", 5, "true or false"),
        ("text", 5, "text"),
    ],
)
def test_a_field_says_what_it_takes(field: str, value: object, words: str) -> None:
    assert expected(Example.model_fields[field], value) == words


def told(model: type[BaseModel], **values: Any) -> list[str]:
    with pytest.raises(ValidationError) as caught:
        model(**values)
    return [message_for(error, model, ["extends"]) for error in caught.value.errors()]


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"whole": 0}, "must be a whole number, 1 or more (got 0)"),
        ({"choice": "Cosine"}, 'must be linear or cosine (got "Cosine"); did you mean cosine?'),
        ({"choice": "zzz"}, 'must be linear or cosine (got "zzz")'),
        ({"text": None}, "must be text (got null)"),
    ],
)
def test_a_wrong_value_is_told_with_what_it_is(values: dict[str, Any], message: str) -> None:
    assert told(Example, **values) == [message]


def test_an_unknown_key_at_the_top_may_be_one_that_is_no_field() -> None:
    assert told(Schedule, name="x", extend="y") == ["is no known key; did you mean extends?"]


def test_a_missing_key_is_told() -> None:
    assert told(Schedule) == ["is missing"]


@pytest.mark.parametrize(
    ("place", "keys"),
    [
        (("batch_size", 0), {"until", "size", "per_device", "devices", "accumulate"}),
        (("scheduler", "custom_lambda"), {"import"}),
        (
            ("param_groups", 1),
            {"name", "lr", "shapes", "match", "scheduler", "no_weight_decay", "layer_decay"},
        ),
        (("nothing",), set()),
    ],
)
def test_a_section_knows_its_keys(place: tuple[str | int, ...], keys: set[str]) -> None:
    assert set(known_keys(Schedule, place)) == keys


PYDANTIC_WORDS = (
    "Input should",
    "valid",
    "instance",
    "tuple",
    "string",
    "integer",
    "dictionary",
    "Field required",
)


@pytest.mark.parametrize(
    "values",
    [
        {"name": 5},
        {"description": 5},
        {"steps": "x"},
        {"steps": 1.5},
        {"loop": 5},
        {"batch_size": "x"},
        {"batch_size": [{"until": "x", "size": 5.5}]},
        {"batch_size": [[1]]},
        {"optimizer": 5},
        {"optimizer": {"type": 5, "lr": "x"}},
        {"param_groups": 5},
        {"param_groups": [5]},
        {"param_groups": [{"name": 5, "lr": "x", "shapes": 5, "match": 5, "scheduler": 5}]},
        {"param_groups": [{"name": "a", "shapes": {"w": 5}, "match": [5]}]},
        {"param_groups": [{"name": "a", "shapes": {"w": ["x"]}}]},
        {"scheduler": 5},
        {"scheduler": {"type": 5, "warmup_steps": "x", "gamma": "x", "warmup_type": 5, "custom_lambda": 5}},
        {"scheduler": {"custom_lambda": {"import": 5}}},
        {"scheduler": {"custom_lambda": {}}},
    ],
    ids=str,
)
def test_no_message_is_in_the_words_of_the_library_behind_it(values: dict[str, Any]) -> None:
    for message in told(Schedule, **{"name": "x", **values}):
        assert not [word for word in PYDANTIC_WORDS if word in message], message
