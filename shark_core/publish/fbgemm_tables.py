"""Tables in FBGEMM's modules, looked up as an `EmbeddingCollection` is. Needs `fbgemm_gpu`.

Of a field with two tiers, a batch of two examples:

    rows     [7 3] [4]
    remap    [9 0] [1]         numbers below 8 are of the fp16 table, others of the int4 table
    bags     fp16 [0] [1]   int4 [1] [ ]          each row in the table of its tier
    sums     (2, 2, W)         what FBGEMM gives: by example and tier
    pooled   (2, D)            added over the tiers, divided by the number of rows for a mean
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import ModuleType

import torch
from torch import Tensor, nn
from torch.nn.functional import pad

from shark_core.errors import ConfigError
from shark_core.models.batch import Batch, FieldRows
from shark_core.publish.fbgemm_layout import FbgemmTable


class FbgemmField(nn.Module):
    """One field's tables.

    A bag of one row gives exactly what the row decodes to; of several, their sum in another order.
    Rows are on the CPU. Raises `ConfigError` where FBGEMM is not installed.
    """

    remap: Tensor
    starts: Tensor
    scales: Tensor
    biases: Tensor

    def __init__(self, spec: FbgemmTable, rows: Sequence[Tensor], remap: Tensor) -> None:
        """`rows` (n, row_bytes) uint8 by tier; `remap` as `fbgemm_layout` has it."""
        super().__init__()
        self.spec = spec
        self.tables = _module(spec, rows)
        scales = [[tier.scale] for tier in spec.tiers]
        biases = [[tier.bias] for tier in spec.tiers]
        self.register_buffer("remap", remap)
        self.register_buffer("starts", torch.tensor(spec.starts, dtype=torch.int32))
        self.register_buffer("scales", torch.tensor(scales))  # (T, 1)
        self.register_buffer("biases", torch.tensor(biases))  # (T, 1)

    def forward(self, rows: FieldRows) -> Tensor:
        """Pooled embeddings (B, D) float32. Raises `IndexError` for a row that there is not."""
        lengths = rows.offsets.diff()  # (B,)
        numbers = self.remap.index_select(0, rows.values)  # (L,)
        tiers = torch.bucketize(numbers, self.starts, right=True) - 1  # (L,)
        examples = torch.arange(len(lengths)).repeat_interleave(lengths)  # (L,)
        bags = tiers * len(lengths) + examples  # (L,)
        order = bags.argsort(stable=True)
        sizes = bags.bincount(minlength=len(self.starts) * len(lengths))  # (T·B,)
        within = (numbers - self.starts[tiers])[order]
        sums = self.tables(within, pad(sizes.cumsum(0), (1, 0)).int())  # (B, T·W)
        return self._pooled(sums, sizes, lengths)

    def _pooled(self, sums: Tensor, sizes: Tensor, lengths: Tensor) -> Tensor:
        by_tier = sums.view(len(lengths), len(self.starts), self.spec.width)  # (B, T, W)
        rows = sizes.view(len(self.starts), len(lengths)).T.unsqueeze(2)  # (B, T, 1)
        values = by_tier * self.scales + rows * self.biases  # (B, T, W)
        pooled = values.sum(dim=1)[:, : self.spec.embedding_dim]  # (B, D)
        return pooled / lengths.clamp_min(1)[:, None] if self.spec.pooling == "mean" else pooled


class FbgemmTables(nn.Module):
    """All fields: in the place of `CtrModel.embeddings` it serves the same model."""

    def __init__(
        self,
        names: Sequence[str],
        fields: Mapping[str, FbgemmField],
        constants: Mapping[str, Tensor],
    ) -> None:
        """`fields` are those with tables, `constants` (D,) those of pruned ones."""
        super().__init__()
        self.names = list(names)
        self.fields = nn.ModuleDict(fields)
        self.constants = nn.ParameterDict(
            {name: nn.Parameter(constant, False) for name, constant in constants.items()}
        )

    def forward(self, batch: Batch) -> dict[str, Tensor]:
        """Pooled embeddings by field, in the fields' order: (B, D_f) each."""
        return {name: self._pooled(name, batch) for name in self.names}

    def _pooled(self, name: str, batch: Batch) -> Tensor:
        if name in self.constants:
            return self.constants[name].expand(len(batch), -1)
        return self.fields[name](batch.ids[name])


def _module(spec: FbgemmTable, rows: Sequence[Tensor]) -> nn.Module:
    """FBGEMM's own module, its tables filled: a feature for each."""
    inference, types = _fbgemm()
    location = inference.EmbeddingLocation.HOST
    module: nn.Module = inference.IntNBitTableBatchedEmbeddingBagsCodegen(
        [
            (tier.tier, tier.rows, spec.width, types.SparseType(tier.weights), location)
            for tier in spec.tiers
        ],
        pooling_mode=inference.PoolingMode.SUM,
        output_dtype=types.SparseType.FP32,
        bounds_check_mode=inference.BoundsCheckMode.FATAL,
        device="cpu",
    )
    module.initialize_weights()  # type: ignore[operator]
    held = module.split_embedding_weights(split_scale_shifts=False)  # type: ignore[operator]
    for (target, _), source in zip(held, rows, strict=True):
        target[:, : source.shape[1]].copy_(source)  # what is beyond fills rows up
    return module


def _fbgemm() -> tuple[ModuleType, ModuleType]:
    try:
        from fbgemm_gpu import split_embedding_configs, split_table_batched_embeddings_ops_inference
    except (ImportError, OSError) as error:
        raise ConfigError(
            "FBGEMM cannot be loaded",
            expected="the package fbgemm_gpu, built for the torch that is installed",
            found=error,
            remedy="install the release of fbgemm-gpu-cpu that requirements.txt names",
        ) from error
    return split_table_batched_embeddings_ops_inference, split_embedding_configs
