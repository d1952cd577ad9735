"""A real S3 server for tests, moto on 127.0.0.1, and what points a process to it."""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Thread
from typing import Any

import boto3

from infra.stack.s3_server import s3_server

ACCESS_KEY = "AKIDOFTHETESTS"
SECRET = "secret-that-no-output-shows"
REGION = "us-east-1"


@contextmanager
def moto_server() -> Iterator[str]:
    """Its endpoint. All servers of a process hold the same buckets."""
    server = s3_server(port=0)
    Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.port}"
    finally:
        server.shutdown()


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
