"""Publishing with a mistake in it: fault schedules must notice each."""

from __future__ import annotations

from datetime import datetime

from shark_core.publish.catalog import Catalog
from shark_core.publish.manifest import Manifest
from shark_core.publish.publication import Opener
from shark_core.publish.ref_log import SEARCHED, RefEntry, RefLog


class SearchesFirst(RefLog):
    """Looks for the promotion, then at the head: what happens in between is not seen."""

    def promote(
        self,
        snapshot_id: str,
        promotion_id: str,
        expect: str | None,
        at: datetime,
        restores: int | None = None,
        searched: int = SEARCHED,
    ) -> RefEntry:
        while True:
            done = next((e for e in self.history() if e.promotion_id == promotion_id), None)
            if done is not None:
                return done
            head = self.head()
            self.require(head, expect)
            entry = RefEntry(
                ref=self.ref,
                number=head.number + 1 if head else 0,
                snapshot_id=snapshot_id,
                promotion_id=promotion_id,
                at=at,
                restores=restores,
            )
            if self.append(entry):
                return entry


class Overwrites(RefLog):
    """Stores an entry whether its number is taken or not."""

    def append(self, entry: RefEntry) -> bool:
        self.store.delete(self._key(entry.number))
        return self.store.put_if_absent(self._key(entry.number), entry.to_bytes())


class TakesFalseForDone(RefLog):
    """Believes that a number that is taken was taken by its own earlier write."""

    def append(self, entry: RefEntry) -> bool:
        super().append(entry)
        return True


class RollsBackToRevoked(RefLog):
    """Goes to the entry before, whether it was rolled back or not."""

    def before(self, head: RefEntry) -> RefEntry:
        entries = (entry for entry in self.history() if entry.snapshot_id != head.snapshot_id)
        return next(entries, None) or super().before(head)


def publish_manifest_first(catalog: Catalog, draft: Manifest, open_source: Opener) -> Manifest:
    """Readers find a snapshot whose files are on their way."""
    published = catalog.find_snapshot(draft.snapshot_id)
    if published is not None:
        return published
    manifest = draft.model_copy(update={"attempt": "a"})
    key = catalog.manifest_key(manifest.snapshot_id)
    catalog.store.put_if_absent(key, manifest.to_bytes())
    for file in manifest.files:
        with open_source(file.name) as source:
            catalog.store.put_file_if_absent(catalog.data_key(manifest, file.name), source)
    return catalog.commit(manifest)
