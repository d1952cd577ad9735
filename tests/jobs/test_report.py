"""The report job: what it takes from the lake and from the plan log."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from jobs.context import DayContext
from jobs.report import EARLIER_DAYS, report
from shark_core.errors import DataError
from shark_core.evaluation.paired_difference import PairedDifference
from shark_core.pruning.outcome import FILE_NAME, LossChange, PruningOutcome, Step
from shark_core.publish.plan_review import AUTOMATIC
from shark_core.report.pruning_report import MeasuredStep, PruningReport
from shark_core.report.stored import read_report, stored_text
from shark_core.schemas import PRUNING, REPORT
from tests.example_lake import DAY
from tests.jobs.compressed_day import run_to_publish
from tests.jobs.proposed_day import plans_of

NOW = datetime(2026, 1, 4, tzinfo=UTC)
CHANGE = LossChange(0.001, 0.0, 0.002)


@pytest.fixture
def published(make_context: Any) -> DayContext:
    context: DayContext = make_context()
    run_to_publish(context)
    return context


def reported(context: DayContext) -> PruningReport:
    report(context)
    return read_report(context.lake, DAY).pruning


def step(number: int, *fields: str, measured: float = 0.001, accepted: bool = True) -> Step:
    change = PairedDifference(measured, 0.0001)
    verdict = "accepted" if accepted else "undone"
    return Step(number, fields, CHANGE, change, change, accepted, f"{verdict}: a test")


def write_outcome(context: DayContext, day: int, *steps: Step) -> None:
    """As prune-fields leaves it `day` days after the test's day, or before it."""
    pruned = tuple(name for each in steps if each.accepted for name in each.fields)
    outcome = PruningOutcome(None, pruned, {}, steps)
    with replace(context, day=DAY + timedelta(days=day)).writer(PRUNING) as writer:
        writer.write_bytes(FILE_NAME, outcome.to_json().encode())
        writer.commit({})


def test_the_plan_that_was_carried_out_is_told_with_who_approved_it(published: DayContext) -> None:
    plan = plans_of(published).in_force(DAY)
    assert plan is not None
    found = reported(published)
    assert found.carried_out is not None
    assert (found.carried_out.plan_id, found.carried_out.status) == (plan.plan_id, "applied")
    assert found.carried_out.approved_by == AUTOMATIC
    assert found.of_the_day is None
    told = f"plan             {plan.plan_id} applied (approved by {AUTOMATIC})"
    assert told in stored_text(published.lake, DAY)


def test_a_plan_that_was_withdrawn_since_is_told_as_it_stands(published: DayContext) -> None:
    plan = plans_of(published).in_force(DAY)
    assert plan is not None
    plans_of(published).decide(plan.plan_id, "rejected", "ann", NOW, "not this one")
    withdrawn = reported(published).carried_out
    assert withdrawn is not None
    assert (withdrawn.status, withdrawn.by, withdrawn.note) == ("rejected", "ann", "not this one")


def test_a_day_without_a_plan_in_force_tells_what_was_proposed(make_context: Any) -> None:
    context = make_context()
    (plan,) = plans_of(context).plans()
    plans_of(context).decide(plan.plan_id, "rejected", "ann", NOW, "no")
    write_outcome(context, 0)
    run_to_publish(context)
    found = reported(context)
    assert found.carried_out is None
    assert found.of_the_day is not None
    assert (found.of_the_day.plan_id, found.of_the_day.status) == (plan.plan_id, "rejected")
    fields = {field.field: field.decision for field in read_report(context.lake, DAY).fields}
    assert {name for name, decision in fields.items() if decision == "proposed"} == {*plan.pruned}


def test_the_fields_are_told_as_the_steps_left_them(published: DayContext) -> None:
    report(published)
    found = read_report(published.lake, DAY)
    (accepted,) = found.pruning.steps
    assert found.pruned == [*accepted.fields]
    (pruned,) = [field for field in found.fields if field.decision == "pruned"]
    assert pruned.reason == f"step 01: measured {accepted.measured}, in all {accepted.total}"


def test_accepted_steps_of_earlier_days_stand_beside_this_days(published: DayContext) -> None:
    write_outcome(published, -9, step(1, "user"), step(2, "tags", accepted=False))
    write_outcome(published, -2, step(1, "tags", measured=0.1), step(2, "item"))
    write_outcome(published, 1, step(1, "user"))
    found = reported(published)
    assert found.checks == (
        MeasuredStep.of("2025-12-24", step(1, "user")),
        MeasuredStep.of("2025-12-31", step(1, "tags", measured=0.1)),
        MeasuredStep.of("2025-12-31", step(2, "item")),
        MeasuredStep.of("2026-01-02", found.steps[0]),
    )
    inputs = published.marker(REPORT).inputs
    past = [name for name in inputs if name.startswith("pruning/")]
    assert past == ["pruning/ds=2025-12-24", "pruning/ds=2025-12-31"]


def test_a_day_that_did_not_finish_is_not_there(published: DayContext) -> None:
    write_outcome(published, -1, step(1, "user"))
    before = replace(published, day=DAY - timedelta(days=1)).partition(PRUNING)
    published.lake.filesystem.delete_file(published.lake.absolute(f"{before.path}/_marker.json"))
    assert len(reported(published).checks) == 1


def test_so_many_earlier_days_are_shown_and_no_more(published: DayContext) -> None:
    for day in range(1, EARLIER_DAYS + 3):
        write_outcome(published, -day, step(1, "user"))
    days = [check.day for check in reported(published).checks]
    assert len(days) == EARLIER_DAYS + 1
    assert days[0] == str(DAY - timedelta(days=EARLIER_DAYS))


def test_a_day_whose_fields_were_not_pruned_yet_is_not_reported(make_context: Any) -> None:
    context = make_context()
    run_to_publish(context)
    context.lake.filesystem.delete_dir(context.lake.absolute(context.partition(PRUNING).path))
    with pytest.raises(DataError, match="python -m jobs prune-fields"):
        report(context)


def test_the_scores_are_judged_by_the_limit_of_today(published: DayContext) -> None:
    config = published.config.model_dump(mode="json")
    config["importance"]["validation"]["min_spearman"] = 0.123
    today = replace(published, config=type(published.config).model_validate(config))
    assert reported(today).agreement.min_spearman == 0.123
