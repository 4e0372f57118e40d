"""ImageNet weights of keras.applications, which Keras downloads once."""

import os
import re
from pathlib import Path


def published(build, **options):
    """Return `build(...)`, a network of keras.applications, with its ImageNet weights.

    Raises FileNotFoundError that says what to put where if they cannot be downloaded.
    """
    try:
        return build(include_top=False, weights="imagenet", **options)
    except Exception as error:  # Keras raises no subclass
        failure = re.match(r"URL fetch failure on (\S+): (?:None -- )?(.*)", str(error), re.DOTALL)
        if failure is None and not isinstance(error, OSError):
            raise
        source, reason = failure.groups() if failure else ("keras.applications", str(error))
        folder = Path(os.environ.get("KERAS_HOME", Path.home() / ".keras"), "models")
        raise FileNotFoundError(
            f"ImageNet weights of {build.__name__} cannot be downloaded from {source} "
            f"({' '.join(reason.split())}); connect to the internet, or put the file into {folder}"
        ) from error
