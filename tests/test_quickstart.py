"""The cells of examples/quickstart.ipynb run, in order, and its stored pictures are small."""

import json
from pathlib import Path

NOTEBOOK = Path(__file__).parents[1] / "examples" / "quickstart.ipynb"


def test_the_notebook_runs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    cells = [c for c in json.loads(NOTEBOOK.read_text())["cells"] if c["cell_type"] == "code"]
    assert all(cell["execution_count"] for cell in cells), "run it, and save it with its outputs"
    space = {}
    for cell in cells:
        exec(compile("".join(cell["source"]), NOTEBOOK.name, "exec"), space)
    assert space["after"] < 0.8 * space["before"]
    assert space["difference"] < 0.005 and space["alpha"].shape == space["photograph"].shape[:2]
    assert [path.suffix for path in tmp_path.iterdir()].count(".tflite") == 1
    assert NOTEBOOK.stat().st_size < 300_000
