"""A small HTTP service that mattes one picture at a time.

    GET /         a page to drop a picture on
    POST /        the picture is the body; returns the result. Query: output=cutout, alpha,
                  foreground or composite; format=png, webp or tiff; onto=blur or a colour, which
                  makes a composite
    GET /health   {"network", "waiting"}

Requests beyond the limits are refused with a sentence as text: 400 (no picture, unknown option),
408 (too slow), 413 (too large), 415 (a form), 503 (too many waiting).
"""

import asyncio
import socket
from functools import partial
from pathlib import Path
from typing import NamedTuple

import uvicorn
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import Route
from uvicorn.protocols.http.h11_impl import H11Protocol

from keras_matting import photograph_files, result_files
from keras_matting.inference.backgrounds import BLUR, COLOURS, colour_of
from keras_matting.inference.cutouts import foreground_colours
from keras_matting.inference.folders import RESULTS
from keras_matting.inference.predict import predict_alpha

PAGE = Path(__file__).with_name("service.html")
DRAINED = 4  # times the largest body are read, so that the client sees the refusal
CONNECTIONS = 64  # besides those that wait


class Limits(NamedTuple):
    """Bounds of requests: bodies in megabytes, pictures in megapixels, and seconds to send one."""

    megabytes: int = 32
    megapixels: int = 50
    waiting: int = 16
    seconds: float = 30.0


def application(model, limits: Limits, reference_size: int | None = None) -> Starlette:
    """Return the service as an ASGI application.

    `model`, which takes an image only, and `reference_size` are as for `predict_alpha`.
    """
    predict = partial(predict_alpha, model, reference_size=reference_size)
    turn, waiting = asyncio.Lock(), set()

    async def page(request):
        return FileResponse(PAGE)

    async def health(request):
        return JSONResponse({"network": model.name, "waiting": len(waiting)})

    async def matte(request):
        output, format, onto = _wanted(request)
        if len(waiting) >= limits.waiting:
            raise HTTPException(
                503, "too many pictures are waiting; try again", {"Retry-After": "1"}
            )
        waiting.add(request)
        try:
            data = await _body(request, limits)
            async with turn:
                if await request.is_disconnected():
                    return Response()
                result = await run_in_threadpool(
                    _matted, predict, data, output, format, onto, limits.megapixels
                )
        finally:
            waiting.discard(request)
        return Response(result, media_type=f"image/{format}")

    return Starlette(
        routes=[
            Route("/", page),
            Route("/", matte, methods=["POST"]),
            Route("/health", health),
        ]
    )


def listen(host: str, port: int) -> socket.socket:
    """Return a socket that listens; raises OSError if the address cannot be used."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    return socket.create_server((host, port), family=family)


def server(
    model, limits: Limits, reference_size: int | None = None, log_level: str = "warning"
) -> uvicorn.Server:
    """Return a server of the `application`, for `.run(sockets=[listen(host, port)])`."""

    class Protocol(H11Protocol):
        """Closes connections that have not sent the head of a request in time."""

        def connection_made(self, transport):
            super().connection_made(transport)
            self.loop.call_later(limits.seconds, self.close_without_request)

        def close_without_request(self):
            if self.cycle is None:
                self.transport.close()

    config = uvicorn.Config(
        application(model, limits, reference_size),
        http=Protocol,
        ws="none",
        lifespan="off",
        log_level=log_level,
        limit_concurrency=limits.waiting + CONNECTIONS,
        # one request per connection: a second could be sent slowly without an end
        headers=[("Connection", "close")],
        timeout_graceful_shutdown=10,
    )
    return uvicorn.Server(config)


def _wanted(request: Request):
    """Return output, format and onto of a request."""
    options = dict(request.query_params)
    onto = options.pop("onto", None)
    output = options.pop("output", "composite" if onto else "cutout")
    format = options.pop("format", "png")
    for name in options:
        raise HTTPException(400, f"unknown option {name}; use output, format and onto")
    for name, value, known in (
        ("output", output, RESULTS),
        ("format", format, result_files.FORMATS),
    ):
        if value not in known:
            raise HTTPException(400, f"unknown {name} {value}; choose from {', '.join(known)}")
    if (output == "composite") != bool(onto):
        raise HTTPException(400, "onto and output=composite need each other")
    if onto and onto != BLUR and colour_of(onto) is None:  # a path would be the server's
        raise HTTPException(400, f"onto is blur, {', '.join(COLOURS)} or #rrggbb, not {onto}")
    if request.headers.get("content-type", "").startswith("multipart/"):
        raise HTTPException(415, "send the picture itself, as curl --data-binary @picture.jpg does")
    return output, format, onto


async def _body(request: Request, limits: Limits) -> bytes:
    largest = limits.megabytes * 1_000_000
    too_large = HTTPException(413, f"the picture has more than {limits.megabytes} MB")
    declared = int(request.headers.get("content-length", 0))
    if declared > largest and ("expect" in request.headers or declared > DRAINED * largest):
        raise too_large
    data, size = bytearray(), 0
    try:
        async with asyncio.timeout(limits.seconds):
            async for part in request.stream():
                size += len(part)
                if size <= largest:
                    data += part
                if size > DRAINED * largest:
                    break
    except TimeoutError:
        raise HTTPException(408, f"the picture took longer than {limits.seconds:g} s") from None
    except ClientDisconnect:
        raise HTTPException(400, "the request ended early") from None
    if size > largest:
        raise too_large
    if not size:
        raise HTTPException(400, "send a picture as the body of the request")
    return bytes(data)


def _matted(predict, data, output, format, onto, megapixels):
    try:
        if photograph_files.count_pixels("the picture", data) > megapixels * 1_000_000:
            raise HTTPException(413, f"the picture has more than {megapixels} megapixels")
        photograph = photograph_files.read("the picture", None, data)
        alpha = predict(photograph.in_8_bits(), profile=photograph.profile)
        colours = photograph.pixels
        if output != "alpha":
            colours = foreground_colours(colours, alpha)
        image = RESULTS[output](photograph, colours, alpha, onto)
        return result_files.encode(image, format, photograph.profile, photograph.dpi)
    except ValueError as error:
        raise HTTPException(400, str(error)) from error
    except MemoryError as error:
        raise HTTPException(413, "the picture needs more memory than there is") from error
