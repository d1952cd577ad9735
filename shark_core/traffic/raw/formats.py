"""The raw formats that `prepare` reads, by the name that `--format` takes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from shark_core.errors import ConfigError
from shark_core.traffic.raw.avazu import open_avazu
from shark_core.traffic.raw.criteo import open_criteo
from shark_core.traffic.raw.kuairand import open_kuairand
from shark_core.traffic.raw.source import DealtDays, RawTraffic

DATED_FORMATS: dict[str, Callable[[Path], RawTraffic]] = {
    "kuairand": open_kuairand,
    "avazu": open_avazu,
}
UNDATED_FORMATS: dict[str, Callable[[Path, DealtDays], RawTraffic]] = {"criteo": open_criteo}


def open_raw(name: str, source: Path, dealt: DealtDays | None) -> RawTraffic:
    """Open a raw log. `dealt` goes with formats that have no time, and only with them."""
    if name not in {*DATED_FORMATS, *UNDATED_FORMATS}:
        raise ConfigError(
            "unknown raw format",
            expected=f"one of {sorted({*DATED_FORMATS, *UNDATED_FORMATS})}",
            found=name,
            where="--format",
            remedy="convert other logs to traffic/ds=YYYY-MM-DD/*.parquet yourself",
        )
    if (dealt is None) == (name in UNDATED_FORMATS):
        raise ConfigError(
            "the days do not go with the format",
            expected="--start-day and --days for a log without times, neither for one with times",
            found="neither" if dealt is None else f"{dealt.days} days from {dealt.start}",
            where=f"--format {name}",
            remedy="give both of --start-day and --days, or leave both out",
        )
    return DATED_FORMATS[name](source) if dealt is None else UNDATED_FORMATS[name](source, dealt)
