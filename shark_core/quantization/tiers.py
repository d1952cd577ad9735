"""The tiers of rows, from most to fewest bits."""

from __future__ import annotations

TIERS = ("fp32", "fp16", "int8", "int4", "int2", "pruned")  # a tier's code is its place here
FP32, FP16, INT8, INT4, INT2, PRUNED = range(len(TIERS))
