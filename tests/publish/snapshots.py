"""Small snapshots for tests: a model `ctr`, two files, one day."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from io import BytesIO
from typing import BinaryIO

from shark_core.publish.catalog import Catalog
from shark_core.publish.manifest import Manifest
from shark_core.publish.object_store import ObjectStore
from shark_core.publish.publication import publish_snapshot
from shark_core.publish.snapshot_file import SnapshotFile

CONTENTS = {
    "dense.safetensors": b"dense" * 50,
    "table=a/tier=int8/part-00000.parquet": b"rows" * 99,
}
FIRST_DAY = datetime(2022, 4, 25, tzinfo=UTC)


def draft(snapshot_id: str, day: int = 0) -> Manifest:
    """A manifest of `CONTENTS`, not yet published."""
    return Manifest(
        snapshot_id=snapshot_id,
        model="ctr",
        start=FIRST_DAY + timedelta(days=day),
        end=FIRST_DAY + timedelta(days=day + 1),
        parent=None,
        attempt="",
        code_version="0.1.0+test",
        config_hash="c0ffee",
        inputs={"compressed": "f00d"},
        config={"name": "ctr"},
        tables=(),
        pruned=(),
        files=tuple(
            SnapshotFile(
                name=name, rows=0, bytes=len(content), sha256=hashlib.sha256(content).hexdigest()
            )
            for name, content in CONTENTS.items()
        ),
        metrics={"baseline_auc": 0.73},
        gates={"auc_drop": True},
    )


@contextmanager
def open_content(name: str) -> Iterator[BinaryIO]:
    yield BytesIO(CONTENTS[name])


def publish(store: ObjectStore, snapshot_id: str, day: int = 0) -> Manifest:
    return publish_snapshot(Catalog(store, "ctr"), draft(snapshot_id, day), open_content)


def without_fast_checksums(manifest: Manifest) -> Manifest:
    """As releases wrote it that did not know them."""
    files = (file.model_copy(update={"xxh3_128": None}) for file in manifest.files)
    return manifest.model_copy(update={"files": tuple(files)})


def publish_and_promote(store: ObjectStore, snapshot_id: str, day: int = 0) -> None:
    """What the publish job does with a store."""
    manifest = publish(store, snapshot_id, day)
    Catalog(store, "ctr").advance("candidate", manifest, f"ctr-{day}-{snapshot_id}")


def log_of(catalog: Catalog, ref: str) -> list[str]:
    """The snapshots of a ref's log, oldest first."""
    return [entry.snapshot_id for entry in catalog.history(ref)][::-1]
