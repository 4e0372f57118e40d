import pytest
import shallow as tables


@pytest.fixture
def shallow(monkeypatch):
    """Networks that the test trains have one block per stage."""
    tables.apply(monkeypatch.setattr)
