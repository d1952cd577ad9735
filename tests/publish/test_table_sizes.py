from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from shark_core.lake import FileEntry, Marker
from shark_core.publish.stored_table import FACT, StoredTable
from shark_core.publish.table_sizes import CompressedSizes, compressed_sizes
from shark_core.quantization.row_map import row_map_bytes
from shark_core.quantization.tiers import rows_by_tier
from tests.example_lake import tiny_config
from tests.publish.stored_tables import SCHEMES_OF_TIERS

FOLDER = "compressed/ds=2026-01-02"
ATTEMPT = "3f9a1c20-b7e15d02"
USER_TIERS = np.repeat(np.array([0, 4, 5], dtype=np.uint8), [10, 30, 10])  # of 50 rows, D = 4
TAGS_TIERS = np.full(8, 5, dtype=np.uint8)  # pruned whole, D = 4; `item`, D = 6, is a constant


def entry(name: str, size: int) -> FileEntry:
    stem, suffix = name.rsplit(".", 1)
    return FileEntry(f"{FOLDER}/{stem}-{ATTEMPT}.{suffix}", 0, size, "")


@pytest.fixture
def sizes(tmp_path: Path) -> CompressedSizes:
    config = tiny_config(tmp_path)
    tables = [
        StoredTable.of(config.field(name), rows_by_tier(codes), SCHEMES_OF_TIERS)
        for name, codes in (("user", USER_TIERS), ("tags", TAGS_TIERS))
    ]
    files = (
        entry("table=user/tier=fp32/part-00000.parquet", 700),
        entry("table=user/tier=int2/part-00000.parquet", 450),
        entry("table_params.safetensors", 200),
        entry("dense.safetensors", 9000),
    )
    facts = {FACT: [table.model_dump(mode="json") for table in tables]}
    return compressed_sizes(config, Marker("compressed", files, {}, "", "", facts))


def test_on_disk_are_tier_files_table_params_and_constants(sizes: CompressedSizes) -> None:
    assert sizes.disk_bytes == 700 + 450 + 200 + 6 * 4


def test_in_memory_are_rows_table_params_row_maps_and_constants(sizes: CompressedSizes) -> None:
    user = 10 * 4 * 4 + 30 * 1 + 4 * (2 + 4)  # fp32, int2 of four values a byte; scale, bias, row
    tags = 4 * 4
    row_maps = row_map_bytes(50, ["fp32", "int2", "pruned"])
    assert sizes.payload_bytes == user + tags
    assert sizes.memory_bytes == user + tags + row_maps + 6 * 4
    assert row_maps > 0


def test_ratios_are_against_all_fields_in_fp32(sizes: CompressedSizes) -> None:
    whole = 4 * (50 * 4 + 20 * 6 + 8 * 4)
    assert sizes.figures["compression_ratio"] == whole / sizes.disk_bytes
    assert sizes.figures["memory_ratio"] == whole / sizes.memory_bytes


def test_pruned_rows_are_in_the_mix_and_take_no_files(sizes: CompressedSizes) -> None:
    assert sizes.tier_mix() == {
        "fp32": (10, 700),
        "fp16": (0, 0),
        "int8": (0, 0),
        "int4": (0, 0),
        "int2": (30, 450),
        "pruned": (18, 0),
    }


def test_a_table_that_is_pruned_whole_takes_its_fallback_row(sizes: CompressedSizes) -> None:
    assert sizes.field_disk_bytes("tags") == 4 * 4
    assert sizes.field_disk_bytes("item") == 0
