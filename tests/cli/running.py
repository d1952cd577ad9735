"""The command line in this process, and a config of one field."""

from __future__ import annotations

import sys

import pytest

import jobs.registry
from jobs import cli

ARGUMENTS = ["--date", "2026-01-02", "--run-id", "r1"]
CONFIG = {
    "name": "small",
    "label": {"column": "clicked"},
    "event_time": {"column": "served_at"},
    "fields": [{"name": "user", "encoding": "hash", "num_embeddings": 100}],
    "tiers": {"int8_below": 1.0, "fp16_below": 10.0},
}


def run(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    """`main` as the shell calls it; gives back the exit code."""
    monkeypatch.setattr(sys, "argv", ["jobs", *arguments])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    return int(ended.value.code or 0)


def replace_job(monkeypatch: pytest.MonkeyPatch, job: object) -> None:
    monkeypatch.setattr(jobs.registry.Verb, "load", lambda verb: job)
