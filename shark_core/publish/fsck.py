"""Everything that is wrong with a registry, found without reading its data.

`snapshots verify` reads the data of one snapshot; this looks at what there is and how large it is.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from shark_core.errors import DataError
from shark_core.publish.catalog import Catalog
from shark_core.publish.manifest import Manifest
from shark_core.publish.needed_snapshots import needed_snapshots
from shark_core.publish.numbered_log import LAST_NUMBER
from shark_core.publish.object_store import StoredObject
from shark_core.publish.ref_log import RefEntry
from shark_core.publish.retention import attempts, is_committed

BRING_BACK = "roll the ref back, or publish that day again"
RESTORE = "run `python -m jobs publish` for that day again, or restore it from a copy"


@dataclass(frozen=True)
class Finding:
    """`broken`: somebody will stumble over it. `bytes`: what removing it would free."""

    key: str
    what: str
    remedy: str
    broken: bool = True
    bytes: int = 0


@dataclass(frozen=True)
class Inspection:
    """What there is: data by key, what could be read of manifests and logs, and what could not.

    A log's entries by key, newest first; None for an entry that cannot be read.
    """

    model: str
    data: Mapping[str, StoredObject]
    manifests: Mapping[str, Manifest]
    logs: Mapping[str, Mapping[str, RefEntry | None]]
    unreadable: Mapping[str, Finding]  # manifests by snapshot id, entries by key


def fsck(catalog: Catalog) -> list[Finding]:
    """What is broken first. Raises `RetryableError` where the storage does not answer."""
    seen = inspect_registry(catalog)
    found = [*seen.unreadable.values(), *_of_logs(seen), *_of_manifests(seen), *_of_data(seen)]
    return sorted(found, key=lambda finding: (not finding.broken, finding.key))


def inspect_registry(catalog: Catalog) -> Inspection:
    """Logs first, data last: what a publish adds meanwhile is there before what refers to it."""
    unreadable: dict[str, Finding] = {}
    logs = {ref: _entries(catalog, ref, unreadable) for ref in catalog.refs()}
    manifests = {}
    for snapshot_id, stored in list(catalog.manifests()):
        try:
            manifests[snapshot_id] = _manifest(catalog, snapshot_id, stored.key)
        except DataError as error:
            unreadable[snapshot_id] = _unreadable(stored.key, error)
    data = {each.key: each for each in catalog.store.list(f"{catalog.model}/data")}
    return Inspection(catalog.model, data, manifests, logs, unreadable)


def _manifest(catalog: Catalog, snapshot_id: str, key: str) -> Manifest:
    manifest = catalog.snapshot(snapshot_id)
    if (manifest.snapshot_id, manifest.model) != (snapshot_id, catalog.model):
        found = f"snapshot {manifest.snapshot_id} of {manifest.model}"
        raise DataError("the manifest of another snapshot", found=found, where=key, remedy=RESTORE)
    return manifest


def _entries(
    catalog: Catalog, ref: str, unreadable: dict[str, Finding]
) -> dict[str, RefEntry | None]:
    log = catalog.log(ref)
    entries: dict[str, RefEntry | None] = {}
    for stored in list(catalog.store.list(log.folder)):
        try:
            entries[stored.key] = log.read(stored.key)
        except DataError as error:
            entries[stored.key] = None
            unreadable[stored.key] = _unreadable(stored.key, error)
    return entries


def _unreadable(key: str, error: DataError) -> Finding:
    found = str(error.found).partition("\n")[0]
    return Finding(key, f"{error.summary}: {found}", error.remedy or RESTORE)


def _of_logs(seen: Inspection) -> Iterator[Finding]:
    for ref, entries in seen.logs.items():
        folder = f"{seen.model}/refs/{ref}"
        head = next(iter(entries.values()), None)
        if head is not None and not _is_there(seen, head.snapshot_id):
            what = f"points to {head.snapshot_id}, which is no snapshot"
            yield Finding(folder, what, BRING_BACK)
        if missing := _missing_numbers(folder, entries):
            what = f"{len(missing)} entries are missing, such as number {missing[0]}"
            yield Finding(folder, what, "restore them from a copy; the ref works without them")


def _missing_numbers(folder: str, keys: Iterable[str]) -> list[int]:
    names = [key.removeprefix(f"{folder}/").removesuffix(".json") for key in keys]
    numbers = {LAST_NUMBER - int(name) for name in names if name.isdecimal()}
    return [number for number in range(max(numbers, default=0)) if number not in numbers]


def _of_manifests(seen: Inspection) -> Iterator[Finding]:
    for snapshot_id, manifest in seen.manifests.items():
        folder = f"{seen.model}/data/{snapshot_id}/{manifest.attempt}"
        for file in manifest.files:
            key = f"{folder}/{file.name}"
            stored = seen.data.get(key)
            if stored is None:
                yield Finding(key, "a file of a snapshot is missing", RESTORE)
            elif stored.bytes != file.bytes:
                what = f"has {stored.bytes:,} bytes, its manifest says {file.bytes:,}"
                yield Finding(key, what, RESTORE)
        for needed in needed_snapshots(manifest):
            if not _is_there(seen, needed):
                what = f"needs snapshot {needed}, which is gone"
                yield Finding(f"{seen.model}/snapshots/{snapshot_id}.json", what, RESTORE)


def _of_data(seen: Inspection) -> Iterator[Finding]:
    grouped = attempts(seen.model, seen.data.values())
    for attempt, objects in grouped.items():
        snapshot_id = attempt.split("/")[0]
        if snapshot_id in seen.unreadable:
            continue  # it may be what the manifest lists
        if not is_committed(seen.manifests.get(snapshot_id), attempt):
            yield Finding(
                f"{seen.model}/data/{attempt}",
                "data of no snapshot: of a publish under way, or of one that did not end",
                "`python -m jobs snapshots expire --apply` removes it once it is old enough",
                broken=False,
                bytes=sum(each.bytes for each in objects),
            )


def _is_there(seen: Inspection, snapshot_id: str) -> bool:
    """A manifest that cannot be read is a finding of its own."""
    return snapshot_id in seen.manifests or snapshot_id in seen.unreadable
