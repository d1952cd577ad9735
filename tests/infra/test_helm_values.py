"""The values for Airflow's chart, as far as they can be checked without Helm and the chart.

The chart's own schema of values is not in any package: it was read once, by hand, when the values
were written (chart 1.22.0).
"""

from __future__ import annotations

import re
from typing import Any

import kubernetes_validate
import pytest

from tests.infra.deployment import (
    HELM_ENVIRONMENT,
    HELM_TEXT,
    HELM_VALUES,
    NAMES_A_SECRET,
    RELEASE,
    RELEASES_OF_KUBERNETES,
    airflow_options,
    launcher_settings,
    leaves,
    requirements,
)

CHART = "1.22.0"
PARTS = ("scheduler", "apiServer", "dagProcessor")
# Value of the chart → key in the Secret that it names: other names would be taken as not given,
# and the chart would make a key of its own, anew at each upgrade.
SECRETS = {
    "fernetKeySecretName": "fernet-key",
    "apiSecretKeySecretName": "api-secret-key",
    "jwtSecretName": "jwt-secret",
}


def test_values_name_the_versions_that_were_tested() -> None:
    assert HELM_VALUES["airflowVersion"] == requirements()["apache-airflow"]
    assert HELM_VALUES["images"]["airflow"]["tag"] == RELEASE
    images = [HELM_ENVIRONMENT["JOBS_IMAGE"], HELM_ENVIRONMENT["JOBS_GPU_IMAGE"]]
    assert [image.rpartition(":")[2] for image in images] == [RELEASE, RELEASE]
    assert re.findall(r"version (\d+\.\d+\.\d+)", HELM_TEXT) == [CHART, CHART]


def test_values_say_only_what_airflow_and_the_launcher_know() -> None:
    options = {
        f"AIRFLOW__{section}__{name}".upper()
        for section, content in HELM_VALUES["config"].items()
        for name in content
    }
    assert "AIRFLOW__CORE__EXECUTION_API_SERVER_URL" in options
    assert options - airflow_options() == set()
    jobs = {name for name in HELM_ENVIRONMENT if name.startswith("JOBS_")}
    assert jobs - launcher_settings() == set()
    assert HELM_ENVIRONMENT["JOBS_LAUNCHER"] == "kubernetes"
    assert HELM_VALUES["executor"] == "LocalExecutor"


def test_the_launcher_finds_its_pods_where_the_chart_mounts_them() -> None:
    scheduler = HELM_VALUES["scheduler"]
    (mount,), (volume,) = scheduler["extraVolumeMounts"], scheduler["extraVolumes"]
    assert mount["name"] == volume["name"]
    assert HELM_ENVIRONMENT["JOBS_PODS"] == f"{mount['mountPath']}/pods.json"
    name = volume["configMap"]["name"]
    assert f"create configmap {name} --from-file=infra/kubernetes/pods.json" in HELM_TEXT


@pytest.mark.parametrize("release", RELEASES_OF_KUBERNETES)
@pytest.mark.parametrize("part", PARTS)
def test_kubernetes_takes_what_the_chart_hands_on(part: str, release: str) -> None:
    values = HELM_VALUES[part]
    container = {
        "name": "airflow",
        "image": "airflow",
        "env": HELM_VALUES["env"],
        "resources": values["resources"],
        "volumeMounts": values.get("extraVolumeMounts", []),
    }
    spec: dict[str, Any] = {"containers": [container], "volumes": values.get("extraVolumes", [])}
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "airflow"}, "spec": spec}
    assert kubernetes_validate.validate(pod, release, strict=True) == release


def test_only_the_scheduler_can_talk_to_kubernetes() -> None:
    mounted = {
        part: HELM_VALUES[part]["serviceAccount"].get("automountServiceAccountToken", True)
        for part in PARTS
    }
    assert mounted == {"scheduler": True} | dict.fromkeys(PARTS[1:], False)


def test_secrets_are_named_and_not_here() -> None:
    for path, leaf in leaves(HELM_VALUES):
        assert not NAMES_A_SECRET.search(path[-1]), f"{path}: {leaf}"
    for value, key in SECRETS.items():
        assert f"{HELM_VALUES[value]} (key {key})" in HELM_TEXT
    database = HELM_VALUES["data"]["metadataSecretName"]
    assert f"create secret generic {database} \\\n#       --from-literal=connection=" in HELM_TEXT
    assert HELM_VALUES["createUserJob"] == {"enabled": False}  # else admin, admin
    assert HELM_VALUES["postgresql"] == {"enabled": False}
