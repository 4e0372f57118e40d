"""Download a file with progress; an interrupted download goes on where it ended."""

import errno
import os
from functools import partial
from http.client import HTTPException
from pathlib import Path
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit
from urllib.request import Request, urlopen

import pooch

from keras_matting.progress import show_progress

CHUNK = 1 << 18  # bytes
SECONDS = 30  # without an answer
MEGABYTE = 1_000_000


class WebPage(Exception):
    """A server answered with a web page, such as that of a login, instead of the file."""


def download(url: str, path, sha256: str | None = None) -> str:
    """Download `url` to `path` and return its SHA-256; a complete file is left as it is.

    What has arrived is kept in <path>.part until the file is complete and verified. Raises
    ValueError with a sentence that says whether running again helps.
    """
    path, host = Path(path), urlsplit(url).netloc
    pooch.get_logger().setLevel("WARNING")
    try:
        pooch.retrieve(
            url,
            sha256 and f"sha256:{sha256}",
            path.name,
            path.parent,
            downloader=partial(_resumed, path.with_name(f"{path.name}.part")),
        )
    except WebPage as error:
        raise ValueError(
            f"{url} is a web page instead of the file; open it in a browser to see why"
        ) from error
    except HTTPError as error:
        reason = f"{url} was refused ({error.code} {error.reason}); it may have moved"
        raise ValueError(reason) from error
    except URLError as error:
        reason = getattr(error.reason, "strerror", None) or error.reason
        raise ValueError(
            f"{host} cannot be reached ({reason}); check the network and run again"
        ) from error
    except (ConnectionError, TimeoutError, HTTPException) as error:
        raise ValueError(f"the connection to {host} broke; run again to go on") from error
    except OSError as error:
        more = "free some and run again to go on"
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            more = "check the folder's permissions"
        raise ValueError(f"{path} cannot be written: {error.strerror or error}; {more}") from error
    except ValueError as error:  # of pooch, which has removed the file
        raise ValueError(
            f"{url} does not have the SHA-256 {sha256}; it was damaged or replaced and is not kept"
        ) from error
    return pooch.file_hash(path)


def _resumed(part, url, output_file, _):
    """Download `url` to `part`, or the rest of it, and move it to `output_file`."""
    start = part.stat().st_size if part.exists() else 0
    request = Request(url, headers={"Range": f"bytes={start}-"} if start else {})
    try:
        response = urlopen(request, timeout=SECONDS)
    except HTTPError as error:
        if error.code != 416 or not start:  # the rest of a complete or replaced file
            raise
        part.unlink()
        return _resumed(part, url, output_file, _)
    with response:
        if response.headers.get_content_type() == "text/html":
            raise WebPage
        goes_on = response.status == 206
        done = start if goes_on else 0
        length = response.headers.get("Content-Length")
        total = None if length is None else done + int(length)
        with open(part, "ab" if goes_on else "wb") as stream:
            shown = -1
            while chunk := response.read(CHUNK):
                stream.write(chunk)
                done += len(chunk)
                if done // MEGABYTE != shown:
                    shown = done // MEGABYTE
                    of = total and max(1, round(total / MEGABYTE))
                    show_progress(min(shown, of or shown), of, f"MB of {urlsplit(url).path}")
    if total is not None and done < total:
        raise ConnectionError(f"{done} of {total} bytes")
    os.replace(part, output_file)
