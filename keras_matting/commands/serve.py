"""Matte pictures over HTTP, one at a time, with a page to drop them on.

    keras-matting serve --port 8000
    keras-matting serve --host 0.0.0.0 --max-megabytes 10 --network portrait
    keras-matting serve --model modnet_mobilenetv2 --weights published:modnet_photographic

Open http://127.0.0.1:8000/ in a browser, or send a picture as the body of a request:

    curl --data-binary @portrait.jpg http://127.0.0.1:8000/ > cutout.png
    curl --data-binary @portrait.jpg "http://127.0.0.1:8000/?onto=white&format=webp" > white.webp

The query may have output (cutout, alpha, foreground, composite), format (png, webp, tiff) and onto
(what composites have behind the subject: a colour or blur). GET /health answers with the network
and the number of pictures that wait. Refusals are a sentence: 400 (no picture), 408 (too slow), 413
(too large), 415 (a form), 503 (too many waiting).

Only this computer can reach the service unless --host is another address; it has neither passwords
nor encryption. Needs Starlette and uvicorn: pip install "keras_matting[serve]"
"""

import logging
import sys

from absl import flags

from keras_matting.commands import model_flags
from keras_matting.inference import check_call, input_names

GROUPS = {
    "Address": ["host", "port"],
    "Limits": ["max_megabytes", "max_megapixels", "max_waiting", "max_seconds"],
    "Network": model_flags.GROUP,
}


def define_flags():
    model_flags.define_model_flags()
    flags.adopt_module_key_flags(model_flags)  # so that --help lists them
    flags.DEFINE_string("host", "127.0.0.1", "Address to listen at; 0.0.0.0 is every network.")
    flags.DEFINE_integer("port", 8000, "Port; 0 chooses a free one.", 0, 65535)
    flags.DEFINE_integer("max_megabytes", 32, "Of a picture's file.", lower_bound=1)
    flags.DEFINE_integer("max_megapixels", 50, "Of a picture.", lower_bound=1)
    flags.DEFINE_integer("max_waiting", 16, "Pictures that may wait.", lower_bound=1)
    flags.DEFINE_float("max_seconds", 30.0, "For a request to arrive.", lower_bound=0.1)


def main(argv):
    try:
        _run(argv, flags.FLAGS)
    except ModuleNotFoundError as error:
        if error.name not in ("starlette", "uvicorn"):
            raise
        sys.exit('serve needs Starlette and uvicorn; pip install "keras_matting[serve]"')
    except (ValueError, OSError) as error:
        sys.exit(str(error))


def _run(argv, options):
    from keras_matting.inference import service

    if len(argv) > 1:
        raise ValueError(f"unexpected argument {argv[1]}; see --help for examples")
    model_flags.check_model_flags(options)
    model = model_flags.load_model(options)
    if more := set(input_names(model)) - {"image"}:
        raise ValueError(f"{model.name} needs a {min(more)}; choose a network without one")
    check_call(model, (), options.size)
    limits = service.Limits(
        options.max_megabytes, options.max_megapixels, options.max_waiting, options.max_seconds
    )
    try:
        listening = service.listen(options.host, options.port)
    except OSError as error:
        where, reason = f"{options.host}:{options.port}", error.strerror.partition(" (")[0]
        raise ValueError(
            f"cannot listen at {where}: {reason}; choose another --port or --host"
        ) from error
    host, port = listening.getsockname()[:2]
    print(f"http://{f'[{host}]' if ':' in host else host}:{port}/ (Ctrl-C ends)", flush=True)
    verbose = logging.getLogger("keras_matting").level <= logging.INFO
    server = service.server(model, limits, options.size, "info" if verbose else "warning")
    server.run(sockets=[listening])
