"""Uploads of large files in parts, each with its checksum, some of them at once.

    create ─→ parts 1, 2, 3 … ─→ complete, unless the key is taken
                    └ failed or taken → abort: no part stays behind

Nothing is at the key before `complete`. A process that is killed leaves its parts, which cost
storage until the bucket's lifecycle rule ends incomplete uploads.
"""

from __future__ import annotations

import math
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import suppress
from dataclasses import dataclass
from itertools import count
from typing import Any, BinaryIO

from botocore.exceptions import BotoCoreError, ClientError

from shark_core.publish.s3.errors import GONE, NO_UPLOAD, TAKEN, code_of

PART_BYTES = 32 << 20  # at least
MOST_PARTS = 10_000
CHECKSUM = "SHA256"

Part = dict[str, Any]


@dataclass(frozen=True)
class MultipartUpload:
    """`options` go with the upload's creation: encryption, ACL."""

    client: Any
    bucket: str
    key: str
    options: dict[str, str]
    connections: int

    def put_if_absent(self, source: BinaryIO, size: int) -> bool:
        """Store `size` bytes from where `source` stands; False where the key is taken.

        Raises what boto3 raises.
        """
        created = self.client.create_multipart_upload(
            Bucket=self.bucket, Key=self.key, ChecksumAlgorithm=CHECKSUM, **self.options
        )
        upload_id = created["UploadId"]
        try:
            parts = self._send(upload_id, source, part_bytes(size))
            return self._complete(upload_id, parts)
        except BaseException:
            self._abort(upload_id)
            raise

    def _send(self, upload_id: str, source: BinaryIO, size_of_part: int) -> list[Part]:
        """As many parts are in memory as are sent at once."""
        running: set[Future[Part]] = set()
        sent: list[Part] = []
        with ThreadPoolExecutor(self.connections) as pool:
            for number in count(1):
                if len(running) == self.connections:
                    done, running = wait(running, return_when=FIRST_COMPLETED)
                    sent += [part.result() for part in done]
                content = source.read(size_of_part)
                if not content:
                    break
                running.add(pool.submit(self._send_part, upload_id, number, content))
                del content  # only its upload holds it while the next part is read
            sent += [part.result() for part in running]
        return sorted(sent, key=lambda part: part["PartNumber"])

    def _send_part(self, upload_id: str, number: int, content: bytes) -> Part:
        sent = self.client.upload_part(
            Bucket=self.bucket,
            Key=self.key,
            UploadId=upload_id,
            PartNumber=number,
            Body=content,
            ChecksumAlgorithm=CHECKSUM,
        )
        digest = {name: sent[name] for name in [f"Checksum{CHECKSUM}"] if name in sent}
        return {"PartNumber": number, "ETag": sent["ETag"], **digest}

    def _complete(self, upload_id: str, parts: list[Part]) -> bool:
        try:
            self.client.complete_multipart_upload(
                Bucket=self.bucket,
                Key=self.key,
                UploadId=upload_id,
                MultipartUpload={"Parts": parts},
                IfNoneMatch="*",
            )
        except ClientError as error:
            if code_of(error) in TAKEN:
                self._abort(upload_id)
                return False
            if code_of(error) in NO_UPLOAD and self._exists():
                return False  # completed by the request whose reply was lost
            raise
        return True

    def _exists(self) -> bool:
        try:
            self.client.head_object(Bucket=self.bucket, Key=self.key)
        except ClientError as error:
            if code_of(error) in GONE:
                return False
            raise
        return True

    def _abort(self, upload_id: str) -> None:
        """What cannot be aborted is left to the bucket's lifecycle rule."""
        with suppress(ClientError, BotoCoreError):
            self.client.abort_multipart_upload(Bucket=self.bucket, Key=self.key, UploadId=upload_id)


def part_bytes(size: int) -> int:
    """So that at most `MOST_PARTS` hold `size` bytes."""
    return max(PART_BYTES, math.ceil(size / MOST_PARTS))
