"""What may go from a registry: snapshots that no ref needs any more, and data of no snapshot.

What stays, whatever else holds:
* what a ref points to, pointed to in its last `keep_entries` moves, or within `keep`;
* the snapshots that those need to be read;
* what is younger than `grace`, as a publish may be about to commit it, or somebody to promote it.

Ages are by the storage's clock, which dates every object; so must `now` be where something is
deleted (`storage_clock`): one that is ahead would take files of a publish that is under way.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from graphlib import TopologicalSorter

from shark_core.publish.manifest import Manifest
from shark_core.publish.needed_snapshots import needed_snapshots, with_all_needed
from shark_core.publish.object_store import StoredObject
from shark_core.publish.ref_log import RefEntry

NO_REF = "no ref ever pointed to it"
REFS_MOVED_ON = "all refs moved on"
ITS_SNAPSHOT_GOES = "its snapshot goes"
ORPHANED = "of an attempt that was not committed"
LEFT_BEHIND = "left behind by a writer that was killed"


@dataclass(frozen=True)
class RetentionPolicy:
    """At least one entry is kept of each log, whatever `keep_entries` says: its head."""

    keep_entries: int
    keep: timedelta
    grace: timedelta


@dataclass(frozen=True)
class DatedEntry:
    """An entry of a ref's log, and what the storage says of it."""

    entry: RefEntry
    stored: StoredObject


@dataclass(frozen=True)
class StoredManifest:
    manifest: Manifest
    stored: StoredObject


@dataclass(frozen=True)
class Survey:
    """A registry at a time. Logs by ref, newest entry first; manifests by snapshot id."""

    model: str
    logs: Mapping[str, Sequence[DatedEntry]]
    manifests: Mapping[str, StoredManifest]
    data: Sequence[StoredObject]
    leftovers: Sequence[StoredObject] = ()

    def manifest(self, snapshot_id: str) -> Manifest | None:
        found = self.manifests.get(snapshot_id)
        return found.manifest if found else None


@dataclass(frozen=True)
class Expiring:
    """Objects that go together; `of` is a snapshot, `snapshot/attempt`, or the name of a file."""

    of: str
    reason: str
    objects: tuple[StoredObject, ...]

    @property
    def bytes(self) -> int:
        return sum(each.bytes for each in self.objects)


@dataclass(frozen=True)
class ExpiryPlan:
    """`snapshots`: their manifests, in the order in which they can go: none before one that needs
    it. `attempts`: data. `kept`: the snapshots that stay.
    """

    snapshots: tuple[Expiring, ...]
    attempts: tuple[Expiring, ...]
    leftovers: tuple[Expiring, ...]
    kept: tuple[str, ...]

    @property
    def bytes(self) -> int:
        return sum(each.bytes for each in (*self.snapshots, *self.attempts, *self.leftovers))


def plan_expiry(survey: Survey, policy: RetentionPolicy, now: datetime) -> ExpiryPlan:
    oldest = now - policy.grace
    kept = _kept(survey, policy, now)
    going = [snapshot_id for snapshot_id in survey.manifests if snapshot_id not in kept]
    named = {dated.entry.snapshot_id for log in survey.logs.values() for dated in log}
    return ExpiryPlan(
        snapshots=tuple(
            Expiring(
                each,
                REFS_MOVED_ON if each in named else NO_REF,
                (survey.manifests[each].stored,),
            )
            for each in _safe_order(survey, going)
        ),
        attempts=tuple(
            Expiring(of, reason, tuple(objects))
            for of, objects in attempts(survey.model, survey.data).items()
            if (reason := _why(survey, kept, of, max(o.modified for o in objects) < oldest))
        ),
        leftovers=tuple(
            Expiring(each.key, LEFT_BEHIND, (each,))
            for each in survey.leftovers
            if each.modified < oldest
        ),
        kept=tuple(snapshot_id for snapshot_id in survey.manifests if snapshot_id in kept),
    )


def attempts(model: str, data: Iterable[StoredObject]) -> dict[str, list[StoredObject]]:
    """`snapshot/attempt` → its objects. Objects elsewhere are nobody's, and are left out."""
    found: dict[str, list[StoredObject]] = defaultdict(list)
    for each in data:
        parts = each.key.removeprefix(f"{model}/data/").split("/", 2)
        if len(parts) == 3:
            found[f"{parts[0]}/{parts[1]}"].append(each)
    return found


def is_committed(manifest: Manifest | None, attempt: str) -> bool:
    """Whether the manifest, if any, is that of `snapshot/attempt`."""
    return manifest is not None and f"{manifest.snapshot_id}/{manifest.attempt}" == attempt


def pointed_to(log: Sequence[DatedEntry], policy: RetentionPolicy, now: datetime) -> frozenset[str]:
    """The snapshots of a log's last entries, and of those that held within `policy.keep`.

    An entry holds until the next one is stored: what was replaced yesterday was in use until then.
    """
    last = {dated.entry.snapshot_id for dated in log[: policy.keep_entries]}
    replaced = zip(log[1:], log, strict=False)  # each entry with the next younger one
    lately = {
        old.entry.snapshot_id for old, new in replaced if new.stored.modified >= now - policy.keep
    }
    head = {dated.entry.snapshot_id for dated in log[:1]}
    return frozenset(head | last | lately)


def _kept(survey: Survey, policy: RetentionPolicy, now: datetime) -> frozenset[str]:
    kept = {
        snapshot_id
        for snapshot_id, found in survey.manifests.items()
        if found.stored.modified >= now - policy.grace
    }
    kept.update(*(pointed_to(log, policy, now) for log in survey.logs.values()))
    return with_all_needed(kept, survey.manifest)


def _why(survey: Survey, kept: frozenset[str], attempt: str, old: bool) -> str | None:
    """Why the data of `snapshot/attempt` goes; None where it stays.

    Where a kept snapshot has lost its manifest, all of its data stays: it may be restored.
    """
    snapshot_id = attempt.split("/")[0]
    manifest = survey.manifest(snapshot_id)
    if is_committed(manifest, attempt):
        return None if snapshot_id in kept else ITS_SNAPSHOT_GOES
    restorable = manifest is None and snapshot_id in kept
    return ORPHANED if old and not restorable else None


def _safe_order(survey: Survey, going: Sequence[str]) -> list[str]:
    """A snapshot before those that it needs, so that none is ever there that cannot be read."""
    sorter: TopologicalSorter[str] = TopologicalSorter()
    for snapshot_id in going:
        sorter.add(snapshot_id, *needed_snapshots(survey.manifests[snapshot_id].manifest))
    chosen = set(going)
    return [each for each in sorter.static_order() if each in chosen][::-1]
