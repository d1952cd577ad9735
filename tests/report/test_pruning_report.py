from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shark_core.evaluation.paired_difference import PairedDifference
from shark_core.pruning.outcome import LossChange
from shark_core.publish.object_store_local import LocalStore
from shark_core.publish.plan_log import PlanLog
from shark_core.report.html import render_html
from shark_core.report.pruning_report import MeasuredStep, PlanStanding
from shark_core.report.run_report import RunReport
from shark_core.report.scatter import LEFT, SIDE, TOP, scatter
from shark_core.report.text import short_text
from tests.publish.plans import NOW, propose
from tests.report.examples import PRUNING, example_report
from tests.report.test_report import Page

HOSTILE = "<script>alert(1)</script>"
CHANGES = st.floats(-1.0, 1.0)


def with_pruning(**changes: object) -> RunReport:
    return replace(example_report(), pruning=replace(PRUNING, **changes))


def check(predicted: float, measured: float, error: float = 0.0) -> MeasuredStep:
    change = LossChange(predicted, predicted - 0.1, predicted + 0.1)
    return MeasuredStep("2026-01-01", ("a",), change, PairedDifference(measured, error))


def test_the_page_says_whose_plan_was_carried_out_and_how_the_days_own_stands() -> None:
    text = Page(render_html(example_report())).text
    assert (
        "Carried out 2026-01-02-ab12cd34 applied by prune-fields, run 7, 2026-01-04 02:10 UTC; "
        "approved by ann on 2026-01-02: 1 of 2 fields pruned"
    ) in text
    assert "The day's own 2026-01-03-00ff00ff proposed by plan-pruning, run 8" in text


def test_the_page_says_that_no_plan_was_in_force() -> None:
    report = with_pruning(carried_out=None, of_the_day=None, steps=(), checks=(), warnings=())
    text = Page(render_html(report)).text
    assert "no plan was in force: nothing is pruned" in text
    assert "No step was taken." in text
    assert "No step was accepted yet" in text
    assert "warns" not in text
    assert "plan             none in force" in short_text(report, "x")


def test_warnings_of_the_plan_stand_above_everything_else() -> None:
    text = Page(render_html(example_report())).text
    assert text.index("no plan fits byte_budget 1,000") < text.index("smaller on disk")


def test_the_page_says_whether_the_scores_are_trusted() -> None:
    text = Page(render_html(example_report())).text
    assert "trusted Spearman 0.993 against true mean-replacement on 20,000 examples" in text
    assert "90.0 % of the 10 most important fields agree" in text
    poor = replace(PRUNING.agreement, spearman=0.4)
    assert "not trusted Spearman 0.400" in Page(render_html(with_pruning(agreement=poor))).text


def test_the_page_shows_every_step_with_prediction_measurement_and_reason() -> None:
    text = Page(render_html(example_report())).text
    assert (
        "02 undone item_id +0.04540 [+0.04440, +0.04640] +0.06110 [+0.06032, +0.06188] "
        "+0.06090 [+0.06012, +0.06168] undone: ends above max_measured_loss 0.005"
    ) in text


@pytest.mark.parametrize("decision", ["kept", "undone", "proposed", "pruned"])
def test_the_page_shows_what_happened_to_a_field(decision: str) -> None:
    field = next(field for field in example_report().fields if field.decision == decision)
    assert f"{field.field} {decision}" in Page(render_html(example_report())).text


def test_the_page_tells_how_well_predictions_held() -> None:
    text = Page(render_html(example_report())).text
    assert "1 of 2 measured intervals contain the prediction" in text
    assert "mean of measured − predicted +0.00035" in text
    apart = "2026-01-02 noise_session , noise_id +0.00040 [+0.00020, +0.00060] +0.00120"
    assert apart in text
    assert text.index("2026-01-03 noise_session -0.00010") < text.index(apart)
    assert Page(render_html(example_report())).tags.count("circle") == 2


def test_names_notes_and_warnings_are_escaped_everywhere() -> None:
    hostile = PlanStanding(HOSTILE, "applied", HOSTILE, "now", HOSTILE, HOSTILE)
    step = replace(PRUNING.steps[0], fields=(HOSTILE,), reason=HOSTILE)
    report = with_pruning(
        carried_out=hostile,
        of_the_day=hostile,
        warnings=(HOSTILE,),
        steps=(step,),
        checks=(MeasuredStep.of(HOSTILE, step),),
    )
    html = render_html(report)
    assert "script" not in Page(html).tags
    assert "<script" not in html
    assert html.count("&lt;script&gt;") >= 14


def test_a_plan_stands_as_the_head_of_its_log_says(tmp_path: Path) -> None:
    log = PlanLog(LocalStore(tmp_path), "ctr")
    plan_id = propose(log, "a").plan_id
    assert str(standing(log, plan_id)) == f"{plan_id} proposed by plan-pruning"
    log.decide(plan_id, "approved", "ann", NOW)
    log.decide(plan_id, "applied", "prune-fields", NOW, "on 2026-01-03")
    assert str(standing(log, plan_id)) == f"{plan_id} applied (approved by ann)"
    log.decide(plan_id, "rejected", "bob", NOW, "no")
    withdrawn = standing(log, plan_id)
    assert str(withdrawn) == f"{plan_id} rejected by bob"
    assert (withdrawn.approved_by, withdrawn.note, withdrawn.at) == (
        "ann",
        "no",
        "2026-01-04 09:30",
    )


def standing(log: PlanLog, plan_id: str) -> PlanStanding:
    return PlanStanding.of(log.history(plan_id))


@given(CHANGES, CHANGES, st.floats(0.0, 1.0))
def test_an_interval_that_contains_the_prediction_overlaps_its_interval(
    predicted: float, measured: float, error: float
) -> None:
    made = check(predicted, measured, error)
    assert made.overlaps or not made.contains_prediction
    assert made.contains_prediction == (made.measured.low <= predicted <= made.measured.high)


def test_intervals_overlap_where_they_share_a_point() -> None:
    assert check(0.0, 0.1).overlaps
    assert not check(0.0, 0.1001).overlaps
    assert not check(0.0, 0.1).contains_prediction


@given(st.lists(st.builds(check, CHANGES, CHANGES, st.floats(0.0, 1.0)), min_size=1))
def test_everything_is_drawn_inside_the_square_in_order(checks: list[MeasuredStep]) -> None:
    drawn = scatter(checks)
    for point in drawn.points:
        assert LEFT <= point.x <= LEFT + SIDE
        assert TOP <= point.y_high <= point.y <= point.y_low <= TOP + SIDE
    by_prediction = sorted(
        zip(checks, drawn.points, strict=True), key=lambda p: p[0].predicted.mean
    )
    places = [point.x for _, point in by_prediction]
    assert places == sorted(places)
    assert 2 <= len(drawn.ticks) <= 12


@pytest.mark.parametrize("value", [0.0, 1e-9, 0.003, -0.5])
def test_a_prediction_that_comes_true_lies_on_the_diagonal(value: float) -> None:
    (point,) = scatter([check(value, value)]).points
    assert point.x - LEFT == pytest.approx(TOP + SIDE - point.y, abs=0.02)


def test_an_endless_interval_ends_at_the_edge() -> None:
    (point,) = scatter([check(0.1, 0.2, math.inf)]).points
    assert (point.y_high, point.y_low) == (TOP, TOP + SIDE)
