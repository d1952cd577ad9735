"""A disk that is full, and one that may not be written to: really so, in a mount of its own."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from yaml import safe_dump

from jobs.evaluate import evaluate
from jobs.quantize import quantize
from tests.example_lake import DAY

pytestmark = pytest.mark.slow

NAMESPACE = ["unshare", "--user", "--map-root-user", "--mount"]
# The lake moves to a small disk at the place where it was; nobody else sees that disk.
MOUNTED = """
cp -a {lake} {aside}
mount -t tmpfs -o size=64m tmpfs {lake}
cp -a {aside}/. {lake}
jobs() {{ {python} -m jobs "$@" --config {config} >> {log} 2>&1; echo $?; }}
"""
FULL = """
cat /dev/zero > {lake}/filler 2> {aside}/ignored
truncate --size=-8K {lake}/filler
jobs publish --date {day}
ls {lake}/registry/tiny/refs 2> {aside}/ignored | wc -l
rm {lake}/filler
jobs publish --date {day}
jobs snapshots verify candidate
"""
READ_ONLY = """
jobs publish --date {day}
mount -o remount,ro {lake}
jobs release promote --ref production --snapshot candidate
jobs quantize --date {day}
jobs snapshots verify candidate
"""


@pytest.fixture
def on_small_disk(make_context: Any, tmp_path: Path) -> Any:
    """Runs lines of bash; gives what they print, and what the jobs logged."""
    possible = subprocess.run([*NAMESPACE, "true"], capture_output=True, check=False)
    if possible.returncode:
        pytest.skip(f"this system has no mounts for users: {possible.stderr.decode().strip()}")
    context = make_context()
    for job in (quantize, evaluate):
        job(context)
    config = tmp_path / "config.yaml"
    config.write_text(safe_dump(context.config.model_dump(mode="json", exclude_none=True)))
    places = {
        "lake": context.config.lake,
        "aside": tmp_path / "aside",
        "config": config,
        "log": tmp_path / "jobs.log",
        "python": sys.executable,
        "day": DAY,
    }

    def run(lines: str) -> tuple[list[str], str]:
        script = (MOUNTED + lines).format(**places)
        done = subprocess.run([*NAMESPACE, "bash", "-c", script], capture_output=True, check=False)
        return done.stdout.decode().split(), (tmp_path / "jobs.log").read_text()

    return run


def test_a_publish_on_a_full_disk_says_so_and_is_whole_when_there_is_space(
    on_small_disk: Any,
) -> None:
    printed, log = on_small_disk(FULL)
    assert printed == ["75", "0", "0", "0"]
    assert "the disk is full" in log
    assert "free some space" in log


def test_a_lake_that_may_not_be_written_to_is_refused_and_still_read(on_small_disk: Any) -> None:
    printed, log = on_small_disk(READ_ONLY)
    assert printed == ["0", "78", "78", "0"]
    assert log.count("the storage refuses the access") == 2
    assert "not mounted read-only" in log
