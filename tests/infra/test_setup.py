"""What `make setup` says first where something is missing."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).parents[2]
TOOLS = ("bash", "cat", "dirname", "uname", "awk", "sed", "tr")


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A checkout that is not set up, and a PATH with nothing but the shell's tools."""
    shutil.copytree(CHECKOUT / "infra", tmp_path / "infra")
    shutil.copy(CHECKOUT / "requirements.txt", tmp_path)
    (tmp_path / "bin").mkdir()
    for tool in TOOLS:
        (tmp_path / "bin" / tool).symlink_to(str(shutil.which(tool)))
    return tmp_path


def add_tool(checkout: Path, name: str, script: str) -> None:
    path = checkout / "bin" / name
    path.write_text(f"#!/usr/bin/env bash\n{script}\n")
    path.chmod(0o755)


def first_lines(checkout: Path, **environment: str) -> list[str]:
    done = subprocess.run(
        ["bash", str(checkout / "infra" / "setup.sh")],
        env={"PATH": str(checkout / "bin"), **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode != 0
    assert not (checkout / ".venv").exists()
    return (done.stdout + done.stderr).splitlines()


def add_python(checkout: Path, script: str = "exit 0") -> None:
    (checkout / "bin" / "env").symlink_to(str(shutil.which("env")))
    add_tool(checkout, "python3.11", script)


def test_a_missing_python_is_said_first_and_how_to_get_it(checkout: Path) -> None:
    said = first_lines(checkout)
    assert said[0].startswith("setup: Python 3.11 is missing")
    assert "apt install python3.11" in said[1]


def test_a_missing_venv_module_is_said_first(checkout: Path) -> None:
    add_python(checkout, '[[ "$2" != *ensurepip* ]]')
    said = first_lines(checkout)
    assert said[0] == "setup: the venv module of python3.11 is missing"
    assert "apt install python3.11-venv" in said[1]


def test_a_full_disk_is_said_first_and_how_much_is_needed(checkout: Path) -> None:
    add_python(checkout)
    table = "Filesystem 1024-blocks Used Available\\ndisk 9 9 1048576\\n"
    add_tool(checkout, "df", f"printf '{table}'")
    said = first_lines(checkout)
    assert said[0].startswith("setup: not enough disk space: 4 GB needed in ")
    assert said[0].endswith(", 1 GB free")


def test_a_named_python_that_is_none_is_not_passed_over(checkout: Path) -> None:
    add_python(checkout)
    said = first_lines(checkout, PYTHON="/nowhere/python")
    assert said[0] == "setup: PYTHON=/nowhere/python is not a Python 3.11"
