"""Promote the day's snapshot from `candidate` to `production`, if gates and config allow it."""

from __future__ import annotations

from jobs.context import DayContext, JobResult
from shark_core.errors import ConfigError
from shark_core.publish.catalog import CANDIDATE, PRODUCTION, Catalog
from shark_core.publish.lake_store import store_for
from shark_core.publish.manifest import Manifest
from shark_core.publish.snapshot_gates import require_gates
from shark_core.schemas import PUBLICATION


def release_candidate(context: DayContext) -> JobResult:
    """With promotion `manual` a person decides: the result says what there is to run.

    Raises `GateFailed` where a gate failed, so that people are told; `production` stays.
    """
    if context.branch:
        raise ConfigError(
            "a branch has no candidate",
            expected="a day of the lake",
            found=f"the branch {context.branch}",
            remedy=f"compare and promote it: `python -m jobs snapshots diff`, `release promote "
            f"--snapshot {context.branch}`",
        )
    catalog = Catalog(store_for(context.config), context.config.name)
    snapshot = catalog.snapshot(context.marker(PUBLICATION).facts["snapshot_id"])
    manual = context.config.release.promotion == "manual"
    if manual and _head(catalog, PRODUCTION) == snapshot.snapshot_id:
        return _result(catalog, snapshot, "released already")
    require_gates(snapshot, "read the day's report; production keeps serving what it served before")
    if manual:
        return _left_to_a_person(catalog, snapshot)
    if _taken_back(catalog, snapshot):
        return _result(catalog, snapshot, "not released: it is no longer the candidate")
    promotion_id = f"{context.config.name}-{context.day}-{snapshot.snapshot_id}"
    head = catalog.advance(PRODUCTION, snapshot, promotion_id)
    if head.snapshot_id != snapshot.snapshot_id:
        return _result(catalog, snapshot, "not released again: production was moved on, or back")
    return _result(catalog, snapshot, "released")


def _taken_back(catalog: Catalog, snapshot: Manifest) -> bool:
    """Whether `candidate` was moved off the snapshot by hand; going on to a later day is none."""
    candidate = _head(catalog, CANDIDATE)
    if candidate is None or candidate == snapshot.snapshot_id:
        return candidate is None
    return catalog.snapshot(candidate).start <= snapshot.start


def _left_to_a_person(catalog: Catalog, snapshot: Manifest) -> JobResult:
    command = (
        f"python -m jobs release promote --config FILE --ref {PRODUCTION} "
        f"--snapshot {snapshot.snapshot_id}"
    )
    return _result(catalog, snapshot, "all gates passed; a person may release it", run=command)


def _result(catalog: Catalog, snapshot: Manifest, verdict: str, **more: str) -> JobResult:
    figures = {
        "snapshot": snapshot.snapshot_id,
        CANDIDATE: _head(catalog, CANDIDATE),
        PRODUCTION: _head(catalog, PRODUCTION),
        **more,
    }
    return JobResult(f"snapshot {snapshot.snapshot_id}: {verdict}", figures)


def _head(catalog: Catalog, ref: str) -> str | None:
    head = catalog.head(ref)
    return head.snapshot_id if head else None
