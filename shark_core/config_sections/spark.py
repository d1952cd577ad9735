"""Where Spark runs."""

from __future__ import annotations

import re
from typing import Self

from pydantic import Field as Key
from pydantic import field_validator, model_validator

from shark_core.config_sections.section import Count, Memory, Section

_ADDRESSES = r"[^\s,/:]+:\d+(,[^\s,/:]+:\d+)*"
_MASTER = rf"local(\[(\*|[1-9]\d*)(,[1-9]\d*)?\])?|spark://{_ADDRESSES}|yarn|k8s://\S+"


class Spark(Section):
    """Where Spark runs the jobs on traffic and counts, and what it may use there.

    `master`: `local[2]`, 2 cores of this machine (`local[*]`: all of them; `local[2,4]`: tasks are
    tried 4 times); `spark://HOST:PORT`, a standalone cluster (`spark://HOST:PORT,HOST:PORT` where
    masters stand by); `yarn`, the cluster of HADOOP_CONF_DIR; `k8s://https://HOST:PORT`.
    `driver_memory`: of Java in the job's own process, which runs the tasks too where it is local.
    `executor_memory`, `executor_cores`, `executors`: Java's memory and the cores of an executor,
    and how many there are; none of them counts locally. What is not given is up to the cluster:
    standalone, all cores of every worker; on YARN and Kubernetes, two executors of one core.
    `executor_wait`: seconds after which a job that has no executor at all ends, to be tried again.
    `settings`: Spark's own, by their full names; they win over all of the above. Python's memory,
    beside Java's: `spark.executor.memoryOverhead` (YARN, Kubernetes). Its path on the executors,
    where that is not the job's own: `spark.pyspark.python`.
    """

    master: str = "local[2]"
    driver_memory: Memory = "1g"
    executor_memory: Memory = "1g"
    executor_cores: Count | None = None
    executors: Count | None = None
    executor_wait: Count = 600
    settings: dict[str, str] = Key(default_factory=dict)

    @field_validator("master")
    @classmethod
    def _master_has_a_known_form(cls, master: str) -> str:
        if not re.fullmatch(_MASTER, master):
            forms = "local, local[N], local[*], local[N,F], spark://HOST:PORT, yarn or k8s://URL"
            raise ValueError(f"expected {forms}")
        return master

    @model_validator(mode="after")
    def _a_standalone_cluster_is_asked_for_cores(self) -> Self:
        if self.master.startswith("spark://") and self.executors and not self.executor_cores:
            raise ValueError("executors on spark:// need executor_cores: it counts cores only")
        return self
