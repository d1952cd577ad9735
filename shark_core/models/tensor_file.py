"""Tensors of a safetensors file, or some rows of them, read without reading the whole file.

    8 bytes       length of the header, little-endian
    header        JSON: {"tables.user_id.weight": {"dtype": "F32", "shape": [N, D],
                                                   "data_offsets": [begin, end]}, …}
    data          the tensors, little-endian, rows one after the other

The format: https://huggingface.co/docs/safetensors. Nothing is mapped into memory: a range of rows
is one read, of a local file as of an object on S3.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import torch
from torch import Tensor

from shark_core.errors import DataError
from shark_core.lake import Lake, Partition

LENGTH_BYTES = 8
LARGEST_HEADER = 100_000_000  # as the format's own reader has it
NUMBER_BYTES = 4


@dataclass(frozen=True)
class StoredTensor:
    """A float32 tensor of the file: its bytes begin at `begin` of the file."""

    shape: tuple[int, ...]
    begin: int

    @property
    def nbytes(self) -> int:
        return NUMBER_BYTES * math.prod(self.shape)

    @property
    def row_bytes(self) -> int:
        return NUMBER_BYTES * math.prod(self.shape[1:])


class TensorFile:
    """An open file; `tensors` in the order of their names."""

    def __init__(self, lake: Lake, path: str, stream: pa.NativeFile) -> None:
        self._lake = lake
        self._path = path
        self._stream = stream
        self.tensors = dict(sorted(self._read_header().items()))

    def read(self, name: str) -> Tensor:
        """All of a tensor. Raises `DataError` as `read_rows` does."""
        tensor = self.tensors[name]
        return self._read_numbers(tensor.begin, tensor.shape)

    def read_rows(self, name: str, start: int, stop: int) -> Tensor:
        """Rows `start` to `stop` of a tensor (N, …): float32 (stop − start, …).

        Raises `DataError` where the file ends before that.
        """
        tensor = self.tensors[name]
        shape = (stop - start, *tensor.shape[1:])
        return self._read_numbers(tensor.begin + start * tensor.row_bytes, shape)

    def _read_numbers(self, begin: int, shape: Sequence[int]) -> Tensor:
        numbers = torch.empty(tuple(shape), dtype=torch.float32)
        self._read_into(begin, numbers.numpy().reshape(-1).view(np.uint8))
        return numbers

    def _read_bytes(self, begin: int, count: int) -> bytes:
        content = np.empty(count, dtype=np.uint8)
        self._read_into(begin, content)
        return content.tobytes()

    def _read_into(self, begin: int, target: np.ndarray) -> None:
        """Fill a flat uint8 array with the file's bytes from `begin` on."""
        with self._lake.reading(self._path):
            self._stream.seek(begin)
            done = 0
            while done < len(target):
                more = self._stream.readinto(target[done:])
                if more == 0:
                    raise self._damaged(f"{begin + len(target)} bytes or more", "its end before")
                done += more

    def _read_header(self) -> dict[str, StoredTensor]:
        size = int.from_bytes(self._read_bytes(0, LENGTH_BYTES), "little")
        if size > LARGEST_HEADER:
            raise self._damaged(f"a header of at most {LARGEST_HEADER} bytes", size)
        try:
            document = json.loads(self._read_bytes(LENGTH_BYTES, size))
            document.pop("__metadata__", None)
            return {
                name: self._tensor(name, entry, LENGTH_BYTES + size)
                for name, entry in document.items()
            }
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise self._damaged("a header in the safetensors format", error) from error

    def _tensor(self, name: str, entry: dict[str, Any], data: int) -> StoredTensor:
        if entry["dtype"] != "F32":
            raise self._damaged(f"{name} of dtype F32", entry["dtype"])
        begin, end = map(int, entry["data_offsets"])
        tensor = StoredTensor(tuple(map(int, entry["shape"])), data + begin)
        if min(begin, *tensor.shape) < 0 or end - begin != tensor.nbytes:
            found = f"{end - begin} bytes from {begin}"
            raise self._damaged(f"{name} of {tensor.nbytes} bytes, by its shape", found)
        return tensor

    def _damaged(self, expected: str, found: object) -> DataError:
        return DataError(
            "a file of tensors is damaged",
            expected=expected,
            found=found,
            where=self._lake.location(self._path),
            remedy="run the job that writes it again",
        )


@contextmanager
def open_tensors(lake: Lake, source: Partition, name: str) -> Iterator[TensorFile]:
    """Open a file of a partition by the name that its job gave it.

    Raises `DataError` where it is missing, or is no safetensors file of float32 tensors.
    """
    path = lake.file_entry(source, name).path
    with lake.reading(path):
        stream = lake.filesystem.open_input_file(lake.absolute(path))
    with stream:
        yield TensorFile(lake, path, stream)
