"""The schedulers of Hugging Face's ``transformers``: ``transformers.NAME``, as ``get_scheduler`` knows them.

The names and their arguments are read from the installed version's source; the package, an optional extra,
is imported only to build one.
"""

from __future__ import annotations

import ast
from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING, Any

from lrsched_cli.core.families.arguments import Signature, for_files, unknown_type
from lrsched_cli.core.families.family import NOT_SAVED, Example
from lrsched_cli.core.families.library import LibraryFamily
from lrsched_cli.core.families.library_section import plain_section
from lrsched_cli.core.families.resume_notes import ResumeNote
from lrsched_cli.core.families.torch_optim import EXAMPLE_METRIC, TorchFamily, class_signature
from lrsched_cli.core.families.transformers_course import transformers_course
from lrsched_cli.core.library_docs import argument_docs
from lrsched_cli.core.library_source import classes_in, functions_in, package_folder, tree_of
from lrsched_cli.core.script.script import bracketed, call, literal
from lrsched_cli.core.signatures import stated_arguments

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    import torch

    from lrsched_cli.core.config import Schedule
    from lrsched_cli.core.families.course import Course
    from lrsched_cli.core.families.torch_course import Part
    from lrsched_cli.core.script.script import Script
    from lrsched_cli.core.signatures import Argument

PREFIX = "transformers."
_MISSING = "needs the transformers package: pip install 'lrsched-cli[transformers]'"
_SHARED = ("num_warmup_steps", "num_training_steps")
"""Arguments of ``get_scheduler`` itself; all others belong to one of the schedulers."""


class TransformersFamily(LibraryFamily):
    """What ``transformers.get_scheduler`` gives."""

    name = "transformers"

    def has(self, kind: str) -> bool:
        """Whether it begins with the package's name."""
        return kind.startswith(PREFIX)

    def names(self) -> tuple[str, ...]:
        """The names of the installed version."""
        try:
            return tuple(sorted(PREFIX + name for name in _functions()))
        except ModuleNotFoundError:
            return ()

    def version(self) -> str | None:
        """The installed version."""
        from importlib.metadata import PackageNotFoundError, version  # noqa: PLC0415 - only for the matrix

        try:
            return version("transformers")
        except PackageNotFoundError:
            return None

    def missing(self) -> str:
        """The extra that brings the package."""
        return "" if self.version() else _MISSING

    def signature(self, kind: str, imported: Mapping[str, Any]) -> Signature:
        """The arguments of the function behind a name, and those of what it only passes on."""
        del imported
        try:
            functions = _functions()
        except ModuleNotFoundError:
            raise ValueError(_MISSING) from None
        name = kind.removeprefix(PREFIX)
        if name not in functions:
            raise ValueError(unknown_type(kind, "transformers.get_scheduler", self.names()))
        function = functions[name]
        passed_on = _passes_on_to(function)
        if passed_on is None:
            return Signature(_annotated(for_files(stated_arguments(function))))
        classes = classes_in(tree_of(_source("optimization")))
        if passed_on in classes:
            return class_signature(passed_on, classes)
        return TorchFamily().signature(passed_on, {})

    def docs(self, kind: str) -> Mapping[str, str]:
        """As the function behind a name tells it, or the class that it passes its arguments on to."""
        function = _functions()[kind.removeprefix(PREFIX)]
        tree = tree_of(_source("optimization"))
        passed_on = _passes_on_to(function)
        if passed_on is None:
            return argument_docs(function.name, tree)
        return argument_docs(passed_on, tree) or TorchFamily().docs(passed_on)

    def construct(
        self, kind: str, optimizer: torch.optim.Optimizer, arguments: Mapping[str, Any], schedule: Schedule
    ) -> Any:
        """Call ``get_scheduler``."""
        from transformers.optimization import get_scheduler  # noqa: PLC0415 - heavy

        del schedule
        return get_scheduler(
            kind.removeprefix(PREFIX),
            optimizer,
            **{key: arguments.get(key) for key in _SHARED},
            scheduler_specific_kwargs={key: one for key, one in arguments.items() if key not in _SHARED},
        )

    def constructed(self, kind: str, script: Script, arguments: Mapping[str, str]) -> str:
        """The same call."""
        shared = {key: arguments[key] for key in _SHARED if key in arguments}
        specific = [f"{literal(key)}: {one}" for key, one in arguments.items() if key not in _SHARED]
        further = {"scheduler_specific_kwargs": bracketed("{", specific, "}")} if specific else {}
        name = literal(kind.removeprefix(PREFIX))
        return call(script.name("transformers", "get_scheduler"), [name, "optimizer"], shared | further)

    def course_of(self, part: Part) -> Course | None:
        """Of the names that have been here for long."""
        return transformers_course(part, part.kind.removeprefix(PREFIX))

    def resume_notes(self, schedule: Schedule) -> Iterator[ResumeNote]:
        """Nearly all of them are functions of the step, which no state holds."""
        stated = [key for key in (*reversed(_SHARED), "timescale") if key in plain_section(schedule)]
        if self.course(schedule) is not None and stated:
            yield ResumeNote(("scheduler", stated[0]), "not in the checkpoint")

    def restored_argument(
        self, section: Mapping[str, Any], state: Mapping[str, Any], path: Sequence[str], schedule: Schedule
    ) -> Any:
        """Most of them are lambdas, which hold the arguments and are in no state."""
        if "lr_lambdas" in state:
            return NOT_SAVED
        return super().restored_argument(section, state, path, schedule)

    def kind_of_state(self, state: Mapping[str, Any]) -> str:
        """The one class of its own, by the field that no other writes; all others are torch's classes."""
        return f"{PREFIX}greedy" if {"num_good_epochs", "num_bad_epochs"} <= state.keys() else ""

    def examples(self) -> Iterable[Example]:
        """Every name over 40 updates with a warm-up of 5, where it takes one."""
        for kind in self.names():
            known = self.signature(kind, {})
            settings = {key: value for key, value in _TRIED.items() if key in known.arguments}
            metric = {"metric": EXAMPLE_METRIC} if known.metric else {}
            if all(key in settings for key, one in known.arguments.items() if one.required):
                yield Example({"type": kind, **settings, **metric})


_TRIED = {
    "num_warmup_steps": 5,
    "num_training_steps": 40,
    "num_decay_steps": 10,
    "min_lr_rate": 0.1,
    "patience": 3,
}


@cache
def _functions() -> dict[str, ast.FunctionDef]:
    """The function behind each name that ``get_scheduler`` takes."""
    tree = tree_of(_source("optimization"))
    functions = functions_in(tree)
    values = _enum_values()
    found = {}
    for node in tree.body:
        if (
            isinstance(node, ast.Assign)
            and isinstance(node.value, ast.Dict)
            and _is_the_table(node.targets[0])
        ):
            for key, value in zip(node.value.keys, node.value.values, strict=True):
                if isinstance(key, ast.Attribute) and isinstance(value, ast.Name):
                    found[values[key.attr]] = functions[value.id]
    return found


def _annotated(arguments: Mapping[str, Argument]) -> dict[str, Argument]:
    """The arguments; what a function does not say of one that get_scheduler takes too, that one says."""
    shared = stated_arguments(functions_in(tree_of(_source("optimization")))["get_scheduler"])
    return {
        key: replace(one, annotation=shared[key].annotation) if key in _SHARED and not one.annotation else one
        for key, one in arguments.items()
    }


def _is_the_table(target: ast.expr) -> bool:
    return isinstance(target, ast.Name) and target.id == "TYPE_TO_SCHEDULER_FUNCTION"


def _enum_values() -> dict[str, str]:
    """What the members of the enumeration of names are written as."""
    enumeration = classes_in(tree_of(_source("trainer_utils")))["SchedulerType"]
    return {
        target.id: str(ast.literal_eval(node.value))
        for node in enumeration.body
        if isinstance(node, ast.Assign)
        for target in node.targets
        if isinstance(target, ast.Name)
    }


def _source(module: str) -> Path:
    return package_folder("transformers") / f"{module}.py"


def _passes_on_to(function: ast.FunctionDef) -> str | None:
    """The class that a function hands all its keyword arguments on to; None where it has its own."""
    if function.args.kwarg is None:
        return None
    calls = [node for node in ast.walk(function) if isinstance(node, ast.Call)]
    return next(
        (
            call.func.id
            for call in calls
            if isinstance(call.func, ast.Name) and any(keyword.arg is None for keyword in call.keywords)
        ),
        None,
    )
