# SPDX-License-Identifier: Apache-2.0
"""Zip files as bytes from strangers: what is read is bounded before it is read.

Nothing is extracted. Both what Stable-Baselines3 saves and the weights inside, as torch saves them,
are such files.
"""

from __future__ import annotations

import io
import json
import struct
import zipfile
import zlib
from pathlib import PurePosixPath
from typing import Any

from plasma_pack.errors import SourceError

MAX_DIRECTORY_BYTES = 1 << 20
MAX_UNPACKED_BYTES = 512 << 20  # of all that is read
_END, _END_BYTES, _LONGEST_COMMENT = b"PK\5\6", 22, 65_535
_WIDE_END, _WIDE_LOCATOR = b"PK\6\6", b"PK\6\7"
_BROKEN = (
    zipfile.BadZipFile,
    zlib.error,
    EOFError,
    OSError,
    RuntimeError,  # NotImplementedError is one
    ValueError,  # offsets that lead before the file, names that are no text
    struct.error,
)


class Archive:
    """The members of a zip. what: how messages call it."""

    def __init__(self, data: bytes, what: str) -> None:
        self.what = what
        self._left = MAX_UNPACKED_BYTES
        _check_directory(data, what)
        try:
            self._zip = zipfile.ZipFile(io.BytesIO(data))
        except _BROKEN as error:
            raise SourceError(f"{what} is not a whole zip file: {error}") from error
        self.names = [info.filename for info in self._zip.infolist()]
        self._check_names()
        self._check_beginning()

    def _check_names(self) -> None:
        if len(set(self.names)) != len(self.names):
            raise SourceError(f"{self.what} holds two members of the same name")
        for name in self.names:
            path = PurePosixPath(name.replace("\\", "/"))
            if path.is_absolute() or ".." in path.parts:
                raise SourceError(f"{self.what} holds {name!r}, a name that leads out of it")

    def _check_beginning(self) -> None:
        """What is left of a zip that was cut off may end in a whole one, which was a member of it."""
        first = min((info.header_offset for info in self._zip.infolist()), default=0)
        if first > 0:
            raise SourceError(
                f"{self.what} has {first:,} bytes before its first member, as the beginning of a zip "
                "file with another one in it has; fetch or save it again"
            )

    def read(self, name: str, most: int = MAX_UNPACKED_BYTES) -> bytes:
        """A member, decompressed, of at most so many bytes."""
        if name not in self.names:
            raise SourceError(f"{self.what} has no member {name!r}; it holds {self.names[:8]}")
        found = self._zip.getinfo(name).file_size
        if found > min(most, self._left):
            raise SourceError(
                f"{name!r} in {self.what} unpacks to {found:,} bytes, expected at most "
                f"{min(most, self._left):,}"
            )
        self._left -= found
        try:
            return self._zip.read(name)
        except _BROKEN as error:
            raise SourceError(f"{name!r} in {self.what} is damaged: {error}") from error

    def json(self, name: str, most: int) -> dict[str, Any]:
        """A member that is a JSON object."""
        text = self.read(name, most)
        try:
            value = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise SourceError(f"{name!r} in {self.what} is not JSON: {error}") from error
        if not isinstance(value, dict):
            raise SourceError(f"{name!r} in {self.what} is not a JSON object")
        return value


def _check_directory(data: bytes, what: str) -> None:
    """zipfile makes a record of some 500 bytes from each entry of 46, whatever their number."""
    end = data.rfind(_END, max(0, len(data) - _END_BYTES - _LONGEST_COMMENT))
    if end < 0 or end + _END_BYTES > len(data):
        raise SourceError(f"{what} is not a zip file, or only the beginning of one")
    (size,) = struct.unpack_from("<I", data, end + 12)
    if data[max(0, end - 20) :].startswith(_WIDE_LOCATOR) and data[end - 76 :].startswith(
        _WIDE_END
    ):
        (size,) = struct.unpack_from("<Q", data, end - 36)
    if size > MAX_DIRECTORY_BYTES:
        raise SourceError(
            f"{what} has a directory of {size:,} bytes, expected at most {MAX_DIRECTORY_BYTES:,}"
        )
