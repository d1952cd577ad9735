"""Value → row id: one encoder for Spark's tasks and for serving.

    identity     7 → 7                                       the integer is the row
    hash         "cat" → 1 + xxhash64("cat") mod (n − 1)     null → 0
    vocabulary   "cat" → the row that it was given           null and not admitted → 0

Integers and booleans are hashed and looked up as Spark writes them: "12", "true".
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import types

from shark_core.config_sections import Field
from shark_core.errors import DataError
from shark_core.schemas import field_type
from shark_core.traffic.columns import field_values, is_text
from shark_core.traffic.hashing import hash_rows
from shark_core.traffic.vocabulary import Vocabulary

MISSING_ROW = 0
INTEGER_TEXT = r"^-?[0-9]{1,18}$"


@dataclass(frozen=True, eq=False)
class FieldEncoder:
    """Encodes one field. The encoding "vocabulary" needs one; the others take none."""

    field: Field
    vocabulary: Vocabulary | None = None

    def __post_init__(self) -> None:
        if (self.field.encoding == "vocabulary") != (self.vocabulary is not None):
            raise ValueError(f"field {self.field.name!r} is encoded by {self.field.encoding!r}")

    def encode(self, column: pa.Array) -> pa.Array:
        """Row ids of B records: int32 `(B,)`, or for a multi-valued field lists of int32.

        Raises `DataError` for an identity value outside the table; `ingest` has quarantined those.
        """
        jagged = field_values(column, self.field)
        rows = pa.array(self.encode_values(jagged.values), pa.int32())
        if not self.field.multi_valued:
            return rows
        offsets = np.concatenate([[0], np.cumsum(jagged.lengths)])
        kind = field_type(self.field)
        return pa.ListArray.from_arrays(pa.array(offsets, pa.int32()), rows, type=kind)

    def encode_values(self, values: pa.Array) -> np.ndarray:
        """Row ids `(N,)` int64 of plain values."""
        if self.field.encoding == "identity":
            return self._identity_rows(values)
        distinct = values.dictionary_encode()
        texts = canonical_texts(distinct.dictionary)
        rows = np.append(self._rows_of_texts(texts), MISSING_ROW)  # the last one is null's
        return rows[distinct.indices.fill_null(len(texts)).to_numpy()]

    def _rows_of_texts(self, texts: pa.Array) -> np.ndarray:
        if self.vocabulary is not None:
            return self.vocabulary.rows_of(texts)
        return hash_rows(texts, self.field.num_embeddings)

    def _identity_rows(self, values: pa.Array) -> np.ndarray:
        ids = integers(values)
        rows = ids.fill_null(-1).to_numpy()
        if len(rows) and not (rows.min() >= 0 and rows.max() < self.field.num_embeddings):
            raise DataError(
                f"field {self.field.name!r} has values outside its table",
                expected=f"integers from 0 to {self.field.num_embeddings - 1}",
                found=f"{ids.null_count} without a value, the others {pc.min_max(ids)}",
                remedy="raise num_embeddings, or encode the field by 'hash' or 'vocabulary'",
            )
        return rows


def canonical_texts(values: pa.Array) -> pa.Array:
    """Values as the texts that are hashed and looked up. Nulls stay null."""
    return values if is_text(values.type) else values.cast(pa.string())


def integers(values: pa.Array) -> pa.Array:
    """Plain values as int64; a text that is no integer becomes null, 2**63 and more negative."""
    if is_text(values.type):
        matches = pc.match_substring_regex(values, INTEGER_TEXT)
        values = pc.if_else(matches, values, pa.scalar(None, values.type))
    return values.cast(pa.int64(), safe=not types.is_unsigned_integer(values.type))
