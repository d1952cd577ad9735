"""The S3 client of this process.

Credentials come by boto3's standard chain (variables, profile, web identity, roles of containers
and instances), the endpoint of another store than AWS by AWS_ENDPOINT_URL_S3, AWS_ENDPOINT_URL or
the profile, the region by AWS_DEFAULT_REGION, AWS_REGION or the profile.
"""

from __future__ import annotations

import os
from functools import lru_cache
from typing import Any

import boto3
from botocore.config import Config

from shark_core.lake_filesystem import ANSWER_SECONDS, ATTEMPTS, CONNECT_SECONDS, REGION_VARIABLES
from shark_core.publish.s3.errors import set_up_wrongly


def s3_client(connections: int) -> Any:
    """May be used by threads. One is kept for each set of AWS_ variables.

    Raises `ConfigError` for an endpoint without a scheme, and what boto3 raises.
    """
    variables = frozenset(item for item in os.environ.items() if item[0].startswith("AWS_"))
    try:
        return _client(variables, os.getpid(), connections)
    except ValueError as error:
        raise set_up_wrongly(error, "AWS_ENDPOINT_URL_S3, AWS_ENDPOINT_URL, profile") from error


@lru_cache(maxsize=8)
def _client(variables: frozenset[tuple[str, str]], process: int, connections: int) -> Any:
    del process  # a forked process makes one of its own
    given = dict(variables)
    region = next((given[name] for name in REGION_VARIABLES if given.get(name)), None)
    return boto3.session.Session().client(
        "s3",
        region_name=region,
        config=Config(
            connect_timeout=CONNECT_SECONDS,
            read_timeout=ANSWER_SECONDS,
            # "standard" waits between attempts, longer each time and by a random part of it
            retries={"mode": "standard", "total_max_attempts": ATTEMPTS},
            max_pool_connections=connections + 1,
        ),
    )
