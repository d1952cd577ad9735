"""What is read of logged impressions, and how accesses become priorities."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import Field as Key
from pydantic import ValidationInfo, field_validator, model_validator

from shark_core.config_sections.section import (
    Count,
    Name,
    NonNegative,
    Positive,
    Section,
    Share,
)


class Label(Section):
    """The column that says whether the user did it: 0 or 1."""

    column: str


class EventTime(Section):
    """When the impression was served; an integer since the epoch in `unit`, or a timestamp."""

    column: str
    unit: Literal["s", "ms", "us", "timestamp"] = "timestamp"


class Field(Section):
    """A feature field: a column of traffic and the embedding table that it reads.

    Row 0 of a `hash` or `vocabulary` table is the row of missing and out-of-vocabulary values.
    """

    name: Name
    column: str
    encoding: Literal["identity", "hash", "vocabulary"]
    num_embeddings: Annotated[int, Key(ge=2, lt=2**28)]
    embedding_dim: Annotated[int, Key(ge=1, le=1024)]
    pooling: Literal["none", "sum", "mean"] = "none"
    separator: Annotated[str, Key(min_length=1)] | None = None
    min_count: Count = 1

    @model_validator(mode="before")
    @classmethod
    def _column_is_named_like_the_field(cls, values: Any) -> Any:
        if isinstance(values, dict) and "name" in values:
            return {"column": values["name"], **values}
        return values

    @model_validator(mode="after")
    def _options_fit_together(self) -> Self:
        if self.separator is not None and self.pooling == "none":
            raise ValueError(
                "a separator makes a field multi-valued: set pooling to 'sum' or 'mean'"
            )
        if self.min_count > 1 and self.encoding != "vocabulary":
            raise ValueError("min_count belongs to encoding 'vocabulary' only")
        return self

    @property
    def multi_valued(self) -> bool:
        return self.pooling != "none"

    @property
    def row_assignment(self) -> str:
        """What decides which row a value has: under another, row ids mean other values."""
        into = f" into {self.num_embeddings}" if self.encoding == "hash" else ""
        return f"{self.encoding}{into}"

    @property
    def float_bytes(self) -> int:
        """Bytes of the table in fp32: what every compression ratio is measured against."""
        return self.num_embeddings * self.embedding_dim * 4


class DenseFeature(Section):
    """A numeric column. `fill` replaces nulls; without it a null sends the record to quarantine."""

    name: Name
    column: str
    transform: Literal["identity", "signed_log1p"] = "identity"
    fill: float | None = None

    @model_validator(mode="before")
    @classmethod
    def _column_is_named_like_the_feature(cls, values: Any) -> Any:
        if isinstance(values, dict) and "name" in values:
            return {"column": values["name"], **values}
        return values


class Ingest(Section):
    max_quarantined_share: Share = 0.01


class Priority(Section):
    """`S_t = (1−β)·S_{t−1} + β·(α·c⁺ + c⁻)` with β = `decay` and α = `positive_weight`.

    `floor`: rows whose priority falls below it are dropped, so that the state does not grow for
    ever; 0 drops none. Where none is given it is 0.001, or a tenth of what one access adds if that
    is less. `shark_core.access.priorities` bounds what a floor leaves out.
    """

    positive_weight: Positive = 2.0
    decay: Annotated[float, Key(gt=0.0, le=1.0)] = 0.2
    floor: NonNegative = Key(default=None, validate_default=True)

    @field_validator("floor", mode="before")
    @classmethod
    def _floor_follows_what_one_access_adds(cls, floor: Any, valid: ValidationInfo) -> Any:
        if floor is not None:
            return floor
        if not {"positive_weight", "decay"} <= valid.data.keys():
            return 0.0  # one of them is refused: that is what is told
        return min(0.001, 0.1 * _one_access(**valid.data))

    @model_validator(mode="after")
    def _floor_is_below_one_access(self) -> Self:
        least = _one_access(self.positive_weight, self.decay)
        if self.floor >= least:
            raise ValueError(
                f"floor must be below what one access adds, decay × min(positive_weight, 1) = "
                f"{least:g}: rows would be dropped on the day on which they are read"
            )
        return self


def _one_access(positive_weight: float, decay: float) -> float:
    """What an access adds to its row's priority on its day, at least."""
    return decay * min(positive_weight, 1.0)
