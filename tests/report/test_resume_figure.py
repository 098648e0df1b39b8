"""The picture of a resume check, read back from the Figure's own data."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from matplotlib.colors import to_hex, to_rgb
from resume_reports import failed, report_of, right, wrong

from lrsched_cli.analysis.resume.verify import Curves
from lrsched_cli.report.panels import Style
from lrsched_cli.report.resume_figure import MAX_TAILS, draw_resumes, resume_caption

if TYPE_CHECKING:
    from collections.abc import Mapping

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.lines import Line2D
    from numpy.typing import NDArray

    from lrsched_cli.analysis.resume.results import ResumeReport
    from lrsched_cli.report.captions import Caption

    Floats = NDArray[np.float64]
    Key = tuple[str, int]

STEPS = 20
ALL_RECIPES = (
    "complete",
    "optimizer-first",
    "scheduler-only",
    "optimizer-only",
    "optimizer-only-2",
    "saved-early",
    "replay",
    "last-epoch",
)


def falling(groups: int = 1, steps: int = STEPS) -> Floats:
    """LRs by update and group, in which no number occurs twice."""
    return np.column_stack([np.linspace(0.1, 0.01, steps) / (group + 1) for group in range(groups)])


def tail_of(reference: Floats, save_at: int, factor: float = 0.5) -> Floats:
    return reference[save_at:] * factor


class Drawn:
    """A picture, and what it was made of."""

    def __init__(
        self,
        resumed: Mapping[Key, Floats],
        reference: Floats | None = None,
        report: ResumeReport | None = None,
        **style: Any,
    ) -> None:
        self.reference = falling() if reference is None else reference
        names = tuple(f"g{number}" for number in range(self.reference.shape[1]))
        self.report = report or report_of(
            [wrong(save_at, recipe) for recipe, save_at in resumed] or [right(5)],
            groups=names,
            steps=len(self.reference),
        )
        curves = Curves(self.reference, dict(resumed))
        self.caption: Caption = resume_caption(self.report, curves, "1.2.3")
        self.figure: Figure = draw_resumes(self.report, curves, self.caption, Style(**{"dpi": 100, **style}))
        self.figure.draw_without_rendering()
        self.upper, self.lower = self.figure.axes

    @property
    def references(self) -> list[Line2D]:
        return self.upper.lines[: self.reference.shape[1]]

    def tails(self, axes: Axes | None = None) -> list[Line2D]:
        """The curves that begin with a dot."""
        return [line for line in (axes or self.upper).lines if line.get_marker() == "o"]

    @property
    def legend(self) -> list[str]:
        edge = self.upper.get_position().x1
        texts = [one for one in self.figure.texts if one.get_position()[0] > edge and one.get_text()]
        return [one.get_text() for one in texts if one.get_position()[1] > 0.1]


def points(line: Line2D) -> list[tuple[float, float]]:
    x, y = (np.asarray(values, dtype=float).tolist() for values in (line.get_xdata(), line.get_ydata()))
    return list(zip(x, y, strict=True))


def expected(save_at: int, values: Floats) -> list[tuple[float, float]]:
    return list(zip(map(float, range(save_at + 1, save_at + 1 + len(values))), values.tolist(), strict=True))


def reaches_over_the_page(figure: Figure) -> bool:
    box = figure.get_tightbbox()
    width, height = figure.get_size_inches()
    return bool(min(box.x0, box.y0) < 0 or box.x1 > width or box.y1 > height)


def overlapping(figure: Figure) -> list[tuple[str, str]]:
    boxes = [(text.get_text(), text.get_window_extent()) for text in figure.texts if text.get_text()]
    return [(one, other) for (one, a), (other, b) in itertools.combinations(boxes, 2) if a.overlaps(b)]


def test_the_run_without_interruption_is_drawn_update_by_update() -> None:
    picture = Drawn({}, falling(3))
    for slot, line in enumerate(picture.references):
        assert points(line) == expected(0, picture.reference[:, slot])


def test_where_all_lrs_are_equal_nothing_else_is_drawn() -> None:
    picture = Drawn({}, falling(2))
    assert len(picture.upper.lines) == 2
    assert len(picture.lower.lines) == 1  # the line at 0
    assert [one.get_text() for one in picture.lower.texts] == ["no difference"]
    assert picture.legend == ["run", "without interruption", "param group", "g0", "g1"]
    assert picture.caption.subtitle.endswith(", with the same LRs")


def test_a_resumed_run_begins_at_its_first_update_and_is_drawn_to_the_end() -> None:
    reference = falling(2)
    picture = Drawn({("complete", 5): tail_of(reference, 5)}, reference)
    for slot, (line, apart) in enumerate(zip(picture.tails(), picture.tails(picture.lower), strict=True)):
        assert points(line) == expected(5, reference[5:, slot] * 0.5)
        assert points(apart) == expected(5, reference[5:, slot] * 0.5 - reference[5:, slot])
        assert line.get_markevery() == [0]
    assert len(picture.tails()) == 2
    assert not picture.lower.texts


def test_a_run_that_ended_early_is_drawn_as_far_as_it_came() -> None:
    reference = falling()
    picture = Drawn(
        {("complete", 5): tail_of(reference, 5)[:3], ("complete", 9): np.empty((0, 1))}, reference
    )
    (line,) = picture.tails()
    assert points(line) == expected(5, reference[5:8, 0] * 0.5)
    assert picture.lower.get_xlim() == picture.upper.get_xlim() == (1, STEPS)


def test_the_last_update_alone_is_drawn_too() -> None:
    reference = falling()
    picture = Drawn({("complete", STEPS - 1): tail_of(reference, STEPS - 1)}, reference)
    (line,) = picture.tails()
    assert points(line) == [(STEPS, reference[-1, 0] * 0.5)]


def test_the_shortest_run_of_all_is_drawn() -> None:
    reference = falling(steps=2)
    picture = Drawn({("complete", 1): tail_of(reference, 1)}, reference)
    assert picture.upper.get_xlim() == (1, 2)


def test_both_axes_hold_all_that_is_drawn() -> None:
    reference = falling(2)
    resumed = {("complete", 5): tail_of(reference, 5, 4.0), ("replay", 9): tail_of(reference, 9, -1.0)}
    picture = Drawn(resumed, reference)
    for axes in (picture.upper, picture.lower):
        low, high = axes.get_ylim()
        every = [value for line in axes.lines for _, value in points(line)]
        assert low < min(every) < max(every) < high
        assert axes.get_xlim() == (1, STEPS)
    assert picture.lower.get_xlabel() == "update"


def test_each_recipe_has_a_colour_and_each_group_a_line_style() -> None:
    reference = falling(2)
    resumed = {
        (recipe, save_at): tail_of(reference, save_at)
        for recipe in ("complete", "scheduler-only", "replay")
        for save_at in (5, 9)
    }
    picture = Drawn(resumed, reference)
    assert picture.legend == [
        "run", "without interruption", "resumed", "scheduler-only", "replay", "param group", "g0", "g1",
    ]  # fmt: skip
    lines = picture.tails()
    colours = [to_hex(line.get_color()) for line in lines]
    assert [len(set(colours[start : start + 4])) for start in (0, 4, 8)] == [1, 1, 1]
    assert len(set(colours) | {to_hex(picture.references[0].get_color())}) == 4
    styles = [line._unscaled_dash_pattern for line in lines]  # type: ignore[attr-defined]
    assert styles[0::2] == [styles[0]] * 6
    assert styles[1::2] == [styles[1]] * 6
    assert styles[0] != styles[1]


def test_all_recipes_at_once_still_have_a_colour_each() -> None:
    reference = falling()
    picture = Drawn({(recipe, 5): tail_of(reference, 5) for recipe in ALL_RECIPES}, reference)
    assert len({to_hex(line.get_color()) for line in picture.tails()}) == len(ALL_RECIPES)


def test_a_single_group_needs_no_heading_of_its_own() -> None:
    assert Drawn({("complete", 5): tail_of(falling(), 5)}).legend == [
        "run",
        "without interruption",
        "resumed",
    ]


@pytest.mark.parametrize(("count", "drawn"), [(MAX_TAILS, MAX_TAILS), (MAX_TAILS + 1, MAX_TAILS), (2999, 24)])
def test_of_many_runs_some_are_drawn_from_the_first_to_the_last(count: int, drawn: int) -> None:
    reference = falling(steps=count + 1)
    resumed = {("complete", save_at): tail_of(reference, save_at) for save_at in range(1, count + 1)}
    picture = Drawn(resumed, reference)
    starts = [points(line)[0][0] - 1 for line in picture.tails()]
    assert len(starts) == drawn
    assert (starts[0], starts[-1]) == (1, count)
    assert starts == sorted(set(starts))
    assert picture.caption.subtitle.endswith(
        f"{count:,} with other LRs" + (", 24 of them drawn" if count > MAX_TAILS else "")
    )


def test_a_long_run_keeps_its_peaks() -> None:
    reference = np.full((200_000, 1), 0.1)
    resumed = reference[1000:].copy()
    resumed[123_456] = 0.7
    picture = Drawn({("complete", 1000): resumed}, reference)
    (line,) = picture.tails()
    assert len(points(line)) < 4000
    assert (124_457.0, 0.7) in points(line)
    assert points(line)[0] == (1001.0, 0.1)
    assert points(picture.tails(picture.lower)[0])[0] == (1001.0, 0.0)


@pytest.mark.parametrize(
    "style",
    [
        {},
        {"dark": True},
        {"log_y": True},
        {"width": 3.0, "height": 3.0},
        {"width": 3.0, "height": 40.0, "dpi": 30},
        {"width": 40.0, "height": 3.0, "dpi": 30, "dark": True, "log_y": True},
    ],
    ids=str,
)
@pytest.mark.parametrize("groups", [1, 24])
def test_all_of_it_is_on_the_page(style: dict[str, Any], groups: int) -> None:
    reference = falling(groups)
    names = tuple(f"encoder.layers.{group}.self_attention.query_key_value" for group in range(groups))
    results = [wrong(5, recipe) for recipe in ALL_RECIPES]
    picture = Drawn(
        {(recipe, 5): tail_of(reference, 5, 3.0) for recipe in ALL_RECIPES},
        reference,
        report_of(results, groups=names, steps=STEPS, name="a name that is rather long " * 3),
        **style,
    )
    assert not reaches_over_the_page(picture.figure)
    assert overlapping(picture.figure) == []


def test_differences_of_a_single_bit_stay_on_the_page() -> None:
    reference = falling() * 0.1
    picture = Drawn({("complete", 5): np.nextafter(reference[5:], 0)}, reference)
    assert not reaches_over_the_page(picture.figure)


def test_dark_pictures_are_dark_and_logarithmic_ones_logarithmic() -> None:
    reference = falling()
    resumed = {("complete", 5): tail_of(reference, 5)}
    light, dark = Drawn(resumed), Drawn(resumed, dark=True, log_y=True)
    assert sum(to_rgb(light.figure.get_facecolor())) > 2.7
    assert sum(to_rgb(dark.figure.get_facecolor())) < 0.4
    assert (light.upper.get_yscale(), dark.upper.get_yscale()) == ("linear", "log")
    assert dark.lower.get_yscale() == "linear"


def test_an_lr_of_0_throughout_is_drawn() -> None:
    reference = np.zeros((STEPS, 1))
    for log_y in (False, True):
        for resumed in ({}, {("complete", 5): reference[5:] + 0.1}):
            picture = Drawn(resumed, reference, log_y=log_y)
            low, high = picture.upper.get_ylim()
            assert low <= 0 < high or picture.upper.get_yscale() == "log"
            assert len(picture.tails()) == len(resumed)


@pytest.mark.parametrize("value", [np.nan, np.inf], ids=str)
@pytest.mark.parametrize("places", [slice(3, 4), slice(2, None), slice(None)], ids=["one", "rest", "all"])
def test_lrs_that_are_no_numbers_are_left_out_of_the_picture(value: float, places: slice) -> None:
    reference = falling()
    resumed = tail_of(reference, 5)
    resumed[places] = value
    picture = Drawn({("complete", 5): resumed, ("complete", 9): tail_of(reference, 9)}, reference)
    assert len(picture.tails()) == 2
    assert all(np.isfinite(axes.get_ylim()).all() for axes in (picture.upper, picture.lower))


@pytest.mark.parametrize("value", [np.nan, np.inf], ids=str)
def test_a_run_without_interruption_that_diverges_is_drawn(value: float) -> None:
    reference = falling()
    reference[10:] = value
    Drawn({("complete", 5): tail_of(falling(), 5)}, reference)


def test_a_picture_without_one_finite_lr_is_drawn() -> None:
    Drawn({}, np.full((STEPS, 1), np.nan))


def test_names_are_no_formulas() -> None:
    report = report_of([wrong(5)], groups=(r"$\frac{$", "[b]x"), name=r"$\alpha_{$", steps=STEPS)
    picture = Drawn({("complete", 5): tail_of(falling(2), 5)}, falling(2), report)
    assert picture.legend[-2:] == [r"$\frac{$", "[b]x"]
    assert r"$\alpha_{$, resumed" in [one.get_text() for one in picture.figure.texts]


def caption(resumed: Mapping[Key, Floats], report: ResumeReport, factor: float = 1.0) -> Caption:
    return resume_caption(report, Curves(falling() * factor, dict(resumed)), "1.2.3")


def test_the_caption_says_what_was_resumed_and_how_many_runs_go_on_otherwise() -> None:
    report = report_of([right(4), wrong(5), right(6)])
    found = caption({("complete", 5): tail_of(falling(), 5)}, report)
    assert found.title == "s, resumed"
    assert found.subtitle == "StepLR over SGD · 3 resumed runs, 1 with other LRs"
    assert found.settings == "loop optimizer-first · torch 9.9.9"
    assert found.stamp == f"lrsched 1.2.3 · {found.fingerprint[:8]}"
    assert "1 resumed run," in caption({}, report_of([right(4)])).subtitle


def test_the_fingerprint_is_that_of_the_lrs() -> None:
    report = report_of([right(4), wrong(5)])
    runs: list[tuple[dict[Key, Floats], float]] = [
        ({}, 1.0),
        ({}, 2.0),
        ({("complete", 5): tail_of(falling(), 5)}, 1.0),
        ({("complete", 5): tail_of(falling(), 5, 0.25)}, 1.0),
        ({("replay", 5): tail_of(falling(), 5)}, 1.0),
    ]
    found = [caption(resumed, report, factor).fingerprint for resumed, factor in runs]
    assert len(set(found)) == len(runs)
    assert found == [caption(resumed, report, factor).fingerprint for resumed, factor in runs]


def test_runs_that_could_not_be_resumed_are_not_told_to_have_the_same_lrs() -> None:
    assert "same" not in caption({}, report_of([failed(4), failed(5)])).subtitle


def test_the_caption_names_the_settings_that_differ_besides_lrs() -> None:
    results = [
        wrong(10, quantity="lr of trunk", also=("momentum of trunk", "momentum of head")),
        wrong(20, quantity="weight_decay of head", largest=None),
        wrong(30, quantity="lr of trunk"),
        wrong(40, kind="weights", quantity="w of trunk", largest=None),
    ]
    caption = resume_caption(report_of(results), Curves(np.ones((100, 2)), {}), "1")
    assert caption.subtitle.endswith(" · 2 with other momentum, weight_decay")
