"""A folder as an object store."""

from __future__ import annotations

import builtins
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path
from shutil import copyfileobj
from typing import BinaryIO

from shark_core.errors import DataError
from shark_core.publish.object_store import KEY, StoredObject, check_key
from shark_core.storage_errors import storage_error

INCOMING = ".incoming"
FOLDER_ATTEMPTS = 3


@dataclass(frozen=True)
class LocalStore:
    """Objects as files below `root`, each linked into place once it is whole and on disk.

    The file system must know hard links.
    A writer that is killed leaves a file in `.incoming`, which no key reaches.
    """

    root: Path

    def put_if_absent(self, key: str, content: bytes) -> bool:
        return self.put_file_if_absent(key, BytesIO(content))

    def put_file_if_absent(self, key: str, source: BinaryIO) -> bool:
        target = self._path(key)
        with self._storage(key), self._incoming(source) as temporary:
            return _link(temporary, target, self.root)

    def replace(self, key: str, content: bytes) -> None:
        target = self._path(key)
        with self._storage(key), self._incoming(BytesIO(content)) as temporary:
            target.parent.mkdir(parents=True, exist_ok=True)
            temporary.replace(target)
            _sync_folders(target.parent, self.root)

    @contextmanager
    def open(self, key: str) -> Iterator[BinaryIO]:
        with self._storage(key), self._path(key).open("rb") as file:
            yield file

    def size(self, key: str) -> int:
        with self._storage(key):
            return self._path(key).stat().st_size

    def exists(self, key: str) -> bool:
        with self._storage(key):
            return self._path(key).is_file()

    def list(self, prefix: str) -> Iterator[StoredObject]:
        folder = self._path(prefix)
        with self._storage(prefix):
            files = [Path(at, name) for at, _, names in _walk(folder) for name in names]
        keys = (path.relative_to(self.root).as_posix() for path in files)
        for key in sorted(filter(KEY.fullmatch, keys)):  # what others left there is none of ours
            with suppress(FileNotFoundError):  # deleted meanwhile
                yield self._stored(self.root / key)

    def delete(self, key: str) -> None:
        with self._storage(key):
            self._path(key).unlink(missing_ok=True)

    def leftovers(self) -> builtins.list[StoredObject]:
        """What a killed writer left in `.incoming`, and folders without files, the deepest first.

        Their keys are none of an object. A folder is as old as the youngest folder in it.
        """
        with self._storage(INCOMING):
            incoming = self.root / INCOMING
            files = [Path(at, name) for at, _, names in _walk(incoming) for name in names]
            return [*map(self._stored, files), *self._empty_folders(incoming)]

    def remove_leftover(self, key: str) -> None:
        """Remove one of `leftovers`; nothing happens where it is gone, or in use again."""
        path = self.root / key
        with self._storage(key), suppress(FileNotFoundError):
            if path.is_dir():
                with suppress(OSError):  # not empty any more
                    path.rmdir()
            elif path.parent == self.root / INCOMING:
                path.unlink()

    def _empty_folders(self, incoming: Path) -> Iterator[StoredObject]:
        youngest: dict[Path, datetime] = {}
        for at, folders, names in _walk(self.root, topdown=False):
            folder = Path(at)
            inside = [folder / name for name in folders]
            if names or folder in (self.root, incoming) or not youngest.keys() >= {*inside}:
                continue
            own = self._stored(folder).modified
            youngest[folder] = max([own, *(youngest[each] for each in inside)])
            yield StoredObject(folder.relative_to(self.root).as_posix(), 0, youngest[folder])

    def _stored(self, path: Path) -> StoredObject:
        found = path.stat()
        modified = datetime.fromtimestamp(found.st_mtime, UTC)
        return StoredObject(path.relative_to(self.root).as_posix(), found.st_size, modified)

    @contextmanager
    def _incoming(self, source: BinaryIO) -> Iterator[Path]:
        """The source as a file that is whole and on disk; gone when the block ends."""
        temporary = self.root / INCOMING / secrets.token_hex(8)
        temporary.parent.mkdir(parents=True, exist_ok=True)
        try:
            _write_through(temporary, source)
            yield temporary
        finally:
            temporary.unlink(missing_ok=True)

    def _path(self, key: str) -> Path:
        return self.root / check_key(key)

    @contextmanager
    def _storage(self, key: str) -> Iterator[None]:
        """Turn what the operating system raises into the errors of `shark_core.errors`."""
        try:
            yield
        except FileNotFoundError as error:
            raise DataError(
                "an object of the registry is missing",
                expected="a file",
                found="nothing",
                where=self.root / key,
                remedy="restore it from a copy, or publish the day again",
            ) from error
        except OSError as error:
            raise storage_error(error, str(self.root / key)) from error


def _write_through(path: Path, source: BinaryIO) -> None:
    with path.open("xb") as file:
        copyfileobj(source, file, 1 << 20)
        file.flush()
        os.fsync(file.fileno())


def _link(temporary: Path, target: Path, root: Path) -> bool:
    try:
        _link_in_folder(temporary, target)
    except FileExistsError:
        return False
    _sync_folders(target.parent, root)
    return True


def _sync_folders(folder: Path, root: Path) -> None:
    """And those above it, up to `root`: any may be new, and is lost with its entry in the next."""
    for each in (folder, *folder.parents):
        opened = os.open(each, os.O_RDONLY)
        try:
            os.fsync(opened)
        finally:
            os.close(opened)
        if each == root:
            return


def _link_in_folder(temporary: Path, target: Path) -> None:
    """Between making the folder and using it, it may be removed as an empty one."""
    for _ in range(FOLDER_ATTEMPTS):
        target.parent.mkdir(parents=True, exist_ok=True)
        with suppress(FileNotFoundError):
            os.link(temporary, target)
            return
    os.link(temporary, target)


def _walk(folder: Path, topdown: bool = True) -> Iterator[tuple[str, list[str], list[str]]]:
    """As `os.walk`; folders that are removed meanwhile are passed over, other errors are raised."""
    return os.walk(folder, topdown=topdown, onerror=_unless_gone)


def _unless_gone(error: OSError) -> None:
    if not isinstance(error, FileNotFoundError | NotADirectoryError):
        raise error
