"""Jobs without Spark, ended by SIGKILL, then run again: as if nothing had happened."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

from jobs.cli import app
from jobs.context import DayContext
from jobs.registry import DAY_VERBS
from shark_core.lake import Marker
from shark_core.publish.catalog import Catalog
from shark_core.publish.object_store_local import LocalStore
from tests.example_lake import DAY, tiny_config, tiny_lake
from tests.jobs.compressed_day import (
    EASY_GATES,
    PRUNE_ONE,
    write_examples_facts,
    write_priorities,
)
from tests.jobs.lake_contents import contents
from tests.killed_jobs import AFTER_THE_MARKER, BEFORE_THE_MARKER, kill_in_store, kill_in_writer
from tests.traffic.raw.samples import criteo_line, write_lines

pytestmark = pytest.mark.slow

VERBS = {verb.name: verb for verb in DAY_VERBS[3:]}
MOMENTS = (BEFORE_THE_MARKER, AFTER_THE_MARKER)


def fresh_lake(root: Path) -> DayContext:
    config = tiny_config(
        root,
        pruning=PRUNE_ONE,
        gates=EASY_GATES,
        release={"promotion": "automatic"},
    )
    tiny_lake(config, DAY, DAY + timedelta(days=1))
    write_priorities(config)
    write_examples_facts(config)
    return DayContext(config, DAY, "test")


def refs(root: Path) -> dict[str, list[str]]:
    catalog = Catalog(LocalStore(root / "registry"), "tiny")
    return {ref: [e.snapshot_id for e in catalog.history(ref)] for ref in catalog.refs()}


def files_beside_markers(root: Path) -> set[Path]:
    """Data files that no marker lists: what a killed attempt left."""
    markers = list(root.rglob("_marker.json"))
    listed = {
        root / entry.path
        for marker in markers
        for entry in Marker.from_json(marker.read_text()).files
    }
    present = {path for path in root.rglob("*") if path.is_file() and "registry" not in path.parts}
    return present - listed - set(markers)


def arguments_of(verb: str, context: DayContext) -> list[str]:
    config = Path(context.config.lake).with_suffix(".yaml")
    config.write_text(yaml.safe_dump(context.config.model_dump(mode="json")))
    return [verb, "--config", str(config), "--date", str(DAY)]


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    context = fresh_lake(tmp_path_factory.mktemp("undisturbed"))
    for verb in VERBS.values():
        verb.load()(context)
    return Path(context.config.lake)


@pytest.mark.parametrize("moment", MOMENTS)
def test_jobs_killed_around_the_marker_are_repaired_by_running_them_again(
    moment: str, undisturbed: Path, tmp_path: Path
) -> None:
    context = fresh_lake(tmp_path / "lake")
    for name, verb in VERBS.items():
        if name != "release-candidate":  # it writes no partition
            kill_in_writer(moment, arguments_of(name, context))
        verb.load()(context)
    assert contents(tmp_path / "lake") == contents(undisturbed)
    assert files_beside_markers(tmp_path / "lake") == set()


@pytest.mark.parametrize(("verb", "writes"), [("publish", 2), ("release-candidate", 1)])
def test_jobs_killed_between_writes_to_the_registry_are_repaired_by_running_them_again(
    verb: str, writes: int, undisturbed: Path, tmp_path: Path
) -> None:
    context = fresh_lake(tmp_path / "lake")
    for name, job in VERBS.items():
        if name == verb:
            for written in range(writes):
                kill_in_store(arguments_of(name, context), written)
        job.load()(context)
    assert refs(tmp_path / "lake") == refs(undisturbed)
    assert contents(tmp_path / "lake") == contents(undisturbed)


def traffic_arguments(verb: str, folder: Path) -> list[str]:
    source = write_lines(folder / "train.tsv", [criteo_line(n) for n in range(50)])
    days = ["--lake", str(folder / "lake"), "--start-day", "2026-01-01", "--days", "2"]
    more = {
        "prepare": ["--format", "criteo", "--source", str(source)],
        "generate": ["--impressions-per-day", "300"],
    }
    return [verb, *days, *more[verb]]


@pytest.mark.parametrize("verb", ["prepare", "generate"])
def test_jobs_killed_between_two_days_of_traffic_are_repaired_by_running_them_again(
    verb: str, tmp_path: Path
) -> None:
    lakes = {}
    for name in ("killed", "undisturbed"):
        (tmp_path / name).mkdir()
        arguments = traffic_arguments(verb, tmp_path / name)
        if name == "killed":
            kill_in_writer(BEFORE_THE_MARKER, arguments, commits=1)
            assert len(contents(tmp_path / name)) == 1
        assert CliRunner().invoke(app, arguments).exit_code == 0
        lakes[name] = contents(tmp_path / name / "lake")
        assert files_beside_markers(tmp_path / name / "lake") == set()
    assert lakes["killed"] == lakes["undisturbed"]
