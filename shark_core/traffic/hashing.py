"""xxHash64 of texts, equal bit for bit to Spark's `xxhash64(text)`."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
from xxhash import xxh64_intdigest

SPARK_SEED = 42


def xxhash64(texts: pa.Array) -> np.ndarray:
    """Unsigned hashes `(N,)` uint64 of the texts' UTF-8 bytes; no text may be null."""
    contents = texts.cast(pa.large_binary()).to_pylist()
    hashes = (xxh64_intdigest(content, SPARK_SEED) for content in contents)
    return np.fromiter(hashes, dtype=np.uint64, count=len(contents))


def hash_rows(texts: pa.Array, num_embeddings: int) -> np.ndarray:
    """Row ids `(N,)` int64 in [1, num_embeddings); row 0 is left to missing values.

    Spark's `pmod(xxhash64(text), num_embeddings - 1) + 1`: the hash is a signed long there.
    """
    return np.mod(xxhash64(texts).view(np.int64), num_embeddings - 1) + 1
