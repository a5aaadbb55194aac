# SPDX-License-Identifier: Apache-2.0
"""Published packets by the SHA-256 of their bytes: in a directory, or at any URL that fsspec has a driver for.

What is read back is hashed again, so damage is never served. A packet that is there is not written again, and its row
follows it: nobody is told of a file that is still being uploaded, also where an upload is not one step.
"""

from __future__ import annotations

import hashlib
import re
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar

import fsspec
from fsspec.implementations.local import LocalFileSystem

from plasma_pack.packet.atomic import write_file
from plasma_trainer.errors import MissingDependencyError, TrainerError, UsageError

MARK = ".school"  # written at each start, to know whether it can be
T = TypeVar("T")


class BlobsError(TrainerError):
    """A packet cannot be kept, or not be had back. Whoever asks again later may be served."""


class Blobs:
    """A directory, which is made, or a URL. Raises UsageError, MissingDependencyError and BlobsError when it cannot be
    written to.
    """

    def __init__(self, place: Path | str) -> None:
        self._place = place
        self._shown = re.sub(r"//[^/]*@", "//", str(place))  # passwords are not for messages
        self._local = threading.local()  # drivers share no connection between threads
        self._ask(lambda files, root: files.makedirs(root, exist_ok=True))
        self._ask(lambda files, root: _write(files, f"{root}/{MARK}", b""))

    def put(self, data: bytes) -> str:
        """Keep these bytes; their digest. Raises BlobsError."""
        digest = hashlib.sha256(data).hexdigest()
        with suppress(BlobsError):
            self.get(digest)
            return digest
        self._ask(lambda files, root: _write(files, _path(root, digest), data))
        return digest

    def get(self, digest: str) -> bytes:
        """The bytes. Raises BlobsError when they are not there, or are others."""
        data: bytes = self._ask(lambda files, root: files.cat_file(_path(root, digest)))
        if hashlib.sha256(data).hexdigest() != digest:
            raise BlobsError(
                f"{digest}.plasma in {self._shown} is damaged: its digest is another; restore it from a copy"
            )
        return data

    def _ask(self, question: Callable[[Any, str], T]) -> T:
        """Asked twice, the second time over a new connection: servers end those that were idle."""
        try:
            return question(*self._opened())
        except TrainerError:
            raise
        except Exception:  # drivers raise whatever their libraries do
            vars(self._local).pop("opened", None)
        try:
            return question(*self._opened())
        except Exception as error:
            said = f"{type(error).__name__}: {error}".replace(str(self._place), self._shown)
            raise BlobsError(
                f"packets cannot be read or written in {self._shown} ({said}); is it there, and allowed?"
            ) from error

    def _opened(self) -> tuple[Any, str]:
        """The driver of this thread, and what it calls the place."""
        if not hasattr(self._local, "opened"):
            self._local.opened = self._driver()
        opened: tuple[Any, str] = self._local.opened
        return opened

    def _driver(self) -> tuple[Any, str]:
        if isinstance(self._place, Path):
            return LocalFileSystem(), str(self._place)
        try:
            return fsspec.url_to_fs(self._place, skip_instance_cache=True)
        except ImportError as error:
            raise MissingDependencyError(f"{self._shown} needs a driver: {error}") from error
        except ValueError as error:
            raise UsageError(
                f"--artefacts: {error}; expected a URL that fsspec knows, such as s3://bucket/packets"
            ) from error


def _path(root: str, digest: str) -> str:
    return f"{root}/{digest}.plasma"


def _write(files: Any, path: str, data: bytes) -> None:
    if isinstance(files, LocalFileSystem):
        write_file(Path(path), data)  # to the disk, not only to its cache
    else:
        files.pipe_file(path, data)
