"""How many bytes a compressed model's embeddings take, by field and tier: nothing left out.

fp32        all fields of the config, N·D·4: what ratios are measured against
payload     packed rows with their qparams, and table params
on disk     tier files: packed rows, row ids, Parquet's pages and metadata; the file of table
            params; constants of pruned fields
in memory   payload and row maps; constants of pruned fields
"""

from __future__ import annotations

from dataclasses import dataclass

from shark_core.config import PipelineConfig
from shark_core.lake import Marker, logical_path
from shark_core.models.table_params_file import FILE_NAME as PARAMS_FILE
from shark_core.publish.stored_table import stored_tables
from shark_core.quantization.tiers import TIERS

CONSTANT_BYTES = 4


@dataclass(frozen=True)
class TierSize:
    """The rows of one tier of one field. Pruned rows take their fallback row and no more."""

    field: str
    tier: str
    rows: int
    payload_bytes: int
    file_bytes: int
    param_bytes: int


@dataclass(frozen=True)
class CompressedSizes:
    """Sizes of all tables. `tiers` in the config's order of fields, then in the order of tiers."""

    float_bytes: int
    tiers: tuple[TierSize, ...]
    constant_bytes: int
    params_file_bytes: int = 0
    row_map_bytes: int = 0

    @property
    def payload_bytes(self) -> int:
        return sum(tier.payload_bytes + tier.param_bytes for tier in self.tiers)

    @property
    def disk_bytes(self) -> int:
        files = sum(tier.file_bytes for tier in self.tiers)
        return files + self.params_file_bytes + self.constant_bytes

    @property
    def memory_bytes(self) -> int:
        return self.payload_bytes + self.row_map_bytes + self.constant_bytes

    @property
    def ratio(self) -> float:
        """How many times smaller the published embeddings are than all fields in fp32."""
        return self.float_bytes / self.disk_bytes

    @property
    def memory_ratio(self) -> float:
        """How many times less memory the loaded tables take than all fields in fp32."""
        return self.float_bytes / self.memory_bytes

    @property
    def figures(self) -> dict[str, float]:
        """What manifests and people are told of it."""
        return {
            "bytes_before": self.float_bytes,
            "bytes_after": self.disk_bytes,
            "payload_bytes": self.payload_bytes,
            "memory_bytes": self.memory_bytes,
            "compression_ratio": self.ratio,
            "memory_ratio": self.memory_ratio,
        }

    def field_disk_bytes(self, field: str) -> int:
        """Bytes of a field's tier files and table params; 0 for a pruned field."""
        return sum(tier.file_bytes + tier.param_bytes for tier in self.tiers if tier.field == field)

    def tier_mix(self) -> dict[str, tuple[int, int]]:
        """Tier → rows and bytes on disk over all fields, in the order of tiers."""
        return {
            tier: (
                sum(size.rows for size in self.tiers if size.tier == tier),
                sum(size.file_bytes for size in self.tiers if size.tier == tier),
            )
            for tier in TIERS
        }


def compressed_sizes(config: PipelineConfig, compressed: Marker) -> CompressedSizes:
    """Sizes by what the marker of a `compressed` partition lists and describes.

    Raises `DataError` where it does not say how its tables are stored.
    """
    tables = stored_tables(compressed)
    files = {_name(entry.path): entry.bytes for entry in compressed.files}
    tiers = tuple(
        TierSize(
            table.field,
            tier.tier,
            tier.rows,
            payload_bytes=tier.rows * tier.row_bytes,
            file_bytes=files[tier.file] if tier.file else 0,
            param_bytes=tier.param_count * CONSTANT_BYTES,
        )
        for table in tables
        for tier in table.tiers
    )
    kept = {table.field for table in tables}
    pruned_dims = sum(f.embedding_dim for f in config.fields if f.name not in kept)
    return CompressedSizes(
        config.float_bytes,
        tiers,
        pruned_dims * CONSTANT_BYTES,
        params_file_bytes=files[PARAMS_FILE],
        row_map_bytes=sum(table.row_map_bytes for table in tables),
    )


def _name(path: str) -> str:
    """`compressed/ds=…/table=a/tier=int8/part-….parquet` → `table=a/tier=int8/part-00000.parquet`.

    The folder of the partition has two parts.
    """
    return logical_path(path).split("/", 2)[2]
