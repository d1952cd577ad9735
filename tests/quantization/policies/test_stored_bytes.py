"""What policies count is what tables take."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from shark_core.config_sections.tiers import SCHEMES_OF_TIER
from shark_core.quantization.mixed_precision_table import MixedPrecisionTable
from shark_core.quantization.policies.stored_bytes import ByteBudget, table_bytes
from shark_core.quantization.table_params import initial_table_params
from shark_core.quantization.tiers import TIERS
from tests.quantization.policies.table_cases import made_up_table, uniform

schemes_of_tiers = st.fixed_dictionaries(
    {tier: st.sampled_from(schemes) for tier, schemes in SCHEMES_OF_TIER.items()}
)


@settings(deadline=None)
@given(
    rows=st.integers(1, 700),
    dim=st.sampled_from([1, 3, 8, 16]),
    present=st.sets(st.integers(0, len(TIERS) - 1), min_size=1),
    schemes=schemes_of_tiers,
    seed=st.integers(0, 1000),
)
def test_a_table_takes_the_bytes_that_were_counted(
    rows: int, dim: int, present: set[int], schemes: dict[str, str], seed: int
) -> None:
    codes = np.random.default_rng(seed).choice(np.array(sorted(present), dtype=np.uint8), rows)
    weight = torch.randn(rows, dim, generator=torch.Generator().manual_seed(seed))
    params = initial_table_params(
        "user", weight, torch.from_numpy(codes), torch.ones(rows), schemes
    )
    table = MixedPrecisionTable.from_float(weight, codes, schemes, params, "user")
    assert table.nbytes == table_bytes(dim, codes, schemes)


@pytest.mark.parametrize(("tier", "row"), [("fp32", 64), ("fp16", 32), ("int8", 20), ("int4", 12)])
def test_rows_of_one_tier_take_no_row_map(tier: str, row: int) -> None:
    tables = [made_up_table(rows=1000)]
    schemes = {tier: names[0] for tier, names in SCHEMES_OF_TIER.items()}
    assert ByteBudget(0.0, schemes).bytes_of(tables, uniform(tables, tier)) == 1000 * row
