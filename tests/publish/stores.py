"""Object stores for tests, seen from behind too: what lies beside the objects."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from shark_core.config_sections import Registry
from shark_core.publish.object_store import ObjectStore
from shark_core.publish.object_store_local import LocalStore
from shark_core.publish.s3.client import s3_client
from shark_core.publish.s3.multipart import PART_BYTES
from shark_core.publish.s3.store import S3Store

LARGE = PART_BYTES + 1_000_000  # sent in two parts


class Shelf(Protocol):
    @property
    def store(self) -> ObjectStore: ...

    def leftovers(self) -> list[str]:
        """What an upload that did not come to its end left behind."""
        ...

    def leave(self, name: str) -> None:
        """Put something there past the store, whatever its name."""
        ...


@dataclass(frozen=True)
class FolderShelf:
    root: Path

    @property
    def store(self) -> LocalStore:
        return LocalStore(self.root)

    def leftovers(self) -> list[str]:
        return [str(path) for path in (self.root / ".incoming").rglob("*")]

    def leave(self, name: str) -> None:
        (self.root / name).write_bytes(b"stray")


@dataclass(frozen=True)
class BucketShelf:
    bucket: str
    prefix: str

    @property
    def store(self) -> S3Store:
        return S3Store(self.bucket, self.prefix, Registry())

    def leftovers(self) -> list[str]:
        client = s3_client(Registry().connections)
        found = client.list_multipart_uploads(Bucket=self.bucket, Prefix=self.prefix)
        return [upload["Key"] for upload in found.get("Uploads", [])]

    def leave(self, name: str) -> None:
        client = s3_client(Registry().connections)
        client.put_object(Bucket=self.bucket, Key=f"{self.prefix}/{name}", Body=b"stray")

    def empty(self) -> None:
        client = s3_client(Registry().connections)
        pages = client.get_paginator("list_objects_v2")
        for page in pages.paginate(Bucket=self.bucket, Prefix=f"{self.prefix}/"):
            for entry in page.get("Contents", []):
                client.delete_object(Bucket=self.bucket, Key=entry["Key"])


def keys(store: ObjectStore, prefix: str) -> list[str]:
    return [found.key for found in store.list(prefix)]
