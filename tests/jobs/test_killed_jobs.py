"""Jobs after ingest, ended by SIGKILL around the marker, then run again: as if nothing happened.

Before the marker all data lies there and none of it counts; after it the old files still lie there.
These are the two moments at which a job that is not careful leaves a mixture.
"""

from __future__ import annotations

import signal
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest
import yaml

from jobs.context import DayContext
from jobs.registry import DAY_VERBS
from shark_core.lake import Lake, Marker
from shark_core.publish.catalog import Catalog
from shark_core.publish.lake_store import store_for
from tests.example_lake import DAY, tiny_config, tiny_lake
from tests.jobs.compressed_day import write_examples_facts, write_priorities

pytestmark = pytest.mark.slow

VERBS = {verb.name: verb for verb in DAY_VERBS[3:]}
MOMENTS = {"before the marker": "_write_marker", "after the marker": "_remove_unlisted"}
KILL_IN_WRITER = """
import os, signal, sys
from shark_core.partition_writer import PartitionWriter
from jobs.cli import main
setattr(PartitionWriter, sys.argv.pop(1), lambda *_: os.kill(os.getpid(), signal.SIGKILL))
main()
"""
KILL_IN_STORE = """
import os, signal, sys
from shark_core.publish.object_store_local import LocalStore
from jobs.cli import main
landed, put, after = [], LocalStore.put_if_absent, int(sys.argv.pop(1))
def put_or_die(*call):
    if len(landed) == after:
        os.kill(os.getpid(), signal.SIGKILL)
    landed.append(call)
    return put(*call)
LocalStore.put_if_absent = put_or_die
main()
"""


def fingerprints(root: Path) -> dict[str, str]:
    found = {path: Marker.from_json(path.read_text()) for path in root.rglob("_marker.json")}
    return {str(path.relative_to(root)): marker.fingerprint for path, marker in found.items()}


def fresh_lake(root: Path) -> DayContext:
    config = tiny_config(
        root,
        pruning={"max_predicted_loss": 10.0, "max_fields": 1},
        gates={"max_auc_drop": 1.0, "max_log_loss_increase": 1.0, "min_compression_ratio": 0.0},
        release={"promotion": "automatic"},
    )
    tiny_lake(config, DAY, DAY + timedelta(days=1))
    write_priorities(config)
    write_examples_facts(config)
    return DayContext(config, DAY, "test")


def refs(root: Path) -> dict[str, list[str]]:
    catalog = Catalog(store_for(Lake(str(root))), "tiny")
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


def kill(verb: str, context: DayContext, script: str, argument: str) -> None:
    """Run the job in a process of its own that ends itself by SIGKILL, or fail."""
    config = Path(context.config.lake).with_suffix(".yaml")
    config.write_text(yaml.safe_dump(context.config.model_dump(mode="json")))
    arguments = [argument, verb, "--config", str(config), "--date", str(DAY)]
    killed = subprocess.run(
        [sys.executable, "-c", script, *arguments], capture_output=True, check=False
    )
    assert killed.returncode == -signal.SIGKILL, killed.stderr.decode()


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
        if name != "release":  # it writes no partition
            kill(name, context, KILL_IN_WRITER, MOMENTS[moment])
        verb.load()(context)
    assert fingerprints(tmp_path / "lake") == fingerprints(undisturbed)
    assert files_beside_markers(tmp_path / "lake") == set()


@pytest.mark.parametrize(("verb", "moments"), [("publish", 2), ("release", 1)])
def test_jobs_killed_between_writes_to_the_registry_are_repaired_by_running_them_again(
    verb: str, moments: int, undisturbed: Path, tmp_path: Path
) -> None:
    context = fresh_lake(tmp_path / "lake")
    for name, job in VERBS.items():
        if name == verb:
            for landed in range(moments):
                kill(name, context, KILL_IN_STORE, "0" if landed == 0 else "1")
        job.load()(context)
    assert refs(tmp_path / "lake") == refs(undisturbed)
    assert fingerprints(tmp_path / "lake") == fingerprints(undisturbed)
