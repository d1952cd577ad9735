"""Where every dataset lives, and which of its files count.

A partition's location is a pure function of (lake, dataset, keys):

    <lake>/access_counts/ds=2022-04-25/field=user_id/
        part-00000-3f9a1c20-b7e15d02.parquet   data of one attempt
        _marker.json                           lists the files that count; written last, atomically

Readers read the files that the marker lists and nothing else, so a half-written partition does not
exist for them, on a local disk as on S3, where nothing can be renamed.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import asdict, dataclass, field
from datetime import date
from pathlib import PurePosixPath
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.fs as pafs
import pyarrow.parquet as pq

from shark_core import storage_errors
from shark_core.errors import DataError
from shark_core.lake_branch import check_branch, on_branch, without_branch
from shark_core.lake_filesystem import filesystem_of
from shark_core.lake_root import base_path, canonical_root
from shark_core.schemas import Dataset

MARKER_NAME = "_marker.json"
ATTEMPT = re.compile(r"-[0-9a-f]{8}-[0-9a-f]{8}(?=\.[^.]+$)")  # see AttemptFiles.new_path
DAY_FOLDER = re.compile(r"ds=\d{4}-\d{2}-\d{2}")


def logical_path(path: str) -> str:
    """A file's path without what names attempt and branch: the same whenever the job runs."""
    return ATTEMPT.sub("", without_branch(path))


@dataclass(frozen=True)
class FileEntry:
    """One data file: `path` relative to the lake, `rows` 0 for files that are not tables."""

    path: str
    rows: int
    bytes: int
    sha256: str

    @property
    def logical_path(self) -> str:
        return logical_path(self.path)


@dataclass(frozen=True)
class Marker:
    """What a finished job says of its partition. `facts` are figures that later jobs read."""

    dataset: str
    files: tuple[FileEntry, ...]
    inputs: dict[str, str]
    config_hash: str
    code_version: str
    facts: dict[str, Any] = field(default_factory=dict)

    @property
    def rows(self) -> int:
        return sum(entry.rows for entry in self.files)

    @property
    def bytes(self) -> int:
        return sum(entry.bytes for entry in self.files)

    @property
    def fingerprint(self) -> str:
        """16 hex digits over the content of the files, in the order of their logical paths."""
        checksums = [
            entry.sha256 for entry in sorted(self.files, key=lambda file: file.logical_path)
        ]
        content = json.dumps([checksums, self.facts], sort_keys=True)
        return hashlib.sha256(content.encode()).hexdigest()[:16]

    def to_json(self) -> str:
        return json.dumps(asdict(self), indent=1, sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> Marker:
        document = json.loads(text)
        files = tuple(FileEntry(**entry) for entry in document.pop("files"))
        return cls(files=files, **document)


@dataclass(frozen=True)
class Partition:
    dataset: Dataset
    values: tuple[str, ...]

    @property
    def path(self) -> str:
        keys = zip(self.dataset.keys, self.values, strict=True)
        return "/".join([self.dataset.name, *(f"{key}={value}" for key, value in keys)])

    def __str__(self) -> str:
        return self.path


def partition(dataset: Dataset, day: date, **keys: str) -> Partition:
    """`partition(ACCESS_COUNTS, day, field="user_id")`; keys in the dataset's order."""
    given = {"ds": day.isoformat(), **keys}
    if set(given) != set(dataset.keys):
        raise ValueError(f"{dataset.name} has the keys {dataset.keys}, not {tuple(given)}")
    return Partition(dataset, tuple(given[key] for key in dataset.keys))


@dataclass(frozen=True)
class Lake:
    """A folder or `s3://bucket/prefix`; paths given to its methods are relative to that root.

    With a `branch`, see `shark_core.lake_branch`.
    """

    root: str
    branch: str = ""

    def __post_init__(self) -> None:
        """Raises `ConfigError` for a root that is neither, or a branch that has no name."""
        object.__setattr__(self, "root", canonical_root(self.root))
        check_branch(self.branch)

    @property
    def filesystem(self) -> pafs.FileSystem:
        """Raises `ConfigError` or `RetryableError` where the root's storage cannot be used."""
        return filesystem_of(self.root)

    def absolute(self, path: str) -> str:
        """The path as `filesystem` wants it."""
        return f"{base_path(self.root)}/{path}".rstrip("/")

    def location(self, path: str) -> str:
        """The path as people and other tools want it: a file path or an `s3://` URI."""
        return f"{self.root.rstrip('/')}/{path}"

    def folder(self, target: Partition) -> str:
        """Where the partition is written."""
        return on_branch(self.branch, target.path)

    def find_marker(self, target: Partition) -> Marker | None:
        """The partition's marker, or None where the job has not finished yet."""
        found = self.find_own_marker(target)
        return Lake(self.root).find_own_marker(target) if self.branch and found is None else found

    def find_own_marker(self, target: Partition) -> Marker | None:
        """As `find_marker`; on a branch only of what was written there."""
        return self._marker_in(
            self.folder(target), f"`python -m jobs {target.dataset.job}` for this day"
        )

    def _marker_in(self, folder: str, writer: str) -> Marker | None:
        path = f"{folder}/{MARKER_NAME}"
        with self.reading(path):
            try:
                file = self.filesystem.open_input_stream(self.absolute(path))
            except FileNotFoundError:
                return None
            with file:
                text = file.read()
        try:
            return Marker.from_json(text.decode())
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise DataError(
                "a marker is damaged",
                expected="JSON as the job writes it",
                found=error,
                where=self.location(path),
                remedy=f"run {writer} again",
            ) from error

    def marker(self, target: Partition) -> Marker:
        """The partition's marker; `DataError` where the job has not finished."""
        found = self.find_marker(target)
        if found is None:
            raise DataError(
                f"{target.dataset.name} is missing",
                expected=f"a finished partition, written by {target.dataset.writer}",
                found="no marker",
                where=self.location(target.path),
                remedy=f"run `python -m jobs {target.dataset.job}` for this day first",
            )
        return found

    def read_table(self, target: Partition, columns: list[str] | None = None) -> pa.Table:
        """All rows of a partition, in the order of its files. For datasets that fit in memory."""
        entries = [entry for entry in self.marker(target).files if entry.path.endswith(".parquet")]
        tables = [self.read_parquet(entry.path, columns) for entry in entries]
        return pa.concat_tables(tables)

    def read_parquet(
        self,
        path: str,
        columns: list[str] | None = None,
        filters: pc.Expression | None = None,
    ) -> pa.Table:
        with self.reading(path):
            return pq.read_table(
                self.absolute(path),
                columns=columns,
                filters=filters,
                filesystem=self.filesystem,
                partitioning=None,
            )

    def read_schema(self, path: str) -> pa.Schema:
        with self.reading(path):
            return pq.read_schema(self.absolute(path), filesystem=self.filesystem)

    def read_bytes(self, path: str) -> bytes:
        with self.reading(path), self.filesystem.open_input_stream(self.absolute(path)) as file:
            return file.read()

    def read_file(self, target: Partition, name: str) -> bytes:
        """A file of a partition by the name that its job gave it, such as `plan.json`."""
        return self.read_bytes(self.file_entry(target, name).path)

    def file_entry(self, target: Partition, name: str) -> FileEntry:
        """As `read_file` names it. Raises `DataError` where the partition has no such file."""
        for entry in self.marker(target).files:
            if entry.logical_path == f"{target.path}/{name}":
                return entry
        raise DataError(
            f"{target.dataset.name} has no {name}",
            expected=name,
            found=[entry.path for entry in self.marker(target).files],
            where=self.location(target.path),
            remedy=f"run `python -m jobs {target.dataset.job}` for this day again",
        )

    @contextmanager
    def reading(self, path: str) -> Iterator[None]:
        """Turns what the storage and a reader raise into the errors of `shark_core.errors`.

        A file that another attempt has replaced since its marker was read is a `RetryableError`.
        """
        with storage_errors.reading(self.location(path)):
            try:
                yield
            except FileNotFoundError as error:
                if self._is_replaced(path):
                    raise storage_errors.written_anew(self.location(path)) from error
                raise

    def _is_replaced(self, path: str) -> bool:
        """Whether the file lies in a partition whose marker lists others."""
        folders = PurePosixPath(path).parents[:-1]
        markers = (self._marker_in(str(folder), "the job that writes it") for folder in folders)
        nearest = next((marker for marker in markers if marker is not None), None)
        return nearest is not None and path not in {entry.path for entry in nearest.files}

    def writing(self, path: str) -> AbstractContextManager[None]:
        """Turns what the storage raises into the errors of `shark_core.errors`."""
        return storage_errors.writing(self.location(path))

    def days(self, dataset: Dataset) -> Iterator[date]:
        """The days that have a folder in the dataset, in order (finished or not)."""
        names: set[str] = set()
        for folder in {dataset.name, on_branch(self.branch, dataset.name)}:
            selector = pafs.FileSelector(self.absolute(folder), allow_not_found=True)
            with self.reading(folder):
                names |= {info.base_name for info in self.filesystem.get_file_info(selector)}
        for name in sorted(names):
            if DAY_FOLDER.fullmatch(name):
                yield date.fromisoformat(name.removeprefix("ds="))
