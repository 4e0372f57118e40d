"""The order of the tests."""

LONGEST = ("recipes", "export")


def pytest_collection_modifyitems(items):
    """The longest first, so that neither of two processes waits for the other at the end."""
    items.sort(key=lambda item: item.path.parent.name not in LONGEST)
