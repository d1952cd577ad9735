"""Independent random streams from one configured seed."""

from __future__ import annotations

import hashlib


def derived_seed(seed: int, *purpose: str | int) -> int:
    """63 bits that depend on the seed and on what they are for: a field's table, an epoch's order.

    Another field or another epoch does not change the stream of this one.
    """
    digest = hashlib.sha256("/".join(map(str, (seed, *purpose))).encode()).digest()
    return int.from_bytes(digest[:8], "little") >> 1
