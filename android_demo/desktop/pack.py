"""Pack an APK linked by aapt2 and the files of a folder into a new APK.

    python pack.py OUT LINKED FOLDER

Models, native libraries and the resource table are stored uncompressed, so that they can be
memory-mapped, and start at multiples of 16 KB. Debian's apksigner moves entries and aligns them to
4 KB only, unless the extra field 0xd935 of an entry says otherwise; Debian's zipalign does not
write that field.
"""

import struct
import sys
import zipfile
from pathlib import Path

PAGE = 16384
UNCOMPRESSED = (".tflite", ".so", ".arsc")
LOCAL_HEADER = 30


def main(out, linked, folder):
    with zipfile.ZipFile(linked) as source:
        entries = {name: source.read(name) for name in source.namelist()}
    files = sorted(path for path in Path(folder).rglob("*") if path.is_file())
    entries |= {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}
    with zipfile.ZipFile(out, "w") as apk:
        for name, data in entries.items():
            info = zipfile.ZipInfo(name)  # dated 1980, so that equal inputs give equal files
            info.external_attr = 0o644 << 16
            stored = name.endswith(UNCOMPRESSED)
            info.compress_type = zipfile.ZIP_STORED if stored else zipfile.ZIP_DEFLATED
            if stored:
                info.extra = _alignment(apk.fp.tell() + LOCAL_HEADER + len(name.encode()))
            apk.writestr(info, data)


def _alignment(position):
    """Return an extra field that declares alignment to PAGE and pads the header at `position`."""
    padding = -(position + 6) % PAGE
    return struct.pack("<HHH", 0xD935, 2 + padding, PAGE) + bytes(padding)


if __name__ == "__main__":
    main(*sys.argv[1:])
