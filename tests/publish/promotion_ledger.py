"""What was asked of a ref's log and what it answered, noted beside it, to be compared later."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from shark_core.publish.catalog import Catalog
from shark_core.publish.ref_log import SEARCHED, RefEntry, RefLog


@dataclass(frozen=True)
class Request:
    """A call of `promote`."""

    ref: str
    snapshot_id: str
    promotion_id: str
    expect: str | None


@dataclass
class Ledger:
    """`requests` by their time, which no two share; `answers` are entries that callers were told
    of, by `promote` or as a ref's head, none of them damaged on the way.
    """

    requests: dict[datetime, Request] = field(default_factory=dict)
    answers: list[RefEntry] = field(default_factory=list)


@dataclass(frozen=True)
class NotedLog:
    """A ref's log, whatever kind it is, with notes taken of what is asked of it."""

    log: RefLog
    ledger: Ledger

    def __getattr__(self, name: str) -> Any:
        return getattr(self.log, name)

    def promote(
        self,
        snapshot_id: str,
        promotion_id: str,
        expect: str | None,
        at: datetime,
        restores: int | None = None,
        searched: int = SEARCHED,
    ) -> RefEntry:
        self.ledger.requests[at] = Request(self.log.ref, snapshot_id, promotion_id, expect)
        entry = self.log.promote(snapshot_id, promotion_id, expect, at, restores, searched)
        self.ledger.answers.append(entry)
        return entry


@dataclass(frozen=True)
class NotedCatalog(Catalog):
    """`logs`: the kind of log that refs are kept in; tests put faulty ones here."""

    ledger: Ledger = field(default_factory=Ledger)
    logs: type[RefLog] = RefLog

    def log(self, ref: str) -> NotedLog:
        return NotedLog(self.logs.of(self.store, self.model, ref), self.ledger)
