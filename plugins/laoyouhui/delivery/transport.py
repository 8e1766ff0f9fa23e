"""The exchange with the carrier: a folder, or the same folders behind SFTP.

Paths are relative to the exchange's root, separated by `/`: `in/recharge/recharge_20260126_0001.txt.gz`. A file that is
put appears complete or not at all: it is written under a temporary name, which `list` never shows, and renamed.

No link in the exchange is followed, since others may write there: neither in place of a file, nor in place of a folder.
A local folder is walked from its root down by descriptors, each opened without following links, so that what was
checked is what is read. SFTP cannot do that: there each part of a path is checked before it is used.
"""

from __future__ import annotations

import base64
import binascii
import errno
import hashlib
import io
import os
import posixpath
import re
import secrets
import shutil
import socket
import stat
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, NamedTuple, Protocol, cast

from laoyouhui.config.errors import ConfigError

if TYPE_CHECKING:
    import paramiko

_CONNECT_SECONDS = 30
_ANSWER_SECONDS = 120
_PREFETCH_REQUESTS = 64  # of 32 KiB each: fast over a long line, and at most 2 MiB in memory whatever the file's size
_UPLOAD_BYTES = 32 << 10  # what one request may hold with every server


class TransportError(Exception):
    """The exchange cannot be reached or used. The message says where and what to do."""


class UnreadableError(TransportError):
    """One file or folder of the exchange cannot be read, which holds up no other. The message says why."""


class NotAFolderError(UnreadableError):
    """There is a file, a link or a device where a folder is expected: it is not followed."""


@dataclass(frozen=True)
class RemoteFile:
    """A file of a folder: its name, size in bytes, modification time in nanoseconds (over SFTP: whole seconds)."""

    name: str
    size: int
    mtime_ns: int


@dataclass(frozen=True)
class SftpSettings:
    """How to reach the carrier's SFTP server.

    `host_key` is the server's public key, as `ssh-ed25519 AAAA...` or as a line of `known_hosts`; while that key is
    rotated, the old and the new one, one per line. `private_key` is the key's text, not a path; `root` is the folder
    that holds `in/`, `out/` and `ack/`. Exactly one of `password` and `private_key` is given, else ConfigError.
    """

    host: str
    port: int
    user: str
    password: str | None = field(repr=False)
    private_key: str | None = field(repr=False)
    host_key: str
    root: str

    def __post_init__(self) -> None:
        if bool(self.password) == bool(self.private_key):
            given = "both" if self.password else "neither"
            raise ConfigError(
                f"SFTP {self.user}@{self.host}:{self.port}: expected exactly one of password and private key, "
                f"{given} is given: fix the connection"
            )
        _pinned_keys(self)


class Look(NamedTuple):
    """What is in a folder, by name: its files, and anything else, such as links. Temporary files are left out."""

    files: list[RemoteFile]
    others: tuple[str, ...]


class Transport(Protocol):
    """What the pipeline may do with an exchange. Paths with `..`, empty parts or a leading `/` raise ValueError.

    If there is a link, a file or a device in place of a folder, every call that needs the folder raises
    NotAFolderError.
    """

    def list(self, folder: str) -> list[RemoteFile]:
        """Give the files of a folder by name; none when there is no such folder. Temporary files are left out."""
        ...

    def others(self, folder: str) -> tuple[str, ...]:
        """Give the names of everything else in a folder: folders, links, which are not followed, and the like."""
        ...

    def look(self, folder: str) -> Look:
        """Give both, `list` and `others`, of one look. UnreadableError where the folder may not be listed."""
        ...

    def require_folder(self, folder: str) -> None:
        """Raise NotAFolderError if something else is in a folder's place; nothing, or a folder, is fine."""
        ...

    def open(self, path: str) -> AbstractContextManager[BinaryIO]:
        """Open a file for reading; FileNotFoundError when it is not there, UnreadableError when it cannot be read."""
        ...

    def read(self, path: str) -> bytes | None:
        """Give a small file's bytes, None when it is not there."""
        ...

    def put(self, local: Path, path: str) -> None:
        """Copy a local file to `path`, replacing what is there, under a temporary name first. Makes the folders.

        Raises TransportError when it cannot be written whole: then `path` is as it was.
        """
        ...


def _checked(path: str) -> tuple[str, ...]:
    """Split a path of the exchange; a name from a file's content can never leave the root."""
    parts = tuple(path.split("/"))
    if any(part in {"", ".", ".."} or "\\" in part or "\0" in part for part in parts):
        raise ValueError(f"path {path!r} is refused: expected names parted by '/', without '..', below the exchange")
    return parts


def _temporary(name: str) -> str:
    """Give an unpredictable name, so that nobody can prepare a trap under it: `.a.txt.5f3c….part`."""
    return f".{name}.{secrets.token_hex(8)}.part"


def _is_left_over(name: str, of: str) -> bool:
    """Whether `name` is a temporary name of the file `of`, left by a run that was cut."""
    return re.fullmatch(rf"\.{re.escape(of)}\.[0-9a-f]{{16}}\.part", name) is not None


def _is_temporary(name: str) -> bool:
    return name.startswith(".") or name.endswith(".part")


def _is_regular(entry: paramiko.SFTPAttributes) -> bool:
    return entry.st_mode is None or stat.S_ISREG(entry.st_mode)  # a server need not say what kind of file it is


def _not_a_folder(place: str) -> NotAFolderError:
    return NotAFolderError(
        f"{place}: a link, a file or a device, expected a folder (links are not followed): put a folder there"
    )


class _Reading:
    """A file being read, each error of which says where and what to do. Errors of its reader are not its own."""

    def __init__(self, file: BinaryIO, saying: Callable[[], AbstractContextManager[None]]) -> None:
        self._file, self._saying = file, saying

    def __enter__(self) -> BinaryIO:
        return cast("BinaryIO", self)

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def read(self, size: int = -1) -> bytes:
        with self._saying():
            return self._file.read(size)


class FolderTransport:
    """The exchange as a folder of this machine or of a mounted disk.

    A file that is put is private to this user, whatever the umask, and folders of ours on its path that are open to
    others are restricted. If its first folder, `out`, passes its group on (setgid) and lets it read, that group may
    read the file, too: `chgrp carrier out; chmod 2750 out`.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        self._shared_with: int | None = None  # the group that may read what is put

    def list(self, folder: str) -> list[RemoteFile]:
        """Give the files of a folder by name; see Transport."""
        return self.look(folder).files

    def others(self, folder: str) -> tuple[str, ...]:
        """Give the names of what else lies in a folder; see Transport."""
        return self.look(folder).others

    def look(self, folder: str) -> Look:
        """Give files and others of one look; see Transport."""
        files, others = [], []
        try:
            with self._saying("list", folder), self._folder(_checked(folder)) as opened:
                for name in sorted(_names(opened)):
                    if _is_temporary(name):
                        continue
                    try:
                        found = os.stat(name, dir_fd=opened, follow_symlinks=False)
                    except FileNotFoundError:
                        continue  # removed since it was listed
                    if stat.S_ISREG(found.st_mode):
                        files.append(RemoteFile(name, found.st_size, found.st_mtime_ns))
                    else:
                        others.append(name)
        except FileNotFoundError:
            return Look([], ())
        return Look(files, tuple(others))

    def require_folder(self, folder: str) -> None:
        """Raise NotAFolderError where something else stands there; see Transport."""
        with suppress(FileNotFoundError), self._saying("look at", folder), self._folder(_checked(folder)):
            pass

    def open(self, path: str) -> AbstractContextManager[BinaryIO]:
        """Open a file for reading; see Transport."""
        *folder, name = _checked(path)
        with self._saying("read", path), self._folder(tuple(folder)) as opened:
            # a link is refused, and a pipe does not make us wait for its writer
            number = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=opened)
            if not stat.S_ISREG(os.fstat(number).st_mode):
                os.close(number)
                raise UnreadableError(f"{self._root}: read {path}: a folder, a link or a device, expected a file")
            return _Reading(os.fdopen(number, "rb"), lambda: self._saying("read", path))

    def read(self, path: str) -> bytes | None:
        """Give a small file's bytes; see Transport."""
        try:
            with self.open(path) as file:
                return file.read()
        except FileNotFoundError:
            return None

    def put(self, local: Path, path: str) -> None:
        """Copy a local file here and make it last: the file is synced before its rename, the folder after it."""
        _checked(path)
        with local.open("rb") as source:
            self._write(source, path)

    def write(self, content: bytes, path: str) -> None:
        """Put a small file whose content is in memory."""
        self._write(io.BytesIO(content), path)

    def _write(self, source: BinaryIO, path: str) -> None:
        *folder, name = _checked(path)
        temporary = _temporary(name)
        try:
            with self._folder(tuple(folder), make=True) as opened:
                for left in _names(opened):
                    if _is_left_over(left, name):
                        os.unlink(left, dir_fd=opened)
                try:
                    self._copy(source, temporary, opened)
                    os.rename(temporary, name, src_dir_fd=opened, dst_dir_fd=opened)
                except OSError:
                    with suppress(OSError):
                        os.unlink(temporary, dir_fd=opened)  # a full disk keeps no half of a file
                    raise
                os.fsync(opened)
        except OSError as error:
            raise TransportError(
                f"{self._root / path} cannot be written ({error}): free space or fix permissions there, then run again"
            ) from error

    def _copy(self, source: BinaryIO, temporary: str, opened: int) -> None:
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        with os.fdopen(os.open(temporary, flags, 0o600, dir_fd=opened), "wb") as copy:
            shutil.copyfileobj(source, copy, 1 << 20)
            copy.flush()
            self._grant(copy.fileno(), 0o600)
            os.fsync(copy.fileno())

    @contextmanager
    def _folder(self, parts: tuple[str, ...], *, make: bool = False) -> Iterator[int]:
        """Open a folder from the root down, following no links; only the path to the root itself may have some."""
        if make:
            self._root.mkdir(mode=0o700, parents=True, exist_ok=True)
        at = os.open(self._root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            for number, part in enumerate(parts, start=1):
                if make:
                    with suppress(FileExistsError):
                        os.mkdir(part, 0o700, dir_fd=at)
                try:
                    below = os.open(part, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=at)
                except OSError as error:
                    if error.errno in {errno.ENOTDIR, errno.ELOOP}:
                        raise _not_a_folder(str(self._root.joinpath(*parts[:number]))) from error
                    raise
                os.close(at)
                at = below
                if make:
                    self._shared_with = self._shared_with if number > 1 else _shared_with(at)
                    self._grant(at, 0o700)
            yield at
        finally:
            os.close(at)

    def _grant(self, opened: int, mode: int) -> None:
        """Make a file or folder of ours private to us, or to us and the group that `out` is shared with."""
        found = os.fstat(opened)
        if found.st_uid != os.geteuid():
            return  # somebody else's folder: its permissions are theirs
        if self._shared_with is not None:
            mode |= (mode & 0o500) >> 3  # what we may read and enter, they may
            if found.st_gid != self._shared_with:
                os.fchown(opened, -1, self._shared_with)
        mode |= found.st_mode & stat.S_ISGID
        if stat.S_IMODE(found.st_mode) != mode:
            os.fchmod(opened, mode)

    @contextmanager
    def _saying(self, doing: str, path: str) -> Iterator[None]:
        """Have errors about one file or folder say where and what to do; FileNotFoundError stays as it is."""
        try:
            yield
        except FileNotFoundError:
            raise
        except OSError as error:
            place = f"{self._root}: {doing} {path}"
            if error.errno == errno.ELOOP:
                raise UnreadableError(f"{place}: a link, expected a file: links are not followed") from error
            raise UnreadableError(f"{place}: {error.strerror or error}: fix it there; the next run looks again") from (
                error
            )


def _shared_with(opened: int) -> int | None:
    found = os.fstat(opened)
    shared = stat.S_ISGID | stat.S_IRGRP | stat.S_IXGRP
    return found.st_gid if found.st_mode & shared == shared else None


def _names(opened: int) -> list[str]:
    with os.scandir(opened) as entries:
        return [entry.name for entry in entries]


class SftpTransport:
    """The exchange behind an SFTP session that is open already; see `open_transport`.

    SFTP cannot open a file without following links: each part of a path is checked once per session, and a file again
    once it is open. The server decides who may read what is put: its owner is the server's user.
    """

    def __init__(self, session: paramiko.SFTPClient, root: str, where: str) -> None:
        self._session = session
        self._root = root or "."
        self._where = where
        self._folders: set[tuple[str, ...]] = set()  # those that are really folders
        self._left_over: dict[tuple[str, ...], tuple[str, ...]] = {}  # temporary names, as a folder had them

    def _path(self, *parts: str) -> str:
        return posixpath.join(self._root, *parts)

    def list(self, folder: str) -> list[RemoteFile]:
        """Give the files of a folder by name; see Transport."""
        return self.look(folder).files

    def others(self, folder: str) -> tuple[str, ...]:
        """Give the names of what else lies in a folder; see Transport."""
        return self.look(folder).others

    def look(self, folder: str) -> Look:
        """Give files and others of one look; see Transport."""
        parts = _checked(folder)
        try:
            with self._saying("list", folder):
                self._require_folders(parts)
                listed = self._session.listdir_attr(self._path(*parts))
        except FileNotFoundError:
            return Look([], ())
        found = sorted(
            (entry for entry in listed if not _is_temporary(entry.filename)), key=lambda entry: entry.filename
        )
        files = [
            RemoteFile(entry.filename, entry.st_size or 0, (entry.st_mtime or 0) * 1_000_000_000)
            for entry in found
            if _is_regular(entry)
        ]
        return Look(files, tuple(entry.filename for entry in found if not _is_regular(entry)))

    def require_folder(self, folder: str) -> None:
        """Raise NotAFolderError where something else stands there; see Transport."""
        with suppress(FileNotFoundError), self._saying("look at", folder):
            self._require_folders(_checked(folder))

    def _require_folders(self, parts: tuple[str, ...]) -> None:
        for number in range(1, len(parts) + 1):
            folder = parts[:number]
            if folder in self._folders:
                continue
            mode = self._session.lstat(self._path(*folder)).st_mode
            if mode is not None and not stat.S_ISDIR(mode):
                raise _not_a_folder(f"{self._where}: {'/'.join(folder)}")
            self._folders.add(folder)

    @contextmanager
    def open(self, path: str) -> Iterator[BinaryIO]:
        """Open a file for reading ahead; see Transport."""
        *folder, name = _checked(path)
        with self._saying("read", path):
            self._require_folders(tuple(folder))
            target = self._path(*folder, name)
            self._require_file(self._session.lstat(target), path)  # a pipe would have the server wait for its writer
            file = self._session.open(target, "rb")
        with file:
            with self._saying("read", path):
                found = file.stat()
                self._require_file(found, path)
                file.prefetch(found.st_size or 0, _PREFETCH_REQUESTS)
            yield cast("BinaryIO", _Reading(cast("BinaryIO", file), lambda: self._saying("read", path)))

    def _require_file(self, found: paramiko.SFTPAttributes, path: str) -> None:
        if not _is_regular(found):
            raise UnreadableError(f"{self._where}: {path}: a folder, a link or a device, expected a file")

    def read(self, path: str) -> bytes | None:
        """Give a small file's bytes; see Transport."""
        buffer = io.BytesIO()
        try:
            with self.open(path) as file:
                shutil.copyfileobj(file, buffer)
        except FileNotFoundError:
            return None
        return buffer.getvalue()

    def put(self, local: Path, path: str) -> None:
        """Upload a local file under a temporary name, check the size that arrived, rename; see Transport.

        What a cut upload left under a temporary name is removed: sending the file again takes less time than finding
        out what of it arrived.
        """
        *folder, name = _checked(path)
        target = self._path(*folder, name)
        temporary = self._path(*folder, _temporary(name))
        with self._saying("write", path):
            self._make_folders(tuple(folder))
            for left in self._cut_uploads(tuple(folder), name):
                with suppress(OSError):
                    self._session.remove(self._path(*folder, left))
            try:
                self._upload(local, temporary)
                self._rename(temporary, target, self._path(*folder, _temporary(name)))
            except (OSError, UnreadableError):
                with suppress(OSError, EOFError, _ssh_error()):  # a full disk keeps no half of a file
                    self._session.remove(temporary)
                raise

    def _upload(self, local: Path, temporary: str) -> None:
        with local.open("rb") as source, self._session.open(temporary, "wx") as copy:
            copy.set_pipelined(True)
            shutil.copyfileobj(source, copy, _UPLOAD_BYTES)
        size, arrived = local.stat().st_size, self._session.stat(temporary).st_size
        if arrived != size:
            raise OSError(f"{arrived} of {size} bytes arrived")

    def _cut_uploads(self, folder: tuple[str, ...], name: str) -> Iterator[str]:
        """Give the temporary names of a file that a cut upload left; a folder is listed once a session."""
        if folder not in self._left_over:
            listed = self._session.listdir(self._path(*folder))
            self._left_over[folder] = tuple(found for found in listed if found.endswith(".part"))
        return (found for found in self._left_over[folder] if _is_left_over(found, name))

    def _rename(self, temporary: str, target: str, aside: str) -> None:
        """Rename over an existing file. If the server lacks OpenSSH's extension, the old file is moved aside first.

        It is put back if the new file cannot take its place, and removed last.
        """
        try:
            self._session.posix_rename(temporary, target)
        except OSError:
            try:
                self._session.rename(temporary, target)  # nothing is there
            except OSError:
                self._require_file(self._session.lstat(target), target)
                self._session.rename(target, aside)
                try:
                    self._session.rename(temporary, target)
                except OSError:
                    self._session.rename(aside, target)
                    raise
                with suppress(OSError):
                    self._session.remove(aside)

    @contextmanager
    def _saying(self, doing: str, path: str) -> Iterator[None]:
        """Have errors say where and what to do; a missing file stays FileNotFoundError.

        A refusal to read concerns one file or folder; a broken connection concerns all.
        """
        place = f"{self._where}: {doing} {path}"
        refused = TransportError if doing == "write" else UnreadableError
        try:
            yield
        except FileNotFoundError:
            raise
        except TimeoutError as error:
            raise TransportError(f"{place}: no answer for {_ANSWER_SECONDS} s: run again; ask the carrier") from error
        except PermissionError as error:
            raise refused(f"{place}: permission denied: ask the carrier for the right to {doing} there") from error
        except (EOFError, _ssh_error()) as error:
            raise TransportError(f"{place}: the line broke ({error or type(error).__name__}): run again") from error
        except OSError as error:
            if not _is_open(self._session):
                raise TransportError(f"{place}: the line broke ({error}): run again") from error
            if doing == "write":
                raise TransportError(
                    f"{place}: the server says {str(error)!r}: its disk or our quota may be full, or the file may be "
                    "in use: ask the carrier, then run again"
                ) from error
            raise UnreadableError(
                f"{place}: the server says {str(error)!r}: somebody may hold it, or its disk may fail: ask the "
                "carrier; the next run looks again"
            ) from error

    def _make_folders(self, folder: tuple[str, ...]) -> None:
        for number in range(1, len(folder) + 1):
            try:
                self._require_folders(folder[:number])
            except FileNotFoundError:
                self._session.mkdir(self._path(*folder[:number]))


def _ssh_error() -> type[Exception]:
    from paramiko import SSHException

    return SSHException


def _is_open(session: paramiko.SFTPClient) -> bool:
    channel = session.get_channel()
    return channel is not None and not channel.closed and channel.get_transport().is_active()


def _kind(blob: bytes) -> str:
    """Give the kind of key, such as `ssh-ed25519`, that a key in SSH's wire form begins with."""
    return blob[4 : 4 + int.from_bytes(blob[:4], "big")].decode("ascii", "replace")


def _pinned_keys(settings: SftpSettings) -> list[bytes]:
    """Give the pinned keys in SSH's wire form, out of lines `[host] type base64 [comment]`."""
    lines = [line.strip() for line in settings.host_key.splitlines()]
    return [_pinned_key(settings, line) for line in lines if line and not line.startswith("#")] or [
        _pinned_key(settings, "")
    ]


def _pinned_key(settings: SftpSettings, line: str) -> bytes:
    marked = line.startswith("@")  # `@revoked`, `@cert-authority`: not a key that a server may show
    for kind, text in pairwise(() if marked else line.split()):
        try:
            blob = base64.b64decode(text, validate=True)
        except binascii.Error:
            continue
        if _kind(blob) == kind:
            return blob
    raise ConfigError(
        f"SFTP {settings.user}@{settings.host}:{settings.port}: host_key: value {line[:60]!r}: expected the server's "
        "public key, such as 'ssh-ed25519 AAAA...', or its line of known_hosts; two during a rotation, one a line. "
        "Ask the carrier for it"
    )


def _fingerprint(blob: bytes) -> str:
    digest = base64.b64encode(hashlib.sha256(blob).digest()).decode().rstrip("=")
    return f"{_kind(blob)} SHA256:{digest}"  # as `ssh-keygen -l` shows it


def _private_key(text: str) -> paramiko.PKey:
    import paramiko
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

    # paramiko misreads some ECDSA keys in OpenSSH's form and does not know PKCS#8: give it a form that it always reads.
    kinds: tuple[tuple[type, type[paramiko.PKey], serialization.PrivateFormat], ...] = (
        (ed25519.Ed25519PrivateKey, paramiko.Ed25519Key, serialization.PrivateFormat.OpenSSH),
        (ec.EllipticCurvePrivateKey, paramiko.ECDSAKey, serialization.PrivateFormat.TraditionalOpenSSL),
        (rsa.RSAPrivateKey, paramiko.RSAKey, serialization.PrivateFormat.TraditionalOpenSSL),
    )
    for load in (serialization.load_ssh_private_key, serialization.load_pem_private_key):
        try:
            key = load(text.strip().encode() + b"\n", None)
        except (ValueError, TypeError, UnsupportedAlgorithm):
            continue
        for kind, known, form in kinds:
            if isinstance(key, kind):
                plain = key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption())
                return known.from_private_key(io.StringIO(plain.decode()))
    raise ConfigError(
        "SFTP private key: expected the text of an Ed25519, ECDSA or RSA key without a passphrase: fix the connection"
    )


def _sftp_session(transport: paramiko.Transport) -> paramiko.SFTPClient | None:
    """Open a session that lists names in any encoding: paramiko's own gives up a whole folder for one name that is not
    UTF-8.

    Such a name holds lone surrogates, like those that Python gives for a local folder.
    """
    import paramiko

    class Message(paramiko.Message):
        def get_text(self) -> str:
            return self.get_string().decode("utf-8", "surrogateescape")

    class Session(paramiko.SFTPClient):
        def _request(self, kind: int, *arguments: object) -> tuple[int, paramiko.Message]:
            answered, message = super()._request(kind, *arguments)  # type: ignore[misc] # not in its stubs
            message.__class__ = Message
            return answered, message

    return Session.from_transport(transport)


@contextmanager
def _open_sftp(settings: SftpSettings) -> Iterator[SftpTransport]:
    import paramiko

    where = f"SFTP {settings.user}@{settings.host}:{settings.port}"
    key = _private_key(settings.private_key) if settings.private_key else None
    try:
        connection = socket.create_connection((settings.host, settings.port), _CONNECT_SECONDS)
    except OSError as error:
        raise TransportError(f"{where}: no connection ({error}): check host, port, firewall; then run again") from error
    transport = paramiko.Transport(connection)
    transport.banner_timeout = transport.auth_timeout = _CONNECT_SECONDS
    try:
        _require_host_key(transport, _pinned_keys(settings), where)
        if key is None:
            transport.auth_password(settings.user, settings.password or "")
        else:
            transport.auth_publickey(settings.user, key)
        session = _sftp_session(transport)
        channel = session.get_channel() if session else None
        if session is None or channel is None:
            raise TransportError(f"{where}: the server opens no SFTP session: ask the carrier")
        channel.settimeout(_ANSWER_SECONDS)  # a dead line ends the run, which can be run again
        _require_root(session, settings, where)
        yield SftpTransport(session, settings.root, where)
    except paramiko.AuthenticationException as error:
        method = "password" if key is None else "private key"
        raise TransportError(f"{where}: the {method} was refused: check user and {method} of the connection") from error
    except (paramiko.SSHException, EOFError, TimeoutError) as error:
        raise TransportError(f"{where}: the session broke ({type(error).__name__}: {error}): run again") from error
    finally:
        transport.close()


def _require_host_key(transport: paramiko.Transport, pinned: list[bytes], where: str) -> None:
    """Begin the session and refuse a server whose key is not pinned, before it gets any secret."""
    # A server shows one of its keys: ask for the pinned kinds first, so that the right one is compared.
    kinds = {_kind(key) for key in pinned}
    wanted = kinds | ({"rsa-sha2-512", "rsa-sha2-256"} if "ssh-rsa" in kinds else set())
    options = transport.get_security_options()
    options.key_types = tuple(sorted(options.key_types, key=lambda offered: offered not in wanted))
    try:
        transport.start_client(timeout=_CONNECT_SECONDS)
    except EOFError as error:
        raise TransportError(f"{where}: the server hung up: check that it is an SFTP server; run again") from error
    shown = transport.get_remote_server_key().asbytes()
    if shown not in pinned:
        known = " and ".join(map(_fingerprint, pinned))
        raise TransportError(
            f"{where}: the server's host key is {_fingerprint(shown)}, pinned is {known}: nothing was "
            "sent. Ask the carrier whether its key was changed; only if so, put the new key into the connection"
        )


def _require_root(session: paramiko.SFTPClient, settings: SftpSettings, where: str) -> None:
    place = f"{where}: the folder {settings.root!r}"
    try:
        found = session.stat(settings.root or ".")
    except FileNotFoundError as error:
        raise ConfigError(
            f"{where}: there is no folder {settings.root!r}: expected the one with in/, out/, ack/"
        ) from error
    except PermissionError as error:
        raise TransportError(
            f"{place}: permission denied: ask the carrier for permission, or correct the connection's root"
        ) from error
    except OSError as error:
        if not _is_open(session):
            raise TransportError(f"{place}: the line broke ({error}): run again") from error
        raise TransportError(f"{place}: the server says {str(error)!r}: ask the carrier, then run again") from error
    if found.st_mode is not None and not stat.S_ISDIR(found.st_mode):
        raise ConfigError(f"{place} is no folder: expected the one with in/, out/, ack/")


@contextmanager
def open_transport(exchange: str, sftp: SftpSettings | None = None) -> Iterator[Transport]:
    """Open the exchange: the SFTP server of `sftp` where it is given, else the folder `exchange`.

    Raises ConfigError when the exchange or its root is not there, TransportError when it cannot be reached or its host
    key is not the pinned one.
    """
    if sftp is not None:
        with _open_sftp(sftp) as transport:
            yield transport
        return
    if exchange.startswith("connection:"):
        raise ConfigError(
            f"exchange {exchange!r} is an SFTP connection, but its settings are not given: run it in Airflow"
        )
    if not Path(exchange).is_dir():
        raise ConfigError(f"exchange {exchange!r}: there is no such folder: expected one with in/, out/, ack/")
    yield FolderTransport(Path(exchange))
