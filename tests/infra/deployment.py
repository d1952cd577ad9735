"""What the tests of images, compose and Kubernetes files read of the checkout."""

from __future__ import annotations

import importlib.util
import re
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import yaml

CHECKOUT = Path(__file__).parents[2]
INFRA = CHECKOUT / "infra"
RELEASE = tomllib.loads((CHECKOUT / "pyproject.toml").read_text())["project"]["version"]

# The oldest that the Airflow chart takes, and the newest whose schemas are here.
RELEASES_OF_KUBERNETES = ("1.30", "1.37")
HELM_TEXT = (INFRA / "helm" / "values.yaml").read_text()
HELM_VALUES: dict[str, Any] = yaml.safe_load(HELM_TEXT)
HELM_ENVIRONMENT: dict[str, str] = {item["name"]: item["value"] for item in HELM_VALUES["env"]}

NAMES_A_SECRET = re.compile(
    r"(?i)(pass(word)?|secret|(^|_)token|(fernet|secret|private|access)_?key)$"
)


def requirements() -> dict[str, str]:
    """Package → its pinned version, without the tests' tools."""
    ours = (CHECKOUT / "requirements.txt").read_text().split("# Tests and checks")[0]
    return _pins(ours)


def all_requirements() -> dict[str, str]:
    return _pins((CHECKOUT / "requirements.txt").read_text())


def _pins(text: str) -> dict[str, str]:
    return dict(re.findall(r"^([\w.-]+)(?:\[\w+\])?==(\S+)$", text, re.MULTILINE))


@cache
def airflow_options() -> frozenset[str]:
    """Names of the environment variables by which this Airflow is configured."""
    spec = importlib.util.find_spec("airflow")
    assert spec is not None
    assert spec.origin is not None
    text = (Path(spec.origin).parent / "config_templates" / "config.yml").read_text()
    return frozenset(
        f"AIRFLOW__{section}__{option}".upper()
        for section, content in yaml.safe_load(text).items()
        for option in content["options"]
    )


def launcher_settings() -> frozenset[str]:
    """The environment variables that the launcher of jobs reads."""
    source = (CHECKOUT / "dags" / "shark_airflow" / "launch.py").read_text()
    return frozenset(re.findall(r"""["'](JOBS_[A-Z_]+)["']""", source))


def leaves(value: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Everything in a YAML or JSON value that is neither mapping nor list, with its path."""
    if isinstance(value, dict):
        for key, item in value.items():
            yield from leaves(item, (*path, str(key)))
    elif isinstance(value, list):
        for number, item in enumerate(value):
            yield from leaves(item, (*path, str(number)))
    else:
        yield path, value
