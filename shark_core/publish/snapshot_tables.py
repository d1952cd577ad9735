"""A published table, from as many snapshots as it is stored in.

day 3   changes ─→ day 2   changes ─→ day 1   whole        by the `base` of each
read from the right: the whole table, then each day's changes on top of it
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from torch import Tensor

from shark_core.config_sections import MOST_DELTAS
from shark_core.errors import DataError
from shark_core.models.table_params_file import FILE_NAME as PARAMS_FILE
from shark_core.models.table_params_file import read_table_params
from shark_core.publish.catalog import Catalog
from shark_core.publish.checked_reads import CheckedReads, checked_reads
from shark_core.publish.manifest import Manifest
from shark_core.publish.stored_table import StoredTable
from shark_core.publish.table_columns import parquet_content
from shark_core.publish.table_reader import ReadFile, read_changed_table, read_table
from shark_core.quantization.mixed_precision_table import MixedPrecisionTable


@dataclass(frozen=True)
class SnapshotTables:
    """The tables of the snapshots of a catalog, every byte that is read checked."""

    catalog: Catalog

    def read(self, manifest: Manifest, field: str) -> MixedPrecisionTable:
        """Raises `DataError` where a snapshot that holds some of it is missing or damaged."""
        *changed, whole = self.lineage(manifest, field)
        with checked_reads(self.catalog) as reads:
            table = read_table(*self._stored(whole, field, reads))
            for later in reversed(changed):
                table = read_changed_table(table, *self._stored(later, field, reads))
        return table

    def lineage(self, manifest: Manifest, field: str) -> list[Manifest]:
        """The snapshots that hold a field's table: changes, newest first, and last a whole one.

        Raises `DataError` where one is missing, or there are more than any policy allows.
        """
        found = [manifest]
        while (base := found[-1].table(field).base) is not None:
            if len(found) > MOST_DELTAS:
                raise DataError(
                    "a table is stored as too many changes",
                    expected=f"at most {MOST_DELTAS} on top of a whole one",
                    found=[each.snapshot_id for each in found],
                    where=f"field {field!r} of snapshot {manifest.snapshot_id}",
                    remedy="publish the day again as a whole: release.max_deltas 0",
                )
            found.append(self.catalog.snapshot(base))
        return found

    def _stored(
        self, manifest: Manifest, field: str, reads: CheckedReads
    ) -> tuple[StoredTable, Mapping[str, Tensor], ReadFile, str]:
        """What a snapshot holds of a field's table."""
        key = self.catalog.data_key(manifest, PARAMS_FILE)
        params = read_table_params(self.catalog.read_file(manifest, PARAMS_FILE), key)

        return (
            manifest.table(field),
            params.get(field, {}),
            lambda name: parquet_content(reads.read(manifest, name)),
            key.removesuffix(f"/{PARAMS_FILE}"),
        )
