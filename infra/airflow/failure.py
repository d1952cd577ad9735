"""What goes wrong with a local Airflow: what happened, and where to read more."""

from __future__ import annotations

from pathlib import Path


class Failure(Exception):  # noqa: N818 - it is an outcome
    """Shown to the person as it is, without a traceback; the command ends with exit code 1."""


def tail(path: Path, lines: int = 25) -> str:
    """The end of a text file, indented, with its path; for messages."""
    if not path.is_file():
        return f"  (no log at {path})"
    shown = path.read_text(encoding="utf-8", errors="replace").splitlines()[-lines:]
    return "\n".join([*(f"  │ {line}" for line in shown), f"  whole log: {path}"])
