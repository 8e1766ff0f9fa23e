"""The exchange with the carrier: a folder, or the same folders behind SFTP.

Paths are relative to the exchange's root, parted by `/`: `in/recharge/recharge_20260126_0001.txt.gz`.
What is put appears whole or not at all: it is written under a temporary name, which `list` never shows, and renamed.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import io
import os
import posixpath
import shutil
import socket
import stat
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Protocol, cast

from laoyouhui.config.errors import ConfigError

if TYPE_CHECKING:
    import paramiko

_CONNECT_SECONDS = 30
_ANSWER_SECONDS = 120
_PREFETCH_REQUESTS = 64  # of 32 KiB each: fast over a long line, and at most 2 MiB in memory whatever the file's size


class TransportError(Exception):
    """The exchange cannot be reached or used. The message says where and what to do."""


@dataclass(frozen=True)
class RemoteFile:
    """A file of a folder: its name, size in bytes, its time of change in nanoseconds (over SFTP: whole seconds)."""

    name: str
    size: int
    mtime_ns: int


@dataclass(frozen=True)
class SftpSettings:
    """How to reach the carrier's SFTP server.

    `host_key` is the server's public key, as `ssh-ed25519 AAAA...` or as a line of `known_hosts`; `private_key` is the
    key's text, not a path; `root` is the folder that holds `in/`, `out/` and `ack/`. Exactly one of `password` and
    `private_key` is given, else ConfigError.
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
                f"{given} is given: mend the connection"
            )
        _key_blob(self)


class Transport(Protocol):
    """What the pipeline may do with an exchange. Paths with `..`, empty parts or a leading `/` raise ValueError."""

    def list(self, folder: str) -> list[RemoteFile]:
        """Give the files of a folder by name; none when there is no such folder. Temporary files are left out."""
        ...

    def others(self, folder: str) -> tuple[str, ...]:
        """Give the names of what else lies in a folder: folders, links, which are not followed, and the like."""
        ...

    def open(self, path: str) -> AbstractContextManager[BinaryIO]:
        """Open a file for reading; FileNotFoundError when it is not there."""
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
    """Part a path of the exchange; a name out of a file's content can never leave the root."""
    parts = tuple(path.split("/"))
    if any(part in {"", ".", ".."} or "\\" in part or "\0" in part for part in parts):
        raise ValueError(f"path {path!r} is refused: expected names parted by '/', without '..', below the exchange")
    return parts


def _temporary(name: str) -> str:
    return f".{name}.part"


def _is_temporary(name: str) -> bool:
    return name.startswith(".") or name.endswith(".part")


def _is_regular(entry: paramiko.SFTPAttributes) -> bool:
    return entry.st_mode is None or stat.S_ISREG(entry.st_mode)  # a server need not tell what a thing is


class FolderTransport:
    """The exchange as a folder of this machine or of a mounted disk."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def _path(self, path: str) -> Path:
        return self._root.joinpath(*_checked(path))

    def list(self, folder: str) -> list[RemoteFile]:
        """Give the files of a folder by name; see Transport."""
        files = []
        for entry in self._entries(folder):
            try:
                found = entry.stat(follow_symlinks=False)
            except FileNotFoundError:
                continue  # taken away since it was listed
            if stat.S_ISREG(found.st_mode):
                files.append(RemoteFile(entry.name, found.st_size, found.st_mtime_ns))
        return sorted(files, key=lambda file: file.name)

    def others(self, folder: str) -> tuple[str, ...]:
        """Give the names of what else lies in a folder; see Transport."""
        return tuple(sorted(entry.name for entry in self._entries(folder) if not entry.is_file(follow_symlinks=False)))

    def _entries(self, folder: str) -> Iterable[os.DirEntry[str]]:
        try:
            return [entry for entry in os.scandir(self._path(folder)) if not _is_temporary(entry.name)]
        except FileNotFoundError:
            return ()

    def open(self, path: str) -> AbstractContextManager[BinaryIO]:
        """Open a file for reading; see Transport."""
        return self._path(path).open("rb")

    def read(self, path: str) -> bytes | None:
        """Give a small file's bytes; see Transport."""
        try:
            return self._path(path).read_bytes()
        except FileNotFoundError:
            return None

    def put(self, local: Path, path: str) -> None:
        """Copy a local file here and make it last: the file is synced before its rename, the folder after it."""
        target = self._path(path)
        with local.open("rb") as source:
            self._write(source, target)

    def write(self, content: bytes, path: str) -> None:
        """Put a small file that stands nowhere yet."""
        self._write(io.BytesIO(content), self._path(path))

    def _write(self, source: BinaryIO, target: Path) -> None:
        temporary = target.with_name(_temporary(target.name))
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            with temporary.open("wb") as copy:
                shutil.copyfileobj(source, copy, 1 << 20)
                copy.flush()
                os.fsync(copy.fileno())
            temporary.replace(target)
            folder = os.open(target.parent, os.O_RDONLY)
            try:
                os.fsync(folder)
            finally:
                os.close(folder)
        except OSError as error:
            with suppress(OSError):
                temporary.unlink(missing_ok=True)  # a full disk keeps no half of a file
            raise TransportError(
                f"{target} cannot be written ({error}): free space or mend the rights there, then run again"
            ) from error


class SftpTransport:
    """The exchange behind an SFTP session that is open already; see `open_transport`."""

    def __init__(self, session: paramiko.SFTPClient, root: str, where: str) -> None:
        self._session = session
        self._root = root or "."
        self._where = where

    def _path(self, path: str) -> str:
        return posixpath.join(self._root, *_checked(path))

    def list(self, folder: str) -> list[RemoteFile]:
        """Give the files of a folder by name; see Transport."""
        files = [
            RemoteFile(entry.filename, entry.st_size or 0, (entry.st_mtime or 0) * 1_000_000_000)
            for entry in self._entries(folder)
            if _is_regular(entry)
        ]
        return sorted(files, key=lambda file: file.name)

    def others(self, folder: str) -> tuple[str, ...]:
        """Give the names of what else lies in a folder; see Transport."""
        return tuple(sorted(entry.filename for entry in self._entries(folder) if not _is_regular(entry)))

    def _entries(self, folder: str) -> Iterable[paramiko.SFTPAttributes]:
        try:
            with self._saying("list", folder):
                found = self._session.listdir_attr(self._path(folder))
        except FileNotFoundError:
            return ()
        return [entry for entry in found if not _is_temporary(entry.filename)]

    @contextmanager
    def open(self, path: str) -> Iterator[BinaryIO]:
        """Open a file for reading ahead; see Transport."""
        with self._saying("read", path), self._session.open(self._path(path), "rb") as file:
            file.prefetch(file.stat().st_size or 0, _PREFETCH_REQUESTS)
            yield cast("BinaryIO", file)

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

        What an upload that was cut left under the temporary name is written over from the start: a file is sent again
        in less time than it takes to prove what of it arrived.
        """
        target = self._path(path)
        folder, name = posixpath.split(target)
        temporary = posixpath.join(folder, _temporary(name))
        with self._saying("write", path):
            self._make_folders(folder)
            try:
                with local.open("rb") as source:
                    self._session.putfo(source, temporary, local.stat().st_size, confirm=True)
            except OSError:
                with suppress(OSError, EOFError, _ssh_error()):  # a full disk keeps no half of a file
                    self._session.remove(temporary)
                raise
            self._rename(temporary, target)

    def _rename(self, temporary: str, target: str) -> None:
        """Rename over what stands there; in two steps where the server does not know OpenSSH's way."""
        try:
            self._session.posix_rename(temporary, target)
        except OSError:
            with suppress(FileNotFoundError):
                self._session.remove(target)
            self._session.rename(temporary, target)

    @contextmanager
    def _saying(self, doing: str, path: str) -> Iterator[None]:
        """Have what goes wrong say where and what to do; a file that is not there stays FileNotFoundError."""
        place = f"{self._where}: {doing} {path}"
        try:
            yield
        except FileNotFoundError:
            raise
        except TimeoutError as error:
            raise TransportError(f"{place}: no answer for {_ANSWER_SECONDS} s: run again; ask the carrier") from error
        except PermissionError as error:
            raise TransportError(
                f"{place}: permission denied: ask the carrier for the right to {doing} there"
            ) from error
        except (EOFError, _ssh_error()) as error:
            raise TransportError(f"{place}: the line broke ({error or type(error).__name__}): run again") from error
        except OSError as error:
            if not _is_open(self._session):
                raise TransportError(f"{place}: the line broke ({error}): run again") from error
            raise TransportError(
                f"{place}: the server says {str(error)!r}: its disk or our quota may be full: ask the carrier, then "
                "run again"
            ) from error

    def _make_folders(self, folder: str) -> None:
        try:
            self._session.stat(folder)
        except FileNotFoundError:
            parent = posixpath.dirname(folder)
            if parent not in {"", folder}:
                self._make_folders(parent)
            self._session.mkdir(folder)


def _ssh_error() -> type[Exception]:
    from paramiko import SSHException

    return SSHException


def _is_open(session: paramiko.SFTPClient) -> bool:
    channel = session.get_channel()
    return channel is not None and not channel.closed and channel.get_transport().is_active()


def _kind(blob: bytes) -> str:
    """Give the kind of key, such as `ssh-ed25519`, that a key in SSH's wire form begins with."""
    return blob[4 : 4 + int.from_bytes(blob[:4], "big")].decode("ascii", "replace")


def _key_blob(settings: SftpSettings) -> bytes:
    """Give the pinned key in SSH's wire form, out of `[host] type base64 [comment]`."""
    words = settings.host_key.split()
    for kind, text in pairwise(words):
        try:
            blob = base64.b64decode(text, validate=True)
        except binascii.Error:
            continue
        if _kind(blob) == kind:
            return blob
    raise ConfigError(
        f"SFTP {settings.user}@{settings.host}:{settings.port}: host_key: value {settings.host_key[:60]!r}: expected "
        "the server's public key, such as 'ssh-ed25519 AAAA...', or its line of known_hosts. Ask the carrier for it"
    )


def _fingerprint(blob: bytes) -> str:
    digest = base64.b64encode(hashlib.sha256(blob).digest()).decode().rstrip("=")
    return f"{_kind(blob)} SHA256:{digest}"  # as `ssh-keygen -l` shows it


def _private_key(text: str) -> paramiko.PKey:
    import paramiko
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

    # paramiko alone misreads some ECDSA keys in OpenSSH's form and knows no PKCS#8: give it what it reads without fail.
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
        "SFTP private key: expected the text of an Ed25519, ECDSA or RSA key without a passphrase: mend the connection"
    )


def _sftp_session(transport: paramiko.Transport) -> paramiko.SFTPClient | None:
    """Open a session that lists names in any encoding: paramiko's own gives up a folder for one name that is no UTF-8.

    Such a name holds lone surrogates, as those that Python gives of a local folder do.
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
        _require_host_key(transport, _key_blob(settings), where)
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


def _require_host_key(transport: paramiko.Transport, pinned: bytes, where: str) -> None:
    """Begin the session and refuse a server whose key is not the pinned one, before it is told any secret."""
    # A server shows one of its keys: ask for the pinned kind first, so that the right one is compared.
    kind = _kind(pinned)
    wanted = {"rsa-sha2-512", "rsa-sha2-256"} if kind == "ssh-rsa" else {kind}
    options = transport.get_security_options()
    options.key_types = tuple(sorted(options.key_types, key=lambda offered: offered not in wanted))
    try:
        transport.start_client(timeout=_CONNECT_SECONDS)
    except EOFError as error:
        raise TransportError(f"{where}: the server hung up: check that it is an SFTP server; run again") from error
    shown = transport.get_remote_server_key().asbytes()
    if shown != pinned:
        raise TransportError(
            f"{where}: the server's host key is {_fingerprint(shown)}, pinned is {_fingerprint(pinned)}: nothing was "
            "sent. Ask the carrier whether its key was changed; only if so, put the new key into the connection"
        )


def _require_root(session: paramiko.SFTPClient, settings: SftpSettings, where: str) -> None:
    try:
        session.stat(settings.root or ".")
    except FileNotFoundError as error:
        raise ConfigError(
            f"{where}: there is no folder {settings.root!r}: expected the one with in/, out/, ack/"
        ) from error


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
