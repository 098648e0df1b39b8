"""What is read from torch's source, held against what torch's classes say themselves."""

from __future__ import annotations

import inspect
from typing import Any

import pytest
import torch

from lrsched_cli.core.signatures import Argument, optimizer_arguments, optimizer_names

BASE = torch.optim.Optimizer
CLASSES = sorted(
    name
    for name, found in vars(torch.optim).items()
    if inspect.isclass(found) and issubclass(found, BASE) and found is not BASE
)


def signature_of(name: str) -> dict[str, Any]:
    parameters = inspect.signature(getattr(torch.optim, name)).parameters
    return {key: one.default for key, one in parameters.items() if key != "params"}


def test_every_optimizer_of_torch_is_known() -> None:
    assert list(optimizer_names()) == CLASSES


@pytest.mark.parametrize("name", CLASSES)
def test_the_arguments_are_those_of_the_class_in_its_order(name: str) -> None:
    assert list(optimizer_arguments(name)) == list(signature_of(name))


@pytest.mark.parametrize("name", CLASSES)
def test_a_default_that_is_read_is_the_default_of_the_class(name: str) -> None:
    read = {key: one.default for key, one in optimizer_arguments(name).items() if one.default is not ...}
    assert read == {key: default for key, default in signature_of(name).items() if key in read}


@pytest.mark.parametrize("name", ["Adam", "AdamW", "LBFGS", "SGD"])
def test_every_default_of_the_common_classes_is_read(name: str) -> None:
    assert {key: one.default for key, one in optimizer_arguments(name).items()} == signature_of(name)


@pytest.mark.parametrize("name", CLASSES)
def test_an_argument_carries_its_own_name(name: str) -> None:
    assert {key: one.name for key, one in optimizer_arguments(name).items()} == {
        key: key for key in signature_of(name)
    }


@pytest.mark.parametrize("name", CLASSES)
def test_no_default_of_a_class_is_refused(name: str) -> None:
    arguments = optimizer_arguments(name).values()
    assert [one.name for one in arguments if one.default is not ... and one.wrong(one.default)] == []


@pytest.mark.parametrize("name", CLASSES)
def test_every_class_has_a_default_lr(name: str) -> None:
    assert float(optimizer_arguments(name)["lr"].default) > 0


def test_a_class_that_torch_does_not_have_is_a_key_error() -> None:
    with pytest.raises(KeyError):
        optimizer_arguments("Adamm")


@pytest.mark.parametrize(
    ("annotation", "value", "wanted"),
    [
        ("float", "much", "a number"),
        ("float", True, "a number"),
        ("float", None, "a number"),
        ("float | Tensor", "much", "a number"),
        ("int", 1.5, "a whole number"),
        ("int", True, "a whole number"),
        ("bool", 1, "true or false"),
        ("bool", "yes", "true or false"),
        ("bool | None", "no", "true or false or null"),
        ("str | None", 3, "text or null"),
        ("tuple[float, float]", 0.9, "a list of 2 numbers"),
        ("tuple[float, float]", ["a", "b"], "a list of 2 numbers"),
    ],
)
def test_a_value_of_another_kind_is_told_what_is_wanted(annotation: str, value: Any, wanted: str) -> None:
    assert Argument("it", ..., annotation).wrong(value) == wanted


@pytest.mark.parametrize(
    ("annotation", "value"),
    [
        ("float", 1),
        ("float", 0.5),
        ("float | Tensor", 1e-3),
        ("int", 3),
        ("bool", False),
        ("bool | None", None),
        ("Optional[bool]", None),
        ("str | None", "strong_wolfe"),
        ("tuple[float, float]", [0.9, 0.999]),
        ("tuple[float | None, float]", [None, 1e-3]),
        ("SomeThing", object()),
        ("", object()),
    ],
)
def test_a_value_of_the_right_kind_passes(annotation: str, value: Any) -> None:
    assert not Argument("it", ..., annotation).wrong(value)
