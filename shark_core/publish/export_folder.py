"""A snapshot written for other software: a folder of files that need nothing of SHARK.

    out/
        <documents>               small files
        <tensors_file>            safetensors; its metadata names the model and the snapshot

The folder appears under its name when all of it is written.
"""

from __future__ import annotations

import secrets
import shutil
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from torch import Tensor

from shark_core.errors import ConfigError
from shark_core.models.tensor_file_writer import Progress, TensorLayout, open_tensor_writer
from shark_core.publish.manifest import Manifest


@dataclass(frozen=True)
class Export:
    """What is to be written. `tensors` by name, each in parts: made as they are taken, once."""

    manifest: Manifest
    documents: Mapping[str, bytes]
    tensors_file: str
    layouts: Mapping[str, TensorLayout]
    tensors: Iterable[tuple[str, Iterable[Tensor]]]

    @property
    def nbytes(self) -> int:
        """Of all tensors."""
        return sum(layout.nbytes for layout in self.layouts.values())

    def write(self, folder: Path, progress: Progress = lambda _: None) -> None:
        """Raises `ConfigError` where the folder holds something already."""
        origin = {
            "model": self.manifest.model,
            "snapshot": self.manifest.snapshot_id,
            "day": self.manifest.start.date().isoformat(),
        }
        with _new_folder(folder) as target:
            path = target / self.tensors_file
            with open_tensor_writer(path, self.layouts, origin, progress) as file:
                for name, parts in self.tensors:
                    file.write(name, parts)
            for name, content in self.documents.items():
                (target / name).write_bytes(content)


@contextmanager
def _new_folder(folder: Path) -> Iterator[Path]:
    """A folder to write to: renamed to `folder` when the block ends, removed when it fails."""
    final = folder.resolve()
    if final.exists() and (not final.is_dir() or any(final.iterdir())):
        raise ConfigError(
            "an export does not overwrite",
            expected="a folder that is empty, or not there yet",
            found="a folder with files in it" if final.is_dir() else "a file",
            where=final,
            remedy="name another folder for --out, or remove this one",
        )
    partial = final.with_name(f".{final.name}.{secrets.token_hex(4)}")
    try:
        partial.mkdir(parents=True)
    except OSError as error:
        raise ConfigError(
            "an export's folder cannot be made",
            expected="a place where folders can be made",
            found=error,
            where=final,
            remedy="name another folder for --out",
        ) from error
    try:
        yield partial
        partial.rename(final)
    except BaseException:
        shutil.rmtree(partial, ignore_errors=True)
        raise
