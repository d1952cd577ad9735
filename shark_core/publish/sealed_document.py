"""JSON documents with a checksum of themselves: storage may give back other bytes than it got.

A changed byte mostly leaves valid JSON. In the id of a promotion it would have the promotion done
again; in a snapshot's day it would take a ref back in time.

The checksum is that of the document's own bytes with the checksum's 64 digits as zeros, so that a
reader in any language can check it, whatever its way of writing numbers.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from typing import Any

CHECKSUM = "document_sha256"
ZEROS = b"0" * 64
PLACE = re.compile(rb'"' + CHECKSUM.encode() + rb'": "([0-9a-f]{64})"')


def seal(document: Mapping[str, Any], indent: int | None = None) -> bytes:
    unsealed = {**document, CHECKSUM: ZEROS.decode()}
    content = (json.dumps(unsealed, indent=indent, sort_keys=True) + "\n").encode()
    at = _place(content)
    return content[:at] + hashlib.sha256(content).hexdigest().encode() + content[at + len(ZEROS) :]


def unseal(content: bytes) -> dict[str, Any]:
    """What was sealed. Raises `ValueError` for anything else."""
    at = _place(content)
    found = content[at : at + len(ZEROS)].decode()
    expected = hashlib.sha256(content[:at] + ZEROS + content[at + len(ZEROS) :]).hexdigest()
    if found != expected:
        raise ValueError(f"the checksum {found} is not that of the content")
    document: dict[str, Any] = json.loads(content)
    del document[CHECKSUM]
    return document


def _place(content: bytes) -> int:
    """Where the checksum's digits begin."""
    found = [match.start(1) for match in PLACE.finditer(content)]
    if len(found) != 1:
        raise ValueError(f"a document has one {CHECKSUM}, this has {len(found)}")
    return found[0]
