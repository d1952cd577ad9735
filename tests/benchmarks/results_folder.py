"""The command line of benchmarks that write files: `--quick`, and `--out` for where they go."""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable
from pathlib import Path


def run_into_folder(
    name: str, description: str | None, quick: str, run: Callable[[bool, Path], None]
) -> None:
    """`run(quick, folder)`; `quick` says what `--quick` leaves out. `description`: a docstring."""
    parser = argparse.ArgumentParser(description=(description or "").splitlines()[0])
    parser.add_argument("--quick", action="store_true", help=quick)
    parser.add_argument("--out", type=Path, help="folder of the results")
    arguments = parser.parse_args()
    out = arguments.out or Path(tempfile.mkdtemp(prefix=f"{name}_"))
    out.mkdir(parents=True, exist_ok=True)
    print(f"results go to {out}")
    run(arguments.quick, out)
