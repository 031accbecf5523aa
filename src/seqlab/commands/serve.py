"""The command `seqlab serve`: a model behind HTTP, in the protocol of `mlflow models serve`, with limits.

MLflow's own server reads a body of any size, and executes the code that lies beside the model. Here at most
LARGEST_BODY is read, a request is held to a schema before anything else sees it, and the code is this installation's.
"""

import asyncio
import socket
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from pydantic import BaseModel, Field, ValidationError

from seqlab.commands.translate.command import load_translator
from seqlab.core.errors import SeqlabError
from seqlab.params.params import load_params
from seqlab.results.paths import PARAMS
from seqlab.system.terminal import say
from seqlab.tracking.home import find_home

if TYPE_CHECKING:
    from starlette.applications import Starlette
    from starlette.requests import Request
    from starlette.responses import Response
    from uvicorn.protocols.http.h11_impl import H11Protocol

MOST_TEXTS = 256
LONGEST_TEXT = 10_000
# The largest request within these limits, each character escaped, has 15.4 MB (31 with surrogate pairs alone, which has
# to be sent in parts). Nested JSON takes 40 times its size as it is parsed.
LARGEST_BODY = 16 << 20
# Each may have a body in memory; one at a time is parsed and translated.
MOST_CONNECTIONS = 32
BODY_SECONDS = 60.0
# A connection on which no request begins for this long, or twice as long at most, is closed: it keeps others out.
REQUEST_SECONDS = 5.0

Translate = Callable[[list[str]], list[str]]


class Texts(BaseModel):
    """A request. What else is in it changes nothing, as with MLflow."""

    # One error is enough: a million of them take a gigabyte.
    inputs: Annotated[
        list[Annotated[str, Field(max_length=LONGEST_TEXT, strict=True)]],
        Field(max_length=MOST_TEXTS, fail_fast=True),
    ]


class RefusedRequestError(Exception):
    """A request that is answered with `status`, an HTTP status of an error, and this message."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


def serve(start: Path, run: str | None, host: str, port: int) -> int:
    """Serve the model of the working copy around `start`, or that of `run`, until Ctrl-C; return the exit status.

    Raises:
        SeqlabError: outside a project; there is no such model; the address is taken, or none of this machine.
    """
    root = find_home(start).root
    params = load_params(root / PARAMS)
    evaluate = params.evaluate
    with _bound(host, port) as listening:
        translator = load_translator(start, params, run=run)

        def translate(texts: list[str]) -> list[str]:
            """The best translation of each text."""
            found = translator.translate(
                texts,
                beam_size=evaluate.beam_size,
                length_penalty=evaluate.length_penalty,
                max_length=evaluate.max_length,
                batch_size=evaluate.batch_size,
            )
            return [best.text for best, *_ in found]

        say(f"Serving  http://{_shown(host)}:{port}/invocations  (Ctrl-C ends it)")
        _run(application(translate), listening)
    return 0


def application(translate: Translate) -> "Starlette":
    """The routes of `mlflow models serve`: /invocations, /ping, /health and /version."""
    from starlette.applications import Starlette
    from starlette.responses import JSONResponse, Response
    from starlette.routing import Route

    one_at_a_time = asyncio.Lock()

    async def invocations(request: "Request") -> "Response":
        try:
            body = await _body(request)
            async with one_at_a_time:
                predictions = await asyncio.to_thread(_answer, body, translate)
        except RefusedRequestError as error:
            # Nothing more is read from whoever goes on sending.
            return JSONResponse({"message": str(error)}, error.status, {"Connection": "close"})
        return JSONResponse({"predictions": predictions})

    def ping(_: "Request") -> "Response":
        return Response("\n", media_type="application/json")

    def version(_: "Request") -> "Response":
        from importlib.metadata import version as installed

        return Response(installed("mlflow"), media_type="application/json")

    routes = [Route("/ping", ping), Route("/health", ping), Route("/version", version)]
    return Starlette(routes=[Route("/invocations", invocations, methods=["POST"]), *routes])


async def _body(request: "Request") -> bytes:
    """The body, of which no more than LARGEST_BODY is ever held.

    Raises:
        RefusedRequestError: it is no JSON by its type, larger, or too slow.
    """
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
        raise RefusedRequestError(415, "only application/json is taken")
    too_large = RefusedRequestError(413, f"a request has at most {LARGEST_BODY} bytes; send several")
    # The HTTP parser takes digits alone.
    if int(request.headers.get("content-length", 0)) > LARGEST_BODY:
        raise too_large
    body = bytearray()
    from starlette.requests import ClientDisconnect

    try:
        async with asyncio.timeout(BODY_SECONDS):
            async for chunk in request.stream():
                body += chunk
                if len(body) > LARGEST_BODY:
                    raise too_large
    except TimeoutError:
        raise RefusedRequestError(408, f"the request was not complete after {BODY_SECONDS:.0f} s") from None
    except ClientDisconnect:
        raise RefusedRequestError(400, "the request broke off") from None
    return bytes(body)


def _answer(body: bytes, translate: Translate) -> list[str]:
    try:
        return translate(Texts.model_validate_json(body).inputs)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False, include_context=False)[0]
        place = ".".join(str(part) for part in first["loc"])
        raise RefusedRequestError(400, f'expected {{"inputs": [TEXT, ...]}}: {place} {first["msg"]}') from None
    except SeqlabError as error:
        raise RefusedRequestError(400, str(error)) from None


def _bound(host: str, port: int) -> socket.socket:
    """A socket that listens; connections wait until the model is there."""
    try:
        return socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET)
    except (OSError, UnicodeError, TypeError) as error:
        # Python adds the address.
        reason = str(getattr(error, "strerror", None) or "this is no name of a host").partition(" (")[0]
        raise SeqlabError(
            f"cannot listen on {_shown(host)}:{port} ({reason}); choose another by --host or --port"
        ) from None


def _shown(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def _protocol() -> "type[H11Protocol]":
    """HTTP as uvicorn speaks it, on connections that are used: its own time limit begins after a first request."""
    from uvicorn.protocols.http.h11_impl import H11Protocol

    class Used(H11Protocol):
        def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
            super().connection_made(transport)
            self._look_again()

        def _look_again(self) -> None:
            self.loop.call_later(REQUEST_SECONDS, self._look, self.cycle)

        def _look(self, earlier: object) -> None:
            if self.transport.is_closing():
                return
            if self.cycle is earlier and (self.cycle is None or self.cycle.response_complete):
                self.transport.close()
            else:
                self._look_again()

    return Used


def _run(app: "Starlette", listening: socket.socket) -> None:
    import uvicorn

    # The limit is that of which uvicorn refuses one, who asks among them.
    limit = MOST_CONNECTIONS + 1
    config = uvicorn.Config(app, http=_protocol(), log_level="warning", access_log=False, limit_concurrency=limit)
    try:
        uvicorn.Server(config).run([listening])
    except KeyboardInterrupt:
        # As people end it.
        return
