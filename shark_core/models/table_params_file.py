"""Table params on disk: what all rows of a tier of one table share.

    <field>.<tier>     float32 (P,)     safetensors; tiers without table params are left out

A checkpoint of stage=finetuned and a compressed model hold such a file beside their weights.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping

import torch
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor

from shark_core.errors import DataError
from shark_core.lake import Lake, Partition
from shark_core.partition_writer import PartitionWriter

FILE_NAME = "table_params.safetensors"

TableParams = Mapping[str, Mapping[str, Tensor]]  # field → tier → (P,)


def write_table_params(writer: PartitionWriter, params: TableParams) -> None:
    """Write the file; the caller commits. The same params give the same bytes."""
    tensors = {
        f"{field}.{tier}": numbers.detach().cpu().contiguous()
        for field, tiers in params.items()
        for tier, numbers in tiers.items()
        if len(numbers)
    }
    writer.write_bytes(FILE_NAME, save(tensors))


def load_table_params(lake: Lake, source: Partition) -> dict[str, dict[str, Tensor]]:
    """As `read_table_params`, from a partition that has such a file."""
    return read_table_params(lake.read_file(source, FILE_NAME), lake.location(source.path))


def read_table_params(content: bytes, where: str) -> dict[str, dict[str, Tensor]]:
    """Field → tier → (P,); fields without table params are left out.

    Raises `DataError` for bytes that `write_table_params` did not write.
    """
    params: dict[str, dict[str, Tensor]] = defaultdict(dict)
    try:
        for name, numbers in load(content).items():
            field, tier = name.split(".")
            if numbers.dtype != torch.float32 or numbers.ndim != 1:
                raise ValueError(f"{name} is {numbers.dtype} {tuple(numbers.shape)}")
            params[field][tier] = numbers
    except (SafetensorError, ValueError) as error:
        raise DataError(
            "a file of table params is damaged",
            expected="safetensors with <field>.<tier>, each float32 (P,)",
            found=error,
            where=where,
            remedy="run the job that writes it again",
        ) from error
    return dict(params)
