"""The manifest of a snapshot: everything a reader must know, every file with size and checksums.

    registry/<model>/snapshots/<snapshot_id>.json          this document, written once
    registry/<model>/data/<snapshot_id>/<attempt>/<name>   the files that it lists

docs/format.md is the format in words. A reader refuses a `format_version` or a feature flag that it
does not know. Keys are only ever added together with a new flag, which stands in the manifests that
need it; what old keys mean changes only with a new version.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from datetime import datetime
from typing import Any, Literal, Self

from pydantic import ValidationError, model_validator

from shark_core.config_sections import Section
from shark_core.errors import DataError
from shark_core.interval import Interval
from shark_core.publish.sealed_document import seal, unseal
from shark_core.publish.snapshot_file import SnapshotFile
from shark_core.publish.stored_table import StoredTable

FORMAT_VERSION = 1
FAST_CHECKSUMS = "fast_checksums"  # every file has a second checksum
TABLE_DELTAS = "table_deltas"  # there are tables that are stored as changes on another snapshot's
KNOWN_FEATURES = frozenset({FAST_CHECKSUMS, TABLE_DELTAS})


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

    @model_validator(mode="after")
    def _all_files_have_the_same_checksums(self) -> Self:
        if len({file.read_by for file in self.files}) > 1:
            raise ValueError("either every file must have the checksum xxh3_128, or none")
        return self

    @property
    def features(self) -> tuple[str, ...]:
        """The flags that its readers must know, in order: they follow from its content."""
        needed = {
            FAST_CHECKSUMS: any(file.xxh3_128 is not None for file in self.files),
            TABLE_DELTAS: any(table.base is not None for table in self.tables),
        }
        return tuple(flag for flag, is_needed in needed.items() if is_needed)

    @property
    def failed_gates(self) -> list[str]:
        return [name for name, passed in self.gates.items() if not passed]

    @property
    def nbytes(self) -> int:
        """Of all files that it lists: its own, not those of the bases of its tables."""
        return sum(file.bytes for file in self.files)

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
        """Whether two attempts published the same snapshot, each table whole or as changes; by
        sha256, whatever else is listed of the files.
        """
        if [table.base for table in self.tables] != [table.base for table in other.tables]:
            return self._without_storage() == other._without_storage()
        update = {"attempt": other.attempt, "files": _by_sha256(self.files)}
        return self.model_copy(update=update) == other.model_copy(
            update={"files": _by_sha256(other.files)}
        )

    def _without_storage(self) -> Manifest:
        """What does not depend on how tables are stored."""
        of_tables = {name for table in self.tables for name in table.files}
        others = _by_sha256(file for file in self.files if file.name not in of_tables)
        whole = tuple(table.as_whole() for table in self.tables)
        return self.model_copy(update={"attempt": "", "tables": whole, "files": others})

    def to_bytes(self) -> bytes:
        document = {**self.model_dump(mode="json"), "features": list(self.features)}
        return seal(document, indent=1)


def _by_sha256(files: Iterable[SnapshotFile]) -> tuple[SnapshotFile, ...]:
    return tuple(file.model_copy(update={"xxh3_128": None}) for file in files)


def snapshot_id(
    model: str, interval: Interval, config_hash: str, code_version: str, inputs: dict[str, str]
) -> str:
    """16 hex digits of sha256 over all that a snapshot's content depends on."""
    parts = [model, str(interval), config_hash, code_version, sorted(inputs.items())]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:16]


def parse_manifest(content: bytes, where: str) -> Manifest:
    """Read a manifest strictly. Raises `DataError` for damage and for what is yet to come."""
    try:
        document = json.loads(content)
        version, features = document["format_version"], document.get("features", [])
        newer = _newer(version, features)
        if newer is None:
            known = unseal(content)
            del known["features"]
            return _agreeing(Manifest.model_validate(known), features)
    except (ValueError, TypeError, KeyError, AttributeError, ValidationError) as error:
        raise DataError(
            "a manifest is damaged",
            expected=f"a manifest of format version {FORMAT_VERSION}",
            found=error,
            where=where,
            remedy="restore it from a copy, or roll back to another snapshot",
        ) from error
    raise DataError(
        "a manifest has a format that this release does not know",
        expected=f"format_version {FORMAT_VERSION}, features among {sorted(KNOWN_FEATURES)}",
        found=newer,
        where=where,
        remedy="read it with the release of SHARK that wrote it, or a newer one",
    )


def _newer(version: object, features: list[str]) -> str | None:
    """What this release does not know of it; asked first, as the rest may be of any shape."""
    if version != FORMAT_VERSION:
        return f"format_version {version!r}"
    if not isinstance(features, list) or not all(isinstance(flag, str) for flag in features):
        raise ValueError(f"features must be a list of names, not {features!r}")
    unknown = sorted({*features} - KNOWN_FEATURES)
    return f"features {unknown}" if unknown else None


def _agreeing(manifest: Manifest, features: list[str]) -> Manifest:
    if sorted(features) != [*manifest.features]:
        raise ValueError(f"features must be {[*manifest.features]} by its content, not {features}")
    return manifest
