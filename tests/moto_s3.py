"""A real S3 server for tests, moto on 127.0.0.1, and what points a process to it."""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Lock, Thread
from typing import TYPE_CHECKING, Any

import boto3
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from moto.server import MotoRequestHandler
from werkzeug.serving import make_server

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

ACCESS_KEY = "AKIDOFTHETESTS"
SECRET = "secret-that-no-output-shows"
REGION = "us-east-1"


@contextmanager
def moto_server() -> Iterator[str]:
    """Its endpoint. All servers of a process hold the same buckets."""
    app = OneConditionalWriteAtATime(DomainDispatcherApplication(create_backend_app))
    server = make_server("127.0.0.1", 0, app, threaded=True, request_handler=MotoRequestHandler)
    Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.port}"
    finally:
        server.shutdown()


class OneConditionalWriteAtATime:
    """S3 checks and stores in one step; moto looks for the key first and stores it later."""

    def __init__(self, app: WSGIApplication) -> None:
        self._app = app
        self._lock = Lock()

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        if "HTTP_IF_NONE_MATCH" not in environ:
            return self._app(environ, start_response)
        with self._lock:
            return self._app(environ, start_response)


def s3_environment(endpoint: str, home: Path) -> dict[str, str]:
    """The variables of a process that uses the server; nothing of the user's is read."""
    return {
        "AWS_ACCESS_KEY_ID": ACCESS_KEY,
        "AWS_SECRET_ACCESS_KEY": SECRET,
        "AWS_REGION": REGION,
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_CONFIG_FILE": str(home / "aws-config"),
        "AWS_SHARED_CREDENTIALS_FILE": str(home / "aws-credentials"),
        "AWS_EC2_METADATA_DISABLED": "true",
    }


def client(endpoint: str) -> Any:
    return boto3.client(
        "s3",
        endpoint_url=endpoint,
        aws_access_key_id=ACCESS_KEY,
        aws_secret_access_key=SECRET,
        region_name=REGION,
    )


def new_bucket(endpoint: str) -> str:
    """The name of a bucket that was just made."""
    name = f"lake-{secrets.token_hex(6)}"
    client(endpoint).create_bucket(Bucket=name)
    return name


def new_user(endpoint: str, *actions: str) -> tuple[str, str]:
    """Access key and secret of a user that was just made and may do `actions` on everything."""
    iam = boto3.client(
        "iam",
        endpoint_url=endpoint,
        aws_access_key_id=ACCESS_KEY,
        aws_secret_access_key=SECRET,
        region_name=REGION,
    )
    name = f"user-{secrets.token_hex(6)}"
    iam.create_user(UserName=name)
    if actions:
        allowed = {"Effect": "Allow", "Action": list(actions), "Resource": "*"}
        policy = json.dumps({"Version": "2012-10-17", "Statement": [allowed]})
        iam.put_user_policy(UserName=name, PolicyName="tests", PolicyDocument=policy)
    key = iam.create_access_key(UserName=name)["AccessKey"]
    return key["AccessKeyId"], key["SecretAccessKey"]
