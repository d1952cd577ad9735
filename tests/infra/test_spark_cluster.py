"""The cluster of `infra.spark`: up with what it was asked for, and gone without a trace."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil
import pytest

from infra.spark import cluster as cluster_module
from infra.spark.cluster import LocalCluster
from infra.spark.options import ClusterSize
from shark_core.errors import ConfigError, RetryableError

pytestmark = [pytest.mark.spark, pytest.mark.slow]

CHECKOUT = Path(__file__).parents[2]
ONE_WORKER = ClusterSize(workers=1)


@pytest.fixture(scope="module")
def cluster() -> Iterator[LocalCluster]:
    with LocalCluster(ClusterSize(workers=2)) as running:
        yield running


def processes_in(folder: Path) -> list[psutil.Process]:
    """Living processes that work in `folder`: a cluster's daemons, executors and Python workers."""
    found = []
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            if process.status() != psutil.STATUS_ZOMBIE and Path(process.cwd()).is_relative_to(
                folder
            ):
                found.append(process)
    return found


def wait_until_empty(folder: Path) -> None:
    deadline = time.monotonic() + 20
    while processes_in(folder):
        assert time.monotonic() < deadline, processes_in(folder)
        time.sleep(0.1)


def listening(process: psutil.Process) -> set[str]:
    connections = process.net_connections(kind="inet")
    return {c.laddr.ip for c in connections if c.status == psutil.CONN_LISTEN}


def test_everything_listens_on_the_loopback_address_only(cluster: LocalCluster) -> None:
    processes = processes_in(cluster.folder)
    assert len(processes) == 3
    for process in processes:
        assert listening(process) == {"::ffff:127.0.0.1"}
    assert re.fullmatch(r"spark://127\.0\.0\.1:\d+", cluster.url)
    assert set(cluster.workers) < {process.pid for process in processes}


def test_a_second_cluster_has_its_own_ports_and_ends_alone(
    cluster: LocalCluster, tmp_path: Path
) -> None:
    with LocalCluster(ONE_WORKER, parent=tmp_path) as second:
        assert second.url != cluster.url
        assert len(processes_in(tmp_path)) == 2
    assert processes_in(tmp_path) == []
    assert list(tmp_path.iterdir()) == []
    cluster.check()


def test_a_start_that_fails_half_way_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def without_a_worker(name: str) -> list[str]:
        return launcher(name) if name == "master.Master" else ["/bin/ls", "--no-such-option"]

    launcher = cluster_module._launcher
    monkeypatch.setattr(cluster_module, "_launcher", without_a_worker)
    with pytest.raises(RetryableError) as caught, LocalCluster(ONE_WORKER, parent=tmp_path):
        pass
    assert "worker-0 does not start" in str(caught.value)
    assert "│ /bin/ls: unrecognized option" in str(caught.value)
    assert processes_in(tmp_path) == []
    assert list(tmp_path.iterdir()) == []


@contextmanager
def command(parent: Path, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    """`python -m infra.spark` with one worker; its temporary folder is in `parent`."""
    program = [sys.executable, "-m", "infra.spark", "--workers", "1", "--folder", str(parent)]
    process = subprocess.Popen(
        [*program, *arguments],
        cwd=CHECKOUT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def test_the_command_says_where_it_is_and_ends_all_on_sigterm(tmp_path: Path) -> None:
    parent = tmp_path / "a folder"
    parent.mkdir()
    with command(parent, "--port", "0") as running:
        assert running.stdout is not None
        line = running.stdout.readline()
        url = re.match(r"spark://127\.0\.0\.1:\d+ ", line)
        assert url, line
        assert f'spark: {{master: "{url[0].strip()}", executor_memory: 1g}}' in line
        running.terminate()
        assert running.wait(20) == 0
    assert processes_in(parent) == []
    assert list(parent.iterdir()) == []


def test_ctrl_c_while_it_starts_leaves_nothing(tmp_path: Path) -> None:
    with command(tmp_path, "--port", "0") as starting:
        while not any(tmp_path.glob("*/master.log")):
            time.sleep(0.01)
        starting.send_signal(signal.SIGINT)
        assert starting.wait(20) == 0
    assert processes_in(tmp_path) == []
    assert list(tmp_path.iterdir()) == []


def test_nothing_outlives_a_parent_that_is_sigkilled(tmp_path: Path) -> None:
    with command(tmp_path, "--port", "0") as starting:
        while not any(tmp_path.glob("*/worker-0.log")):
            time.sleep(0.01)
        assert processes_in(tmp_path) != []
        starting.kill()
        starting.wait()
        wait_until_empty(tmp_path)


def test_the_command_ends_with_the_log_of_a_worker_that_dies(tmp_path: Path) -> None:
    with command(tmp_path, "--port", "0") as running:
        assert running.stdout is not None
        running.stdout.readline()
        (worker,) = [p for p in processes_in(tmp_path) if "Worker" in " ".join(p.cmdline())]
        os.kill(worker.pid, signal.SIGKILL)
        assert running.wait(20) == RetryableError.exit_code
        assert running.stderr is not None
        said = running.stderr.read()
    assert said.startswith("RetryableError: Spark's worker-0 has ended")
    assert "│" in said
    assert "Successfully registered with master" in said
    assert processes_in(tmp_path) == []
    assert list(tmp_path.iterdir()) == []


def test_a_port_that_is_taken_is_refused_before_java_starts(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        with command(tmp_path, "--port", port) as refused:
            _, said = refused.communicate(timeout=20)
    assert refused.returncode == ConfigError.exit_code
    assert f"port {port} cannot be used" in said
    assert "--port (0: any free one)" in said
    assert "Traceback" not in said


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("workers", 0),
        ("cores", -1),
        ("memory", "lots"),
        ("memory", "256m"),
        ("memory", "1.5g"),
    ],
)
def test_sizes_that_make_no_cluster_are_refused(option: str, value: object) -> None:
    with pytest.raises(ConfigError, match=rf"--{option} is not valid[\s\S]+{value}"):
        ClusterSize(**{option: value})


@pytest.mark.parametrize("port", [-1, 65536])
def test_ports_that_are_none_are_refused(port: int) -> None:
    with pytest.raises(ConfigError, match="--port is not valid"), LocalCluster(port=port):
        pass


def test_a_folder_that_is_not_there_is_refused(tmp_path: Path) -> None:
    nowhere = tmp_path / "nowhere"
    with pytest.raises(ConfigError, match="--folder is not valid"), LocalCluster(parent=nowhere):
        pass
