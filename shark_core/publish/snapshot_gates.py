"""What a snapshot's own gates say, where somebody wants to serve it."""

from __future__ import annotations

from shark_core.errors import GateFailed
from shark_core.publish.manifest import Manifest


def require_gates(manifest: Manifest, remedy: str) -> None:
    """Raises `GateFailed` where a gate failed on the day that the snapshot was made."""
    if manifest.failed_gates:
        raise GateFailed(
            f"snapshot {manifest.snapshot_id} of {manifest.start.date()} is not released",
            expected="all gates passed",
            found=f"failed: {', '.join(manifest.failed_gates)}",
            where=f"snapshot {manifest.snapshot_id} of {manifest.model}",
            remedy=remedy,
        )
