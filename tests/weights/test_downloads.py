"""Downloads from a local server: broken ones go on, and each failure is one sentence."""

import hashlib
import os
import re
import socket
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest

from keras_matting.weights.downloads import download

DATA = np.random.default_rng(0).bytes(3_000_000)
REFUSED = {"/gone": 404, "/forbidden": 403}
SHA256 = hashlib.sha256(DATA).hexdigest()


class Handler(BaseHTTPRequestHandler):
    """Serves DATA, in ranges unless the path is /plain."""

    def do_GET(self):
        self.server.ranges.append(self.headers.get("Range"))
        if self.path in REFUSED:
            return self.send_error(REFUSED[self.path])
        start = 0
        wanted = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
        if wanted and self.path != "/plain":
            start = int(wanted[1])
            if start >= len(DATA):
                return self.send_error(416)
        self.send_response(206 if start else 200)
        self.send_header("Content-Length", str(len(DATA) - start))
        if self.path == "/page":
            self.send_header("Content-Type", "text/html; charset=utf-8")
        self.end_headers()
        breaks = self.path == "/file" and len(self.server.ranges) == 1
        self.wfile.write(DATA[start : len(DATA) // 2 if breaks else None])

    def log_message(self, *_):
        pass


@pytest.fixture
def server():
    """A server whose first answer, if it is of /file, ends after half of it."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.ranges = []
        server.address = f"http://127.0.0.1:{server.server_port}"
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


def test_a_broken_download_goes_on(server, tmp_path, capsys):
    path = tmp_path / "new" / "weights.pth"
    with pytest.raises(ValueError, match="^the connection to 127.0.0.1:.* broke; run again to go"):
        download(f"{server.address}/file", path)
    assert [file.name for file in path.parent.iterdir()] == ["weights.pth.part"]
    assert download(f"{server.address}/file", path, SHA256) == SHA256
    assert path.read_bytes() == DATA and server.ranges == [None, "bytes=1500000-"]
    assert [file.name for file in path.parent.iterdir()] == ["weights.pth"]
    assert download(f"{server.address}/file", path, SHA256) == SHA256
    assert len(server.ranges) == 2  # it was there
    assert "] 3/3 MB of /file" in capsys.readouterr().err


def test_a_server_without_ranges_starts_again(server, tmp_path):
    (tmp_path / "weights.pth.part").write_bytes(b"other")
    assert download(f"{server.address}/plain", tmp_path / "weights.pth") == SHA256


def test_a_part_that_is_complete_or_too_long_starts_again(server, tmp_path):
    server.ranges.append("an earlier request")
    (tmp_path / "weights.pth.part").write_bytes(DATA + b"more")
    assert download(f"{server.address}/file", tmp_path / "weights.pth") == SHA256


def test_a_wrong_hash_is_refused_and_not_kept(server, tmp_path):
    sentence = f"/plain does not have the SHA-256 {'0' * 64}; it was damaged or replaced"
    with pytest.raises(ValueError, match=sentence):
        download(f"{server.address}/plain", tmp_path / "weights.pth", "0" * 64)
    assert not list(tmp_path.iterdir())


def test_a_full_disk(server, tmp_path):
    os.symlink("/dev/full", tmp_path / "weights.pth.part")
    with pytest.raises(ValueError, match="weights.pth cannot be written: No space left on device;"):
        download(f"{server.address}/plain", tmp_path / "weights.pth")
    assert not (tmp_path / "weights.pth").exists()


@pytest.mark.parametrize(
    ("page", "sentence"),
    [
        ("gone", r"/gone was refused \(404 Not Found\); it may have moved$"),
        ("forbidden", r"/forbidden was refused \(403 Forbidden\); it may have moved$"),
        ("page", "/page is a web page instead of the file; open it in a browser to see why$"),
    ],
)
def test_an_address_without_the_file(page, sentence, server, tmp_path):
    part = tmp_path / "weights.pth.part"
    part.write_bytes(b"begun")
    with pytest.raises(ValueError, match=f"^{server.address}{sentence}"):
        download(f"{server.address}/{page}", tmp_path / "weights.pth")
    assert list(tmp_path.iterdir()) == [part] and part.read_bytes() == b"begun"


def test_no_network(server, tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as free:
        host = f"127.0.0.1:{free.getsockname()[1]}"
    sentence = rf"^{host} cannot be reached \(Connection refused\); check the network and run again"
    with pytest.raises(ValueError, match=sentence):
        download(f"http://{host}/file", tmp_path / "weights.pth")
    with pytest.raises(ValueError, match="nowhere.invalid cannot be reached"):
        download("http://nowhere.invalid/file", tmp_path / "weights.pth")
