"""The manifest of a snapshot: everything a reader must know, every file with size and checksum.

    registry/<model>/snapshots/<snapshot_id>.json          this document, written once
    registry/<model>/data/<snapshot_id>/<attempt>/<name>   the files that it lists

A reader refuses a `format_version` that it does not know; keys are only ever added together with a
new version.
"""

from __future__ import annotations

import hashlib
import json
from datetime import datetime
from typing import Any, Literal

from pydantic import ValidationError

from shark_core.config_sections import Section
from shark_core.errors import DataError
from shark_core.interval import Interval
from shark_core.publish.stored_table import StoredTable

FORMAT_VERSION = 1


class SnapshotFile(Section):
    """`name` is relative to the attempt's folder; `rows` is 0 for files that are not tables."""

    name: str
    rows: int
    bytes: int
    sha256: str


class Manifest(Section):
    """One snapshot. `config` is the whole pipeline config, without the place of the lake."""

    format_version: Literal[1] = 1
    snapshot_id: str
    model: str
    start: datetime
    end: datetime
    parent: str | None
    attempt: str
    code_version: str
    config_hash: str
    inputs: dict[str, str]
    config: dict[str, Any]
    tables: tuple[StoredTable, ...]
    pruned: tuple[str, ...]
    files: tuple[SnapshotFile, ...]
    metrics: dict[str, float]
    gates: dict[str, bool]

    @property
    def failed_gates(self) -> list[str]:
        return [name for name, passed in self.gates.items() if not passed]

    def file(self, name: str) -> SnapshotFile:
        for file in self.files:
            if file.name == name:
                return file
        raise DataError(
            "a snapshot has no such file",
            expected=[file.name for file in self.files],
            found=name,
            where=f"snapshot {self.snapshot_id} of {self.model}",
            remedy="name a file of the manifest",
        )

    def table(self, field: str) -> StoredTable:
        for table in self.tables:
            if table.field == field:
                return table
        raise DataError(
            "a snapshot has no table of this field",
            expected=[table.field for table in self.tables],
            found=f"{field} (pruned)" if field in self.pruned else field,
            where=f"snapshot {self.snapshot_id} of {self.model}",
            remedy="name a field that has a table; pruned fields are constants of the dense part",
        )

    def same_content(self, other: Manifest) -> bool:
        """Whether two attempts published the same snapshot."""
        return self.model_copy(update={"attempt": other.attempt}) == other

    def to_bytes(self) -> bytes:
        document = self.model_dump(mode="json")
        return (json.dumps(document, indent=1, sort_keys=True) + "\n").encode()


def snapshot_id(
    model: str, interval: Interval, config_hash: str, code_version: str, inputs: dict[str, str]
) -> str:
    """16 hex digits of sha256 over all that a snapshot's content depends on."""
    parts = [model, str(interval), config_hash, code_version, sorted(inputs.items())]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:16]


def parse_manifest(content: bytes, where: str) -> Manifest:
    """Read a manifest strictly. Raises `DataError` for damage and for versions yet to come."""
    try:
        document = json.loads(content)
        version = document["format_version"]
        if version == FORMAT_VERSION:
            return Manifest.model_validate(document)
    except (ValueError, TypeError, KeyError, ValidationError) as error:
        raise DataError(
            "a manifest is damaged",
            expected=f"a manifest of format version {FORMAT_VERSION}",
            found=error,
            where=where,
            remedy="restore it from a copy, or roll back to another snapshot",
        ) from error
    raise DataError(
        "a manifest has a format that this release does not know",
        expected=f"format_version {FORMAT_VERSION}",
        found=f"format_version {version!r}",
        where=where,
        remedy="read it with the release of SHARK that wrote it, or a newer one",
    )
