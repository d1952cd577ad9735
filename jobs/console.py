"""What commands of the command line share: options, logging, the catalog, printing a result."""

from __future__ import annotations

import json
import logging
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from jobs.context import JobResult, some_of
from shark_core.config import PipelineConfig, load_config
from shark_core.lake_root import require_root

if TYPE_CHECKING:
    from shark_core.publish.catalog import Catalog

ConfigOption = Annotated[Path, typer.Option("--config", help="The model's pipeline config (YAML).")]
DateOption = Annotated[str, typer.Option("--date", help="The day to process: YYYY-MM-DD, in UTC.")]
RunIdOption = Annotated[str, typer.Option("--run-id", help="Named in every log line.")]
BranchOption = Annotated[
    str,
    typer.Option(
        "--branch",
        help="Write beside the lake, and publish to the ref of this name, not candidate.",
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print the result as one JSON object.")]

DAY = re.compile(r"\d{4}-\d{2}-\d{2}")


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


def open_config(path: Path) -> PipelineConfig:
    """The config, of a lake that is there. Raises as `load_config` and `require_root` do."""
    config = load_config(path)
    require_root(config.lake)
    return config


def open_catalog(config_path: Path) -> Catalog:
    """The snapshots and refs of the config's model."""
    from shark_core.publish.catalog import Catalog
    from shark_core.publish.lake_store import store_for

    config = open_config(config_path)
    return Catalog(store_for(config), config.name)


@contextmanager
def progress_bar(what: str, total: int) -> Iterator[Callable[[int], object]]:
    """Bytes done of `total`, on standard error where that is a terminal; gives what advances it."""
    from tqdm import tqdm

    with tqdm(total=total, unit="B", unit_scale=True, desc=what, disable=None) as bar:
        yield bar.update


def print_table(table: Table) -> None:
    Console().print(table)


def show(result: JobResult, as_json: bool) -> None:
    if as_json:
        document = {"headline": result.headline, **result.figures}
        sys.stdout.write(json.dumps(document, sort_keys=True, default=str) + "\n")
        return
    Console().print(Text(result.headline))
    if not result.figures:
        return
    table = Table("figure", "value")
    for name, value in result.figures.items():
        table.add_row(Text(name.replace("_", " ")), Text(_readable(value)))
    Console().print(table)


def _readable(value: object) -> str:
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, int) and not isinstance(value, bool):
        return f"{value:,}"
    if isinstance(value, dict):
        return "\n".join(f"{key}: {_readable(item)}" for key, item in value.items())
    if isinstance(value, list | tuple):
        items = [_readable(item) for item in value]
        return some_of(items) if _are_days(value) else ", ".join(items)
    return str(value)


def _are_days(values: list[object] | tuple[object, ...]) -> bool:
    """Of which there may be hundreds: all of them are in the JSON object."""
    return all(DAY.fullmatch(str(value)) for value in values)
