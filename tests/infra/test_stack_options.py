"""What a stack is asked for, and what of it cannot be had."""

from __future__ import annotations

import getpass
import os
import re
import socket
from pathlib import Path

import pytest

from infra.airflow.failure import Failure
from infra.stack import postgres
from infra.stack.folder import StackFolder
from infra.stack.options import Options, differences
from infra.stack.pipeline_config import DEMO, config_path, set_config, stock_config, write_config
from infra.stack.ports import check_port
from infra.stack.postgres import Postgres, find_tools
from infra.stack.s3 import variables, without_aws
from infra.stack.up import up
from shark_core.config import load_config


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"db": "mysql"}, "DB is not valid\n  expected: sqlite or postgres\n  found:    mysql"),
        ({"s3": "minio"}, "S3 is not valid\n  expected: none or moto"),
        ({"port": 65536}, "PORT is not valid\n  expected: 0 "),
        ({"spark_port": -1}, "SPARK_PORT is not valid"),
    ],
)
def test_what_there_is_not_is_refused(asked: dict[str, object], said: str) -> None:
    with pytest.raises(Failure, match=re.escape(said)):
        Options(**asked)  # type: ignore[arg-type]


def test_port_zero_is_a_free_one_and_others_stay() -> None:
    options = Options(port=0, s3_port=0).with_free_ports()
    assert options.port != options.s3_port
    assert options.spark_port == Options().spark_port
    check_port("port", options.port)


def test_only_what_is_asked_for_can_differ() -> None:
    running = Options(db="postgres", port=8081)
    assert differences(running, {}) == []
    assert differences(running, {"db": "postgres", "port": 8080}) == ["PORT=8081, not 8080"]


def test_a_taken_port_is_told_before_anything_starts(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        said = rf"S3_PORT={port} cannot be used[\s\S]+make up S3_PORT={port + 1}"
        with pytest.raises(Failure, match=said):
            up(StackFolder(tmp_path), {"s3": "moto", "s3_port": port, "port": 0}, print)
    assert not (tmp_path / "state.json").exists()
    assert not (tmp_path / "airflow").exists()


def test_a_config_names_the_stacks_storage_and_cluster(tmp_path: Path) -> None:
    folder = StackFolder(tmp_path)
    options = Options(s3="moto", spark="standalone", spark_port=7099)
    write_config(folder, options)
    ours = load_config(stock_config(folder, options))
    assert (ours.lake, ours.spark.master) == ("s3://shark/lake", "spark://127.0.0.1:7099")
    assert ours.spark.executor_memory == "1g"
    assert ours.fields == load_config(config_path(DEMO)).fields
    assert stock_config(folder, Options()) == DEMO


class Variables:
    """Of an Airflow."""

    def __init__(self, value: str | None) -> None:
        self.value = value

    def variable(self, key: str) -> str | None:
        assert key == "shark_config"
        return self.value

    def set_variable(self, key: str, value: str, description: str = "") -> None:
        self.value = value


def test_a_config_that_a_person_has_set_stays(tmp_path: Path) -> None:
    folder, moto = StackFolder(tmp_path), Options(s3="moto")
    ours = str(folder.config)
    for found, options, wanted in [
        (None, Options(), DEMO),
        (DEMO, moto, ours),
        (ours, Options(), DEMO),
        ("my.yaml", moto, "my.yaml"),
    ]:
        airflow = Variables(found)
        assert set_config(airflow, folder, options) == wanted  # type: ignore[arg-type]
        assert airflow.value == wanted


def test_keys_of_the_users_cloud_stay_out_of_the_simulated_one() -> None:
    inherited = {"AWS_SECRET_ACCESS_KEY": "mine", "AWS_PROFILE": "work", "PATH": "/bin"}
    environment = {**without_aws(inherited), **variables(9000)}
    assert environment["PATH"] == "/bin"
    assert "mine" not in environment.values()
    assert "AWS_PROFILE" not in environment
    assert environment["AWS_ENDPOINT_URL_S3"] == "http://127.0.0.1:9000"


def packages_of(folder: Path, *majors: str) -> Path:
    for major in majors:
        (folder / major / "bin").mkdir(parents=True)
        for tool in postgres.TOOLS:
            (folder / major / "bin" / tool).touch()
    return folder


def test_postgres_is_the_newest_or_the_one_that_made_the_cluster(tmp_path: Path) -> None:
    packages = packages_of(tmp_path, "9.6", "15", "17")
    (packages / "17" / "bin" / "initdb").unlink()
    assert find_tools(packages=packages) == packages / "15" / "bin"
    assert find_tools("9.6", packages) == packages / "9.6" / "bin"
    with pytest.raises(Failure, match=r"PostgreSQL 17, which made the cluster \(found: "):
        find_tools("17", packages)


def test_a_missing_postgres_is_told_with_how_to_get_it(tmp_path: Path) -> None:
    with pytest.raises(Failure, match=r"PostgreSQL's server[\s\S]+apt install postgresql"):
        find_tools(packages=tmp_path)


def test_a_path_too_long_for_a_socket_is_told() -> None:
    with pytest.raises(Failure, match="socket is too long"):
        postgres.check_socket(Path("/" + "x" * 100) / postgres.SOCKET)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root runs PostgreSQL as another account")
def test_a_folder_that_the_account_cannot_enter_is_told(tmp_path: Path) -> None:
    (tmp_path / "private").mkdir(mode=0o700)
    cluster = Postgres(tmp_path / "private" / "postgres")
    assert cluster.account != getpass.getuser()
    with pytest.raises(Failure, match=r"cannot enter the stack's folder[\s\S]+chmod o\+x"):
        cluster._prepare(tmp_path)
