"""What time it is where objects are kept."""

from __future__ import annotations

import secrets
from datetime import datetime

from shark_core.errors import RetryableError
from shark_core.publish.catalog import Catalog


def storage_time(catalog: Catalog) -> datetime:
    """By the clock that dates every object: a small one is stored, looked at and removed.

    This machine's clock may be wrong, and what is younger than it seems must not expire. Killed in
    between, the object is left where `expire` finds it. Raises `RetryableError` where the object is
    not listed.
    """
    folder = f"{catalog.model}/data/clock/{secrets.token_hex(8)}"
    catalog.store.put_if_absent(f"{folder}/now", b"now")
    stored = list(catalog.store.list(folder))
    catalog.store.delete(f"{folder}/now")
    if not stored:
        raise RetryableError(
            "the storage does not list what was just stored",
            expected="one object, with its time",
            where=folder,
            remedy="run the command again",
        )
    return stored[0].modified
