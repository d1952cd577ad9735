"""The command line: `python -m jobs VERB …`. Exit codes follow the branches of `SharkError`.

0 done · 2 wrong usage · 65 bad data · 75 try again · 76 conflict · 78 bad config · 79 gate failed
"""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from jobs.context import DayContext, JobResult
from jobs.registry import DAY_VERBS, Verb
from shark_core.config import load_config
from shark_core.errors import SharkError
from shark_core.interval import parse_day

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    help="Compress the embedding tables of a recommender, day by day.",
)

ConfigOption = Annotated[Path, typer.Option("--config", help="The model's pipeline config (YAML).")]
DateOption = Annotated[str, typer.Option("--date", help="The day to process: YYYY-MM-DD, in UTC.")]
RunIdOption = Annotated[str, typer.Option("--run-id", help="Named in every log line.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print the result as one JSON object.")]


def day_context(config: Path, date: str, run_id: str) -> DayContext:
    return DayContext(config=load_config(config), day=parse_day(date), run_id=run_id)


def start_logging(run_id: str) -> None:
    """Log to standard error; standard output holds the result only."""
    logging.basicConfig(
        stream=sys.stderr,
        level=logging.INFO,
        force=True,
        format=f"%(asctime)s %(levelname)s [{run_id or 'manual'}] %(message)s",
        datefmt="%H:%M:%S",
    )
    logging.getLogger("py4j").setLevel(logging.WARNING)


def show(result: JobResult, as_json: bool) -> None:
    if as_json:
        document = {"headline": result.headline, **result.figures}
        sys.stdout.write(json.dumps(document, sort_keys=True, default=str) + "\n")
        return
    table = Table("figure", "value", title=result.headline, title_justify="left")
    for name, value in result.figures.items():
        table.add_row(name.replace("_", " "), _readable(value))
    Console().print(table if result.figures else result.headline)


def _readable(value: object) -> str:
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, int) and not isinstance(value, bool):
        return f"{value:,}"
    if isinstance(value, dict):
        return "\n".join(f"{key}: {_readable(item)}" for key, item in value.items())
    if isinstance(value, list | tuple):
        return ", ".join(_readable(item) for item in value)
    return str(value)


def run_verb(verb: Verb, context: DayContext, as_json: bool) -> None:
    start_logging(context.run_id)
    show(verb.load()(context), as_json)


def _day_command(verb: Verb) -> Callable[..., None]:
    def command(
        config: ConfigOption,
        date: DateOption,
        run_id: RunIdOption = "",
        as_json: JsonOption = False,
    ) -> None:
        run_verb(verb, day_context(config, date, run_id), as_json)

    command.__doc__ = (
        f"{verb.help}\n\n"
        f"Example: python -m jobs {verb.name} --config infra/config/demo.yaml --date 2026-01-01"
    )
    return command


for _verb in DAY_VERBS:
    app.command(_verb.name)(_day_command(_verb))


@app.command("run")
def run_day(
    config: ConfigOption, date: DateOption, run_id: RunIdOption = "", as_json: JsonOption = False
) -> None:
    """Run all jobs of a day in this process, in order: for debugging without Airflow.

    Example: python -m jobs run --config infra/config/demo.yaml --date 2026-01-01
    """
    context = day_context(config, date, run_id)
    for verb in DAY_VERBS:
        run_verb(verb, context, as_json)


def main() -> None:
    """Run the command line; a `SharkError` becomes its message and its branch's exit code."""
    try:
        app()
    except SharkError as error:
        sys.stderr.write(f"{type(error).__name__}: {error}\n")
        sys.exit(error.exit_code)
