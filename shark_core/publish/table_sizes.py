"""How many bytes a compressed model's embeddings take, by field and tier: nothing left out.

fp32        all fields of the config, N·D·4: what ratios are measured against
payload     packed rows with their qparams
on disk     tier files: payload, row ids, Parquet's pages and metadata; constants of pruned fields
in memory   payload and row maps (4 bytes a row); constants of pruned fields
"""

from __future__ import annotations

from dataclasses import dataclass

from shark_core.config import PipelineConfig
from shark_core.lake import Marker
from shark_core.quantization.schemes import SCHEMES
from shark_core.quantization.tiers import TIERS

ROW_MAP_BYTES = 4
CONSTANT_BYTES = 4


@dataclass(frozen=True)
class TierSize:
    """The rows of one tier of one field."""

    field: str
    tier: str
    rows: int
    payload_bytes: int
    file_bytes: int


@dataclass(frozen=True)
class CompressedSizes:
    """Sizes of all tables. `tiers` in the config's order of fields, then in the order of tiers."""

    float_bytes: int
    tiers: tuple[TierSize, ...]
    constant_bytes: int

    @property
    def payload_bytes(self) -> int:
        return sum(tier.payload_bytes for tier in self.tiers)

    @property
    def disk_bytes(self) -> int:
        return sum(tier.file_bytes for tier in self.tiers) + self.constant_bytes

    @property
    def memory_bytes(self) -> int:
        row_maps = sum(tier.rows for tier in self.tiers) * ROW_MAP_BYTES
        return self.payload_bytes + row_maps + self.constant_bytes

    @property
    def ratio(self) -> float:
        """How many times smaller the published embeddings are than all fields in fp32."""
        return self.float_bytes / self.disk_bytes

    @property
    def figures(self) -> dict[str, float]:
        """What manifests and people are told of it."""
        return {
            "bytes_before": self.float_bytes,
            "bytes_after": self.disk_bytes,
            "payload_bytes": self.payload_bytes,
            "memory_bytes": self.memory_bytes,
            "compression_ratio": self.ratio,
        }

    def field_disk_bytes(self, field: str) -> int:
        """Bytes of a field's tier files; 0 for a pruned field."""
        return sum(tier.file_bytes for tier in self.tiers if tier.field == field)

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
    """Sizes by the files that the marker of a `compressed` partition lists."""
    found = {_tier_of(entry.path): entry for entry in compressed.files if "/table=" in entry.path}
    tiers = []
    for field in config.fields:
        for tier in TIERS:
            if entry := found.get((field.name, tier)):
                payload = entry.rows * SCHEMES[tier].row_bytes(field.embedding_dim)
                tiers.append(TierSize(field.name, tier, entry.rows, payload, entry.bytes))
    kept = {tier.field for tier in tiers}
    pruned_dims = sum(f.embedding_dim for f in config.fields if f.name not in kept)
    return CompressedSizes(config.float_bytes, tuple(tiers), pruned_dims * CONSTANT_BYTES)


def _tier_of(path: str) -> tuple[str, str]:
    """`…/table=user_id/tier=int8/part-….parquet` → `("user_id", "int8")`."""
    table, tier = path.split("/")[-3:-1]
    return table.removeprefix("table="), tier.removeprefix("tier=")
