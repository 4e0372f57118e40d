"""python pack.py OUT LINKED FOLDER: the entries of an APK that aapt2 linked and a folder -> an APK.

Networks, native libraries and the resource table stay uncompressed, to be mapped into memory, and
begin at multiples of 16 KB. Debian's apksigner, which moves entries, knows of 4 KB unless every
entry names its alignment in the extra field 0xd935; its zipalign does not write that.
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
            info = zipfile.ZipInfo(name)  # 1980: equal inputs make an equal file
            info.external_attr = 0o644 << 16
            stored = name.endswith(UNCOMPRESSED)
            info.compress_type = zipfile.ZIP_STORED if stored else zipfile.ZIP_DEFLATED
            if stored:
                info.extra = _alignment(apk.fp.tell() + LOCAL_HEADER + len(name.encode()))
            apk.writestr(info, data)


def _alignment(position):
    """An extra field that says PAGE and ends, with the header, at a multiple of it."""
    padding = -(position + 6) % PAGE
    return struct.pack("<HHH", 0xD935, 2 + padding, PAGE) + bytes(padding)


if __name__ == "__main__":
    main(*sys.argv[1:])
