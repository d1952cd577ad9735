"""A difference of two models on the same examples, with its standard error."""

from __future__ import annotations

from dataclasses import dataclass

from shark_core.confidence import Z_95


@dataclass(frozen=True)
class PairedDifference:
    """`after − before`; the interval is the normal 95 % one, paired over examples."""

    difference: float
    standard_error: float

    @property
    def low(self) -> float:
        return self.difference - Z_95 * self.standard_error

    @property
    def high(self) -> float:
        return self.difference + Z_95 * self.standard_error

    def __str__(self) -> str:
        return f"{self.difference:+.5f} [{self.low:+.5f}, {self.high:+.5f}]"
