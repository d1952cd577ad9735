"""Which snapshot a person means: by the name of a ref, an id, or the first digits of an id."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime

from shark_core.errors import ConfigError, DataError
from shark_core.publish.catalog import Catalog
from shark_core.publish.manifest import Manifest

PREFIX = re.compile(r"[0-9a-f]{6,}")
NAMED = 5  # ids that a message names


def named_snapshot(catalog: Catalog, name: str) -> Manifest:
    """The snapshot that the ref `name` points to, or whose id is or begins with `name`.

    An id is asked for before a ref, a ref before the beginning of an id: at least 6 digits of it.
    Raises `DataError` where nothing is meant, or more than one.
    """
    ids = [snapshot_id for snapshot_id, _ in catalog.manifests()]
    if name in ids:
        return catalog.snapshot(name)
    refs = catalog.refs()
    if name in refs and (head := catalog.head(name)):
        return catalog.snapshot(head.snapshot_id)
    return catalog.snapshot(completed(name, ids, refs, where=f"the registry of {catalog.model}"))


def named_snapshot_before(catalog: Catalog, name: str, moment: datetime, option: str) -> Manifest:
    """What `name` means, as of before `moment`: of a ref, the last snapshot that it pointed to that
    knows no traffic from `moment` on; of an id, that very snapshot. `option` gave the name.

    Raises `DataError` where nothing is meant, `ConfigError` where all that is knows later traffic.
    """
    meant = named_snapshot(catalog, name)
    if meant.end <= moment:
        return meant
    if name in catalog.refs():
        for entry in catalog.history(name):
            earlier = catalog.find_snapshot(entry.snapshot_id)  # it may have expired
            if earlier is not None and earlier.end <= moment:
                return earlier
    raise ConfigError(
        "there is no snapshot that has not seen the days to come",
        expected=f"a snapshot of an earlier day than {moment.date()}",
        found=f"{meant.snapshot_id} of {meant.start.date()}",
        where=f"{option} {name}",
        remedy="name an older one of `python -m jobs snapshots list` by its id, or start cold",
    )


def refs_by_snapshot(catalog: Catalog) -> dict[str, list[str]]:
    """The refs that point to a snapshot, by its id; a ref whose head is damaged to none."""
    found: dict[str, list[str]] = defaultdict(list)
    for ref in catalog.refs():
        with suppress(DataError):  # `snapshots fsck` tells of it; it hides no other ref here
            if head := catalog.head(ref):
                found[head.snapshot_id].append(ref)
    return found


def completed(name: str, ids: Sequence[str], refs: Sequence[str], where: str) -> str:
    """The one of `ids` that begins with `name`. Raises `DataError` unless there is exactly one."""
    found = [each for each in ids if each.startswith(name)] if PREFIX.fullmatch(name) else []
    if len(found) == 1:
        return found[0]
    possible = found or [*refs, *ids]
    raise DataError(
        "more than one snapshot is meant" if found else "no such snapshot",
        expected=f"a ref, an id or at least 6 digits of it, such as {_some(possible)}",
        found=repr(name),
        where=where,
        remedy="name one of `python -m jobs snapshots list`",
    )


def _some(names: Sequence[str]) -> str:
    more = len(names) - NAMED
    return (", ".join(names[:NAMED]) or "none yet") + (f" and {more} more" if more > 0 else "")
