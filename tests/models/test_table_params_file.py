from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import save

from shark_core.errors import DataError
from shark_core.lake import Lake, partition
from shark_core.models.table_params_file import (
    load_table_params,
    read_table_params,
    write_table_params,
)
from shark_core.partition_writer import PartitionWriter
from shark_core.schemas import COMPRESSED
from tests.example_lake import DAY, STAMP

SOURCE = partition(COMPRESSED, DAY)
PARAMS = {
    "user_id": {"int2": torch.tensor([0.1, -0.3]), "pruned": torch.randn(16)},
    "item": {"int4": torch.tensor([1e-30, 3.0])},
}


def test_table_params_are_read_as_they_were_written(tmp_path: Path) -> None:
    lake = Lake(str(tmp_path))
    with PartitionWriter(lake, SOURCE, STAMP) as writer:
        write_table_params(writer, {**PARAMS, "tag": {"int8": torch.empty(0)}, "tab": {}})
        writer.commit({})
    found = load_table_params(lake, SOURCE)
    assert {field: set(tiers) for field, tiers in found.items()} == {
        field: set(tiers) for field, tiers in PARAMS.items()
    }
    assert all(torch.equal(found[f][t], PARAMS[f][t]) for f in PARAMS for t in PARAMS[f])


@pytest.mark.parametrize(
    "content",
    [
        b"",
        save({"user_id": torch.ones(2)}),
        save({"user_id.int2.more": torch.ones(2)}),
        save({"user_id.int2": torch.ones(1, 2)}),
        save({"user_id.int2": torch.ones(2, dtype=torch.float64)}),
    ],
)
def test_another_file_is_refused_with_its_place(content: bytes) -> None:
    with pytest.raises(DataError, match=r"(?s)table params is damaged.*where: +here"):
        read_table_params(content, where="here")
