"""What holds after a fault schedule, whatever went wrong in it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import groupby, islice

from shark_core.errors import DataError, SharkError
from shark_core.publish.catalog import CANDIDATE
from shark_core.publish.ref_log import RefEntry
from tests.publish.memory_store import MemoryStore
from tests.publish.promotion_ledger import Ledger, NotedCatalog
from tests.publish.scheduled_expiry import GRACE, clean
from tests.publish.scheduled_runs import MODEL, REFS, RUN_OF, Run

Check = Iterator[str]


def violations_of(checks: Sequence[Callable[[], Check]]) -> list[str]:
    """What checks found; one that cannot be done found something, too."""
    found: list[str] = []
    for check in checks:
        try:
            found += check()
        except Exception as error:
            found.append(f"at the end: {type(error).__name__}: {error}")
    return found


def log_of(catalog: NotedCatalog, ref: str) -> list[RefEntry]:
    """Oldest first."""
    return [*catalog.history(ref)][::-1]


def check_logs(catalog: NotedCatalog, ledger: Ledger) -> Check:
    logs = {ref: log_of(catalog, ref) for ref in REFS}
    for ref, log in logs.items():
        if [entry.number for entry in log] != [*range(len(log))]:
            yield f"the log of {ref} has the numbers {[entry.number for entry in log]}"
        ids = [entry.promotion_id for entry in log]
        if len(set(ids)) < len(ids):
            yield f"doubled: the log of {ref} has the promotions {ids}"
        yield from _check_expectations(log, ledger)
    for answer in ledger.answers:
        if logs[answer.ref][answer.number : answer.number + 1] != [answer]:
            yield f"lost: {answer} is not in the log of {answer.ref}"


def _check_expectations(log: Sequence[RefEntry], ledger: Ledger) -> Check:
    before: str | None = None
    for entry in log:
        request = ledger.requests.get(entry.at)
        if request is None:
            yield f"nobody asked for {entry}"
        elif request.expect != before:
            yield f"{entry} was stored after {before}, expected after {request.expect}"
        before = entry.snapshot_id


def check_snapshots(catalog: NotedCatalog, store: MemoryStore, expiring: bool) -> Check:
    """Manifests list intact files; what no manifest lists is below data/. Where snapshots expire,
    those that refs point to now are still there.
    """
    committed = set()
    for snapshot_id, stored in catalog.manifests():
        manifest = catalog.snapshot(snapshot_id)
        if not RUN_OF[manifest.snapshot_id].is_in(catalog, manifest):
            yield f"the snapshot {manifest.snapshot_id} has other content"
        committed |= {snapshot_id, stored.key}
    for ref in REFS:
        for entry in islice(catalog.history(ref), 1 if expiring else None):
            if entry.snapshot_id not in committed:
                yield f"{ref} points to {entry.snapshot_id}, which is not committed"
    for key in store.contents:
        if key not in committed and not key.startswith((f"{MODEL}/data/", f"{MODEL}/refs/")):
            yield f"left behind: {key}"


def check_orphans(catalog: NotedCatalog, store: MemoryStore) -> Check:
    """All that interrupted publishes left goes once it is old enough."""
    clean(catalog, store.clock.time + 2 * GRACE)
    manifests = [catalog.snapshot(snapshot_id) for snapshot_id, _ in catalog.manifests()]
    listed = {catalog.data_key(each, file.name) for each in manifests for file in each.files}
    for key in store.contents:
        if key.startswith(f"{MODEL}/data/") and key not in listed:
            yield f"never removed: {key}"


def check_repeats(catalog: NotedCatalog, runs: Sequence[Run]) -> Check:
    """Every run that was interrupted ends well when it is run again."""
    for run in runs:
        run.publish(catalog)
        log = log_of(catalog, CANDIDATE)
        done = any(entry.promotion_id == run.promotion_id for entry in log)
        if not done and RUN_OF[log[-1].snapshot_id].day <= run.day:
            yield f"day {run.day} was run again and is not the candidate"


def check_rollbacks(catalog: NotedCatalog) -> Check:
    """Each ref can be taken back to all that it came over, newest first, until nothing is left."""
    for ref in REFS:
        *earlier, now = came_over(log_of(catalog, ref)) or [None]
        while earlier:
            entry = catalog.rollback(ref, now)
            *earlier, now = earlier
            if entry.snapshot_id != now:
                yield f"{ref} was rolled back to {entry.snapshot_id} in place of {now}"
                return
        try:
            entry = catalog.rollback(ref, now)
            yield f"{ref} was rolled back to {entry.snapshot_id}, with nothing before {now}"
        except DataError as error:
            if "nothing" not in error.summary:  # to roll back to, or pointed to at all
                yield f"{ref} at {now}: {error}"
        except SharkError as error:
            yield f"{ref} at {now}: {error}"


def came_over(log: Sequence[RefEntry]) -> list[str]:
    """The snapshots on the way to where a ref is, without those that rollbacks took back."""
    way: list[RefEntry] = []
    for entry in log:
        if entry.restores is None:
            way.append(entry)
        else:
            way = [passed for passed in way if passed.number <= entry.restores]
    return [snapshot_id for snapshot_id, _ in groupby(way, lambda entry: entry.snapshot_id)]
