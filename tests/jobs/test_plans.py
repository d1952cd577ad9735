"""`python -m jobs plans …`, as a person types it."""

from __future__ import annotations

import getpass
import os
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner
from yaml import safe_dump

from jobs.cli import app
from jobs.context import DayContext
from jobs.plan_pruning import plan_pruning
from shark_core.errors import ConfigError, ConflictError, DataError
from tests.example_lake import DAY
from tests.jobs.compressed_day import run_command
from tests.jobs.proposed_day import SCORES, plans_of, scored_by_hand, statuses
from tests.publish.plans import NOW, plan_of

NEXT = DAY + timedelta(days=1)
TAGS_TOO = {**SCORES, "tags": 0.0002}


@pytest.fixture
def day(tmp_path: Path) -> DayContext:
    """Two plans wait: of the second day, and of the first."""
    plan_pruning(scored_by_hand(tmp_path))
    context = scored_by_hand(tmp_path, NEXT, TAGS_TOO)
    plan_pruning(context)
    return context


def plan_ids(context: DayContext) -> list[str]:
    return [plan.plan_id for plan in plans_of(context).plans()]


def run_plans(context: DayContext, *arguments: str) -> dict[str, Any]:
    return run_command(context, "plans", *arguments)


def printed(context: DayContext, *arguments: str) -> str:
    """What a person sees on a terminal of 100 columns."""
    config = Path(context.config.lake) / "config.yaml"
    config.write_text(safe_dump(context.config.model_dump(mode="json", exclude_none=True)))
    command = ["plans", *arguments, "--config", str(config)]
    done = CliRunner(env={"COLUMNS": "100"}).invoke(app, command, catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.stdout


def test_the_list_has_the_newest_plan_first(day: DayContext) -> None:
    newest, oldest = run_plans(day, "list")["plans"]
    assert [newest["plan"], oldest["plan"]] == plan_ids(day)
    assert (newest["day"], newest["status"], newest["fields"]) == (
        "2026-01-03",
        "proposed",
        ["user", "tags"],
    )
    assert newest["bytes_saved"] == (50 + 8) * 4 * 4
    assert newest["predicted_low"] < newest["predicted_loss"] < newest["predicted_high"]
    assert newest["by"] == "plan-pruning, run nightly-7"


def test_the_list_fits_a_hundred_columns(day: DayContext) -> None:
    text = printed(day, "list")
    assert max(len(line) for line in text.splitlines()) <= 100
    for plan_id in plan_ids(day):
        assert plan_id in text
    assert "2: user, tags" in text
    assert "928 B" in text
    assert "[0.000261, 0.000339]" in text


def test_a_list_without_plans_says_so(tmp_path: Path) -> None:
    assert printed(scored_by_hand(tmp_path), "list").strip() == "0 plan(s) of tiny"


def test_a_plan_is_shown_with_every_reason_and_who_decided(day: DayContext) -> None:
    plan_id = plan_ids(day)[0]
    run_plans(day, "approve", "--plan", plan_id, "--by", "ann")
    text = printed(day, "show", "--plan", plan_id)
    assert max(len(line) for line in text.splitlines()) <= 100
    words = " ".join(text.split())
    assert f"plan {plan_id} is approved by ann" in words
    for decision in plans_of(day).head(plan_id).reviewed.decisions:
        assert all(word in words for word in (decision.field, *decision.reason.split()))
    assert words.index("approved ann") < words.index("proposed plan-pruning, run nightly-7")
    document = run_plans(day, "show", "--plan", plan_id)
    assert [entry["status"] for entry in document["history"]] == ["approved", "proposed"]
    assert document["document"]["pruned"] == ["user", "tags"]


def test_warnings_of_a_plan_are_shown_above_its_decisions(tmp_path: Path) -> None:
    context = scored_by_hand(tmp_path)
    warned = plan_of("a", warnings=("the budget is not met",))
    plan = plans_of(context).propose(warned, DAY, "a test", NOW)
    text = printed(context, "show", "--plan", plan.plan_id)
    assert text.index("warning: the budget is not met") < text.index("prune: [bold]a[/]")


def test_reasons_are_printed_as_they_are_not_as_markup(day: DayContext) -> None:
    plan_id = plan_ids(day)[0]
    note = "no [bold]good[/bold] [link=x]"
    run_plans(day, "reject", "--plan", plan_id, "--by", "ann", "--note", note)
    assert note in " ".join(printed(day, "show", "--plan", plan_id).split())


def test_a_person_approves_and_it_is_in_force(day: DayContext) -> None:
    plan_id = plan_ids(day)[0]
    done = run_plans(day, "approve", "--plan", plan_id, "--by", "ann", "--note", "looks right")
    assert (done["status"], done["by"], done["note"]) == ("approved", "ann", "looks right")
    in_force = plans_of(day).in_force(NEXT)
    assert in_force is not None
    assert (in_force.plan_id, in_force.by) == (plan_id, "ann")


def test_approving_again_tells_who_did_it_first(day: DayContext) -> None:
    plan_id = plan_ids(day)[0]
    for by in ("ann", "bob"):
        done = run_plans(day, "approve", "--plan", plan_id, "--by", by)
        assert done["by"] == "ann"


def test_without_a_name_the_login_name_decides(
    day: DayContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LOGNAME", "carol")
    assert run_plans(day, "approve", "--plan", plan_ids(day)[0])["by"] == "carol"


def test_an_account_without_a_name_must_give_one(
    day: DayContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    def nameless() -> str:
        raise KeyError(f"getpwuid(): uid not found: {os.getuid()}")

    monkeypatch.setattr(getpass, "getuser", nameless)
    with pytest.raises(ConfigError, match="add --by with your name"):
        run_plans(day, "approve", "--plan", plan_ids(day)[0])
    assert {status for _, status, _ in statuses(day)} == {"proposed"}


@pytest.mark.parametrize("by", ["", "  ", "x" * 201])
def test_a_name_that_is_none_is_refused(day: DayContext, by: str) -> None:
    with pytest.raises(ConfigError, match="who decides"):
        run_plans(day, "approve", "--plan", plan_ids(day)[0], "--by", by)


def test_a_rejection_needs_a_reason_which_is_kept(day: DayContext) -> None:
    plan_id = plan_ids(day)[0]
    with pytest.raises(ConfigError, match="rejected for a reason"):
        run_plans(day, "reject", "--plan", plan_id, "--note", " ")
    run_plans(day, "reject", "--plan", plan_id, "--by", "ann", "--note", "tags are needed")
    head = plans_of(day).head(plan_id)
    assert (head.status, head.by, head.note) == ("rejected", "ann", "tags are needed")


def test_a_rejected_plan_can_be_approved_after_all(day: DayContext) -> None:
    plan_id = plan_ids(day)[0]
    run_plans(day, "reject", "--plan", plan_id, "--by", "ann", "--note", "no")
    assert run_plans(day, "approve", "--plan", plan_id, "--by", "bob")["by"] == "bob"
    history = run_plans(day, "show", "--plan", plan_id)["history"]
    assert [entry["status"] for entry in history] == ["approved", "rejected", "proposed"]


def test_who_rejects_is_told_what_is_in_force_and_what_protects_a_field(day: DayContext) -> None:
    newest, oldest = plan_ids(day)
    for plan_id in (oldest, newest):
        run_plans(day, "approve", "--plan", plan_id, "--by", "ann")
    first, second = (
        run_plans(day, "reject", "--plan", plan_id, "--by", "bob", "--note", "no")
        for plan_id in (newest, oldest)
    )
    assert first["in_force"] == oldest
    assert first["headline"].endswith(f"plan {oldest} is in force now")
    assert second["in_force"] is None
    assert second["headline"].endswith("no plan is in force now")
    assert "pruning.keep" in second["protect_a_field"]


def test_a_plan_behind_a_newer_one_in_force_is_not_approved(day: DayContext) -> None:
    newest, oldest = plan_ids(day)
    run_plans(day, "approve", "--plan", newest, "--by", "ann")
    with pytest.raises(ConflictError, match=f"(?s)no effect.*plan {newest} is in force"):
        run_plans(day, "approve", "--plan", oldest, "--by", "bob")
    run_plans(day, "reject", "--plan", newest, "--by", "bob", "--note", "the older one")
    assert run_plans(day, "approve", "--plan", oldest, "--by", "bob")["status"] == "approved"


def test_approving_again_a_plan_that_gave_way_to_another_of_its_day_is_refused(
    day: DayContext,
) -> None:
    log = plans_of(day)
    first, second = (log.propose(plan_of(name), NEXT, "a test", NOW).plan_id for name in "ab")
    for plan_id in (first, second):
        run_plans(day, "approve", "--plan", plan_id, "--by", "ann")
    with pytest.raises(ConflictError, match=f"(?s)no effect.*reject --plan {second}"):
        run_plans(day, "approve", "--plan", first, "--by", "ann")
    run_plans(day, "reject", "--plan", second, "--by", "ann", "--note", "the first one")
    assert run_plans(day, "approve", "--plan", first, "--by", "ann")["plan"] == first
    in_force = log.in_force(NEXT)
    assert in_force is not None
    assert in_force.plan_id == first


def test_a_plan_of_another_release_is_listed_without_figures(day: DayContext) -> None:
    newest, oldest = plan_ids(day)
    head = plans_of(day).head(newest)
    other = head.model_copy(update={"plan": {**head.plan, "a_new_key": 1}})
    entry = Path(day.config.lake) / f"registry/tiny/plans/{newest}/99999999.json"
    entry.write_bytes(other.to_bytes())
    unreadable, readable = run_plans(day, "list")["plans"]
    assert (unreadable["plan"], unreadable["predicted_loss"]) == (newest, None)
    assert unreadable["figures"] == "made by another release"
    assert readable["plan"] == oldest
    assert readable["bytes_saved"] > 0
    text = printed(day, "list")
    assert "another release" in text
    assert max(len(line) for line in text.splitlines()) <= 100


@pytest.mark.parametrize("command", ["show", "approve"])
def test_an_unknown_plan_is_refused_with_those_there_are(day: DayContext, command: str) -> None:
    with pytest.raises(DataError, match=plan_ids(day)[0]):
        run_plans(day, command, "--plan", "2026-01-02-00000000")


@pytest.mark.parametrize("command", ["list", "show", "approve", "reject"])
def test_help_has_an_example(command: str) -> None:
    done = CliRunner(env={"COLUMNS": "100"}).invoke(app, ["plans", command, "--help"])
    assert f"python -m jobs plans {command} --config FILE" in " ".join(done.output.split())
