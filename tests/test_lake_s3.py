"""A lake on S3: one client a process, how it is configured, and what is told when it fails."""

from __future__ import annotations

import pickle
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Thread

import pyarrow.fs as pafs
import pytest
import yaml
from moto import settings
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import make_server, make_ssl_devcert

from shark_core import lake_filesystem
from shark_core.errors import ConfigError, DataError, RetryableError
from shark_core.lake import Lake, partition
from shark_core.partition_writer import PartitionWriter, RunStamp
from shark_core.schemas import EXAMPLES
from tests.lake_places import Bucket
from tests.moto_s3 import ACCESS_KEY, SECRET, new_user
from tests.traffic.day_lake import DAY, document

pytest_plugins = ["tests.lake_fixtures"]

TARGET = partition(EXAMPLES, DAY)
KEYS = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")
REGION = (ConfigError, "set AWS_REGION")
AGAIN = (RetryableError, "run the command again")
FORK = """
import os, sys
from shark_core.lake import Lake
from shark_core.schemas import EXAMPLES
lake = Lake(sys.argv[1])
{before}
child = os.fork()
if not child:
    try:
        print(list(lake.days(EXAMPLES)), flush=True)
    except RuntimeError as error:
        print(error, flush=True)
    os._exit(0)
os.waitpid(child, 0)
"""


def run_python(*arguments: str) -> subprocess.CompletedProcess[str]:
    """A process of its own, killed where it does not end within a minute."""
    return subprocess.run(
        [sys.executable, *arguments], capture_output=True, text=True, timeout=60, check=False
    )


def run_ingest(tmp_path: Path, root: str) -> subprocess.CompletedProcess[str]:
    config = tmp_path / "config.yaml"
    config.write_text(yaml.safe_dump(document(root)))
    return run_python("-m", "jobs", "ingest", "--config", str(config), "--date", str(DAY))


# One client a root and process


def test_every_access_uses_one_client(bucket: Bucket) -> None:
    client = bucket.lake.filesystem
    assert bucket.lake.filesystem is client
    assert Lake(f"s3a://{bucket.name}/{bucket.prefix}/").filesystem is client


def test_a_pickled_lake_is_small_and_finds_its_client_again(bucket: Bucket) -> None:
    client = bucket.lake.filesystem
    pickled = pickle.dumps(bucket.lake)
    assert len(pickled) < 200
    assert pickle.loads(pickled).filesystem is client  # noqa: S301


def test_threads_at_once_share_one_client(bucket: Bucket) -> None:
    with ThreadPoolExecutor(8) as pool:
        clients = list(pool.map(lambda _: bucket.lake.filesystem, range(32)))
    assert all(client is clients[0] for client in clients)


def test_other_credentials_are_another_client(
    bucket: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = bucket.lake.filesystem
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "another")
    assert bucket.lake.filesystem is not client


def test_a_process_forked_before_any_use_has_its_own_client(bucket: Bucket) -> None:
    done = run_python("-c", FORK.format(before=""), bucket.lake.root)
    assert (done.stdout, done.stderr) == ("[]\n", "")


def test_a_process_forked_after_a_use_is_told_so(bucket: Bucket) -> None:
    done = run_python("-c", FORK.format(before="lake.filesystem"), bucket.lake.root)
    assert "by spawn, not by fork" in done.stdout


def test_a_job_with_a_web_identity_ends(
    bucket: Bucket, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """pyarrow waits for ever, when a process ends, for a client that is still referred to."""
    (tmp_path / "token").write_text("a token")
    for name in KEYS:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_WEB_IDENTITY_TOKEN_FILE", str(tmp_path / "token"))
    monkeypatch.setenv("AWS_ROLE_ARN", "arn:aws:iam::123456789012:role/tests")
    monkeypatch.setenv("AWS_REGION", "nowhere")  # where no service takes the token
    done = run_ingest(tmp_path, bucket.lake.root)
    assert done.returncode == DataError.exit_code, done.stderr
    assert "the day has no traffic" in done.stderr


# Endpoint, region and credentials


def test_the_endpoint_of_s3_goes_before_the_one_of_all_services(
    bucket: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", bucket.endpoint)
    assert list(bucket.lake.days(EXAMPLES)) == []


@pytest.mark.parametrize("profile", ["default", "team"])
def test_a_profile_gives_endpoint_region_and_credentials(
    bucket: Bucket, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, profile: str
) -> None:
    key, secret = new_user(bucket.endpoint, "s3:*")
    section = profile if profile == "default" else f"profile {profile}"
    (tmp_path / "aws-config").write_text(
        f"[{section}]\nregion = eu-west-3\nendpoint_url = {bucket.endpoint}\n"
    )
    (tmp_path / "aws-credentials").write_text(
        f"[{profile}]\naws_access_key_id = {key}\naws_secret_access_key = {secret}\n"
    )
    for name in (*KEYS, "AWS_REGION", "AWS_ENDPOINT_URL"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_PROFILE", profile)
    refuse_unknown_keys(monkeypatch)
    assert list(bucket.lake.days(EXAMPLES)) == []
    assert bucket.lake.filesystem.region == "eu-west-3"


def test_a_damaged_file_of_profiles_is_a_config_error_without_its_content(
    bucket: Bucket, tmp_path: Path
) -> None:
    (tmp_path / "aws-config").write_text(f"aws_secret_access_key = {SECRET}")
    with pytest.raises(ConfigError, match="AWS_CONFIG_FILE") as caught:
        _ = bucket.lake.filesystem
    assert SECRET not in str(caught.value)


def test_an_endpoint_without_a_scheme_is_a_config_error(
    bucket: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "127.0.0.1:9000")
    with pytest.raises(ConfigError, match="with its scheme"):
        _ = bucket.lake.filesystem


@pytest.mark.parametrize("name", ["AWS_REGION", "AWS_DEFAULT_REGION"])
def test_a_configured_region_is_not_looked_up(
    bucket: Bucket, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.delenv("AWS_REGION")
    monkeypatch.setenv(name, "eu-west-3")
    assert bucket.lake.filesystem.region == "eu-west-3"


def test_another_store_than_aws_needs_no_region(
    bucket: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AWS_REGION")
    assert list(bucket.lake.days(EXAMPLES)) == []


@pytest.mark.parametrize(
    ("answer", "error", "told"),
    [
        ("Bucket 'b' not found", ConfigError, "bucket does not exist"),
        ("AWS Error NETWORK_CONNECTION", RetryableError, "does not answer"),
    ],
)
def test_without_endpoint_and_region_aws_is_asked_where_the_bucket_is(
    bucket: Bucket,
    monkeypatch: pytest.MonkeyPatch,
    answer: str,
    error: type[Exception],
    told: str,
) -> None:
    def resolve(name: str) -> str:
        assert name == bucket.name
        raise OSError(answer)

    monkeypatch.setattr(pafs, "resolve_s3_region", resolve)
    for name in ("AWS_REGION", "AWS_ENDPOINT_URL"):
        monkeypatch.delenv(name)
    with pytest.raises(error, match=told):
        _ = bucket.lake.filesystem


def test_a_certificate_of_ones_own_is_named_by_a_variable(
    bucket: Bucket, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    certificate, key = make_ssl_devcert(str(tmp_path / "localhost"), host="localhost")
    app = DomainDispatcherApplication(create_backend_app)
    server = make_server("127.0.0.1", 0, app, threaded=True, ssl_context=(certificate, key))
    Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"https://localhost:{server.port}")
    monkeypatch.setattr(lake_filesystem, "ATTEMPTS", 1)
    with pytest.raises(RetryableError, match="certificate"):
        _ = bucket.lake.filesystem
    monkeypatch.setenv("AWS_CA_BUNDLE", certificate)
    assert list(bucket.lake.days(EXAMPLES)) == []
    server.shutdown()


# What is told when it fails


def refuse_unknown_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    """From here on the server checks who may do what."""
    monkeypatch.setattr(settings, "INITIAL_NO_AUTH_ACTION_COUNT", 0.0)


def use(monkeypatch: pytest.MonkeyPatch, key: str, secret: str) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", key)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", secret)


@pytest.mark.parametrize("prefix", ["", "/models"])
def test_a_bucket_that_does_not_exist_is_a_config_error(s3_variables: object, prefix: str) -> None:
    lake = Lake(f"s3://no-such-bucket-was-made{prefix}")
    with pytest.raises(ConfigError, match=r"(?s)bucket does not exist.*no-such-bucket"):
        lake.find_marker(TARGET)


def test_an_unknown_key_is_a_config_error(bucket: Bucket, monkeypatch: pytest.MonkeyPatch) -> None:
    refuse_unknown_keys(monkeypatch)
    with pytest.raises(ConfigError, match="refuses the access"):
        bucket.lake.find_marker(TARGET)


def test_a_wrong_secret_is_a_config_error_that_does_not_show_it(
    bucket: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    key, _ = new_user(bucket.endpoint, "s3:*")
    use(monkeypatch, key, SECRET)
    refuse_unknown_keys(monkeypatch)
    with pytest.raises(ConfigError, match="refuses the access") as caught:
        bucket.lake.find_marker(TARGET)
    assert SECRET not in f"{caught.value} {caught.value.__cause__}"


def test_no_permission_is_a_config_error(bucket: Bucket, monkeypatch: pytest.MonkeyPatch) -> None:
    use(monkeypatch, *new_user(bucket.endpoint))
    refuse_unknown_keys(monkeypatch)
    with pytest.raises(ConfigError, match=r"(?s)refuses the access.*ACCESS_DENIED.*credentials"):
        bucket.lake.find_marker(TARGET)


def test_no_permission_to_write_is_a_config_error(
    bucket: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    use(monkeypatch, *new_user(bucket.endpoint, "s3:ListBucket", "s3:GetObject"))
    refuse_unknown_keys(monkeypatch)
    writer = PartitionWriter(bucket.lake, TARGET, RunStamp("config", "code"))
    with pytest.raises(ConfigError, match=r"(?s)refuses the access.*plan-[\w-]+.json"):
        writer.write_bytes("plan.json", b"{}")


def test_no_credentials_at_all_are_a_config_error(
    bucket: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    bucket.write(f"{TARGET.path}/_marker.json", b"{}")
    for name in KEYS:
        monkeypatch.delenv(name)
    with pytest.raises(ConfigError, match="refuses the access"):
        bucket.lake.find_marker(TARGET)


@pytest.mark.parametrize(
    ("said", "error", "told"),
    [
        ("Looks like the configured region is 'a' while the bucket is located in 'b'", *REGION),
        ("AWS Error UNKNOWN (HTTP status 301): ExceptionName: PermanentRedirect", *REGION),
        ("AWS Error SLOW_DOWN during PutObject operation", *AGAIN),
        ("AWS Error INTERNAL_FAILURE during GetObject operation", *AGAIN),
        ("Unable to parse ExceptionName: ExpiredToken", *AGAIN),
    ],
)
def test_what_only_aws_says_is_told_apart(
    bucket: Bucket, said: str, error: type[Exception], told: str
) -> None:
    with pytest.raises(error, match=told), bucket.lake.reading("plan/plan.json"):
        raise OSError(said)


@pytest.fixture
def silent() -> Iterator[str]:
    """An endpoint that takes connections and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"


@pytest.mark.parametrize("kind", ["nobody listens", "nobody answers"])
def test_an_endpoint_that_does_not_answer_is_worth_another_try_in_bounded_time(
    bucket: Bucket, silent: str, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    endpoint = silent if kind == "nobody answers" else "http://127.0.0.1:1"
    monkeypatch.setenv("AWS_ENDPOINT_URL", endpoint)
    monkeypatch.setattr(lake_filesystem, "ANSWER_SECONDS", 1.0)
    monkeypatch.setattr(lake_filesystem, "ATTEMPTS", 2)
    started = time.monotonic()
    with pytest.raises(RetryableError, match=r"(?s)does not answer.*NETWORK_CONNECTION"):
        bucket.lake.find_marker(TARGET)
    assert time.monotonic() - started < 10


def test_a_job_without_its_bucket_says_so_and_shows_no_traceback(
    tmp_path: Path, s3_variables: dict[str, str]
) -> None:
    done = run_ingest(tmp_path, "s3a://no-such-bucket-was-made/models")
    assert done.returncode == ConfigError.exit_code
    assert done.stderr.startswith("ConfigError: the lake's bucket does not exist")
    assert "Traceback" not in done.stderr


def test_a_config_with_credentials_is_refused_and_they_are_not_shown(tmp_path: Path) -> None:
    done = run_ingest(tmp_path, f"s3://{ACCESS_KEY}:{SECRET}@bucket/models")
    assert done.returncode == ConfigError.exit_code
    assert "not shown: it may be a secret" in done.stderr
    assert SECRET not in done.stdout + done.stderr
