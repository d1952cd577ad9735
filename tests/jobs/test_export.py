"""`python -m jobs export`, as a person types it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from typer.testing import CliRunner

from jobs.cli import app
from jobs.context import DayContext
from shark_core.errors import ConfigError, DataError
from shark_core.models.checkpoint import named_weights
from shark_core.publish.compressed_model import rebuild_model
from shark_core.publish.export_fbgemm import load_fbgemm
from tests.importance.small_models import batches
from tests.jobs.compressed_day import head, run_command, run_to_publish


@pytest.fixture
def day(make_context: Callable[..., DayContext]) -> DayContext:
    context = make_context()
    run_to_publish(context)
    return context


def test_torch_gets_the_weights_that_were_quantized(day: DayContext, tmp_path: Path) -> None:
    out = tmp_path / "exported"
    shown = run_command(
        day, "export", "--snapshot", "candidate", "--to", "torch", "--out", str(out)
    )
    assert (shown["snapshot"], shown["to"]) == (head(day, "candidate"), "torch")
    assert shown["bytes"] == sum(path.stat().st_size for path in out.iterdir())
    expected = named_weights(rebuild_model(day.config, day.lake, day.day))
    found = load_file(out / "model.safetensors")
    assert found.keys() == expected.keys()
    assert [name for name in expected if not torch.equal(found[name], expected[name])] == []


def test_fbgemm_serves_the_days_examples(day: DayContext, tmp_path: Path) -> None:
    """Single-valued fields exactly; means of several rows up to the order of additions."""
    snapshot = str(head(day, "candidate"))
    run_command(
        day, "export", "--snapshot", snapshot[:8], "--to", "fbgemm", "--out", str(tmp_path / "o")
    )
    model, embeddings = rebuild_model(day.config, day.lake, day.day), load_fbgemm(tmp_path / "o")
    assert model.pruned
    for batch in batches(day.config, model, size=128):
        expected, found = model.embeddings(batch), embeddings(batch)
        assert [*found] == [*expected] == ["user", "item", "tags"]
        for name in ("user", "item"):
            assert torch.equal(found[name], expected[name]), name
        assert torch.allclose(found["tags"], expected["tags"], rtol=1e-6, atol=1e-8)
        assert torch.allclose(model.head(found, batch.dense), model(batch), atol=1e-6)


def test_a_folder_in_use_is_refused(day: DayContext, tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("")
    with pytest.raises(ConfigError, match="does not overwrite"):
        run_command(
            day, "export", "--snapshot", "candidate", "--to", "torch", "--out", str(tmp_path)
        )


def test_an_unknown_snapshot_is_refused(day: DayContext, tmp_path: Path) -> None:
    out = tmp_path / "exported"
    with pytest.raises(DataError, match="no such snapshot"):
        run_command(day, "export", "--snapshot", "nightly", "--to", "torch", "--out", str(out))
    assert not out.exists()


def test_another_format_is_wrong_usage() -> None:
    options = ["--config", "c.yaml", "--snapshot", "candidate", "--out", "o", "--to", "onnx"]
    done = CliRunner(env={"COLUMNS": "200"}).invoke(app, ["export", *options])
    assert done.exit_code == 2
    assert "'torch', 'fbgemm'" in done.output
