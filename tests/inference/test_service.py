"""The HTTP service over the loopback: results, refusals, and many clients at once."""

import http.client
import io
import json
import os
import socket
import subprocess
import sys
import threading
import time
import zlib
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import cv2
import numpy as np
from PIL import Image

from keras_matting.inference.service import Limits, listen, server


class Network:
    """A stand-in for `TFLiteModel`, 32x32: alpha is the picture's red."""

    name, input_names, input_size = "red", ("image",), (32, 32)

    def __call__(self, inputs):
        return inputs["image"][..., 0]


@contextmanager
def served(monkeypatch, network=None, reference_size=None, **limits):
    """Serve a network; yields the address."""
    monkeypatch.setattr("keras_matting.inference.predict.TFLiteModel", Network)
    running = server(network or Network(), Limits(**limits), reference_size)
    with listen("127.0.0.1", 0) as listening:
        thread = threading.Thread(target=running.run, kwargs={"sockets": [listening]})
        thread.start()
        try:
            yield listening.getsockname()
        finally:
            running.should_exit = True
            thread.join()


def ask(address, method="POST", path="/", body=None, headers=None):
    """Return status and body of a response."""
    connection = http.client.HTTPConnection(*address, timeout=60)
    connection.request(method, path, body, headers or {})
    response = connection.getresponse()
    found = response.status, response.read()
    connection.close()
    return found


def png(red, size=(32, 32)):
    picture = np.zeros((*size, 3), np.uint8)
    picture[..., 2] = red
    return cv2.imencode(".png", picture)[1].tobytes()


def test_results(monkeypatch):
    with served(monkeypatch) as address:
        status, data = ask(address, body=png(200))
        cutout = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
        assert status == 200 and cutout.shape == (32, 32, 4) and (cutout[..., 3] == 200).all()
        status, data = ask(address, path="/?onto=white&format=webp", body=png(255))
        assert Image.open(io.BytesIO(data)).format == "WEBP"
        status, page = ask(address, "GET")
        assert status == 200 and b"Drop a picture here" in page
        status, health = ask(address, "GET", "/health")
        assert json.loads(health) == {"network": "red", "waiting": 0}


def test_the_size_is_passed_on(monkeypatch):
    def predict_alpha(model, image, profile, reference_size):
        return np.full(image.shape[:2], reference_size / 255, np.float32)

    monkeypatch.setattr("keras_matting.inference.service.predict_alpha", predict_alpha)
    with served(monkeypatch, reference_size=64) as address:
        _, data = ask(address, path="/?output=alpha", body=png(200))
        assert (cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED) == 64).all()


def test_refusals_are_sentences(monkeypatch):
    huge = bytearray(png(1))
    huge[16:24] = (20_000).to_bytes(4, "big") * 2  # the size in its header
    huge[29:33] = zlib.crc32(huge[12:29]).to_bytes(4, "big")
    with served(monkeypatch, megabytes=1, megapixels=1) as address:
        for body, path, status, sentence in [
            (b"no picture", "/", 400, "the picture: damaged or not an image; replace or remove it"),
            (None, "/", 400, "send a picture as the body of the request"),
            (png(1), "/?onto=purpel", 400, "onto is blur, black, blue, green, grey, white or #rr"),
            (png(1), "/?onto=/etc/hostname", 400, "onto is blur, "),
            (png(1), "/?output=mask", 400, "unknown output mask; choose from alpha, cutout, "),
            (png(1), "/?format=gif", 400, "unknown format gif; choose from png, webp, tiff"),
            (png(1), "/?outptu=alpha", 400, "unknown option outptu; use output, format and onto"),
            (png(1), "/?output=composite", 400, "onto and output=composite need each other"),
            (bytes(1_000_001), "/", 413, "the picture has more than 1 MB"),
            (png(1, (1001, 1000)), "/", 413, "the picture has more than 1 megapixels"),
            (bytes(huge), "/", 413, "the picture has more than 1 megapixels"),
        ]:
            found, text = ask(address, path=path, body=body)
            assert found == status and text.decode().startswith(sentence), (path, text)
        form = {"Content-Type": "multipart/form-data; boundary=x"}
        assert ask(address, body=b"--x--", headers=form)[0] == 415
        assert ask(address, "GET", "/other")[0] == 404
        assert ask(address, "DELETE")[0] == 405


def answer(address, sent):
    """Return what a server answers to bytes until it closes the connection."""
    with socket.create_connection(address, timeout=60) as connection:
        connection.sendall(sent)
        return b"".join(iter(lambda: connection.recv(65536), b""))


def test_slow_oversized_and_malformed_requests(monkeypatch):
    post = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: "
    with served(monkeypatch, megabytes=1, seconds=0.3) as address:
        assert answer(address, post[:20]) == b""  # its head never ends
        assert b" 408 " in answer(address, post + b"1000\r\n\r\nslow")
        asked = answer(address, post + b"1000001\r\nExpect: 100-continue\r\n\r\n")
        assert asked.startswith(b"HTTP/1.1 413 ")
        assert answer(address, post + b"999999999\r\n\r\n").startswith(b"HTTP/1.1 413 ")
        assert b" 400 " in answer(address, b"\x16\x03\x01\r\n\r\n")
        assert b" 400 " in answer(address, post + b"many\r\n\r\n")
        assert ask(address, body=png(200))[0] == 200


def test_the_queue_is_bounded(monkeypatch):
    busy, go = threading.Event(), threading.Event()

    class Slow(Network):
        def __call__(self, inputs):
            busy.set()
            assert go.wait(60)
            return super().__call__(inputs)

    with served(monkeypatch, Slow(), waiting=2) as address, ThreadPoolExecutor(2) as clients:
        first = clients.submit(ask, address, body=png(1))
        assert busy.wait(60)
        second = clients.submit(ask, address, body=png(2))
        while json.loads(ask(address, "GET", "/health")[1])["waiting"] < 2:
            time.sleep(0.01)
        status, text = ask(address, body=png(3))
        assert (status, text) == (503, b"too many pictures are waiting; try again")
        go.set()
        assert [first.result()[0], second.result()[0]] == [200, 200]


def test_many_clients_get_their_own_results(monkeypatch):
    with served(monkeypatch) as address, ThreadPoolExecutor(8) as clients:
        reds = [i % 256 for i in range(200)]
        answers = clients.map(lambda red: ask(address, path="/?output=alpha", body=png(red)), reds)
        for red, (status, data) in zip(reds, answers, strict=True):
            alpha = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
            assert status == 200 and (alpha == red).all()


def test_the_command_serves_and_says_where(tmp_path):
    command = [sys.executable, "-m", "keras_matting", "serve", "--port=0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as running:
        try:
            host, port = running.stdout.readline().split("/")[2].split(":")
            status, health = ask((host, int(port)), "GET", "/health")
            assert status == 200 and json.loads(health)["waiting"] == 0
            taken = [*command[:-1], f"--port={port}"]
            done = subprocess.run(taken, capture_output=True, text=True)
            assert done.returncode == 1 and done.stderr == (
                f"cannot listen at 127.0.0.1:{port}: Address already in use; choose another "
                "--port or --host\n"
            )
        finally:
            os.kill(running.pid, 2)
    assert running.returncode == 130
