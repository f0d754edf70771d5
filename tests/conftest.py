"""Its presence puts this folder on the import path: tests share their oracles, as `posterior.density`."""

# Files of which one worker of two has all the tests for half a minute or more.
LONG = {"test_documentation.py", "test_export.py", "test_interrupts.py", "test_rows_that_stay.py"}


def pytest_collection_modifyitems(items):
    """Put long files first, so that the other worker does not wait for one of them at the end."""
    items.sort(key=lambda item: item.path.name not in LONG)
