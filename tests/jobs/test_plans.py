"""`python -m jobs plans …`, as a person types it."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner
from yaml import safe_dump

from jobs.cli import app
from jobs.context import DayContext
from shark_core.errors import DataError
from tests.example_lake import DAY
from tests.jobs.proposed_day import plan_ids, plans_of, run_plans, scored_by_hand
from tests.publish.plans import NOW, plan_of


def printed(context: DayContext, *arguments: str) -> str:
    """What a person sees on a terminal of 100 columns."""
    config = Path(context.config.lake) / "config.yaml"
    config.write_text(safe_dump(context.config.model_dump(mode="json", exclude_none=True)))
    command = ["plans", *arguments, "--config", str(config)]
    done = CliRunner(env={"COLUMNS": "100"}).invoke(app, command, catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.stdout


def test_the_list_has_the_newest_plan_first(planned: DayContext) -> None:
    newest, oldest = run_plans(planned, "list")["plans"]
    assert [newest["plan"], oldest["plan"]] == plan_ids(planned)
    assert (newest["day"], newest["status"], newest["fields"]) == (
        "2026-01-03",
        "proposed",
        ["user", "tags"],
    )
    assert newest["bytes_saved"] == (50 + 8) * 4 * 4
    assert newest["predicted_low"] < newest["predicted_loss"] < newest["predicted_high"]
    assert newest["by"] == "plan-pruning, run nightly-7"


def test_the_list_fits_a_hundred_columns(planned: DayContext) -> None:
    text = printed(planned, "list")
    assert max(len(line) for line in text.splitlines()) <= 100
    for plan_id in plan_ids(planned):
        assert plan_id in text
    assert "2: user, tags" in text
    assert "928 B" in text
    assert "[0.000261, 0.000339]" in text


def test_a_list_without_plans_says_so(tmp_path: Path) -> None:
    assert printed(scored_by_hand(tmp_path), "list").strip() == "0 plan(s) of tiny"


def test_a_plan_is_shown_with_every_reason_and_who_decided(planned: DayContext) -> None:
    plan_id = plan_ids(planned)[0]
    run_plans(planned, "approve", "--plan", plan_id, "--by", "ann")
    text = printed(planned, "show", "--plan", plan_id)
    assert max(len(line) for line in text.splitlines()) <= 100
    words = " ".join(text.split())
    assert f"plan {plan_id} is approved by ann" in words
    for decision in plans_of(planned).head(plan_id).reviewed.decisions:
        assert all(word in words for word in (decision.field, *decision.reason.split()))
    assert words.index("approved ann") < words.index("proposed plan-pruning, run nightly-7")
    document = run_plans(planned, "show", "--plan", plan_id)
    assert [entry["status"] for entry in document["history"]] == ["approved", "proposed"]
    assert document["document"]["pruned"] == ["user", "tags"]


def test_warnings_of_a_plan_are_shown_above_its_decisions(tmp_path: Path) -> None:
    context = scored_by_hand(tmp_path)
    warned = plan_of("a", warnings=("the budget is not met",))
    plan = plans_of(context).propose(warned, DAY, "a test", NOW)
    text = printed(context, "show", "--plan", plan.plan_id)
    assert text.index("warning: the budget is not met") < text.index("prune: [bold]a[/]")


def test_reasons_are_printed_as_they_are_not_as_markup(planned: DayContext) -> None:
    plan_id = plan_ids(planned)[0]
    note = "no [bold]good[/bold] [link=x]"
    run_plans(planned, "reject", "--plan", plan_id, "--by", "ann", "--note", note)
    assert note in " ".join(printed(planned, "show", "--plan", plan_id).split())


def test_a_plan_of_another_release_is_listed_without_figures(planned: DayContext) -> None:
    newest, oldest = plan_ids(planned)
    head = plans_of(planned).head(newest)
    other = head.model_copy(update={"plan": {**head.plan, "a_new_key": 1}})
    entry = Path(planned.config.lake) / f"registry/tiny/plans/{newest}/99999999.json"
    entry.write_bytes(other.to_bytes())
    unreadable, readable = run_plans(planned, "list")["plans"]
    assert (unreadable["plan"], unreadable["predicted_loss"]) == (newest, None)
    assert unreadable["figures"] == "made by another release"
    assert readable["plan"] == oldest
    assert readable["bytes_saved"] > 0
    text = printed(planned, "list")
    assert "another release" in text
    assert max(len(line) for line in text.splitlines()) <= 100


@pytest.mark.parametrize("command", ["show", "approve"])
def test_an_unknown_plan_is_refused_with_those_there_are(planned: DayContext, command: str) -> None:
    with pytest.raises(DataError, match=plan_ids(planned)[0]):
        run_plans(planned, command, "--plan", "2026-01-02-00000000")


@pytest.mark.parametrize("command", ["list", "show", "approve", "reject"])
def test_help_has_an_example(command: str) -> None:
    done = CliRunner(env={"COLUMNS": "100"}).invoke(app, ["plans", command, "--help"])
    assert f"python -m jobs plans {command} --config FILE" in " ".join(done.output.split())


def test_what_waits_is_the_newest_proposal_with_what_a_person_must_know(
    planned: DayContext,
) -> None:
    newest, oldest = plan_ids(planned)
    waiting = run_plans(planned, "waiting")
    assert waiting["plan"] == newest
    assert waiting["subject"] == "tiny: prune 2 of 3 fields?"
    for told in (
        "| user |",
        "| tags |",
        "saves 928 B",
        "0.0003 [0.000261, 0.000339]",
        "not written",
    ):
        assert told in waiting["body"]
    assert "| item |" not in waiting["body"]
    assert "in force so far: no plan, nothing is pruned" in waiting["body"]
    run_plans(planned, "reject", "--plan", newest, "--note", "no", "--by", "ann")
    assert run_plans(planned, "waiting")["plan"] == oldest


def test_the_request_names_the_plan_whose_place_it_takes(planned: DayContext) -> None:
    newest, oldest = plan_ids(planned)
    run_plans(planned, "approve", "--plan", oldest, "--by", "ann")
    waiting = run_plans(planned, "waiting")
    assert waiting["plan"] == newest
    assert f"in force so far: plan {oldest}, which prunes " in waiting["body"]


def test_where_nothing_waits_that_is_said(tmp_path: Path) -> None:
    context = scored_by_hand(tmp_path)
    assert run_plans(context, "waiting") == {"headline": "no plan waits", "plan": None}
    assert printed(context, "waiting").strip() == "no plan waits"


def test_the_request_links_the_report_where_it_is(planned: DayContext) -> None:
    from shark_core.report.plan_request import plan_request

    entry = next(iter(plans_of(planned).plans()))
    relative = plan_request(entry, None, "tiny", ".demo/lake/report.html").body
    assert (
        f"[.demo/lake/report.html]({Path('.demo/lake/report.html').absolute().as_uri()})"
        in relative
    )
    on_s3 = plan_request(entry, None, "tiny", "s3://bucket/report.html").body
    assert "[s3://bucket/report.html](s3://bucket/report.html)" in on_s3
