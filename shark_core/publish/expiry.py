"""Expiring for real: look at a registry, then delete what a plan lists, in a safe order.

Manifests go first (the snapshot is not there any more), then data. Killed in between, this leaves
data of no snapshot, which the next expire removes.

Refs may be moved meanwhile. Right before each manifest goes, what was stored since the survey is
read: a snapshot that a ref was moved to, or that a new snapshot needs, stays. Before data goes, the
same once more: a manifest that is wanted after all is put back. What remains: somebody who found
the manifest before it went and stores the ref's entry only after that second look, or an expire
that is killed before it puts back, leaves a ref at a snapshot that is gone. `fsck` finds that; a
rollback, or publishing that day again, repairs it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Container, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from shark_core.publish.catalog import Catalog
from shark_core.publish.manifest import Manifest
from shark_core.publish.needed_snapshots import with_all_needed
from shark_core.publish.object_store import StoredObject
from shark_core.publish.retention import (
    DatedEntry,
    Expiring,
    ExpiryPlan,
    StoredManifest,
    Survey,
    is_committed,
)

Progress = Callable[[int], object]  # so many more bytes


@runtime_checkable
class LeavesLeftovers(Protocol):
    """A store where writers that are killed leave things that no key reaches."""

    def leftovers(self) -> list[StoredObject]: ...

    def remove_leftover(self, key: str) -> None: ...


@dataclass(frozen=True)
class Expired:
    """What of a plan was deleted, and the snapshots that stayed because they were wanted again."""

    snapshots: tuple[str, ...]
    spared: tuple[str, ...]
    bytes: int


def survey(catalog: Catalog) -> Survey:
    """Data is listed before manifests, these before logs: what a publish adds meanwhile is either
    not seen at all or seen as what it is. Raises `DataError` at a manifest or an entry that cannot
    be read, as it may name what must stay: `fsck` lists them.
    """
    store, model = catalog.store, catalog.model
    data = list(store.list(f"{model}/data"))
    manifests = {
        snapshot_id: StoredManifest(manifest, stored)
        for snapshot_id, stored in list(catalog.manifests())
        if (manifest := catalog.find_snapshot(snapshot_id))
    }
    leftovers = store.leftovers() if isinstance(store, LeavesLeftovers) else []
    return Survey(model, _logs(catalog), manifests, data, leftovers)


def expire(
    catalog: Catalog, seen: Survey, plan: ExpiryPlan, progress: Progress = lambda _: None
) -> Expired:
    """Delete what a plan made from `seen` lists. Safe to repeat, and to run beside publishes."""
    deleted = [each for each in plan.snapshots if _delete_snapshot(catalog, seen, each)]
    wanted = wanted_since(catalog, seen)
    gone = [each for each in deleted if each.of not in wanted]
    for each in reversed(deleted):  # what others need comes back first
        if each.of in wanted:
            _put_back(catalog, seen.manifests[each.of].manifest)
    removed = [each for each in plan.attempts if not _in_use(catalog, each.of, wanted)]
    for each in removed:
        _delete(catalog, each.objects, progress)
        _delete_manifest_of(catalog, each.of)
    return Expired(
        snapshots=tuple(each.of for each in gone),
        spared=tuple(each.of for each in plan.snapshots if each not in gone),
        bytes=sum(each.bytes for each in (*gone, *removed, *_swept(catalog, plan))),
    )


def wanted_since(catalog: Catalog, seen: Survey) -> frozenset[str]:
    """The snapshots that were promoted or committed since the survey, with all that they need."""
    known = {dated.stored.key for log in seen.logs.values() for dated in log}
    promoted = [dated.entry.snapshot_id for _, dated in _entries(catalog, known)]
    committed = [each for each, stored in catalog.manifests() if _is_new(seen, each, stored)]
    return with_all_needed(
        (*promoted, *committed),  # one that expired may be published anew, on other snapshots
        lambda each: catalog.find_snapshot(each) or seen.manifest(each),
    )


def _is_new(seen: Survey, snapshot_id: str, stored: StoredObject) -> bool:
    known = seen.manifests.get(snapshot_id)
    return known is None or known.stored != stored


def _logs(catalog: Catalog) -> dict[str, list[DatedEntry]]:
    logs: dict[str, list[DatedEntry]] = defaultdict(list)
    for ref, dated in _entries(catalog):
        logs[ref].append(dated)
    return logs


def _entries(catalog: Catalog, known: Container[str] = ()) -> Iterator[tuple[str, DatedEntry]]:
    """The entries of all logs, each with its ref, newest first, but for those under known keys."""
    folder = f"{catalog.model}/refs"
    for stored in catalog.store.list(folder):
        if stored.key not in known:
            ref = stored.key.removeprefix(f"{folder}/").split("/")[0]
            yield ref, DatedEntry(catalog.log(ref).read(stored.key), stored)


def _delete_snapshot(catalog: Catalog, seen: Survey, snapshot: Expiring) -> bool:
    if snapshot.of in wanted_since(catalog, seen):
        return False
    _delete(catalog, snapshot.objects)
    return True


def _put_back(catalog: Catalog, manifest: Manifest) -> None:
    """Unless another expire has begun to delete its data, or does so while we look."""
    key, files = catalog.manifest_key(manifest.snapshot_id), manifest.files
    data = [catalog.data_key(manifest, file.name) for file in files]
    if all(map(catalog.store.exists, data)):
        catalog.store.put_if_absent(key, manifest.to_bytes())
        if not all(map(catalog.store.exists, data)):
            _delete_manifest_of(catalog, f"{manifest.snapshot_id}/{manifest.attempt}")


def _delete_manifest_of(catalog: Catalog, attempt: str) -> None:
    """Another expire may have put it back, of data that is gone now."""
    snapshot_id = attempt.split("/")[0]
    if is_committed(catalog.find_snapshot(snapshot_id), attempt):
        catalog.store.delete(catalog.manifest_key(snapshot_id))


def _in_use(catalog: Catalog, attempt: str, wanted: frozenset[str]) -> bool:
    """Whether `snapshot/attempt` is a snapshot after all, or again."""
    snapshot_id = attempt.split("/")[0]
    return snapshot_id in wanted or is_committed(catalog.find_snapshot(snapshot_id), attempt)


def _delete(
    catalog: Catalog, objects: Sequence[StoredObject], progress: Progress = lambda _: None
) -> None:
    for each in objects:
        catalog.store.delete(each.key)
        progress(each.bytes)


def _swept(catalog: Catalog, plan: ExpiryPlan) -> tuple[Expiring, ...]:
    if isinstance(catalog.store, LeavesLeftovers):
        for each in plan.leftovers:
            catalog.store.remove_leftover(each.of)
    return plan.leftovers
