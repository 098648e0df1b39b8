"""PyTorch's own schedulers, by the bare names of their classes.

The classes are read from the installed torch's source: whatever stands under ``torch/optim`` and derives
from its base class. A class that a later version brings along is known from then on.
"""

from __future__ import annotations

import ast
import importlib
from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING, Any

from lrsched_cli.core.families.arguments import Signature, for_files, parts_of, unknown_type
from lrsched_cli.core.families.family import Example
from lrsched_cli.core.families.library import LibraryFamily
from lrsched_cli.core.families.library_section import plain_section
from lrsched_cli.core.families.resume_notes import torch_resume_notes
from lrsched_cli.core.families.torch_composites import torch_course
from lrsched_cli.core.library_docs import argument_docs
from lrsched_cli.core.library_source import classes_in, method_of, package_folder, tree_of
from lrsched_cli.core.script.script import call
from lrsched_cli.core.sections import OWN_SCHEDULER
from lrsched_cli.core.signatures import stated_arguments

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

    import torch

    from lrsched_cli.core.config import Schedule
    from lrsched_cli.core.families.course import Outline
    from lrsched_cli.core.families.resume_notes import ResumeNote
    from lrsched_cli.core.families.torch_course import Part
    from lrsched_cli.core.script.script import Script
    from lrsched_cli.core.signatures import Argument

BASE = "LRScheduler"
_IN_FOLDER = "optim"


class TorchFamily(LibraryFamily):
    """``torch.optim.lr_scheduler``, and what else under ``torch.optim`` is a scheduler."""

    name = "torch"

    def has(self, kind: str) -> bool:
        """Every type that no other family has."""
        del kind
        return True

    def names(self) -> tuple[str, ...]:
        """The classes of the installed torch."""
        return tuple(sorted(_modules()))

    def version(self) -> str | None:
        """The installed torch's."""
        from importlib.metadata import version  # noqa: PLC0415 - only for the matrix

        return version("torch")

    def signature(self, kind: str, imported: Mapping[str, Any]) -> Signature:
        """The constructor's arguments, and whether ``step`` needs one."""
        del imported
        if kind not in _modules():
            raise ValueError(unknown_type(kind, "torch.optim", (*self.names(), OWN_SCHEDULER)))
        return _signature(kind)

    def docs(self, kind: str) -> Mapping[str, str]:
        """As the class's docstring tells it."""
        return argument_docs(kind, tree_of(_file_of(_modules()[kind])))

    def construct(
        self, kind: str, optimizer: torch.optim.Optimizer, arguments: Mapping[str, Any], schedule: Schedule
    ) -> Any:
        """Call the class; some take the optimizer from their parts."""
        del schedule
        found = getattr(importlib.import_module(_modules()[kind]), kind)
        return found(optimizer, **arguments) if _takes_optimizer(kind) else found(**arguments)

    def constructed(self, kind: str, script: Script, arguments: Mapping[str, str]) -> str:
        """The same call."""
        first = ["optimizer"] if _takes_optimizer(kind) else []
        return call(script.name(_modules()[kind], kind), first, arguments)

    def course_of(self, part: Part) -> Outline | None:
        """Of the classes that torch 2 has, but those that depend on what they are told on the way."""
        return torch_course(part)

    def resume_notes(self, schedule: Schedule) -> Iterator[ResumeNote]:
        """Of the section as a whole, and of its parts."""
        section = plain_section(schedule)
        yield from torch_resume_notes(section, ("scheduler",))
        for place, one in parts_of(section, ("scheduler",)):
            kept = ("in the checkpoint", "not in the checkpoint")
            yield from (note for note in torch_resume_notes(one, place) if note.fate in kept)

    def kind_of_state(self, state: Mapping[str, Any]) -> str:
        """By the fields that only one class writes, the most telling first."""
        return next((name for keys, name in _TELLING if keys <= state.keys()), "")

    def examples(self) -> Iterable[Example]:
        """Settings by hand for the classes that are known here, the defaults for others that have them."""
        for kind in self.names():
            known = self.signature(kind, {})
            if kind in _EXAMPLES:
                yield from (Example({"type": kind, **section}, **more) for section, more in _EXAMPLES[kind])
            elif not any(one.required for one in known.arguments.values()):
                yield Example({"type": kind, **({"metric": EXAMPLE_METRIC} if known.metric else {})})


@cache
def _signature(kind: str) -> Signature:
    return class_signature(kind, _classes()[kind])


def class_signature(kind: str, classes: Mapping[str, ast.ClassDef]) -> Signature:
    """What a scheduler class takes, as its source states it."""
    constructor, step = (method_of(kind, name, dict(classes)) for name in ("__init__", "step"))
    arguments = {} if constructor is None else for_files(_constructor_arguments(constructor))
    of_step = {} if step is None else stated_arguments(step)
    return Signature(arguments, metric=any(one.required for key, one in of_step.items() if key != "self"))


def _takes_optimizer(kind: str) -> bool:
    """Whether a class needs the optimizer; where it need not be given, its parts have it."""
    constructor = method_of(kind, "__init__", _classes()[kind])
    stated = {} if constructor is None else stated_arguments(constructor)
    return "optimizer" in stated and stated["optimizer"].required


def _constructor_arguments(constructor: ast.FunctionDef) -> dict[str, Argument]:
    """What a constructor takes. Some annotations say ``float`` where a list, one for each group, does too.

    That is so where the value is handed on with its name and the optimizer, to be spread over the groups.
    """
    arguments = stated_arguments(constructor)
    for node in ast.walk(constructor):
        if isinstance(node, ast.Call):
            given = {ast.unparse(one) for one in node.args}
            for key, one in arguments.items():
                if {"optimizer", key, repr(key)} <= given and one.annotation == "float":
                    arguments[key] = replace(one, annotation="float | list[float]")
    return arguments


@cache
def _modules() -> dict[str, str]:
    """The module of each scheduler class, by the class's name."""
    root = package_folder("torch")
    found: dict[str, str] = {}
    for source in sorted((root / _IN_FOLDER).rglob("*.py")):
        if BASE not in source.read_text(encoding="utf-8"):
            continue
        module = ".".join(["torch", *source.relative_to(root).with_suffix("").parts])
        for name, node in classes_in(tree_of(source)).items():
            bases = {str(getattr(base, "id", getattr(base, "attr", ""))) for base in node.bases}
            if not name.startswith("_") and (BASE in bases or bases & found.keys()):
                found[name] = module
    return found


@cache
def _classes() -> dict[str, dict[str, ast.ClassDef]]:
    """For each scheduler class, the classes of its own file."""
    files = {module: classes_in(tree_of(_file_of(module))) for module in set(_modules().values())}
    return {name: files[module] for name, module in _modules().items()}


def _file_of(module: str) -> Path:
    return package_folder("torch").parent / (module.replace(".", "/") + ".py")


def derives_from_scheduler(name: str) -> bool:
    """Whether a name is that of a class here, or of their base class."""
    return name == BASE or name in _modules()


_TELLING: tuple[tuple[set[str], str], ...] = (
    ({"_milestones", "_schedulers"}, "SequentialLR"),
    ({"_schedulers"}, "ChainedScheduler"),
    ({"lr_lambdas"}, "LambdaLR or MultiplicativeLR"),
    ({"num_bad_epochs"}, "ReduceLROnPlateau"),
    ({"T_max"}, "CosineAnnealingLR"),
    ({"T_0", "T_mult"}, "CosineAnnealingWarmRestarts"),
    ({"_schedule_phases"}, "OneCycleLR"),
    ({"max_lrs"}, "CyclicLR"),
    ({"anneal_epochs"}, "SWALR"),
    ({"milestones"}, "MultiStepLR"),
    ({"step_size"}, "StepLR"),
    ({"start_factor"}, "LinearLR"),
    ({"power"}, "PolynomialLR"),
    ({"total_iters", "factor"}, "ConstantLR"),
    ({"gamma", "base_lrs"}, "ExponentialLR"),
)
"""The fields of the states, as far as they tell the classes apart."""

EXAMPLE_METRIC = "1 / min(step, 8)"
"""A loss that falls at first and stands still from step 8 on."""
_MOMENTUM = {"optimizer": {"type": "SGD", "momentum": 0.9}}
_HALF_COSINE = "0.5 * (1 + cos(pi * step / 40))"
_WARM_UP = {"type": "LinearLR", "start_factor": 0.1, "total_iters": 5}
_EXPONENTIAL = {"type": "ExponentialLR", "gamma": 0.9}

_EXAMPLES: dict[str, tuple[tuple[dict[str, Any], dict[str, Any]], ...]] = {
    "LambdaLR": (({"lr_lambda": _HALF_COSINE}, {}),),
    "MultiplicativeLR": (({"lr_lambda": "0.95"}, {}), ({"lr_lambda": "1 - 1 / (step + 10)"}, {})),
    "StepLR": (({"step_size": 5, "gamma": 0.5}, {}),),
    "MultiStepLR": (({"milestones": [5, 20], "gamma": 0.1}, {}),),
    "ConstantLR": (({"factor": 0.3, "total_iters": 5}, {}),),
    "LinearLR": (
        ({"start_factor": 0.1, "total_iters": 10}, {}),
        ({"start_factor": 1.0, "end_factor": 0.1, "total_iters": 20}, {}),
    ),
    "ExponentialLR": (({"gamma": 0.9}, {}),),
    "PolynomialLR": (({"power": 2, "total_iters": 40}, {}),),
    "CosineAnnealingLR": (({"T_max": 40, "eta_min": 1e-3}, {}), ({"T_max": 10, "eta_min": 1e-3}, {})),
    "CosineAnnealingWarmRestarts": (({"T_0": 5}, {}), ({"T_0": 5, "T_mult": 2}, {})),
    "CyclicLR": (
        ({"base_lr": 0.01, "max_lr": 0.1, "step_size_up": 5}, _MOMENTUM),
        ({"base_lr": 0.01, "max_lr": 0.1, "step_size_up": 8, "mode": "exp_range", "gamma": 0.97}, _MOMENTUM),
    ),
    "OneCycleLR": (
        ({"max_lr": [0.1, 0.02], "total_steps": 41}, _MOMENTUM),
        ({"max_lr": 0.1, "total_steps": 41, "three_phase": True}, _MOMENTUM),
    ),
    "SequentialLR": (
        ({"schedulers": [_WARM_UP, _EXPONENTIAL], "milestones": [5]}, {}),
        (
            {
                "schedulers": [_WARM_UP, {"type": "CosineAnnealingLR", "T_max": 35, "eta_min": 1e-3}],
                "milestones": [5],
            },
            {},
        ),
    ),
    "ChainedScheduler": (
        ({"schedulers": [_WARM_UP, {"type": "CosineAnnealingLR", "T_max": 40}]}, {}),
        ({"schedulers": [{"type": "ConstantLR", "factor": 0.3, "total_iters": 5}, _EXPONENTIAL]}, {}),
    ),
    "ReduceLROnPlateau": (({"factor": 0.5, "patience": 3, "metric": EXAMPLE_METRIC}, {}),),
    "SWALR": (({"swa_lr": 0.05, "anneal_epochs": 10}, {}),),
}
"""Settings with which 40 updates show what a class does, over two param groups of LRs 0.1 and 0.02."""
