"""The SHA-256 that an exported .tflite file carries in its metadata.

The file is hashed as it lies on disk, with the 32 bytes of the digest read as zero. The digest
follows `MARKER`, so that no table of the flatbuffer has to be trusted to find it. The Android app
verifies the same bytes.
"""

import hashlib

NAME = b"keras_matting.sha256"  # of the metadata entry
MARKER = b"keras_matting SHA-256: "
SIZE = 32


def has_checksum(data: bytes) -> bool:
    """Return whether a file has a checksum; those of other converters have none.

    Raises ValueError if the checksum does not match the file.
    """
    at = data.find(MARKER)
    if at < 0:
        return False
    at += len(MARKER)
    if data[at : at + SIZE] != _digest(data, at):
        raise ValueError("its checksum does not match")
    return True


def fill_in(data: bytes) -> bytes:
    """Return the file with its digest behind the marker. Any later change invalidates it."""
    at = data.index(MARKER) + len(MARKER)
    return data[:at] + _digest(data, at) + data[at + SIZE :]


def _digest(data, at):
    return hashlib.sha256(data[:at] + bytes(SIZE) + data[at + SIZE :]).digest()
