"""A bucket, or a prefix of one, as an object store. Keys are written once: `If-None-Match: *`."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from io import SEEK_END
from typing import Any, BinaryIO

from botocore.exceptions import ClientError

from shark_core.config_sections import Registry
from shark_core.publish.object_store import KEY, StoredObject, check_key
from shark_core.publish.s3.checked_body import checked
from shark_core.publish.s3.client import s3_client
from shark_core.publish.s3.errors import CONFLICT, GONE, TAKEN, code_of, missing, talking_to_s3
from shark_core.publish.s3.multipart import CHECKSUM, PART_BYTES, MultipartUpload

UNLESS_TAKEN = {"IfNoneMatch": "*"}
CONFLICTS = 6  # attempts in all
CONFLICT_SECONDS = 0.1  # at most before the second attempt; twice as long before each later one


@dataclass(frozen=True)
class S3Store:
    """Objects below `prefix`; `options` go with every object. The bucket must exist."""

    bucket: str
    prefix: str
    options: Registry

    def put_if_absent(self, key: str, content: bytes) -> bool:
        with self._talking(key):
            return self._stored(lambda: self._put(key, content))

    def put_file_if_absent(self, key: str, source: BinaryIO) -> bool:
        """`source` can be sought in; more than a part's size is sent in parts."""
        start = source.tell()
        size = source.seek(0, SEEK_END) - start

        def store() -> bool:
            source.seek(start)
            if size <= PART_BYTES:
                return self._put(key, source.read())
            return self._upload(key).put_if_absent(source, size)

        with self._talking(key):
            return self._stored(store)

    def replace(self, key: str, content: bytes) -> None:
        with self._talking(key):
            self._put(key, content, condition={})

    @contextmanager
    def open(self, key: str) -> Iterator[BinaryIO]:
        with self._talking(key):
            found = self._client.get_object(
                Bucket=self.bucket, Key=self._key(key), ChecksumMode="ENABLED"
            )
            with checked(found) as file:
                yield file

    def size(self, key: str) -> int:
        found = self._head(key)
        if found is None:
            raise missing(self._location(key))
        return int(found["ContentLength"])

    def exists(self, key: str) -> bool:
        return self._head(key) is not None

    def list(self, prefix: str) -> Iterator[StoredObject]:
        """Pages of a thousand keys, each asked for when it is needed."""
        folder = f"{self._key(prefix)}/"
        with self._talking(prefix):
            pages = self._client.get_paginator("list_objects_v2")
        entries = iter(pages.paginate(Bucket=self.bucket, Prefix=folder))
        while True:
            with self._talking(prefix):
                page = next(entries, None)
            if page is None:
                return
            for entry in page.get("Contents", []):
                key = entry["Key"].removeprefix(self._folder)
                if KEY.fullmatch(key):  # not what stands for a folder, or what others left there
                    yield StoredObject(key, entry["Size"], entry["LastModified"])

    def delete(self, key: str) -> None:
        with self._talking(key):
            self._client.delete_object(Bucket=self.bucket, Key=self._key(key))

    def _put(self, key: str, content: bytes, condition: Mapping[str, str] = UNLESS_TAKEN) -> bool:
        self._client.put_object(
            Bucket=self.bucket,
            Key=self._key(key),
            Body=content,
            ChecksumAlgorithm=CHECKSUM,
            **condition,
            **self._sent_along(),
        )
        return True

    def _upload(self, key: str) -> MultipartUpload:
        options, connections = self._sent_along(), self.options.connections
        return MultipartUpload(self._client, self.bucket, self._key(key), options, connections)

    def _stored(self, store: Callable[[], bool]) -> bool:
        """False where the key is taken. Two who store a key at once may both be asked to retry."""
        for attempt in range(CONFLICTS):
            try:
                return store()
            except ClientError as error:
                if code_of(error) in TAKEN:
                    return False
                if code_of(error) not in CONFLICT or attempt == CONFLICTS - 1:
                    raise
            time.sleep(random.uniform(0, CONFLICT_SECONDS * 2**attempt))
        raise AssertionError("the last attempt returns or raises")

    def _head(self, key: str) -> dict[str, Any] | None:
        with self._talking(key):
            try:
                found: dict[str, Any] = self._client.head_object(
                    Bucket=self.bucket, Key=self._key(key)
                )
            except ClientError as error:
                self._ask_why(key)
                if code_of(error) in GONE:
                    return None
                raise
        return found

    def _ask_why(self, key: str) -> None:
        """The answer to HEAD has a status and no words: 404 may be the object or the bucket, 400 a
        token that expired. The same trouble makes a list fail with its name.
        """
        self._client.list_objects_v2(Bucket=self.bucket, Prefix=self._key(key), MaxKeys=1)

    def _sent_along(self) -> dict[str, str]:
        given = {
            "ServerSideEncryption": self.options.encryption,
            "SSEKMSKeyId": self.options.kms_key,
            "ACL": self.options.acl,
        }
        return {name: value for name, value in given.items() if value is not None}

    @property
    def _client(self) -> Any:
        return s3_client(self.options.connections)

    @property
    def _folder(self) -> str:
        return f"{self.prefix}/" if self.prefix else ""

    def _key(self, key: str) -> str:
        return self._folder + check_key(key)

    def _location(self, key: str) -> str:
        return f"s3://{self.bucket}/{self._folder}{key}"

    def _talking(self, key: str) -> AbstractContextManager[None]:
        return talking_to_s3(self._location(key))
