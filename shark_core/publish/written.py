"""How much publishing a day stored, against what it would have been whole."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

from shark_core.publish.manifest import Manifest


@dataclass(frozen=True)
class Written:
    """`bytes` were stored; `bytes_whole` had no table been stored as its changes."""

    bytes: int
    bytes_whole: int
    tables: int
    tables_as_changes: int

    @classmethod
    def of(cls, draft: Manifest, published: Manifest) -> Self:
        return cls(
            bytes=published.nbytes,
            bytes_whole=draft.nbytes,
            tables=len(published.tables),
            tables_as_changes=sum(table.base is not None for table in published.tables),
        )
