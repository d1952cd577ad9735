"""How a table is stored: its shape, and for each tier the scheme, the rows and the file.

A compressed partition's marker and a snapshot's manifest both carry these descriptions. They are
what counts; what a file says of itself is checked against them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Self

from pydantic import TypeAdapter, ValidationError, model_validator

from shark_core.config_sections import Field, Section
from shark_core.errors import DataError
from shark_core.lake import Marker
from shark_core.quantization.row_map import row_map_bytes
from shark_core.quantization.schemes import SCHEMES

FACT = "tables"  # of the compressed partition


class StoredTier(Section):
    """The rows of a table that share a tier.

    `row_bytes` with their qparams; `param_count` numbers are shared by all of them. `file` holds
    `stored_rows` of them: all, or those that changed since the table's `base`. There is none where
    that would hold no rows, or rows of no bytes: pruned ones.
    """

    tier: str
    scheme: str
    rows: int
    row_bytes: int
    param_count: int
    stored_rows: int
    file: str | None


class StoredTable(Section):
    """Shape and storage of a field's table; `tiers` are those that have rows.

    `base`: the snapshot on whose table the stored rows are changes; None where all rows are stored.
    `tombstones`: rows stored there that are pruned here, listed in a file where there are any.
    """

    field: str
    num_embeddings: int
    embedding_dim: int
    pooling: str
    tiers: tuple[StoredTier, ...]
    base: str | None = None
    tombstones: int = 0

    @classmethod
    def of(cls, field: Field, rows_by_tier: Mapping[str, int], schemes: Mapping[str, str]) -> Self:
        """By how many rows each tier has, and the scheme of each tier."""
        return cls(
            field=field.name,
            num_embeddings=field.num_embeddings,
            embedding_dim=field.embedding_dim,
            pooling=field.pooling,
            tiers=tuple(
                _stored_tier(field, tier, schemes[tier], rows)
                for tier, rows in rows_by_tier.items()
                if rows
            ),
        )

    @model_validator(mode="after")
    def _every_row_has_a_tier(self) -> Self:
        if sum(tier.rows for tier in self.tiers) != self.num_embeddings:
            raise ValueError(f"the tiers must have {self.num_embeddings} rows together")
        return self

    @model_validator(mode="after")
    def _a_whole_table_stores_every_row(self) -> Self:
        stored = all(t.stored_rows == t.rows for t in self.tiers if t.row_bytes)
        if self.base is None and (self.tombstones or not stored):
            raise ValueError("a table without a base must store all of its rows, and no tombstones")
        return self

    @property
    def schemes(self) -> dict[str, str]:
        """Tier → name of its scheme, of the tiers that have rows."""
        return {tier.tier: tier.scheme for tier in self.tiers}

    @property
    def files(self) -> tuple[str, ...]:
        """The names of all files of the table."""
        tombstones = [tombstone_file_name(self.field)] if self.tombstones else []
        return (*(tier.file for tier in self.tiers if tier.file is not None), *tombstones)

    def as_delta(self, base: str, stored_rows: Mapping[str, int], tombstones: int) -> Self:
        """The same table stored as changes on that of `base`: so many rows by tier."""
        tiers = tuple(
            tier.model_copy(
                update={
                    "stored_rows": stored_rows.get(tier.tier, 0),
                    "file": tier.file if tier.tier in stored_rows else None,
                }
            )
            for tier in self.tiers
        )
        return self.model_copy(update={"tiers": tiers, "base": base, "tombstones": tombstones})

    def as_whole(self) -> Self:
        """The same table as if all its rows were stored, in no file that is named."""
        tiers = tuple(
            tier.model_copy(update={"stored_rows": tier.rows, "file": None}) for tier in self.tiers
        )
        return self.model_copy(update={"tiers": tiers, "base": None, "tombstones": 0})

    @property
    def row_map_bytes(self) -> int:
        """Bytes of its row map in memory."""
        return row_map_bytes(self.num_embeddings, [tier.tier for tier in self.tiers])


def _stored_tier(field: Field, tier: str, name: str, rows: int) -> StoredTier:
    scheme = SCHEMES[name]
    row_bytes = scheme.row_bytes(field.embedding_dim)
    return StoredTier(
        tier=tier,
        scheme=name,
        rows=rows,
        row_bytes=row_bytes,
        param_count=scheme.param_count(field.embedding_dim),
        stored_rows=rows if row_bytes else 0,
        file=tier_file_name(field.name, tier) if row_bytes else None,
    )


def tier_file_name(field: str, tier: str) -> str:
    return f"table={field}/tier={tier}/part-00000.parquet"


def tombstone_file_name(field: str) -> str:
    return f"table={field}/tombstones.parquet"


def stored_tables(compressed: Marker) -> tuple[StoredTable, ...]:
    """The tables of a compressed partition, in the config's order. Raises `DataError`."""
    try:
        return TypeAdapter(tuple[StoredTable, ...]).validate_python(compressed.facts.get(FACT))
    except ValidationError as error:
        raise DataError(
            "a compressed partition does not say how its tables are stored",
            expected=f"descriptions of its tables as the fact {FACT!r} of its marker",
            found=error,
            where=compressed.files[0].path if compressed.files else compressed.dataset,
            remedy="run `python -m jobs quantize` for this day again",
        ) from error
