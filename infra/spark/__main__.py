"""Start a Spark standalone cluster on this machine, in the foreground; Ctrl-C ends all of it.

It listens on 127.0.0.1 only. Whoever can log in to this machine can run programs through it as you.
"""

from __future__ import annotations

import argparse
import signal
import sys
import time
from pathlib import Path

from infra.spark.cluster import LocalCluster
from infra.spark.options import DEFAULT_SIZE, ClusterSize
from shark_core.errors import SharkError

EXAMPLES = """\
examples:
  python -m infra.spark                                    2 workers of 1 core and 1g, port 7077
  python -m infra.spark --workers 4 --cores 2 --memory 4g  executors of up to 2 cores and 4g
  python -m infra.spark --port 0                           any free port; a second cluster beside

Point a pipeline config at it by the line that it prints, and run jobs as always:
  python -m jobs count-accesses --config my.yaml --date 2026-01-01
"""


def main() -> int:
    options = _options()
    for ending in (signal.SIGINT, signal.SIGTERM):  # even where a shell made us ignore Ctrl-C
        signal.signal(ending, _interrupt)
    try:
        size = ClusterSize(options.workers, options.cores, options.memory)
        with LocalCluster(size, options.port, options.folder) as cluster:
            _say(f"{cluster.url}  in the config: {_section(cluster)}  (Ctrl-C ends it)")
            while True:
                cluster.check()
                time.sleep(0.5)
    except SharkError as error:
        sys.stderr.write(f"{type(error).__name__}: {error}\n")
        return error.exit_code
    except KeyboardInterrupt:
        return 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m infra.spark",
        description=__doc__,
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    size, add = DEFAULT_SIZE, parser.add_argument
    add("--workers", type=int, default=size.workers, help="how many (default: %(default)s)")
    add("--cores", type=int, default=size.cores, help="of each worker (default: %(default)s)")
    add("--memory", default=size.memory, help="of each worker, for Java (default: %(default)s)")
    add(
        "--port", type=int, default=7077, help="of the master, 0: a free one (default: %(default)s)"
    )
    add("--folder", type=Path, help="where its temporary folder is made (default: the system's)")
    return parser.parse_args()


def _section(cluster: LocalCluster) -> str:
    """Executors of the whole worker's memory, since that is what a worker can hold."""
    return f'spark: {{master: "{cluster.url}", executor_memory: {cluster.size.memory}}}'


def _interrupt(*_: object) -> None:
    """Once: a second Ctrl-C does not interrupt the ending."""
    for ending in (signal.SIGINT, signal.SIGTERM):
        signal.signal(ending, signal.SIG_IGN)
    raise KeyboardInterrupt


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
