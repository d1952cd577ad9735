"""An S3 server that misbehaves as it is told: moto behind a network that fails on purpose.

    with faulty_s3() as (endpoint, network):
        network.on("PUT", "refs/production", LoseReply())            the first such request
        network.on("GET", "data/", Refuse("SlowDown", 503), first=3, times=2)   its 3rd and 4th

Requests match by method and by a part of `/bucket/key?query`; of several rules the first that is
due is taken.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from socket import SHUT_RDWR
from threading import Lock, Thread
from typing import TYPE_CHECKING, NoReturn, Protocol

from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from moto.server import MotoRequestHandler
from werkzeug.serving import make_server
from werkzeug.test import run_wsgi_app
from werkzeug.wrappers import Response

from infra.stack.s3_server import OneConditionalWriteAtATime

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

ALWAYS = sys.maxsize
PREFIX = "models/registry"  # of the stores of tests


class Fault(Protocol):
    def answer(
        self, app: WSGIApplication, environ: WSGIEnvironment, start_response: StartResponse
    ) -> Iterable[bytes]: ...


@dataclass(frozen=True)
class Refuse:
    """Answer with an error of S3. `late`: only after the request was carried out.

    `region`: that of the bucket, as S3 tells it to who asks elsewhere.
    """

    code: str
    status: int
    message: str = "told so by a test"
    late: bool = False
    region: str = ""

    def answer(
        self, app: WSGIApplication, environ: WSGIEnvironment, start_response: StartResponse
    ) -> Iterable[bytes]:
        if self.late:
            run_wsgi_app(app, environ)
        said = f"<Error><Code>{self.code}</Code><Message>{self.message}</Message></Error>"
        body = "" if environ["REQUEST_METHOD"] == "HEAD" else f'<?xml version="1.0"?>{said}'
        response = Response(body, self.status, content_type="application/xml")
        if self.region:
            response.headers["x-amz-bucket-region"] = self.region
        return response(environ, start_response)


@dataclass(frozen=True)
class LoseReply:
    """Carry the request out, then close the connection instead of answering."""

    def answer(
        self, app: WSGIApplication, environ: WSGIEnvironment, start_response: StartResponse
    ) -> Iterable[bytes]:
        run_wsgi_app(app, environ)
        drop(environ)


@dataclass(frozen=True)
class Delay:
    """Carry the request out late; the client may have given up waiting by then."""

    seconds: float

    def answer(
        self, app: WSGIApplication, environ: WSGIEnvironment, start_response: StartResponse
    ) -> Iterable[bytes]:
        time.sleep(self.seconds)
        return app(environ, start_response)


@dataclass(frozen=True)
class Truncate:
    """Send the first half of the body that the headers promise, then close the connection."""

    def answer(
        self, app: WSGIApplication, environ: WSGIEnvironment, start_response: StartResponse
    ) -> Iterable[bytes]:
        content, status, headers = run_wsgi_app(app, environ, buffered=True)
        body = b"".join(content)
        start_response(status, list(headers))
        yield body[: len(body) // 2]
        drop(environ)


@dataclass(frozen=True)
class FlipByte:
    """Change one byte in the middle of the body."""

    def answer(
        self, app: WSGIApplication, environ: WSGIEnvironment, start_response: StartResponse
    ) -> Iterable[bytes]:
        content, status, headers = run_wsgi_app(app, environ, buffered=True)
        body = bytearray(b"".join(content))
        body[len(body) // 2] ^= 1
        start_response(status, list(headers))
        return [bytes(body)]


def drop(environ: WSGIEnvironment) -> NoReturn:
    environ["werkzeug.socket"].shutdown(SHUT_RDWR)
    raise ConnectionResetError("dropped by a test")  # which the server takes for the client's end


@dataclass
class Rule:
    method: str
    part: str
    fault: Fault
    due: range  # numbers of the matching requests, from 1
    matched: int = 0

    def fault_for(self, request: str) -> Fault | None:
        method, _, rest = request.partition(" ")
        if method != self.method or self.part not in rest:
            return None
        self.matched += 1
        return self.fault if self.matched in self.due else None


@dataclass
class FaultyS3:
    """`app` and what goes wrong on the way to it. `requests`: `PUT /bucket/key?query`, in order."""

    app: WSGIApplication
    rules: list[Rule] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)
    lock: Lock = field(default_factory=Lock)

    def on(self, method: str, part: str, fault: Fault, first: int = 1, times: int = 1) -> None:
        self.rules.append(Rule(method, part, fault, range(first, min(first + times, ALWAYS))))

    def count(self, method: str, part: str) -> int:
        """Of the requests so far."""
        return sum(
            request.startswith(f"{method} ") and part in request for request in self.requests
        )

    def reset(self) -> None:
        self.rules.clear()
        self.requests.clear()

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        request = f"{environ['REQUEST_METHOD']} {environ['PATH_INFO']}?{environ['QUERY_STRING']}"
        with self.lock:
            self.requests.append(request)
            found = [rule.fault_for(request) for rule in self.rules]
        fault = next(filter(None, found), None)
        if fault is None:
            return self.app(environ, start_response)
        return fault.answer(self.app, environ, start_response)


@contextmanager
def faulty_s3() -> Iterator[tuple[str, FaultyS3]]:
    """Its endpoint, and what tells it to misbehave. It holds the buckets of `moto_server`."""
    network = FaultyS3(OneConditionalWriteAtATime(DomainDispatcherApplication(create_backend_app)))
    server = make_server("127.0.0.1", 0, network, threaded=True, request_handler=MotoRequestHandler)
    Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.port}", network
    finally:
        server.shutdown()
