"""How the tests are divided between processes, as with `pytest -n 2`."""

from __future__ import annotations

from xdist.scheduler.loadfile import LoadFileScheduling

LIVE = "tests/live_airflow/"


class ByLakeOrFile(LoadFileScheduling):
    """A file's tests in one process, as they share what is made once; so do all of one Airflow."""

    def _split_scope(self, nodeid: str) -> str:
        return LIVE if nodeid.startswith(LIVE) else str(super()._split_scope(nodeid))
