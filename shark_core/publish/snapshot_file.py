"""A file of a snapshot as a manifest lists it, and the checksums of its content.

sha256 names the content: committing, verifying and putting right go by it. It takes longer than all
else that reading a table does, so that a manifest holds xxh3_128 besides, ten times as fast and as
good at finding what storage and networks damage. It was computed of the bytes whose sha256 was
checked at the commit. Only who forges bytes on purpose gets past it, not past `snapshots verify`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any, Protocol

from pydantic import SerializerFunctionWrapHandler, model_serializer
from xxhash import xxh3_128

from shark_core.config_sections import Section

SHA256, FAST = "sha256", "xxh3_128"


class Checksum(Protocol):
    def update(self, data: bytes, /) -> None: ...

    def hexdigest(self) -> str: ...


CHECKSUMS: dict[str, Callable[[], Checksum]] = {SHA256: hashlib.sha256, FAST: xxh3_128}


class SnapshotFile(Section):
    """`name` is relative to the attempt's folder; `rows` is 0 for files that are not tables.

    `xxh3_128` is None before the commit, and in manifests of releases that did not know it.
    """

    name: str
    rows: int
    bytes: int
    sha256: str
    xxh3_128: str | None = None

    @model_serializer(mode="wrap")
    def _without_what_it_has_not(self, fields: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Manifests without the second checksum stay as they are to the last byte."""
        return {key: value for key, value in fields(self).items() if value is not None}

    @property
    def checksums(self) -> dict[str, str]:
        """Those that it has, by their names in `CHECKSUMS`."""
        return {SHA256: self.sha256, **({} if self.xxh3_128 is None else {FAST: self.xxh3_128})}

    @property
    def read_by(self) -> str:
        """The checksum that readers check."""
        return SHA256 if self.xxh3_128 is None else FAST
