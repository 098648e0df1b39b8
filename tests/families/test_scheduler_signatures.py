"""What is read from the sources of torch and transformers, held against what their objects say themselves."""

from __future__ import annotations

import inspect
from typing import Any

import pytest
from torch.optim import lr_scheduler, swa_utils
from transformers import optimization
from transformers.optimization import TYPE_TO_SCHEDULER_FUNCTION
from transformers.trainer_utils import SchedulerType

from lrsched_cli.core.families.arguments import Signature, is_function, is_schedulers
from lrsched_cli.core.families.torch_optim import TorchFamily
from lrsched_cli.core.families.transformers import PREFIX, TransformersFamily

ONLY_PROGRAMS_GIVE = {"self", "optimizer", "last_epoch"}
CLASSES: dict[str, Any] = {
    name: found
    for module in (lr_scheduler, swa_utils)
    for name, found in vars(module).items()
    if inspect.isclass(found)
    and issubclass(found, lr_scheduler.LRScheduler)
    and found is not lr_scheduler.LRScheduler
    and not name.startswith("_")
}
FUNCTIONS: dict[str, Any] = {one.value: TYPE_TO_SCHEDULER_FUNCTION[one] for one in SchedulerType}
BEHIND: dict[str, Any] = {
    **FUNCTIONS,
    # These two hand all their arguments on.
    "reduce_lr_on_plateau": lr_scheduler.ReduceLROnPlateau,
    "greedy": optimization.GreedyLR,
}
ALL: dict[str, Any] = {**CLASSES, **{PREFIX + name: found for name, found in BEHIND.items()}}
each = pytest.mark.parametrize("kind", ALL)


def read(kind: str) -> Signature:
    family = TransformersFamily() if kind.startswith(PREFIX) else TorchFamily()
    return family.signature(kind, {})


def stated(kind: str) -> dict[str, inspect.Parameter]:
    parameters = inspect.signature(ALL[kind]).parameters
    return {key: one for key, one in parameters.items() if key not in ONLY_PROGRAMS_GIVE}


@each
def test_the_arguments_are_those_of_the_object_in_its_order(kind: str) -> None:
    assert list(read(kind).arguments) == list(stated(kind))
    assert not read(kind).open


@each
def test_every_default_is_that_of_the_object(kind: str) -> None:
    defaults = {key: one.default for key, one in read(kind).arguments.items() if not one.required}
    assert defaults == {key: one.default for key, one in stated(kind).items() if one.default is not one.empty}


@each
def test_what_has_no_default_is_required(kind: str) -> None:
    required = [key for key, one in read(kind).arguments.items() if one.required]
    assert required == [key for key, one in stated(kind).items() if one.default is one.empty]


@each
def test_no_default_of_its_own_is_refused(kind: str) -> None:
    known = read(kind).arguments.values()
    refused = [
        one.name
        for one in known
        if not one.required and not is_function(one) and not is_schedulers(one) and one.wrong(one.default)
    ]
    assert refused == []


@each
def test_a_metric_is_wanted_where_step_cannot_do_without_one(kind: str) -> None:
    name = kind.removeprefix(PREFIX)
    step = ALL[kind].step if inspect.isclass(ALL[kind]) else lr_scheduler.LambdaLR.step
    needed = [
        key
        for key, one in inspect.signature(step).parameters.items()
        if key != "self" and one.default is one.empty
    ]
    assert (
        read(kind).metric == bool(needed) == (name in {"ReduceLROnPlateau", "reduce_lr_on_plateau", "greedy"})
    )


@each
def test_an_argument_carries_its_own_name(kind: str) -> None:
    assert all(key == one.name for key, one in read(kind).arguments.items())


@pytest.mark.parametrize("kind", CLASSES)
def test_an_annotation_is_that_of_the_class_or_takes_a_list_for_the_groups_too(kind: str) -> None:
    for key, one in read(kind).arguments.items():
        annotation = stated(kind)[key].annotation
        if annotation is inspect.Parameter.empty:
            assert one.annotation == ""
        else:
            plain = annotation if isinstance(annotation, str) else inspect.formatannotation(annotation)
            assert one.annotation.replace(" | list[float]", "") == plain.replace("typing.", "").replace(
                " | list[float]", ""
            )


def test_functions_and_parts_are_known_by_their_annotations() -> None:
    functions = {(kind, key) for kind in ALL for key, one in read(kind).arguments.items() if is_function(one)}
    parts = {(kind, key) for kind in ALL for key, one in read(kind).arguments.items() if is_schedulers(one)}
    assert functions == {
        ("LambdaLR", "lr_lambda"),
        ("MultiplicativeLR", "lr_lambda"),
        ("CyclicLR", "scale_fn"),
    }
    assert parts == {("SequentialLR", "schedulers"), ("ChainedScheduler", "schedulers")}


def test_lists_for_the_groups_are_taken_where_torch_spreads_them_over_the_groups() -> None:
    lists = {
        (kind, key)
        for kind in CLASSES
        for key, one in read(kind).arguments.items()
        if not one.wrong([0.1, 0.2])
    }
    assert {(kind, key) for kind, key in lists if kind in {"CyclicLR", "OneCycleLR", "SWALR"}} >= {
        ("SWALR", "swa_lr"),
        *(("CyclicLR", key) for key in ("base_lr", "max_lr", "base_momentum", "max_momentum")),
        *(("OneCycleLR", key) for key in ("max_lr", "base_momentum", "max_momentum")),
    }
    assert not lists & {("CyclicLR", "gamma"), ("OneCycleLR", "div_factor"), ("StepLR", "gamma")}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_what_get_scheduler_annotates_is_checked_for_every_name(name: str) -> None:
    for key, one in read(PREFIX + name).arguments.items():
        if key in {"num_warmup_steps", "num_training_steps"}:
            assert one.wrong("many")
            assert not one.wrong(7)


def test_a_type_that_there_is_not_is_a_value_error() -> None:
    for kind in ("StepLr", "transformers.step", "LRScheduler", "_LRScheduler", "Optimizer", "SWA"):
        with pytest.raises(ValueError, match="is no scheduler of"):
            read(kind)
