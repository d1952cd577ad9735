"""The commands of a day: one for each verb of the registry, and `run` for all of them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from jobs.console import (
    BranchOption,
    ConfigOption,
    DateOption,
    JsonOption,
    RunIdOption,
    open_config,
    show,
    start_logging,
)
from jobs.context import DayContext
from jobs.registry import DAY_VERBS, Verb
from shark_core.interval import parse_day

HoldoutOption = Annotated[
    list[str] | None,
    typer.Option(help="Judge the day's models on all of this day instead; may be repeated."),
]
WarmStartOption = Annotated[
    str | None,
    typer.Option(
        "--warm-start",
        help="Train from this snapshot, not the day before: an id, its first digits, or a ref, "
        "which stands for what it last pointed to from before the first day to train on.",
    ),
]
SinceOption = Annotated[
    str | None,
    typer.Option(
        "--since", help="Train on all examples from this day on: not on what is new alone."
    ),
]


def add_day_commands(app: typer.Typer) -> None:
    for verb in DAY_VERBS:
        app.command(verb.name)(COMMANDS.get(verb.name, _day_command)(verb))
    app.command("run")(run_day)


def day_context(config: Path, date: str, run_id: str, branch: str) -> DayContext:
    return DayContext(open_config(config), parse_day(date), run_id, branch)


def run_verb(verb: Verb, context: DayContext, as_json: bool) -> None:
    start_logging(context.run_id)
    show(verb.load()(context), as_json)


def _day_command(verb: Verb) -> Callable[..., None]:
    def command(
        config: ConfigOption,
        date: DateOption,
        branch: BranchOption = "",
        run_id: RunIdOption = "",
        as_json: JsonOption = False,
    ) -> None:
        run_verb(verb, day_context(config, date, run_id, branch), as_json)

    command.__doc__ = (
        f"{verb.help}\n\n"
        f"Example: python -m jobs {verb.name} --config infra/config/demo.yaml --date 2026-01-01"
    )
    return command


def _evaluate_command(verb: Verb) -> Callable[..., None]:
    def command(
        config: ConfigOption,
        date: DateOption,
        holdout_day: HoldoutOption = None,
        branch: BranchOption = "",
        run_id: RunIdOption = "",
        as_json: JsonOption = False,
    ) -> None:
        context = day_context(config, date, run_id, branch)
        if not holdout_day:
            run_verb(verb, context, as_json)
            return
        from jobs.evaluate import evaluate_holdout

        start_logging(run_id)
        show(evaluate_holdout(context, [parse_day(day) for day in holdout_day]), as_json)

    command.__doc__ = _day_command(verb).__doc__
    return command


def _train_command(verb: Verb) -> Callable[..., None]:
    def command(
        config: ConfigOption,
        date: DateOption,
        warm_start: WarmStartOption = None,
        since: SinceOption = None,
        branch: BranchOption = "",
        run_id: RunIdOption = "",
        as_json: JsonOption = False,
    ) -> None:
        context = day_context(config, date, run_id, branch)
        _run_train(verb, context, warm_start, since, as_json)

    command.__doc__ = _day_command(verb).__doc__
    return command


def _run_train(
    verb: Verb, context: DayContext, warm_start: str | None, since: str | None, as_json: bool
) -> None:
    if warm_start is None and since is None:
        run_verb(verb, context, as_json)
        return
    from jobs.train import Retraining, train

    start_logging(context.run_id)
    first_day = parse_day(since, "--since") if since else None
    show(train(context, Retraining(warm_start, first_day)), as_json)


def run_day(
    config: ConfigOption,
    date: DateOption,
    warm_start: WarmStartOption = None,
    since: SinceOption = None,
    branch: BranchOption = "",
    run_id: RunIdOption = "",
    as_json: JsonOption = False,
) -> None:
    """Run all jobs of a day in this process, in order: for debugging without Airflow.

    Example: python -m jobs run --config infra/config/demo.yaml --date 2026-01-01
    """
    context = day_context(config, date, run_id, branch)
    for verb in DAY_VERBS:
        if context.branch and not verb.on_branches:
            continue
        if verb.name == "train":
            _run_train(verb, context, warm_start, since, as_json)
        else:
            run_verb(verb, context, as_json)


COMMANDS = {"evaluate": _evaluate_command, "train": _train_command}
