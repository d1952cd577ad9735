from __future__ import annotations

import json
from datetime import date
from typing import Any

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from safetensors.torch import save
from torch import Tensor

from shark_core.errors import DataError
from shark_core.lake import Lake, partition
from shark_core.models.tensor_file import open_tensors
from shark_core.partition_writer import PartitionWriter
from shark_core.schemas import CHECKPOINT
from tests.example_lake import STAMP
from tests.lake_places import Folder

pytest_plugins = ["tests.lake_fixtures"]

NAME = "weights.safetensors"
SOURCE = partition(CHECKPOINT, date(2026, 1, 2), stage="finetuned")


def stored(lake: Lake, content: bytes) -> Lake:
    with PartitionWriter(lake, SOURCE, STAMP) as writer:
        writer.write_bytes(NAME, content)
        writer.commit({})
    return lake


def numbers(*shape: int) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(3))


def with_header(document: object, data: bytes = bytes(24)) -> bytes:
    header = json.dumps(document).encode()
    return len(header).to_bytes(8, "little") + header + data


def entry(**changes: Any) -> bytes:
    fields = {"dtype": "F32", "shape": [3, 2], "data_offsets": [0, 24], **changes}
    return with_header({"a": fields})


def test_rows_and_whole_tensors_are_those_that_safetensors_wrote(lake: Lake) -> None:
    tensors = {"tables.a.weight": numbers(50, 7), "head.bias": numbers(3), "one": numbers(1, 1)}
    with open_tensors(stored(lake, save(tensors)), SOURCE, NAME) as file:
        assert torch.equal(
            file.read_rows("tables.a.weight", 11, 37), tensors["tables.a.weight"][11:37]
        )
        assert {name: found.shape for name, found in file.tensors.items()} == {
            name: tuple(tensor.shape) for name, tensor in sorted(tensors.items())
        }
        assert all(torch.equal(file.read(name), tensor) for name, tensor in tensors.items())


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=st.integers(0, 20), shape=st.lists(st.integers(1, 4), max_size=2), data=st.data())
def test_any_range_of_rows_is_the_tensors(
    folder: Lake, rows: int, shape: list[int], data: st.DataObject
) -> None:
    start = data.draw(st.integers(0, rows))
    stop = data.draw(st.integers(start, rows))
    tensor = numbers(rows, *shape)
    with open_tensors(stored(folder, save({"a": numbers(3), "b": tensor})), SOURCE, NAME) as file:
        assert torch.equal(file.read_rows("b", start, stop), tensor[start:stop])


@pytest.fixture
def folder(tmp_path: Any) -> Lake:
    return Folder(tmp_path / "lake").lake


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"", "8 bytes or more"),
        (b"\xff" * 8, "a header of at most 100000000 bytes"),
        (entry()[:20], "bytes or more"),
        (with_header([1]), "header in the safetensors format"),
        (with_header({"a": {"shape": [3]}}), "header in the safetensors format"),
        ((3).to_bytes(8, "little") + b"{\xff}", "header in the safetensors format"),
        (entry(dtype="F16"), "a of dtype F32"),
        (entry(shape=[3, 3]), "a of 36 bytes, by its shape"),
        (entry(shape=[-3, -2]), "a of 24 bytes"),
        (entry(data_offsets=[-24, 0]), "a of 24 bytes"),
    ],
)
def test_a_file_that_is_no_such_file_is_refused_with_its_place(
    folder: Lake, content: bytes, expected: str
) -> None:
    stored(folder, content)
    refused = pytest.raises(DataError, match=rf"(?s){expected}.*where: .*stage=finetuned/weights-")
    with refused, open_tensors(folder, SOURCE, NAME):
        pass


def test_a_file_that_ends_too_early_is_refused(folder: Lake) -> None:
    stored(folder, save({"a": numbers(5, 2)})[:-1])
    with open_tensors(folder, SOURCE, NAME) as file:
        assert torch.equal(file.read_rows("a", 0, 4), numbers(5, 2)[:4])
        with pytest.raises(DataError, match="its end before"):
            file.read_rows("a", 4, 5)


def test_a_missing_file_is_named(folder: Lake) -> None:
    stored(folder, save({"a": numbers(5, 2)}))
    refused = pytest.raises(DataError, match=r"checkpoint has no other\.safetensors")
    with refused, open_tensors(folder, SOURCE, "other.safetensors"):
        pass
