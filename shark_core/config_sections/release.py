"""How precisely rows are stored, and what a compressed model must hold to be released."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import model_validator

from shark_core.config_sections.section import NonNegative, Section


class Tiers(Section):
    """`priority < int8_below → int8`, `< fp16_below → fp16`, else fp32."""

    int8_below: NonNegative
    fp16_below: NonNegative

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.fp16_below < self.int8_below:
            raise ValueError("fp16_below must be at least int8_below")
        return self


class Gates(Section):
    """Limits on compressed against baseline, both on the held-out test slice."""

    max_auc_drop: NonNegative = 0.002
    max_log_loss_increase: NonNegative = 0.002
    min_compression_ratio: NonNegative = 1.0


class Release(Section):
    """`automatic` moves `production` when all gates pass; `manual` leaves that to a person."""

    promotion: Literal["automatic", "manual"] = "manual"
