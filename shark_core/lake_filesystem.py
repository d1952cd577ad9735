"""The filesystem of a lake's root: the local one, or one S3 client a root and process.

Credentials come by the standard chain of AWS's SDK (variables, profile, web identity, roles of
containers and instances), never from the config. The endpoint, which pyarrow does not look up, is
AWS_ENDPOINT_URL_S3, AWS_ENDPOINT_URL or the profile's `endpoint_url`. The region is the one in
AWS_DEFAULT_REGION, AWS_REGION or the profile; where there is none, S3 is asked where the bucket is.
"""

from __future__ import annotations

import atexit
import gc
import os
from configparser import ConfigParser
from configparser import Error as ConfigFileError
from pathlib import Path
from threading import Lock

import pyarrow.fs as pafs

from shark_core.errors import ConfigError
from shark_core.lake_root import base_path, is_on_s3
from shark_core.storage_errors import no_such_bucket, reading

# What does not answer takes at most about 4 × 20 s, and what cannot be reached 4 × 5 s.
CONNECT_SECONDS = 5.0
ANSWER_SECONDS = 20.0
ATTEMPTS = 4

ENDPOINT_VARIABLES = ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL")
REGION_VARIABLES = ("AWS_DEFAULT_REGION", "AWS_REGION")
REGION_OF_OTHER_STORES = "us-east-1"


def filesystem_of(root: str) -> pafs.FileSystem:
    """The filesystem of a canonical root. The first call on S3 makes contact with the bucket.

    Raises `ConfigError` for a bucket that is missing or refuses access, `RetryableError` for an
    endpoint that does not answer.
    """
    return _CLIENTS.of(root) if is_on_s3(root) else pafs.LocalFileSystem()


class _Clients:
    """The S3 clients of this process, by root and AWS_ variables.

    They are dropped before pyarrow ends S3 at exit: with the credentials of a web identity it waits
    for ever for clients that are still in use (pyarrow 24 to 26).
    """

    def __init__(self) -> None:
        self._clients: dict[tuple[str, frozenset[tuple[str, str]]], pafs.S3FileSystem] = {}
        self._lock = Lock()
        self._process = os.getpid()
        atexit.register(self.drop)

    def of(self, root: str) -> pafs.S3FileSystem:
        variables = frozenset(item for item in os.environ.items() if item[0].startswith("AWS_"))
        if self._process != os.getpid():
            self._start_anew()
        with self._lock:
            if (root, variables) not in self._clients:
                self._clients[root, variables] = _connect(root)
            return self._clients[root, variables]

    def _start_anew(self) -> None:
        """In a forked process, where the threads of the parent's clients do not run."""
        if self._clients:
            raise RuntimeError("S3 is in use already: start other processes by spawn, not by fork")
        self._lock = Lock()
        self._process = os.getpid()

    def drop(self) -> None:
        if self._clients and self._process == os.getpid():
            self._clients.clear()
            gc.collect()  # an error's traceback may hold a stream, and that its client


_CLIENTS = _Clients()


def _connect(root: str) -> pafs.S3FileSystem:
    base = base_path(root)
    bucket = base.split("/")[0]
    profile = _profile()
    endpoint = _endpoint(profile)
    client = pafs.S3FileSystem(
        endpoint_override=endpoint,
        region=_region(profile, endpoint, bucket, root),
        connect_timeout=CONNECT_SECONDS,
        request_timeout=ANSWER_SECONDS,
        tls_ca_file_path=os.environ.get("AWS_CA_BUNDLE"),
        retry_strategy=pafs.AwsStandardS3RetryStrategy(max_attempts=ATTEMPTS),
        background_writes=False,  # in the background a whole file may wait in memory, not 10 MB
        allow_delayed_open=True,  # a small file is one request, and appears whole
    )
    with reading(root):
        found = client.get_file_info(pafs.FileSelector(base, allow_not_found=True))
    if not found and _is_missing(client, bucket):
        raise no_such_bucket(root, found=f"no bucket {bucket!r}")
    return client


def _is_missing(client: pafs.S3FileSystem, bucket: str) -> bool:
    try:
        return client.get_file_info(bucket).type == pafs.FileType.NotFound
    except OSError:
        return False  # the lake's prefix was listed: a policy may allow that and nothing above


def _endpoint(profile: dict[str, str]) -> str | None:
    given = [os.environ.get(name) for name in ENDPOINT_VARIABLES]
    endpoint = next(filter(None, [*given, profile.get("endpoint_url")]), None)
    if endpoint is not None and not endpoint.startswith(("http://", "https://")):
        raise ConfigError(
            "the endpoint of S3 is not understood",
            expected="http://host:port or https://host",
            found="neither http:// nor https:// before it",
            where=f"{', '.join(ENDPOINT_VARIABLES)} or the profile's endpoint_url",
            remedy="write it with its scheme",
        )
    return endpoint


def _region(profile: dict[str, str], endpoint: str | None, bucket: str, root: str) -> str:
    given = [os.environ.get(name) for name in REGION_VARIABLES]
    if region := next(filter(None, [*given, profile.get("region")]), None):
        return region
    if endpoint is not None:
        return REGION_OF_OTHER_STORES
    with reading(root):
        return pafs.resolve_s3_region(bucket)


def _profile() -> dict[str, str]:
    """What the profile in use says in AWS's config file; nothing where there is no such file."""
    path = Path(os.environ.get("AWS_CONFIG_FILE") or "~/.aws/config").expanduser()
    name = os.environ.get("AWS_PROFILE") or "default"
    parser = ConfigParser(interpolation=None, strict=False)
    try:
        parser.read(path, encoding="utf-8")
    except (OSError, UnicodeDecodeError, ConfigFileError) as error:
        raise ConfigError(
            "AWS's config file cannot be read",
            found=type(error).__name__,
            where=path,
            remedy="correct it, or name another by AWS_CONFIG_FILE",
        ) from error
    section = name if name == "default" else f"profile {name}"
    return dict(parser[section]) if parser.has_section(section) else {}
