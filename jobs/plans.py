"""`python -m jobs plans …`: look at proposed pruning plans, approve or reject one."""

from __future__ import annotations

import getpass
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from jobs.console import ConfigOption, JsonOption, show
from jobs.context import JobResult
from shark_core.config import load_config
from shark_core.errors import ConfigError, ConflictError
from shark_core.lake import Lake

if TYPE_CHECKING:
    from shark_core.publish.plan_entry import PlanEntry, Status
    from shark_core.publish.plan_log import PlanLog

plans_app = typer.Typer(
    no_args_is_help=True, help="List, show, approve and reject pruning plans that jobs proposed."
)

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


@plans_app.command("approve")
def approve(
    config: ConfigOption,
    plan: PlanOption,
    by: ByOption = None,
    note: NoteOption = "",
    as_json: JsonOption = False,
) -> None:
    """Let prune-fields carry the plan out, from its day on until a newer one is approved.

    Example: python -m jobs plans approve --config FILE --plan 2026-01-03-ab12cd34 --by ann
    """
    log = _log(config)
    _require_newest(log, log.head(plan))
    _decide(log, plan, "approved", by, note, as_json)


@plans_app.command("reject")
def reject(
    config: ConfigOption,
    plan: PlanOption,
    note: NoteOption,
    by: ByOption = None,
    as_json: JsonOption = False,
) -> None:
    """Turn the plan down, or withdraw it: the same set of fields is not proposed again.

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
    _decide(_log(config), plan, "rejected", by, note, as_json)


def _print(what: str | Table) -> None:
    Console().print(Text(what) if isinstance(what, str) else what)


def _log(config_path: ConfigOption) -> PlanLog:
    from shark_core.publish.lake_store import store_for
    from shark_core.publish.plan_log import PlanLog

    config = load_config(config_path)
    return PlanLog(store_for(Lake(config.lake)), config.name)


def _decide(
    log: PlanLog, plan: str, status: Status, by: str | None, note: str, as_json: bool
) -> None:
    entry = log.decide(plan, status, _name(by), datetime.now(UTC), note.strip())
    figures: dict[str, Any] = {
        "plan": entry.plan_id,
        "status": entry.status,
        "by": entry.by,
        "at": entry.at.isoformat(),
        "note": entry.note,
        "pruned": list(entry.pruned),
    }
    show(JobResult(f"plan {plan}: {entry}", figures), as_json)


def _require_newest(log: PlanLog, plan: PlanEntry) -> None:
    newest = log.in_force(date.max)
    if newest is None or newest.day <= plan.day:
        return
    raise ConflictError(
        f"plan {plan.plan_id} is not approved: it would have no effect",
        expected=f"a plan of {newest.day} or later, the day of the plan in force",
        found=f"a plan of {plan.day}; plan {newest.plan_id} is in force, {newest}",
        where=f"the plans of {log.model}",
        remedy=f"approve a newer plan, or withdraw {newest.plan_id}: `python -m jobs plans reject`",
    )


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
