"""Who may import whom, held by parsing every source file."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).parents[1]
SOURCES = ("dags", "infra", "jobs", "shark_core")

# A package may import from its own level and from those below, never from above.
LEVELS: dict[str, int] = {
    "background_hash": 0,
    "errors": 0,
    "lake_branch": 0,
    "ref_names": 0,
    "version": 0,
    "interval": 0,
    "confidence": 0,
    "config_sections": 0,
    "config": 0,
    "schemas": 0,
    "lake": 0,
    "lake_root": 0,
    "lake_filesystem": 0,
    "lake_sink": 0,
    "storage_errors": 0,
    "partition_writer": 0,
    "java": 0,
    "spark": 1,
    "traffic": 2,
    "access": 2,
    "models": 3,
    "importance": 4,
    "quantization": 5,
    "pruning": 5,
    "evaluation": 5,
    "publish": 6,
    "serving": 6,
    "report": 6,
}
SPARK_JOBS = {
    "ingest",
    "count_accesses",
    "update_priorities",
    "backfill_counts",
    "backfill_examples",
}
WITHOUT_TORCH = SPARK_JOBS | {"generate", "prepare"}
PYSPARK_PLACES = {"shark_core.spark", "shark_core.access", "shark_core.traffic"}
BOTO3_PLACE = "shark_core.publish.s3"


@dataclass(frozen=True)
class Import:
    """`importer` and `imported` are dotted; `at_start` means: as soon as the module is loaded."""

    importer: str
    imported: str
    at_start: bool

    def is_of(self, package: str) -> bool:
        return f"{self.imported}.".startswith(f"{package}.")

    def is_by(self, package: str) -> bool:
        return f"{self.importer}.".startswith(f"{package}.")

    def __str__(self) -> str:
        return f"{self.importer} imports {self.imported}"


def source_files() -> list[Path]:
    return sorted(path for folder in SOURCES for path in (CHECKOUT / folder).rglob("*.py"))


def module_name(path: Path) -> str:
    parts = path.relative_to(CHECKOUT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imports_of(path: Path) -> Iterator[Import]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    inside = {
        id(node)
        for function in ast.walk(tree)
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef)
        for node in ast.walk(function)
    }
    for node in ast.walk(tree):
        at_start = id(node) not in inside
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield Import(module_name(path), alias.name, at_start)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative imports hide where a name comes from"
            for alias in node.names:
                yield Import(module_name(path), f"{node.module}.{alias.name}", at_start)


@pytest.fixture(scope="module")
def imports() -> list[Import]:
    found = [entry for path in source_files() for entry in imports_of(path)]
    assert len(found) > 100
    return found


def complaints(wrong: Iterator[Import]) -> str:
    return "\n".join(sorted(map(str, wrong)))


def test_dags_import_airflow_and_the_standard_library_only(imports: list[Import]) -> None:
    allowed = {*sys.stdlib_module_names, "airflow", "shark_airflow"}
    wrong = (i for i in imports if i.is_by("dags") and i.imported.split(".")[0] not in allowed)
    assert complaints(wrong) == ""


def test_only_dags_import_airflow(imports: list[Import]) -> None:
    assert complaints(i for i in imports if i.is_of("airflow") and not i.is_by("dags")) == ""


def test_no_job_imports_another_job(imports: list[Import]) -> None:
    shared = ("jobs.context", "jobs.registry", "jobs.console", "jobs.backfilling")
    command_line = {"jobs.__main__", "jobs.cli", "jobs.day_commands", "jobs.backfill_commands"}
    wrong = (
        i
        for i in imports
        if i.is_by("jobs") and i.is_of("jobs") and i.importer not in command_line
        if not any(i.is_of(module) for module in shared)
    )
    assert complaints(wrong) == ""


def test_shark_core_imports_neither_jobs_nor_dags_nor_infra(imports: list[Import]) -> None:
    above = ("jobs", "dags", "infra", "tests")
    wrong = (i for i in imports if i.is_by("shark_core") and any(i.is_of(a) for a in above))
    assert complaints(wrong) == ""


def test_packages_of_shark_core_never_import_upwards(imports: list[Import]) -> None:
    def level(module: str) -> int:
        return LEVELS[module.split(".")[1]]

    inside = [i for i in imports if i.is_by("shark_core") and i.is_of("shark_core")]
    wrong = (i for i in inside if i.imported.split(".")[1] in LEVELS)
    assert complaints(i for i in wrong if level(i.imported) > level(i.importer)) == ""


def test_each_package_of_shark_core_has_its_level() -> None:
    names = {path.stem for path in (CHECKOUT / "shark_core").iterdir() if path.suffix == ".py"}
    names |= {path.parent.name for path in (CHECKOUT / "shark_core").glob("*/*.py")}
    assert names - {"__init__"} <= set(LEVELS)


def test_pyspark_stays_in_its_places(imports: list[Import]) -> None:
    places = PYSPARK_PLACES | {f"jobs.{job}" for job in SPARK_JOBS}
    wrong = (i for i in imports if i.is_of("pyspark") and not any(i.is_by(p) for p in places))
    assert complaints(wrong) == ""


def test_boto3_stays_in_the_object_store(imports: list[Import]) -> None:
    wrong = (
        i for i in imports if (i.is_of("boto3") or i.is_of("botocore")) and not i.is_by(BOTO3_PLACE)
    )
    assert complaints(wrong) == ""


def loaded_by(program: str) -> set[str]:
    """The heavy packages that a fresh interpreter has loaded after running `program`."""
    program += (
        "\nimport sys; print(*({'torch', 'pyspark', 'airflow', 'boto3', 'numba'} & {*sys.modules}))"
    )
    environment = {**os.environ, "PYTHONPATH": str(CHECKOUT)}
    done = subprocess.run(
        [sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True
    )
    return set(done.stdout.split())


def test_the_command_line_loads_neither_torch_nor_pyspark() -> None:
    assert loaded_by("import jobs.cli") == set()


@pytest.mark.parametrize("job", sorted(WITHOUT_TORCH))
def test_jobs_on_traffic_do_not_load_torch(job: str) -> None:
    assert loaded_by(f"import jobs.{job}") <= {"pyspark"}


def calls(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call):
            yield ast.unparse(node.func)


def test_nothing_that_runs_code_from_a_file_is_used(imports: list[Import]) -> None:
    pickles = ("pickle", "cloudpickle", "dill", "joblib", "shelve", "marshal")
    assert complaints(i for i in imports if any(i.is_of(name) for name in pickles)) == ""
    unsafe = {"torch.load", "torch.save", "yaml.load", "yaml.unsafe_load", "eval", "exec"}
    for path in source_files():
        assert not unsafe & set(calls(path)), path


def test_files_are_named_after_what_they_hold() -> None:
    vague = {"utils", "util", "helpers", "helper", "common", "misc"}
    assert [path for path in source_files() if path.stem in vague] == []
