"""Weights by name: listed, fetched into the user's cache, and found there by `create_model`."""

import functools
import re
import subprocess
import sys
import threading
from dataclasses import replace
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest
from recordings import published_state

from keras_matting import published
from keras_matting.commands import weights_fetch
from keras_matting.commands.weights_list import rows
from keras_matting.models import MODELS, create_model
from keras_matting.weights import TABLES

ROOT = Path(__file__).parents[2]
NAME, VARIANT = "modnet_photographic", "modnet_mobilenetv2"


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return tmp_path / "keras_matting"


@pytest.fixture
def served(tmp_path, monkeypatch):
    """The checkpoint NAME on a local server; returns its state."""
    state = published_state("modnet/modnet.layout.json")
    (tmp_path / "web").mkdir()
    np.savez(tmp_path / "web" / "modnet.npz", **state)
    handler = functools.partial(SimpleHTTPRequestHandler, directory=tmp_path / "web")
    monkeypatch.setattr(SimpleHTTPRequestHandler, "log_message", lambda *_: None)
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        url = f"http://127.0.0.1:{server.server_port}/modnet.npz"
        row = replace(published.PUBLISHED[NAME], file="modnet.npz", url=url, sha256=None)
        monkeypatch.setitem(published.PUBLISHED, NAME, row)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield state
        server.shutdown()


def test_a_checkpoint_is_fetched_and_found(cache, served, capsys):
    missing = f"published:{NAME} is not in the cache; run keras-matting weights fetch {NAME}"
    with pytest.raises(FileNotFoundError, match=missing):
        create_model(VARIANT, weights=f"published:{NAME}")
    weights_fetch._fetch(NAME, False)
    first, second, third = capsys.readouterr().out.splitlines()
    assert first.startswith(f"{NAME}: licence of the weights: Apache-2.0; published at https://")
    assert re.fullmatch(rf"{cache}/modnet.npz: SHA-256 [0-9a-f]{{64}}, not verified", second)
    assert third == f'create_model("{VARIANT}", weights="published:{NAME}")'
    model = create_model(VARIANT, (64, 64, 3), weights=f"published:{NAME}")
    ours = model.get_layer("alpha_logit_conv").kernel[0, 0, :, 0]
    np.testing.assert_array_equal(ours, served["f_branch.conv_f.1.layers.0.weight"][0, :, 0, 0])
    (row,) = (row for row in rows() if row[0] == NAME)
    assert row == (NAME, VARIANT, "ZHKKKe/MODNet", "Apache-2.0", "26", "cached")
    with pytest.raises(ValueError, match=f"has weights for {VARIANT}, not gca"):
        create_model("gca", weights=f"published:{NAME}")


def test_the_licence_and_files_by_hand(cache):
    with pytest.raises(ValueError, match="not free for commercial use; .* pass --accept-licence"):
        weights_fetch._fetch("gca_dist", False)
    sentence = f"is on Google Drive; download it from https://.*, save it as {cache}/gca-dist.pth"
    with pytest.raises(ValueError, match=sentence):
        weights_fetch._fetch("gca_dist", True)


def test_a_damaged_file_says_what_to_remove(cache):
    cache.mkdir()
    (cache / "gca-dist.pth").write_bytes(b"<html>")
    with pytest.raises(ValueError, match=rf"web page.*\(remove {cache}/gca-dist.pth first\)"):
        weights_fetch._fetch("gca_dist", True)


def test_the_commands_are_typed(cache):
    command = [sys.executable, "-m", "keras_matting", "weights"]
    done = subprocess.run([*command, "list", "bgmv2"], capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0 and done.stderr == ""
    head, *listed = done.stdout.splitlines()
    assert head.split() == ["name", "network", "origin", "licence", "MB", "get", "it"]
    assert [line.split()[-1] for line in listed] == ["ships", *["fetch"] * 3]
    done = subprocess.run([*command, "fetch", "modent"], capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 1
    assert done.stderr == (
        "unknown published network modent; keras-matting weights list shows their names\n"
    )


def test_the_table_matches_our_networks_and_the_document():
    document = (ROOT / "docs" / "checkpoints.md").read_text()
    for name, row in published.PUBLISHED.items():
        for variant in row.variants:
            assert variant in MODELS and variant in TABLES
        assert f"`{name}`" in document and (row.url or row.page) in document, name
