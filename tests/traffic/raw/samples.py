"""Small raw logs in the publishers' formats."""

from __future__ import annotations

import gzip
from collections.abc import Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

AVAZU_HEADER = (
    "id,click,hour,C1,banner_pos,site_id,site_domain,site_category,app_id,app_domain,app_category,"
    "device_id,device_ip,device_model,device_type,device_conn_type,C14,C15,C16,C17,C18,C19,C20,C21"
)


def criteo_line(number: int) -> str:
    """Recognisable by `i1 = number`; `i2` is negative, `i3` and `c2` are missing."""
    integers = [str(number), "-1", "", *(str(n) for n in range(4, 14))]
    categories = [f"{number:08x}", "", *(f"{n:08x}" for n in range(3, 27))]
    return "\t".join([str(number % 2), *integers, *categories])


def write_lines(path: Path, lines: Sequence[str]) -> Path:
    content = "".join(f"{line}\n" for line in lines).encode()
    path.write_bytes(gzip.compress(content) if path.suffix == ".gz" else content)
    return path


def avazu_line(number: int, hour: str) -> str:
    """Recognisable by its id, which passes the range of a signed 64-bit integer."""
    texts = "1fbe01fe,f3845767,28905ebd,ecad2386,7801e8d9,07d7df22,a99f214a,ddd2926e,44956a24"
    return f"{10**19 + number},{number % 2},{hour},1005,0,{texts},1,2,15706,320,50,1722,0,35,-1,79"


def china_ms(text: str) -> int:
    """Milliseconds since the epoch of `2022-04-25 00:10` in China."""
    wall_clock = datetime.fromisoformat(text).replace(tzinfo=UTC)
    return int(wall_clock.timestamp() * 1000) - 8 * 3_600_000


def impression(user: int, video: int, day: date, served: str) -> dict[str, Any]:
    return {
        "user_id": user,
        "video_id": video,
        "date": int(f"{day:%Y%m%d}"),
        "time_ms": china_ms(served),
        "is_click": 1,
    }


def write_kuairand(folder: Path, impressions: Sequence[dict[str, Any]]) -> Path:
    """Three users, two videos; video 1 has no duration. `onehot_feat4` is a double."""
    users = {"user_id": [0, 1, 2], "onehot_feat4": [3.0, None, 5.0]}
    videos = {"video_id": [0, 1], "video_duration": [9000.0, None], "tag": ["1,2", None]}
    tables = {
        "log_standard": pa.Table.from_pylist(list(impressions)),
        "user_features": pa.table(users),
        "video_features_basic": pa.table(videos),
    }
    folder.mkdir(exist_ok=True)
    for name, table in tables.items():
        pq.write_table(table, folder / f"{name}.parquet")
    return folder
