"""Names of refs, and of branches of a lake: a branch publishes to the ref of its name."""

from __future__ import annotations

import re

from shark_core.errors import ConfigError

NAME = re.compile(r"[a-z][a-z0-9._-]{0,99}")
EXPECTED = "a letter, then letters, digits and . _ -, at most 100, no capitals"


def is_ref_name(name: str) -> bool:
    return NAME.fullmatch(name) is not None


def check_ref_name(name: str) -> str:
    """The name itself. Raises `ConfigError` for what is none."""
    if not is_ref_name(name):
        raise ConfigError(
            "not a name of a ref",
            expected=EXPECTED,
            found=repr(name),
            remedy="name one of `python -m jobs release show`, or choose another name",
        )
    return name
