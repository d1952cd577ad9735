"""A branch of a lake: written to beside the daily runs, which neither see it nor wait for it.

    <lake>/compressed/ds=2026-01-03/                 of the daily run
    <lake>/branches/brand/compressed/ds=2026-01-03/  of a job with `--branch brand`

A job on a branch writes there only. It reads a partition there where the branch has it, and from
the lake where it has not: a branch begins as the lake is, and holds what differs.
"""

from __future__ import annotations

import re

from shark_core.errors import ConfigError
from shark_core.ref_names import EXPECTED, is_ref_name

FOLDER = "branches"
RESERVED = ("candidate", "production")  # refs of the daily runs
PREFIX = re.compile(rf"^{FOLDER}/[^/]+/")


def is_branch_name(name: str) -> bool:
    return is_ref_name(name) and name not in RESERVED


def check_branch(name: str) -> str:
    """The name itself; empty means the lake. Raises `ConfigError` for what is not a name."""
    if name and not is_branch_name(name):
        raise ConfigError(
            "not a name of a branch",
            expected=f"{EXPECTED}; not {' or '.join(RESERVED)}",
            found=repr(name),
            remedy="choose another name for --branch: the ref that it publishes to has it too",
        )
    return name


def folder_of(branch: str) -> str:
    return f"{FOLDER}/{branch}"


def on_branch(branch: str, path: str) -> str:
    """Where a path of the lake is on a branch."""
    return f"{folder_of(branch)}/{path}" if branch else path


def without_branch(path: str) -> str:
    """The path of the lake that a path on a branch stands for."""
    return PREFIX.sub("", path)
