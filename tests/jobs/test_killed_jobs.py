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
from shark_core.lake import Marker
from tests.example_lake import DAY, tiny_config, tiny_lake
from tests.jobs.compressed_day import write_examples_facts, write_priorities

pytestmark = pytest.mark.slow

TORCH_VERBS = [verb for verb in DAY_VERBS[3:] if verb.name != "release"]
MOMENTS = {"before the marker": "_write_marker", "after the marker": "_remove_unlisted"}
SCRIPT = """
import os, signal, sys
from shark_core.partition_writer import PartitionWriter
from jobs.cli import main
setattr(PartitionWriter, sys.argv.pop(1), lambda *_: os.kill(os.getpid(), signal.SIGKILL))
main()
"""


def fingerprints(root: Path) -> dict[str, str]:
    found = {path: Marker.from_json(path.read_text()) for path in root.rglob("_marker.json")}
    return {str(path.relative_to(root)): marker.fingerprint for path, marker in found.items()}


def fresh_lake(root: Path) -> DayContext:
    config = tiny_config(root, pruning={"max_predicted_loss": 10.0, "max_fields": 1})
    tiny_lake(config, DAY, DAY + timedelta(days=1))
    write_priorities(config)
    write_examples_facts(config)
    return DayContext(config, DAY, "test")


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    context = fresh_lake(tmp_path_factory.mktemp("undisturbed"))
    for verb in TORCH_VERBS:
        verb.load()(context)
    return fingerprints(Path(context.config.lake))


@pytest.mark.parametrize("moment", MOMENTS)
def test_killed_jobs_are_repaired_by_running_them_again(
    moment: str, undisturbed: dict[str, str], tmp_path: Path
) -> None:
    context = fresh_lake(tmp_path / "lake")
    config = tmp_path / "config.yaml"
    config.write_text(yaml.safe_dump(context.config.model_dump(mode="json")))
    for verb in TORCH_VERBS:
        arguments = [verb.name, "--config", str(config), "--date", str(DAY)]
        killed = subprocess.run(
            [sys.executable, "-c", SCRIPT, MOMENTS[moment], *arguments],
            capture_output=True,
            check=False,
        )
        assert killed.returncode == -signal.SIGKILL, killed.stderr.decode()
        verb.load()(context)
    assert fingerprints(tmp_path / "lake") == undisturbed
