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

    `row_bytes` with their qparams; `param_count` numbers are shared by all of them. Pruned rows
    take no bytes and have no `file`.
    """

    tier: str
    scheme: str
    rows: int
    row_bytes: int
    param_count: int
    file: str | None


class StoredTable(Section):
    """Shape and storage of a field's table; `tiers` are those that have rows."""

    field: str
    num_embeddings: int
    embedding_dim: int
    pooling: str
    tiers: tuple[StoredTier, ...]

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
        file=tier_file_name(field.name, tier) if row_bytes else None,
    )


def tier_file_name(field: str, tier: str) -> str:
    return f"table={field}/tier={tier}/part-00000.parquet"


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
