"""What `spark.master` says of where Spark runs, and what each kind of cluster is told.

| master      | executors               | told by                                             |
|-------------|-------------------------|-----------------------------------------------------|
| local[2]    | the job's own process   | —                                                   |
| spark://…   | a standalone cluster    | memory and cores of an executor, cores in all       |
| yarn, k8s:… | YARN, Kubernetes        | memory and cores of an executor, executors          |
"""

from __future__ import annotations

import socket
from dataclasses import dataclass

from shark_core.config_sections import Spark
from shark_core.errors import RetryableError

LOOPBACK = "127.0.0.1"
SECONDS_TO_CONNECT = 10


@dataclass(frozen=True)
class Master:
    """`url` as `shark_core.config_sections.Spark` allows it."""

    url: str

    @property
    def is_local(self) -> bool:
        return self.url.startswith("local")

    @property
    def is_standalone(self) -> bool:
        return self.url.startswith("spark://")

    @property
    def addresses(self) -> list[tuple[str, int]]:
        """Host and port of a standalone cluster's masters: one leads, others may stand by."""
        if not self.is_standalone:
            return []
        split = (address.rsplit(":", 1) for address in self.url.removeprefix("spark://").split(","))
        return [(host, int(port)) for host, port in split]

    @property
    def on_this_machine(self) -> bool:
        """Nobody else needs to reach the driver: executors are here too."""
        hosts = {host for host, _ in self.addresses}
        return self.is_local or (self.is_standalone and hosts <= {LOOPBACK, "localhost"})

    def resources(self, settings: Spark) -> dict[str, str]:
        """The executors' settings; what the config leaves out is up to the cluster."""
        if self.is_local:
            return {}
        cores, executors = settings.executor_cores, settings.executors
        asked: dict[str, object] = {
            "spark.executor.memory": settings.executor_memory,
            "spark.executor.cores": cores,
        }
        if self.is_standalone:
            asked["spark.cores.max"] = executors and cores and executors * cores
        else:
            asked["spark.executor.instances"] = executors
        return {key: str(value) for key, value in asked.items() if value is not None}

    def check_reachable(self) -> None:
        """Raises `RetryableError` where no standalone master listens.

        Spark itself tries for a minute, says so in 180 lines, and then starts without any.
        """
        failures = []
        for host, port in self.addresses:
            try:
                socket.create_connection((host, port), SECONDS_TO_CONNECT).close()
            except OSError as error:
                failures.append(f"{host}:{port}: {error}")
            else:
                return
        if failures:
            raise RetryableError(
                "Spark's master cannot be reached",
                expected=f"a standalone master at {self.url}",
                found="; ".join(failures),
                where="spark.master of the pipeline config",
                remedy="start the cluster, or correct the address; then run the command again",
            )
