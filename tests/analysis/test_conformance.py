"""The matrix of schedulers and recipes: what is in it, what is left out and told."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from lrsched_cli.analysis import conformance as checks
from lrsched_cli.analysis.conformance import Verdict, conformance, schedule_of, verdict
from lrsched_cli.analysis.resume.results import KindResult, LargestLR, SavePointResult
from lrsched_cli.core.families import FAMILIES
from lrsched_cli.core.families.family import Example
from lrsched_cli.core.families.torch_optim import TorchFamily
from lrsched_cli.core.families.transformers import TransformersFamily
from lrsched_cli.errors import UsageError

if TYPE_CHECKING:
    from lrsched_cli.analysis.resume.results import Shape

TORCH = next(family for family in FAMILIES if isinstance(family, TorchFamily))


def result(
    shape: Shape | None, save_at: int = 5, updates: int = 35, lr: float = 0.0, **more: Any
) -> SavePointResult:
    numbers = KindResult("param groups", int(shape is not None), shape=shape)
    weights = KindResult("weights", int(more.pop("weights", shape is not None)))
    largest = LargestLR(lr, save_at + 1, "first") if lr else None
    return SavePointResult("complete", save_at, updates, (numbers, weights), largest, **more)


@pytest.mark.parametrize(
    ("results", "expected"),
    [
        ([], Verdict("n/a")),
        ([result(None), result(None, 6)], Verdict("exact")),
        ([result(None), result(None, 6, weights=True)], Verdict("LRs exact")),
        ([result("late", lr=0.2), result("heals", 6, lr=0.3)], Verdict("late", 0.3, (5, 6))),
        ([result("late"), result("permanent", 6)], Verdict("permanent", None, (5, 6))),
        ([result("heals"), result("first update only", 39, 1, lr=0.5)], Verdict("heals", 0.5, (5, 39))),
        ([result("first update only", 39, 1)], Verdict("first update only", None, (39,))),
        ([result("late"), result(None, 6, failure="ValueError: no")], Verdict("fails", None, (6,))),
    ],
)
def test_a_verdict_is_the_worst_of_all_save_points(results: list[SavePointResult], expected: Verdict) -> None:
    assert verdict(results) == expected


@pytest.mark.parametrize(
    ("patterns", "types"),
    [
        (["StepLR"], ["StepLR"]),
        (["Cosine*LR"], ["CosineAnnealingLR", "CosineAnnealingLR"]),
        (["SWALR", "*Step*"], ["MultiStepLR", "SWALR", "StepLR"]),
        (["LRScheduler"], ["LRScheduler"]),
    ],
)
def test_types_are_chosen_by_name_or_glob(patterns: list[str], types: list[str]) -> None:
    report = conformance(patterns, ["complete"])
    assert [one.type for one in report.configurations] == types
    assert report.recipes == ("complete",)
    assert report.no_example == ()
    assert report.inexact == ()


@pytest.mark.parametrize(
    ("pattern", "said"),
    [
        ("StepRL", r"^StepRL: no scheduler has such a type; did you mean StepLR\?$"),
        ("Nothing*", r"^Nothing\*: no scheduler has such a type"),
    ],
)
def test_a_pattern_that_fits_nothing_is_refused_at_once(pattern: str, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        conformance(["StepLR", pattern])


def test_a_recipe_that_is_none_is_refused_at_once() -> None:
    with pytest.raises(UsageError, match="no such recipe; did you mean replay"):
        conformance(["StepLR"], ["reply"])


def test_progress_counts_configurations() -> None:
    told: list[tuple[int, int]] = []
    conformance(["StepLR", "SWALR"], ["complete"], lambda done, total: told.append((done, total)))
    assert told == [(0, 2), (1, 2), (2, 2)]


def test_a_class_that_needs_settings_and_has_none_here_is_listed(monkeypatch: pytest.MonkeyPatch) -> None:
    examples = [one for one in TORCH.examples() if one.section["type"] == "SWALR"]
    monkeypatch.setattr(TorchFamily, "examples", lambda _: examples)
    report = conformance(["S*LR"], ["complete"])
    assert [one.type for one in report.configurations] == ["SWALR"]
    assert report.no_example == ("SequentialLR", "StepLR")


def test_a_class_without_settings_by_hand_runs_with_its_defaults(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lrsched_cli.core.families.torch_optim._EXAMPLES", {})
    sections = [one.section for one in TORCH.examples()]
    assert {"type": "LinearLR"} in sections
    assert {"type": "ReduceLROnPlateau", "metric": "1 / min(step, 8)"} in sections
    report = conformance(["LinearLR", "ReduceLROnPlateau", "StepLR"], ["complete"])
    assert [one.type for one in report.configurations] == ["LinearLR", "ReduceLROnPlateau"]
    assert (report.no_example, report.inexact) == (("StepLR",), ())


def test_an_example_that_its_library_refuses_is_a_fault_that_is_told(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    refused = Example({"type": "StepLR", "step_size": 5, "gama": 0.5})
    failing = Example({"type": "OneCycleLR", "max_lr": 0.1, "total_steps": 20})
    monkeypatch.setattr(TorchFamily, "examples", lambda _: [refused, failing])
    report = conformance(["StepLR", "OneCycleLR"], ["complete"])
    assert report.inexact == report.configurations
    first, second = report.configurations
    assert first.failure.startswith("scheduler.gama: is no known key; did you mean gamma?")
    assert first.verdict("complete") == Verdict("fails")
    assert second.failure.startswith("scheduler: OneCycleLR fails at update 21: Tried to step 21 times")


def test_a_library_that_is_not_there_is_told_with_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(TransformersFamily, "version", lambda _: None)
    monkeypatch.setattr(TransformersFamily, "names", lambda _: ())
    report = conformance(["StepLR"], ["complete"])
    missing = {one.name: one.missing for one in report.libraries if one.missing}
    assert missing == {
        "transformers": "needs the transformers package: pip install 'lrsched-cli[transformers]'"
    }
    with pytest.raises(UsageError, match=r"^transformers\.\*: needs the transformers package: pip install"):
        conformance(["transformers.*"])


def test_an_examples_run_is_as_long_as_it_says() -> None:
    example = Example({"type": "StepLR", "step_size": 3}, steps=12)
    assert schedule_of(example).total_steps == 12
    report = checks._checked(TORCH, example, ["complete"]).report
    assert report is not None
    assert [one.step for one in report.save_points] == [1, 4, 5, 6]
    assert report.steps == 12
    assert not report.fresh_process
