"""S3 simulated by moto on 127.0.0.1, in memory: `python -m infra.stack.s3_server PORT`.

Anybody on this machine may read and write it; whatever access key is given is taken.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from threading import Lock
from typing import TYPE_CHECKING

from moto.moto_server.werkzeug_app import (
    DomainDispatcherApplication,
    MotoRequestHandler,
    create_backend_app,
)
from werkzeug.serving import BaseWSGIServer, make_server

from infra.airflow.settings import LOOPBACK

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment


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


class Unlogged(MotoRequestHandler):
    """A log of every request would grow for as long as the stack is up."""

    def log_request(self, *_: object) -> None:
        pass


def s3_server(port: int) -> BaseWSGIServer:
    """Bound, with port 0 to a free one. All servers of a process hold the same buckets."""
    app = OneConditionalWriteAtATime(DomainDispatcherApplication(create_backend_app))
    return make_server(LOOPBACK, port, app, threaded=True, request_handler=Unlogged)


if __name__ == "__main__":
    s3_server(int(sys.argv[1])).serve_forever()
