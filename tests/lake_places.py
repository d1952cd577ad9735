"""Where a lake of a test lies, seen from behind: a folder, or a bucket of a real S3 server.

Paths are relative to the lake's root, as in `shark_core.lake`.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from shark_core.lake import MARKER_NAME, Lake, Marker
from tests.moto_s3 import client


class Place(Protocol):
    @property
    def lake(self) -> Lake: ...

    def files(self, folder: str = "") -> list[str]:
        """Paths in order, without folders and without the objects that stand for folders."""
        ...

    def write(self, path: str, content: bytes) -> None: ...

    def read(self, path: str) -> bytes: ...

    def remove(self, path: str) -> None: ...


@dataclass(frozen=True)
class Folder:
    root: Path

    @property
    def lake(self) -> Lake:
        return Lake(str(self.root))

    def files(self, folder: str = "") -> list[str]:
        found = [path for path in (self.root / folder).rglob("*") if path.is_file()]
        return sorted(path.relative_to(self.root).as_posix() for path in found)

    def write(self, path: str, content: bytes) -> None:
        (self.root / path).parent.mkdir(parents=True, exist_ok=True)
        (self.root / path).write_bytes(content)

    def read(self, path: str) -> bytes:
        return (self.root / path).read_bytes()

    def remove(self, path: str) -> None:
        (self.root / path).unlink()


@dataclass(frozen=True)
class Bucket:
    endpoint: str
    name: str
    prefix: str = "models/ctr"

    @property
    def lake(self) -> Lake:
        return Lake(f"s3://{self.name}/{self.prefix}")

    @property
    def client(self) -> Any:
        return client(self.endpoint)

    def files(self, folder: str = "") -> list[str]:
        return [key for key in self.keys(folder) if key and not key.endswith("/")]

    def keys(self, folder: str = "") -> list[str]:
        """The objects that stand for folders too."""
        start = f"{self.prefix}/{folder}"
        pages = self.client.get_paginator("list_objects_v2").paginate(
            Bucket=self.name, Prefix=start
        )
        found = [entry["Key"] for page in pages for entry in page.get("Contents", [])]
        return sorted(key.removeprefix(f"{self.prefix}/") for key in found)

    def write(self, path: str, content: bytes) -> None:
        self.client.put_object(Bucket=self.name, Key=f"{self.prefix}/{path}", Body=content)

    def read(self, path: str) -> bytes:
        found = self.client.get_object(Bucket=self.name, Key=f"{self.prefix}/{path}")
        content: bytes = found["Body"].read()
        return content

    def remove(self, path: str) -> None:
        self.client.delete_object(Bucket=self.name, Key=f"{self.prefix}/{path}")


def marker_at(place: Place, path: str) -> Marker:
    return Marker.from_json(place.read(path).decode())


def fingerprints(place: Place) -> dict[str, str]:
    """The content of every finished partition, by its folder."""
    markers = [path for path in place.files() if path.endswith(f"/{MARKER_NAME}")]
    return {path.rsplit("/", 1)[0]: marker_at(place, path).fingerprint for path in markers}
