"""The calls of Airflow's REST API about DAGs as such: which there are, whether they may begin."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from time import sleep

from infra.airflow.administration import Administration
from infra.airflow.rest import API, NoAnswer, part


class DagCalls(Administration):
    """Raises as every call does: `NoAnswer`, `Refused`."""

    def knows_dag(self, dag_id: str) -> bool:
        return self._api.find(f"{API}/dags/{part(dag_id)}") is not None

    def import_errors(self) -> list[str]:
        errors = self._api.pages(f"{API}/importErrors", "import_errors")
        return [error["stack_trace"] for error in errors]

    def unpause(self, dag_id: str) -> None:
        self._set_paused(dag_id, False)

    def pause(self, dag_id: str) -> None:
        self._set_paused(dag_id, True)

    def is_paused(self, dag_id: str) -> bool:
        return bool(self._api.get(f"{API}/dags/{part(dag_id)}")["is_paused"])

    @contextmanager
    def held(self, dag_id: str) -> Iterator[None]:
        """The scheduler begins nothing of the DAG meanwhile; then it is as it was.

        On SQLite Airflow stores a backfill run by run. Where the database is locked half-way it
        removes those runs again, and a scheduler that has begun one of them ends with an error.
        One at a time: who holds it too, and ends first, lets it go on.
        """
        was_paused = self.is_paused(dag_id)
        self.pause(dag_id)
        try:
            yield
        finally:
            if not was_paused:
                self._go_on(dag_id)

    def _go_on(self, dag_id: str) -> None:
        """Where nobody answers for a moment, the DAG must not stay paused."""
        for seconds in (0.5, 2, 8):
            with suppress(NoAnswer):
                self.unpause(dag_id)
                return
            sleep(seconds)
        self.unpause(dag_id)

    def _set_paused(self, dag_id: str, is_paused: bool) -> None:
        path = f"{API}/dags/{part(dag_id)}"
        self._api.call_again("PATCH", path, {"is_paused": is_paused})
