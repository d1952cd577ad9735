"""The code version that markers and snapshot ids record."""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path

from shark_core import __version__


@cache
def code_version() -> str:
    """Release and a digest of the package's sources: `0.1.0+5d41402a`.

    The digest tells two checkouts of one release apart, so that results of changed code never pass
    for results of the release.
    """
    package = Path(__file__).parent
    digest = hashlib.sha256()
    for path in sorted(package.rglob("*.py")):
        digest.update(path.relative_to(package).as_posix().encode())
        digest.update(path.read_bytes())
    return f"{__version__}+{digest.hexdigest()[:8]}"
