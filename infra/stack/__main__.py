"""A lasting local stack: Airflow, its database, and an S3 and a Spark where asked for.

All of it listens on 127.0.0.1 only. What it writes lies in .stack/, and stays when it is down.
"""

from __future__ import annotations

import argparse
import json
import signal
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path

from infra.airflow.failure import Failure
from infra.stack.down import down
from infra.stack.folder import DEFAULT_FOLDER, StackFolder
from infra.stack.options import CHOICES, PORTS, Options
from infra.stack.up import up

EXAMPLES = """\
examples:
  python -m infra.stack up                               Airflow on port 8080, with SQLite
  python -m infra.stack up --db postgres --port 8081     with PostgreSQL, on another port
  python -m infra.stack up --s3 moto --spark standalone  a simulated S3 and a Spark cluster beside
  python -m infra.stack status --json                    what runs, as JSON
  python -m infra.stack down                             ends what `up` started; data stays
"""
EXIT_INTERRUPTED = 130
ENDINGS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def main(arguments: Sequence[str] | None = None) -> int:
    options = _parser().parse_args(arguments)
    for ending in ENDINGS:
        signal.signal(ending, _interrupt)
    try:
        COMMANDS[options.command](StackFolder(options.folder), options)
    except (Failure, TimeoutError) as failure:
        say(f"stack: {failure}")
        return 1
    except KeyboardInterrupt:
        say("stack: interrupted; what was started is ended")
        return EXIT_INTERRUPTED
    return 0


def _interrupt(*_: object) -> None:
    """Once: a second Ctrl-C does not interrupt the ending."""
    for ending in ENDINGS:
        signal.signal(ending, signal.SIG_IGN)
    raise KeyboardInterrupt


def _up(folder: StackFolder, options: argparse.Namespace) -> None:
    given = {name: getattr(options, name) for name in (*CHOICES, *PORTS)}
    up(folder, {name: value for name, value in given.items() if value is not None}, say)


def _down(folder: StackFolder, _: argparse.Namespace) -> None:
    down(folder, say)


def _status(folder: StackFolder, options: argparse.Namespace) -> None:
    from infra.stack.status import stack_status  # reads the lake: nothing else here does
    from infra.stack.status_text import status_text

    status = stack_status(folder)
    as_json = json.dumps(status.to_json(), indent=1, default=str)  # days as text
    say(as_json if options.json else status_text(status))


COMMANDS: dict[str, Callable[[StackFolder, argparse.Namespace], None]] = {
    "up": _up,
    "down": _down,
    "status": _status,
}


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m infra.stack",
        description=__doc__,
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(dest="command", required=True)
    helps = {"up": "start what is missing", "down": "end all of it", "status": "say what runs"}
    each = {name: commands.add_parser(name, help=text) for name, text in helps.items()}
    for command in each.values():
        command.add_argument(
            "--folder", type=Path, default=DEFAULT_FOLDER, help="of the stack (default: .stack)"
        )
    defaults = asdict(Options())
    for name, choices in CHOICES.items():
        each["up"].add_argument(f"--{name}", choices=choices, help=f"default: {defaults[name]}")
    for name in PORTS:
        each["up"].add_argument(
            f"--{name.replace('_', '-')}",
            type=int,
            help=f"default: {defaults[name]}; 0: any free one",
        )
    each["status"].add_argument("--json", action="store_true", help="for programs")
    return parser


if __name__ == "__main__":
    sys.exit(main())
