"""The commands that give fields a past which were added to the config later."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from jobs.console import ConfigOption, JsonOption, RunIdOption, open_config, show, start_logging
from shark_core.interval import Interval, parse_day

if TYPE_CHECKING:
    from jobs.backfilling import Backfill

FieldsOption = Annotated[str, typer.Option("--fields", help="Names of fields, joined by commas.")]
StartOption = Annotated[str, typer.Option("--start", help="The first day: YYYY-MM-DD, in UTC.")]
EndOption = Annotated[str, typer.Option("--end", help="The day after the last one.")]
OntoOption = Annotated[
    str, typer.Option("--branch", help="The branch of the lake that the examples are written to.")
]
DryRunOption = Annotated[
    bool, typer.Option("--dry-run", help="Say what is missing, and make nothing.")
]


def add_backfill_commands(app: typer.Typer) -> None:
    app.command("backfill-counts")(backfill_counts_of_fields)
    app.command("backfill-examples")(backfill_examples_with_fields)


def backfill_counts_of_fields(
    config: ConfigOption,
    fields: FieldsOption,
    start: StartOption,
    end: EndOption,
    dry_run: DryRunOption = False,
    run_id: RunIdOption = "",
    as_json: JsonOption = False,
) -> None:
    """Count new fields in the traffic of past days, so that their priorities know the past.

    Only (field, day) partitions that are missing are counted: those never counted, and those of
    days that were ingested again since. The days' traffic must still be what it was. It may be
    interrupted and run again, and run beside the daily jobs; the next update-priorities takes the
    days in.

    Example: python -m jobs backfill-counts --config infra/config/demo.yaml --fields brand,device
    --start 2026-01-01 --end 2026-01-08
    """
    from jobs.backfill_counts import backfill_counts

    start_logging(run_id)
    show(backfill_counts(_backfill(config, fields, start, end, run_id), dry_run), as_json)


def backfill_examples_with_fields(
    config: ConfigOption,
    fields: FieldsOption,
    start: StartOption,
    end: EndOption,
    branch: OntoOption,
    dry_run: DryRunOption = False,
    run_id: RunIdOption = "",
    as_json: JsonOption = False,
) -> None:
    """Write examples of past days with new fields, on a branch, so that a window can be trained on.

    The examples are the lake's own, with the fields' rows read from the days' traffic, which must
    still be what it was. Days that have the fields, or have been made before, are left alone. It
    may be interrupted and run again, and run for several days at the same time; then train with
    --since and the same --branch.

    Example: python -m jobs backfill-examples --config infra/config/demo.yaml --fields brand,device
    --start 2026-01-01 --end 2026-01-08 --branch with-brand
    """
    from jobs.backfill_examples import backfill_examples

    start_logging(run_id)
    backfill = _backfill(config, fields, start, end, run_id, branch)
    show(backfill_examples(backfill, dry_run), as_json)


def _backfill(
    config: Path, fields: str, start: str, end: str, run_id: str, branch: str = ""
) -> Backfill:
    from jobs.backfilling import Backfill

    loaded = open_config(config)
    named = tuple(dict.fromkeys(loaded.field(name.strip()) for name in fields.split(",")))
    days = Interval.of_days(parse_day(start, "--start"), parse_day(end, "--end"))
    return Backfill(loaded, named, days, run_id, branch)
