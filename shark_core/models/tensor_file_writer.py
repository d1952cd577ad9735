"""A safetensors file written a tensor at a time, in any order, from parts of any size.

    with open_tensor_writer(path, {"tables.user_id.weight": TensorLayout(F32, (N, D)), …}) as file:
        file.write("tables.user_id.weight", runs_of_rows)     each goes to its place in the file

`safetensors.torch.save` wants every tensor in memory; here one part is. The header comes first and
is made of the layouts alone. Tensors with larger numbers come first in the file, so that each
begins at a multiple of its numbers' size, as readers that map files need it.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import torch
from torch import Tensor

from shark_core.models.tensor_file import LENGTH_BYTES

Progress = Callable[[int], object]

ALIGNMENT = 8
DTYPES = {
    torch.float64: "F64",
    torch.float32: "F32",
    torch.float16: "F16",
    torch.bfloat16: "BF16",
    torch.int64: "I64",
    torch.int32: "I32",
    torch.uint8: "U8",
    torch.bool: "BOOL",
}


@dataclass(frozen=True)
class TensorLayout:
    """What the header says of a tensor, but for its place."""

    dtype: torch.dtype
    shape: tuple[int, ...]

    @classmethod
    def of(cls, tensor: Tensor) -> TensorLayout:
        return cls(tensor.dtype, tuple(tensor.shape))

    @property
    def nbytes(self) -> int:
        return self.dtype.itemsize * math.prod(self.shape)


class TensorFileWriter:
    """An open file; `require_all` says whether it is whole."""

    def __init__(
        self,
        file: BinaryIO,
        layouts: Mapping[str, TensorLayout],
        metadata: Mapping[str, str],
        progress: Progress,
    ) -> None:
        self._file = file
        self._progress = progress
        self._layouts = layouts
        self._missing = set(layouts)
        header, places = _header(layouts, metadata)
        file.write(len(header).to_bytes(LENGTH_BYTES, "little") + header)
        self._begins = {name: file.tell() + begin for name, begin in places.items()}

    def write(self, name: str, parts: Iterable[Tensor]) -> None:
        """Parts of the tensor, one after the other. Raises `ValueError` unless they are all of it.

        A part may have any shape: its numbers are those that follow in the file.
        """
        layout, done = self._layouts[name], 0
        self._file.seek(self._begins[name])
        for part in parts:
            done += part.nbytes
            if part.dtype != layout.dtype or done > layout.nbytes:
                raise ValueError(f"{name} is {layout}; got {done} bytes, the last {part.dtype}")
            self._file.write(part.contiguous().flatten().view(torch.uint8).numpy().data)
            self._progress(part.nbytes)
        if done != layout.nbytes:
            raise ValueError(f"{name} is {layout}; got {done} bytes")
        self._missing.remove(name)

    def require_all(self) -> None:
        """Raises `ValueError` where a tensor was not written."""
        if self._missing:
            raise ValueError(f"never written: {sorted(self._missing)}")


@contextmanager
def open_tensor_writer(
    path: Path,
    layouts: Mapping[str, TensorLayout],
    metadata: Mapping[str, str],
    progress: Progress = lambda _: None,
) -> Iterator[TensorFileWriter]:
    """`progress` is told how many bytes more were written.

    Raises `ValueError` when the block ends before every tensor was written.
    """
    with path.open("wb") as file:
        writer = TensorFileWriter(file, layouts, metadata, progress)
        yield writer
        writer.require_all()


def _header(
    layouts: Mapping[str, TensorLayout], metadata: Mapping[str, str]
) -> tuple[bytes, dict[str, int]]:
    """The header, and where each tensor begins in the data after it."""
    document: dict[str, Any] = {"__metadata__": dict(metadata)} if metadata else {}
    places: dict[str, int] = {}
    end = 0
    for name in sorted(layouts, key=lambda name: (-layouts[name].dtype.itemsize, name)):
        layout = layouts[name]
        begin, end = end, end + layout.nbytes
        places[name] = begin
        document[name] = {
            "dtype": DTYPES[layout.dtype],
            "shape": list(layout.shape),
            "data_offsets": [begin, end],
        }
    content = json.dumps(document).encode()
    return content.ljust(-(-len(content) // ALIGNMENT) * ALIGNMENT), places
