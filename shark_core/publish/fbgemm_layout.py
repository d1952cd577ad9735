"""How a snapshot's tables are laid out for FBGEMM's `IntNBitTableBatchedEmbeddingBagsCodegen`.

A field is one such module with a table for each tier that has rows. The tables' rows are numbered
through in the order of the tiers; `remap` says which of them a row id is:

    remap (N,) int32       0 … fp16 rows … int4 rows … fallback row        all pruned rows: the last
    fp16 (n₀, 2·W)         fp16 values
    int4 (n₁, W / 2 + 4)   fp16 scale, fp16 bias, codes: FBGEMM has the qparams first, SHARK last
    pruned (1, 4·W)        the fallback row, as fp32

FBGEMM wants rows of whole bytes and, on a GPU, of dimensions that are multiples of four: W is the
next one, the values beyond D are zeros (codes 0) and are cut from what it gives. Rows are stored
without the padding to 16 bytes that a GPU wants: it is made where they are loaded.

Tiers whose rows share a scale and a bias (`int4_shared`, `int2_shared`) have them as fp32, which
fp16 qparams a row would round, by up to 2**-11 of each (at int4 some 0.003 of a step). So FBGEMM
gets scale 1 and bias 0, sums whole numbers exactly, and `scale` and `bias` of the tier are applied
to the sums: scale · Σ codes + rows · bias. All other tiers have scale 1 and bias 0 here.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import accumulate
from typing import Literal, Self

import torch
from torch import Tensor
from torch.nn.functional import pad

from shark_core.config_sections import Section
from shark_core.models.tensor_file_writer import TensorLayout
from shark_core.publish.stored_table import StoredTable, StoredTier
from shark_core.quantization.affine_schemes import RowwiseAffine, SharedAffine
from shark_core.quantization.mixed_precision_table import FALLBACK, MixedPrecisionTable
from shark_core.quantization.rowwise_affine import QPARAM_BYTES
from shark_core.quantization.schemes import SCHEMES
from shark_core.quantization.tier_block import TierBlock

WIDTH_UNIT = 4
FALLBACK_WEIGHTS = "fp32"
PLAIN_QPARAMS = torch.tensor([1.0, 0.0]).half().view(torch.uint8)  # scale, bias: (4,)


class FbgemmTier(Section):
    """One table of the module: `weights` is the value of FBGEMM's `SparseType`."""

    tier: str
    weights: str
    rows: int
    row_bytes: int
    scale: float = 1.0
    bias: float = 0.0

    @classmethod
    def of(cls, tier: StoredTier, width: int, params: Mapping[str, Tensor]) -> Self:
        pruned = tier.tier == FALLBACK
        weights = FALLBACK_WEIGHTS if pruned else tier.tier
        shared = {}
        if isinstance(SCHEMES[tier.scheme], SharedAffine):
            shared = dict(zip(("scale", "bias"), params[tier.tier].tolist(), strict=True))
        return cls(
            tier=tier.tier,
            weights=weights,
            rows=1 if pruned else tier.rows,
            row_bytes=SCHEMES[weights].row_bytes(width),
            **shared,
        )


class FbgemmTable(Section):
    """One module. Its tensors are `<field>.<tier>` and `<field>.remap`."""

    field: str
    num_embeddings: int
    embedding_dim: int
    width: int
    pooling: Literal["none", "sum", "mean"]
    tiers: tuple[FbgemmTier, ...]

    @classmethod
    def of(cls, table: StoredTable, params: Mapping[str, Tensor]) -> Self:
        width = -(-table.embedding_dim // WIDTH_UNIT) * WIDTH_UNIT
        return cls(
            **table.model_dump(include={"field", "num_embeddings", "embedding_dim", "pooling"}),
            width=width,
            tiers=tuple(FbgemmTier.of(tier, width, params) for tier in table.tiers),
        )

    @property
    def starts(self) -> list[int]:
        """The number of each tier's first row."""
        return [0, *accumulate(tier.rows for tier in self.tiers[:-1])]

    @property
    def layouts(self) -> dict[str, TensorLayout]:
        rows = {
            f"{self.field}.{tier.tier}": TensorLayout(torch.uint8, (tier.rows, tier.row_bytes))
            for tier in self.tiers
        }
        return {**rows, f"{self.field}.remap": TensorLayout(torch.int32, (self.num_embeddings,))}


class FbgemmSpec(Section):
    """fbgemm.json."""

    format_version: Literal[1] = 1
    model: str
    snapshot_id: str
    tables: tuple[FbgemmTable, ...]


def tier_rows(table: MixedPrecisionTable, tier: str, width: int) -> Tensor:
    """The rows of a tier as FBGEMM has them: uint8 (rows, row_bytes)."""
    if tier == FALLBACK:
        rows = table.params[tier].view(torch.uint8).unsqueeze(0)  # (1, 4·D)
        return _filled(rows, FALLBACK_WEIGHTS, width)
    return _fbgemm_rows(table.tier_block(tier), tier, width)


def remap(table: MixedPrecisionTable, spec: FbgemmTable) -> Tensor:
    """Row id → number of the row among the module's rows: int32 (N,)."""
    numbers = torch.empty(table.num_embeddings, dtype=torch.int32)
    for tier, start in zip(spec.tiers, spec.starts, strict=True):
        row_ids = table.tier_block(tier.tier).row_ids
        pruned = tier.tier == FALLBACK
        numbers[row_ids] = start if pruned else torch.arange(start, start + tier.rows).int()
    return numbers


def _fbgemm_rows(block: TierBlock, tier: str, width: int) -> Tensor:
    scheme, packed = SCHEMES[block.scheme], block.packed
    if isinstance(scheme, RowwiseAffine):
        qparams, values = packed[:, -QPARAM_BYTES:], packed[:, :-QPARAM_BYTES]
    elif isinstance(scheme, SharedAffine):
        qparams, values = PLAIN_QPARAMS.expand(len(packed), -1), packed
    else:
        return _filled(packed, tier, width)
    return _filled(torch.cat([qparams, values], dim=1), tier, width)


def _filled(rows: Tensor, weights: str, width: int) -> Tensor:
    return pad(rows, (0, SCHEMES[weights].row_bytes(width) - rows.shape[1]))
