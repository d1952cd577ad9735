"""What a raw log is to `prepare`, and how its files are found, checked and hashed."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import pyarrow as pa

from shark_core.errors import ConfigError, DataError

READ_BYTES = 1 << 22


@dataclass(frozen=True)
class DealtDays:
    """The days that rows without a time are dealt to: `days` of them from `start` on."""

    start: date
    days: int


@dataclass(frozen=True)
class RawTraffic:
    """A raw log, opened: `batches` streams its rows as traffic, each batch within one day.

    `rows` is counted before; a reader that delivers another number has lost or repeated some.
    `inputs` maps each source file to the sha256 of its content.
    """

    schema: pa.Schema
    rows: int
    inputs: dict[str, str]
    batches: Iterator[tuple[date, pa.RecordBatch]]


@dataclass(frozen=True)
class TextFile:
    """A text file, plain or gzip: lines and sha256 of its uncompressed content."""

    path: Path
    lines: int
    sha256: str


def find_source(source: Path, suffixes: tuple[str, ...]) -> Path:
    """`source` itself, or the one file in that folder that ends in one of `suffixes`."""
    if source.is_file():
        return source
    found = sorted(p.name for p in source.glob("*") if p.name.endswith(suffixes))
    if len(found) != 1:
        raise ConfigError(
            "the raw log is not found",
            expected=f"a file, or a folder with one file that ends in {' or '.join(suffixes)}",
            found=found or "no such file",
            where=source,
            remedy="name the file itself with --source",
        )
    return source / found[0]


def scan_text(path: Path) -> TextFile:
    """Count lines and hash the content in one pass; a damaged archive is a `DataError` here."""
    digest, lines, last = hashlib.sha256(), 0, b"\n"
    try:
        with pa.input_stream(path) as stream:
            while block := stream.read(READ_BYTES):
                digest.update(block)
                lines += block.count(b"\n")
                last = block[-1:]
    except (OSError, pa.ArrowInvalid) as error:
        raise DataError(
            "a raw file cannot be read to its end",
            expected="plain text, or a complete gzip file whose name ends in .gz",
            found=error,
            where=path,
            remedy="download the file again, or correct its name",
        ) from error
    return TextFile(path, lines + (last != b"\n"), digest.hexdigest())
