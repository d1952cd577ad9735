"""What a run compares on: KuaiRand only where its files are."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.benchmarks.field_selection import __main__ as benchmark


@pytest.fixture(autouse=True)
def _named_lakes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(benchmark, "planted_lake", lambda root, quick: "planted")
    monkeypatch.setattr(benchmark, "kuairand_lake", lambda root: "kuairand")


@pytest.mark.parametrize(
    ("quick", "files", "expected"),
    [
        (False, True, ["planted", "kuairand"]),
        (False, False, ["planted"]),
        (True, True, ["planted"]),
        (True, False, ["planted"]),
    ],
)
def test_the_data_sets_of_a_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, quick: bool, files: bool, expected: list[str]
) -> None:
    place = tmp_path / "kuairand"
    if files:
        place.mkdir()
    monkeypatch.setattr(benchmark, "KUAIRAND", place)
    assert benchmark.datasets(tmp_path, quick) == expected


def test_a_full_run_says_that_it_leaves_kuairand_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(benchmark, "KUAIRAND", tmp_path / "absent")
    benchmark.datasets(tmp_path, quick=False)
    said = f"KuaiRand is left out: its files are not at {tmp_path / 'absent'}."
    assert capsys.readouterr().out == f"{said}\n"
