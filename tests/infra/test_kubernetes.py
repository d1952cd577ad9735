"""Rights and pods, as far as they can be checked without a cluster."""

from __future__ import annotations

import importlib
import json
from datetime import timedelta
from types import ModuleType
from typing import Any

import kubernetes_validate
import pytest
import yaml

from tests.infra.deployment import (
    CHECKOUT,
    HELM_ENVIRONMENT,
    HELM_TEXT,
    HELM_VALUES,
    INFRA,
    NAMES_A_SECRET,
    RELEASE,
    RELEASES_OF_KUBERNETES,
    leaves,
)

RIGHTS = list(yaml.safe_load_all((INFRA / "kubernetes" / "rbac.yaml").read_text()))
PODS = json.loads((INFRA / "kubernetes" / "pods.json").read_text())
POOLS = ("default_pool", "spark", "gpu")
RIGHT_KINDS = ["Namespace", "ServiceAccount", "Role", "RoleBinding"]


def of_kind(kind: str) -> dict[str, Any]:
    (found,) = (item for item in RIGHTS if item["kind"] == kind)
    return found


@pytest.fixture
def launcher(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(CHECKOUT / "dags"))
    return importlib.import_module("shark_airflow.launch")


def launched(launcher: ModuleType, pool: str) -> list[str]:
    """The command for a job of `pool`, with the settings that the chart gives to the scheduler."""
    pods = str(INFRA / "kubernetes" / "pods.json")
    job = launcher.Job(
        ["ingest", "--date", "2026-01-01"], pool, "dag run ingest", timedelta(hours=6)
    )
    command: list[str] = launcher.launch(job, HELM_ENVIRONMENT | {"JOBS_PODS": pods}).command
    return command


def option(command: list[str], name: str) -> str:
    (found,) = (word.partition("=")[2] for word in command if word.startswith(f"--{name}="))
    return found


def pod(launcher: ModuleType, pool: str) -> dict[str, Any]:
    """What `kubectl run` makes of the command: the container of that name, with the overrides."""
    command = launched(launcher, pool)
    made = json.loads(option(command, "overrides"))
    (container,) = made["spec"]["containers"]
    container["image"] = option(command, "image")
    container["command"] = command[command.index("--") + 1 :]
    assert container["name"] == command[2]
    metadata = {"name": command[2], "namespace": option(command, "namespace")}
    return {**made, "kind": "Pod", "metadata": metadata}


@pytest.mark.parametrize("release", RELEASES_OF_KUBERNETES)
def test_kubernetes_takes_the_rights(release: str) -> None:
    assert [item["kind"] for item in RIGHTS] == RIGHT_KINDS
    for item in RIGHTS:
        assert kubernetes_validate.validate(item, release, strict=True) == release


@pytest.mark.parametrize("release", RELEASES_OF_KUBERNETES)
@pytest.mark.parametrize("pool", POOLS)
def test_kubernetes_takes_the_pod_of_each_pool(
    launcher: ModuleType, pool: str, release: str
) -> None:
    assert kubernetes_validate.validate(pod(launcher, pool), release, strict=True) == release


@pytest.mark.parametrize("pool", POOLS)
def test_pods_keep_to_the_restricted_standard_of_their_namespace(
    launcher: ModuleType, pool: str
) -> None:
    made = pod(launcher, pool)
    namespace, account = of_kind("Namespace"), of_kind("ServiceAccount")
    assert namespace["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "restricted"
    assert made["metadata"]["namespace"] == namespace["metadata"]["name"]
    assert account["metadata"]["namespace"] == namespace["metadata"]["name"]
    spec = made["spec"]
    assert spec["serviceAccountName"] == account["metadata"]["name"]
    assert spec["securityContext"]["runAsNonRoot"] is True
    assert spec["securityContext"]["runAsUser"] == 50000  # the images'
    assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    (container,) = spec["containers"]
    assert container["securityContext"]["allowPrivilegeEscalation"] is False
    assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}
    assert {kind for v in spec["volumes"] for kind in v if kind != "name"} <= {
        "emptyDir",
        "configMap",
    }


@pytest.mark.parametrize("pool", POOLS)
def test_a_pod_can_be_ended_writes_only_to_tmp_and_has_bounded_memory(
    launcher: ModuleType, pool: str
) -> None:
    spec = pod(launcher, pool)["spec"]
    assert spec["shareProcessNamespace"] is True  # as process 1, Python would ignore SIGTERM
    (container,) = spec["containers"]
    assert container["securityContext"]["readOnlyRootFilesystem"] is True
    mounts = {mount["name"]: mount for mount in container["volumeMounts"]}
    assert mounts.keys() == {volume["name"] for volume in spec["volumes"]}
    assert [m["mountPath"] for m in mounts.values() if not m.get("readOnly")] == ["/tmp"]  # noqa: S108
    resources = container["resources"]
    assert {"cpu", "memory", "ephemeral-storage"} <= resources["requests"].keys()
    assert "memory" in resources["limits"]


def test_only_the_pool_gpu_gets_an_accelerator_and_its_image(launcher: ModuleType) -> None:
    made = {pool: pod(launcher, pool)["spec"]["containers"][0] for pool in POOLS}
    limits = {pool: c["resources"]["limits"].get("nvidia.com/gpu") for pool, c in made.items()}
    assert limits == {"default_pool": None, "spark": None, "gpu": "1"}
    images = {pool: c["image"].split("/")[-1] for pool, c in made.items()}
    cpu, cuda = f"jobs-cpu:{RELEASE}", f"jobs-cuda:{RELEASE}"
    assert images == {"default_pool": cpu, "spark": cpu, "gpu": cuda}


def test_pools_of_pods_are_those_of_airflow() -> None:
    pools = json.loads((INFRA / "airflow" / "pools.json").read_text())
    assert PODS.keys() == {"default", *pools}


def test_the_scheduler_may_do_what_the_launcher_does_and_no_more() -> None:
    role, binding = of_kind("Role"), of_kind("RoleBinding")
    granted = {r: sorted(rule["verbs"]) for rule in role["rules"] for r in rule["resources"]}
    assert granted == {
        "pods": ["create", "delete", "get", "list", "watch"],
        "pods/log": ["get"],
        "pods/attach": ["create", "get"],
    }
    assert all(rule["apiGroups"] == [""] for rule in role["rules"])
    assert role["metadata"]["namespace"] == HELM_ENVIRONMENT["JOBS_NAMESPACE"]
    assert binding["metadata"]["namespace"] == HELM_ENVIRONMENT["JOBS_NAMESPACE"]
    assert binding["roleRef"]["name"] == role["metadata"]["name"]
    (subject,) = binding["subjects"]
    assert subject["name"] == HELM_VALUES["scheduler"]["serviceAccount"]["name"]
    assert f" -n {subject['namespace']} -f infra/helm/values.yaml" in HELM_TEXT
    assert HELM_VALUES["allowPodLaunching"] is False


def test_rights_and_pods_hold_no_secrets() -> None:
    for path, leaf in leaves([*RIGHTS, PODS]):
        assert not NAMES_A_SECRET.search(path[-1]), f"{path}: {leaf}"
