"""quantize needs one shard and 512 MiB, whatever the size of a table."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from shark_core.models.checkpoint_shards import SHARD_BYTES
from tests.jobs.finetuned_day import BLOCK_ROWS, DIM, ROOM, write_finetuned_day

pytestmark = pytest.mark.slow

ROWS = 12_000_000


@pytest.fixture(scope="module")
def lakes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, Path]]:
    """A small lake and one whose table is larger than the limit on memory."""
    root = tmp_path_factory.mktemp("lakes")
    small, large = root / "small", root / "large"
    write_finetuned_day(small, BLOCK_ROWS)
    write_finetuned_day(large, ROWS)
    yield small, large
    shutil.rmtree(root)


def limited(lakes: tuple[Path, Path], work: str) -> subprocess.CompletedProcess[str]:
    """Run in a process whose address space may grow by one shard and 512 MiB, no more."""
    command = [sys.executable, "-m", "tests.jobs.finetuned_day", *map(str, lakes), str(ROWS), work]
    honest = {**os.environ, "ARROW_DEFAULT_MEMORY_POOL": "system"}  # others map ahead of need
    return subprocess.run(command, env=honest, capture_output=True, text=True, check=False)


def test_a_table_larger_than_memory_is_quantized(lakes: tuple[Path, Path]) -> None:
    assert ROWS * DIM * 4 > SHARD_BYTES + ROOM
    done = limited(lakes, "quantize")
    assert done.returncode == 0, done.stderr
    figures = json.loads(done.stdout)
    assert sum(figures["rows_by_tier"].values()) == ROWS
    assert 0 < figures["payload_bytes"] < figures["bytes_after"] < ROWS * DIM * 4


def test_reading_that_table_whole_needs_more_memory(lakes: tuple[Path, Path]) -> None:
    done = limited(lakes, "load")
    assert done.returncode != 0
    assert "MemoryError" in done.stderr or "allocate memory" in done.stderr, done.stderr
