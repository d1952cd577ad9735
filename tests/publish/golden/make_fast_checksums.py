"""Made once, by hand, with the release that gave files their second checksum; committed, and never
again:

    python -m tests.publish.golden.make_fast_checksums

    format-1-fast-checksums/…     as format-1/…, by the feature `fast_checksums`
"""

from __future__ import annotations

from pathlib import Path

from tests.publish.golden import make_format_1

TARGET = Path(__file__).parent / "format-1-fast-checksums"


def main() -> None:
    """Raises `ConfigError` where the golden files are there."""
    make_format_1.main(TARGET)


if __name__ == "__main__":
    main()
