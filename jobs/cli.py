"""The command line: `python -m jobs VERB …`. Exit codes follow the branches of `SharkError`.

0 done · 2 wrong usage · 65 bad data · 70 a defect · 75 try again · 76 conflict · 78 bad config
79 gate failed
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from jobs.backfill_commands import add_backfill_commands
from jobs.branches import branches_app
from jobs.console import (
    BranchOption,
    ConfigOption,
    JsonOption,
    RunIdOption,
    open_config,
    show,
    start_logging,
)
from jobs.context import log
from jobs.day_commands import add_day_commands
from jobs.export import export
from jobs.plans import plans_app
from jobs.releases import release_app
from jobs.snapshots import snapshots_app
from shark_core.errors import RetryableError, SharkError
from shark_core.interval import parse_day
from shark_core.lake import Lake

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    help="Compress the embedding tables of a recommender, day by day.",
)

add_day_commands(app)
add_backfill_commands(app)
app.command("export")(export)
app.add_typer(branches_app, name="branches")
app.add_typer(plans_app, name="plans")
app.add_typer(release_app, name="release")
app.add_typer(snapshots_app, name="snapshots")


@app.command("shadow-evaluate")
def shadow_evaluate_snapshots(
    config: ConfigOption,
    snapshot: Annotated[str, typer.Option("--snapshot", help="The new one: a ref or an id.")],
    against: Annotated[str, typer.Option("--against", help="The old one: a ref or an id.")],
    date: Annotated[list[str], typer.Option("--date", help="A day to judge on; may be repeated.")],
    not_broken: Annotated[
        bool,
        typer.Option("--not-broken", help="Fail only where it is shown to be worse: for a watch."),
    ] = False,
    as_of: Annotated[
        bool,
        typer.Option("--as-of", help="A ref for --against stands for what it was by --date."),
    ] = False,
    branch: BranchOption = "",
    run_id: RunIdOption = "",
    as_json: JsonOption = False,
) -> None:
    """Judge one snapshot against another on days that neither was trained on.

    The limits are the config's gates. Ends with 79 where one is broken.

    Example: python -m jobs shadow-evaluate --config FILE --snapshot candidate --against production
    --date 2026-01-04
    """
    from jobs.shadow_evaluate import Shadow, shadow_evaluate

    start_logging(run_id)
    days = [parse_day(each) for each in date]
    shadow = Shadow(open_config(config), snapshot, against, days, branch, as_of)
    show(shadow_evaluate(shadow, "not_broken" if not_broken else "no_worse"), as_json)


SourceOption = Annotated[Path, typer.Option("--source", help="The raw log: a file or a folder.")]
LakeOption = Annotated[str, typer.Option("--lake", help="A folder, or s3://bucket/prefix.")]
StartOption = Annotated[str, typer.Option("--start-day", help="The first day: YYYY-MM-DD, in UTC.")]
DaysOption = Annotated[int, typer.Option("--days", min=1, help="How many days.")]


@app.command("prepare")
def prepare_traffic(
    raw_format: Annotated[str, typer.Option("--format", help="kuairand, criteo or avazu.")],
    source: SourceOption,
    lake: LakeOption,
    start_day: StartOption = "",
    days: Annotated[int | None, typer.Option("--days", min=1, help="How many days.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Turn a public log's raw files into traffic. Criteo's has no time: give --start-day, --days.

    Example: python -m jobs prepare --format criteo --source train.txt.gz --lake lake/criteo
    --start-day 2026-01-01 --days 7
    """
    from jobs.prepare import dealt_days, prepare

    start_logging("prepare")
    show(prepare(raw_format, source, Lake(lake), dealt_days(start_day, days)), as_json)


@app.command("generate")
def generate_traffic(
    lake: LakeOption,
    start_day: StartOption,
    days: DaysOption,
    impressions_per_day: Annotated[int, typer.Option("--impressions-per-day", min=1)],
    seed: Annotated[int, typer.Option("--seed")] = 0,
    fields: Annotated[
        Path | None, typer.Option("--fields", help="What is planted; default: the demo's fields.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Generate synthetic traffic with planted structure, and write the truth beside it.

    Example: python -m jobs generate --lake .demo/lake --start-day 2026-01-01 --days 3
    --impressions-per-day 60000
    """
    from jobs.generate import DEMO_FIELDS, Amount, generate

    start_logging("generate")
    amount = Amount(parse_day(start_day, "--start-day"), days, impressions_per_day, seed)
    show(generate(Lake(lake), amount, fields or DEMO_FIELDS), as_json)


def main() -> None:
    """Run the command line; a `SharkError` becomes its message and its branch's exit code."""
    try:
        app()
    except SharkError as error:
        _stop(error)
    except OSError as error:
        log.debug("where it was raised", exc_info=error)
        _stop(
            RetryableError(
                "the system refused a file or a connection",
                found=error,
                remedy="check that the disk has room and the lake can be written; run again",
            )
        )
    except Exception:
        log.exception("a defect in SHARK, not in your data: please report it with these lines")
        sys.exit(SharkError.exit_code)


def _stop(error: SharkError) -> NoReturn:
    sys.stderr.write(f"{type(error).__name__}: {error}\n")
    sys.exit(error.exit_code)
