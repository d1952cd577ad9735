from __future__ import annotations

from datetime import UTC, datetime

import pytest

from shark_core.errors import DataError
from shark_core.publish.manifest import parse_manifest
from shark_core.publish.ref_log import RefLog
from shark_core.publish.sealed_document import seal, unseal
from tests.publish.memory_store import MemoryStore
from tests.publish.snapshots import draft

DOCUMENT = {"text": "blå", "number": 0.1, "list": [1, None], "sha": {"a": True}}
KEY = "ctr/refs/production/99999999.json"


def test_what_was_sealed_comes_back() -> None:
    assert unseal(seal(DOCUMENT)) == unseal(seal(DOCUMENT, indent=1)) == DOCUMENT


def test_a_changed_byte_is_noticed_or_harmless() -> None:
    content = seal(DOCUMENT)
    for at in range(len(content)):
        for flip in (1, 2, 4, 16, 32, 64, 128):
            damaged = content[:at] + bytes([content[at] ^ flip]) + content[at + 1 :]
            try:
                assert unseal(damaged) == DOCUMENT
            except ValueError:
                continue


@pytest.mark.parametrize(
    "content", [b"", b"[]", b"null", b"{}", b'{"a": 1}', b'{"document_sha256": ""}']
)
def test_what_was_not_sealed_is_refused(content: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        unseal(content)


def test_a_promotion_is_not_repeated_where_the_storage_damages_its_id() -> None:
    store = MemoryStore()
    log = RefLog.of(store, "ctr", "production")
    log.promote("s1", "day-1", None, datetime(2026, 1, 1, tzinfo=UTC))
    store.contents[KEY] = store.contents[KEY].replace(b"day-1", b"day-7")
    with pytest.raises(DataError, match=r"(?s)damaged.*checksum"):
        log.promote("s1", "day-1", "s1", datetime(2026, 1, 2, tzinfo=UTC))


def test_a_manifest_whose_day_the_storage_changes_is_refused() -> None:
    content = draft("0123").to_bytes().replace(b"2022-04-25", b"2022-04-15")
    with pytest.raises(DataError, match="damaged"):
        parse_manifest(content, "here")
