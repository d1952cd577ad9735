"""The compose file, as far as it can be checked without an engine."""

from __future__ import annotations

import re
import subprocess
import sys
from typing import Any

import pytest
import yaml

from tests.infra.deployment import (
    INFRA,
    NAMES_A_SECRET,
    RELEASE,
    airflow_options,
    all_requirements,
    launcher_settings,
    leaves,
)

COMPOSE = INFRA / "compose.yaml"
TEXT = COMPOSE.read_text()
FILE: dict[str, Any] = yaml.safe_load(TEXT)
SERVICES: dict[str, dict[str, Any]] = FILE["services"]
OURS = "shark/"

each_service = pytest.mark.parametrize("service", SERVICES.values(), ids=SERVICES)


def variables(service: dict[str, Any]) -> dict[str, Any]:
    return service.get("environment") or {}


def test_the_compose_specification_holds() -> None:
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec"]
    done = subprocess.run([*command, COMPOSE], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_everything_is_published_on_this_machine_only() -> None:
    published = [port for service in SERVICES.values() for port in service.get("ports", [])]
    assert len(published) == 3
    assert [port for port in published if not str(port).startswith("127.0.0.1:")] == []
    assert not [name for name, service in SERVICES.items() if "network_mode" in service]


@each_service
def test_a_service_runs_a_pinned_image_without_roots_rights(service: dict[str, Any]) -> None:
    repository, _, tag = service["image"].rpartition(":")
    assert re.fullmatch(r"\d+\.\d+(\.\d+)?(-[a-z]+)?", tag)
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert "privileged" not in service
    if repository.startswith(OURS):  # their users: tests of the images
        assert tag == RELEASE
        assert "user" not in service
    else:
        assert service["user"] not in ("root", "0", "0:0")


def test_the_simulated_s3_is_the_one_of_the_tests() -> None:
    assert SERVICES["s3"]["image"] == f"motoserver/moto:{all_requirements()['moto']}"


@each_service
def test_what_is_built_is_there_to_be_built(service: dict[str, Any]) -> None:
    if not service["image"].startswith(OURS):
        assert "build" not in service
        return
    build = service["build"]
    dockerfile = (INFRA / build["context"] / build["dockerfile"]).read_text()
    arguments = re.findall(r"^ARG (\w+)$", dockerfile, re.MULTILINE)
    assert build["args"].keys() <= set(arguments)
    if "target" in build:
        assert f" AS {build['target']}\n" in dockerfile


def test_secrets_come_from_outside_and_are_asked_for_where_they_are_missing() -> None:
    given = [(path[-1], value) for path, value in leaves(FILE) if NAMES_A_SECRET.search(path[-1])]
    assert len(given) > 10
    for name, value in given:
        assert value is None or re.fullmatch(r"\$\{\w+:\?[^}]+\}", value), f"{name}: {value}"
    # A default for a secret would be one, also inside of a longer value.
    defaults = re.findall(r"\$\{(\w+):?-", TEXT)
    assert [name for name in defaults if NAMES_A_SECRET.search(name)] == []
    assert re.findall(r"//\w+:(?!\$\{\w+:\?)\S*@", TEXT) == []


@each_service
def test_settings_are_known_to_airflow_and_to_the_launcher(service: dict[str, Any]) -> None:
    names = variables(service).keys()
    airflows = {name for name in names if name.startswith("AIRFLOW__")}
    assert airflows - airflow_options() == set()
    assert {name for name in names if name.startswith("JOBS_")} - launcher_settings() == set()


def test_all_of_airflow_shares_its_keys_and_its_database() -> None:
    shared = (
        "AIRFLOW__CORE__FERNET_KEY",
        "AIRFLOW__API_AUTH__JWT_SECRET",
        "AIRFLOW__API__SECRET_KEY",
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN",
        "AIRFLOW__CORE__EXECUTION_API_SERVER_URL",
    )
    parts = ("migrate", "api-server", "scheduler", "dag-processor")
    settings = [tuple(variables(SERVICES[part])[name] for name in shared) for part in parts]
    assert set(settings) == {settings[0]}


def test_jobs_get_none_of_the_services_secrets() -> None:
    """Jobs run where the scheduler does; they inherit all but Airflow's own variables."""
    inherited = [name for name in variables(SERVICES["scheduler"]) if "AIRFLOW" not in name]
    secrets = [name for name in inherited if NAMES_A_SECRET.search(name)]
    assert sorted(secrets) == ["AWS_SECRET_ACCESS_KEY"]


def test_paths_are_those_of_the_images() -> None:
    airflow = (INFRA / "images" / "airflow.Dockerfile").read_text()
    jobs = (INFRA / "images" / "jobs-cpu.Dockerfile").read_text()
    assert " infra/airflow/pools.json /opt/airflow/pools.json\n" in airflow
    assert "/opt/airflow/pools.json" in SERVICES["migrate"]["command"][-1]
    lake = "/opt/shark/.demo"
    assert re.search(rf"install .*--owner=airflow .* {re.escape(lake)}\n", airflow)
    assert "install --directory --owner=shark --group=root --mode=0770 .demo\n" in jobs
    for name in ("scheduler", "spark-worker"):
        assert f"lake:{lake}" in SERVICES[name]["volumes"]
    used = {volume.split(":")[0] for s in SERVICES.values() for volume in s.get("volumes", [])}
    assert FILE["volumes"].keys() == {name for name in used if not name.startswith(("$", "."))}
