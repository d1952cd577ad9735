from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from shark_core.quantization.packing import code_bytes, pack_codes, unpack_codes


@pytest.mark.parametrize("bits", [8, 4, 2])
@settings(max_examples=50, deadline=None)
@given(dim=st.integers(1, 33), seed=st.integers(0, 2**32))
def test_packed_codes_are_found_again_at_every_dimension(bits: int, dim: int, seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    codes = torch.randint(0, 2**bits, (7, dim), generator=generator).to(torch.uint8)
    packed = pack_codes(codes, bits)
    assert packed.shape == (7, code_bytes(dim, bits))
    assert torch.equal(unpack_codes(packed, dim, bits), codes)


def test_codes_are_packed_low_bits_first() -> None:
    assert pack_codes(torch.tensor([[1, 2, 3]], dtype=torch.uint8), 4).tolist() == [[0x21, 0x03]]
    codes = torch.tensor([[1, 2, 3, 0, 1]], dtype=torch.uint8)
    assert pack_codes(codes, 2).tolist() == [[0b00_11_10_01, 0b01]]
