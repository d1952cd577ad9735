"""Where the real logs lie, which are never part of the project, and marks for tests that need them.

<parent of the repository>/shared/data/kuairand/…
                                      /criteo_raw/train.tsv
"""

from __future__ import annotations

from pathlib import Path

import pytest

DATA = Path(__file__).parents[2] / "shared" / "data"
KUAIRAND = DATA / "kuairand"
CRITEO = DATA / "criteo_raw" / "train.tsv"

needs_kuairand = pytest.mark.skipif(
    not KUAIRAND.is_dir(), reason=f"KuaiRand's files are not at {KUAIRAND}"
)
needs_criteo = pytest.mark.skipif(
    not CRITEO.is_file(), reason=f"the sample of Criteo's log is not at {CRITEO}"
)
