"""`python -m jobs plans …`: look at proposed pruning plans, approve or reject one."""

from __future__ import annotations

import getpass
from dataclasses import asdict
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from jobs.console import ConfigOption, JsonOption, open_config, show
from jobs.context import JobResult
from shark_core.errors import ConfigError
from shark_core.lake import Lake

if TYPE_CHECKING:
    from shark_core.publish.plan_entry import PlanEntry
    from shark_core.publish.plan_log import PlanLog

plans_app = typer.Typer(
    no_args_is_help=True, help="List, show, approve and reject pruning plans that jobs proposed."
)

PROTECT = "another set may still prune these fields: pruning.keep in the config keeps one for good"

PlanOption = Annotated[str, typer.Option("--plan", help="The plan's id: its day and 8 hex digits.")]
ByOption = Annotated[
    str | None, typer.Option("--by", help="Who decides; without it, your login name.")
]
NoteOption = Annotated[str, typer.Option("--note", help="Why; kept with the decision.")]


@plans_app.command("list")
def list_plans(config: ConfigOption, as_json: JsonOption = False) -> None:
    """All plans, newest first: their status, fields, bytes, predicted loss, and who decided.

    Example: python -m jobs plans list --config FILE
    """
    from shark_core.report.plan_tables import plan_line, plans_table

    log = _log(config)
    plans = list(log.plans())
    headline = f"{len(plans)} plan(s) of {log.model}"
    if as_json:
        show(JobResult(headline, {"plans": [plan_line(entry) for entry in plans]}), as_json)
        return
    _print(headline)
    if plans:
        _print(plans_table(plans))


@plans_app.command("show")
def show_plan(config: ConfigOption, plan: PlanOption, as_json: JsonOption = False) -> None:
    """One plan: every field's decision with its reason, and who decided what and when.

    Example: python -m jobs plans show --config FILE --plan 2026-01-03-ab12cd34
    """
    from shark_core.report.plan_tables import decisions_table, history_table, plan_document

    history = _log(config).history(plan)
    headline = f"plan {plan} is {history[0]}"
    if as_json:
        show(JobResult(headline, plan_document(history)), as_json)
        return
    reviewed = history[0].reviewed
    _print(headline)
    for warning in reviewed.warnings:
        _print(f"warning: {warning}")
    _print(decisions_table(reviewed))
    _print(history_table(history))


@plans_app.command("waiting")
def show_waiting(config: ConfigOption, as_json: JsonOption = False) -> None:
    """The newest plan that waits for a person, as a text with what there is to know of it.

    Example: python -m jobs plans waiting --config FILE
    """
    from shark_core.report.plan_request import plan_request
    from shark_core.report.stored import report_page

    loaded = open_config(config)
    log = _log(config)
    entry = next((plan for plan in log.plans() if plan.status == "proposed"), None)
    if entry is None:
        show(JobResult("no plan waits", {"plan": None} if as_json else {}), as_json)
        return
    page = report_page(Lake(loaded.lake), entry.day)
    request = plan_request(entry, log.in_force(entry.day), loaded.name, page)
    if as_json:
        show(JobResult(request.subject, {"plan": entry.plan_id, **asdict(request)}), as_json)
        return
    _print(request.subject)
    _print(request.body)


@plans_app.command("approve")
def approve(
    config: ConfigOption,
    plan: PlanOption,
    by: ByOption = None,
    note: NoteOption = "",
    as_json: JsonOption = False,
) -> None:
    """Let prune-fields carry the plan out, from its day on until the day of a newer one in force.

    A rejected plan can be approved after all. Newer days that have a plan in force keep theirs.

    Example: python -m jobs plans approve --config FILE --plan 2026-01-03-ab12cd34 --by ann
    """
    from shark_core.publish import plan_review

    log = _log(config)
    entry = plan_review.approve(log, plan, _name(by), datetime.now(UTC), note.strip())
    newer = plan_review.newer_in_force(log, entry)
    keep = f"; from {newer.day} on plan {newer.plan_id} stays in force" if newer else ""
    figures = {**_figures(entry), "newer_in_force": newer.plan_id if newer else None}
    show(JobResult(f"plan {plan}: {entry}{keep}", figures), as_json)


@plans_app.command("reject")
def reject(
    config: ConfigOption,
    plan: PlanOption,
    note: NoteOption,
    by: ByOption = None,
    as_json: JsonOption = False,
) -> None:
    """Turn the plan down, or withdraw it: the same set of fields is not proposed again.

    A plan that was approved before it is in force again. A field is safe from every later plan
    only by the config's key pruning.keep.

    Example: python -m jobs plans reject --config FILE --plan 2026-01-03-ab12cd34
    --note "brand is needed for the new layout"
    """
    if not note.strip():
        raise ConfigError(
            "a plan is rejected for a reason",
            expected="--note with the reason",
            found="an empty note",
            where="--note",
            remedy="say why, for those who read the plan's history",
        )
    log = _log(config)
    entry = log.decide(plan, "rejected", _name(by), datetime.now(UTC), note.strip())
    in_force = log.in_force(date.max)
    figures = {
        **_figures(entry),
        "in_force": in_force.plan_id if in_force else None,
        "protect_a_field": PROTECT,
    }
    now = f"plan {in_force.plan_id} is in force now" if in_force else "no plan is in force now"
    show(JobResult(f"plan {plan}: {entry}; {now}", figures), as_json)


def _print(what: str | Table) -> None:
    Console().print(Text(what) if isinstance(what, str) else what)


def _log(config_path: ConfigOption) -> PlanLog:
    from shark_core.publish.lake_store import store_for
    from shark_core.publish.plan_log import PlanLog

    config = open_config(config_path)
    return PlanLog(store_for(config), config.name)


def _figures(entry: PlanEntry) -> dict[str, Any]:
    return {
        "plan": entry.plan_id,
        "status": entry.status,
        "by": entry.by,
        "at": entry.at.isoformat(),
        "note": entry.note,
        "pruned": list(entry.pruned),
    }


def _name(by: str | None) -> str:
    try:
        name = (getpass.getuser() if by is None else by).strip()
    except (OSError, KeyError, ImportError):  # an account without a name, as in some containers
        name = ""
    if not name or len(name) > 200:
        raise ConfigError(
            "it is not known who decides",
            expected="a name of at most 200 characters",
            found=repr(by) if by is not None else "an account without a login name",
            where="--by",
            remedy="add --by with your name",
        )
    return name
