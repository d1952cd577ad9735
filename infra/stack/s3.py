"""S3=moto: the simulated S3's process, its bucket, and what points jobs to it."""

from __future__ import annotations

import http.client
import os
import sys
from collections.abc import Mapping
from contextlib import closing

from infra.airflow.failure import Failure, tail
from infra.airflow.rest import NoAnswer
from infra.airflow.settings import CHECKOUT, LOOPBACK
from infra.processes.service import Command
from infra.stack.folder import StackFolder, write_private
from infra.stack.part import Part

BUCKET = "shark"
LAKE = f"s3://{BUCKET}/lake"
OK = 200


def s3_part(folder: StackFolder, port: int) -> Part:
    """Large objects lie in files that have no name, in the stack's folder rather than in /tmp."""
    environment = {**os.environ, "TMPDIR": str(folder.path), "PYTHONUNBUFFERED": "1"}
    command = Command(
        name="s3",
        arguments=[sys.executable, "-m", "infra.stack.s3_server", str(port)],
        folder=CHECKOUT,
        log=folder.log("s3"),
        environment=environment,
    )
    return Part(
        command,
        is_ready=lambda: _ask(port, "GET", "/"),
        port="s3_port",
        finish=lambda: _make_bucket(folder, port),
    )


def variables(port: int) -> dict[str, str]:
    """Of a process that uses it: keys that open nothing else, and nothing of the user's AWS."""
    return {
        "AWS_ACCESS_KEY_ID": "stack",
        "AWS_SECRET_ACCESS_KEY": "stack",
        "AWS_REGION": "us-east-1",
        "AWS_ENDPOINT_URL_S3": f"http://{LOOPBACK}:{port}",
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_EC2_METADATA_DISABLED": "true",
    }


def without_aws(environment: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in environment.items() if not name.startswith("AWS_")}


def _make_bucket(folder: StackFolder, port: int) -> None:
    """The bucket, and a file that points a shell to it."""
    if not _ask(port, "PUT", f"/{BUCKET}"):
        raise Failure(f"the bucket {BUCKET} is not made\n{tail(folder.log('s3'))}")
    lines = [f"export {name}='{value}'\n" for name, value in variables(port).items()]
    write_private(folder.s3_variables, "".join(lines))


def _ask(port: int, method: str, path: str) -> bool:
    try:
        with closing(http.client.HTTPConnection(LOOPBACK, port, timeout=10)) as connection:
            connection.request(method, path)
            return connection.getresponse().status == OK
    except (OSError, http.client.HTTPException) as error:
        raise NoAnswer(str(error)) from error
