"""The folder as an exchange, and which SFTP settings are refused. A real session: tests/integration/test_sftp.py."""

from __future__ import annotations

import os
import stat
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from laoyouhui.config.errors import ConfigError
from laoyouhui.delivery.transport import (
    FolderTransport,
    NotAFolderError,
    RemoteFile,
    SftpSettings,
    TransportError,
    UnreadableError,
    open_transport,
)

HOST_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIKhtyYzI1xnwPfKWDJXBpDvBUxoWO6vXlTTk0NNNZO2a"


def _put(transport: FolderTransport, tmp_path: Path, path: str, content: bytes) -> None:
    local = tmp_path / "local"
    local.write_bytes(content)
    transport.put(local, path)


def test_put_makes_folders_replaces_and_leaves_no_temporary_file(tmp_path: Path) -> None:
    root = tmp_path / "exchange"
    root.mkdir()
    transport = FolderTransport(root)
    _put(transport, tmp_path, "out/credit/a.txt", b"1\n")
    _put(transport, tmp_path, "out/credit/a.txt", b"22\n")
    assert transport.read("out/credit/a.txt") == b"22\n"
    assert [path.name for path in (root / "out/credit").iterdir()] == ["a.txt"]
    with transport.open("out/credit/a.txt") as file:
        assert file.read() == b"22\n"


def test_list_shows_files_by_name_without_temporary_ones(tmp_path: Path) -> None:
    folder = tmp_path / "in" / "hall"
    folder.mkdir(parents=True)
    for name in ("b.txt", "a.txt", ".c.txt.part", "d.txt.part", ".hidden"):
        (folder / name).write_bytes(b"x")
    (folder / "sub").mkdir()
    (folder / "link.txt").symlink_to("a.txt")
    transport = FolderTransport(tmp_path)
    found = transport.list("in/hall")
    assert [file.name for file in found] == ["a.txt", "b.txt"]
    assert transport.others("in/hall") == ("link.txt", "sub")
    assert transport.others("in/recharge") == ()
    assert found[0] == RemoteFile("a.txt", 1, (folder / "a.txt").stat().st_mtime_ns)
    assert transport.list("in/recharge") == []


def test_what_is_not_there(tmp_path: Path) -> None:
    transport = FolderTransport(tmp_path)
    assert transport.read("ack/credit/a.rsp") is None
    with pytest.raises(FileNotFoundError):
        transport.open("ack/credit/a.rsp")


@pytest.mark.parametrize("path", ["../x", "out/../../x", "/etc/passwd", "out//x", "", "out/.", "out\\..\\x", "out/a\0"])
def test_a_path_never_leaves_the_exchange(tmp_path: Path, path: str) -> None:
    transport = FolderTransport(tmp_path)
    with pytest.raises(ValueError, match="refused"):
        transport.read(path)
    with pytest.raises(ValueError, match="refused"):
        transport.put(tmp_path / "local", path)


def test_an_exchange_that_is_not_there_is_not_an_empty_one(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no such folder"), open_transport(str(tmp_path / "typo")):
        pass
    with pytest.raises(ConfigError, match="Airflow"), open_transport("connection:carrier"):
        pass
    with open_transport(str(tmp_path)) as transport:
        assert transport.list("in") == []


@pytest.mark.parametrize(
    ("password", "private_key", "said"), [(None, None, "neither"), ("p", "k", "both"), ("", "", "neither")]
)
def test_exactly_one_of_password_and_key(password: str | None, private_key: str | None, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        SftpSettings("sftp", 22, "u", password, private_key, HOST_KEY, "/")


@pytest.mark.parametrize("line", [HOST_KEY, f"[sftp.example]:2022 {HOST_KEY}", f"ssh-gate,10.0.0.1 {HOST_KEY} carrier"])
def test_the_host_key_may_be_a_line_of_known_hosts(line: str) -> None:
    assert SftpSettings("sftp", 22, "u", "p", None, line, "/").host_key == line


@pytest.mark.parametrize(
    "line",
    [
        "",
        "ssh-ed25519",
        "ssh-ed25519 AAAA",
        "ssh-rsa " + HOST_KEY.split()[1],
        "SHA256:abc",
        "# a remark",
        f"@revoked sftp.example {HOST_KEY}",
        f"{HOST_KEY}\nssh-ed25519 AAAA",
        f"{HOST_KEY}\n@revoked sftp.example {HOST_KEY}",
    ],
)
def test_a_host_key_that_pins_nothing_is_refused(line: str) -> None:
    with pytest.raises(ConfigError, match="host_key"):
        SftpSettings("sftp", 22, "u", "p", None, line, "/")


def test_settings_show_no_secret() -> None:
    assert "hunter2" not in repr(SftpSettings("sftp", 22, "u", "hunter2", None, HOST_KEY, "/"))


# --- nothing in the exchange is followed ------------------------------------------------------------------------------


@pytest.fixture
def elsewhere(tmp_path: Path) -> Path:
    """A folder outside the exchange, with a file in it."""
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    (folder / "a.txt").write_bytes(b"not ours\n")
    return folder


@pytest.mark.parametrize("link", ["in", "in/hall", "out", "out/credit", "ack/credit"])
def test_a_link_in_place_of_a_folder_is_not_followed(tmp_path: Path, elsewhere: Path, link: str) -> None:
    root = tmp_path / "exchange"
    (root / link).parent.mkdir(parents=True, exist_ok=True)
    (root / link).symlink_to(elsewhere)
    transport = FolderTransport(root)
    for use in (
        lambda: transport.list(link),
        lambda: transport.others(link),
        lambda: transport.require_folder(link),
        lambda: transport.open(f"{link}/a.txt"),
        lambda: transport.read(f"{link}/a.txt"),
        lambda: _put(transport, tmp_path, f"{link}/b.txt", b"1"),
        lambda: transport.write(b"1", f"{link}/a.txt"),
    ):
        with pytest.raises(NotAFolderError, match="not followed"):
            use()
    assert {path.name: path.read_bytes() for path in elsewhere.iterdir()} == {"a.txt": b"not ours\n"}


def test_a_plain_file_in_place_of_a_folder_is_told(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "hall").write_bytes(b"x")
    transport = FolderTransport(tmp_path)
    for use in (lambda: transport.look("in/hall"), lambda: transport.read("in/hall/a.txt")):
        with pytest.raises(NotAFolderError, match="in/hall: a link, a file or a device, expected a folder"):
            use()
    transport.require_folder("in")
    transport.require_folder("in/recharge")  # none yet is none wrong


@pytest.mark.parametrize("what", ["link", "pipe", "folder", "dangling"])
def test_what_took_a_files_place_since_it_was_listed_is_not_read(tmp_path: Path, elsewhere: Path, what: str) -> None:
    root = tmp_path / "exchange"
    (root / "in/hall").mkdir(parents=True)
    path = root / "in/hall/a.txt"
    path.write_bytes(b"x")
    transport = FolderTransport(root)
    assert [file.name for file in transport.list("in/hall")] == ["a.txt"]
    path.unlink()
    if what == "link":
        path.symlink_to(elsewhere / "a.txt")
    elif what == "dangling":
        path.symlink_to(elsewhere / "b.txt")
    elif what == "pipe":
        os.mkfifo(path)
    else:
        path.mkdir()
    raised: list[BaseException] = []

    def read() -> None:
        try:
            transport.read("in/hall/a.txt")
        except UnreadableError as error:
            raised.append(error)

    thread = threading.Thread(target=read, daemon=True)  # a pipe would wait for its writer, for ever
    thread.start()
    thread.join(10)
    assert not thread.is_alive()
    assert len(raised) == 1


def test_a_link_under_a_temporary_name_is_not_written_through(tmp_path: Path, elsewhere: Path) -> None:
    root = tmp_path / "exchange"
    folder = root / "out/credit"
    folder.mkdir(parents=True)
    for name in (".b.txt.part", "b.txt.part", ".b.txt.0123456789abcdef.part"):
        (folder / name).symlink_to(elsewhere / "a.txt")
    (folder / "b.txt").symlink_to(elsewhere / "a.txt")  # replaced, not written through
    _put(FolderTransport(root), tmp_path, "out/credit/b.txt", b"1")
    assert (elsewhere / "a.txt").read_bytes() == b"not ours\n"
    assert not (folder / "b.txt").is_symlink()
    assert (folder / "b.txt").read_bytes() == b"1"


def test_no_temporary_name_is_used_twice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[str] = []
    monkeypatch.setattr("laoyouhui.delivery.transport.os.rename", lambda *names, **_: seen.append(names[0]) or 1 / 0)
    for _ in range(2):
        with pytest.raises(ZeroDivisionError):
            _put(FolderTransport(tmp_path / "exchange"), tmp_path, "out/credit/a.txt", b"1")
    assert len(set(seen)) == 2


# --- private, whatever the umask --------------------------------------------------------------------------------------


@pytest.fixture
def open_umask() -> Iterator[None]:
    """A umask that takes nothing away."""
    before = os.umask(0)
    yield
    os.umask(before)


@pytest.mark.usefixtures("open_umask")
def test_what_is_put_is_for_our_user_alone_and_wide_folders_of_ours_are_narrowed(tmp_path: Path) -> None:
    root = tmp_path / "exchange"
    for folder in ("in/hall", "out/credit"):
        (root / folder).mkdir(parents=True)
    for name in ("credit", "sms"):
        _put(FolderTransport(root), tmp_path, f"out/{name}/a.txt", b"1")
    modes = {
        path.relative_to(root).as_posix(): oct(stat.S_IMODE(path.stat().st_mode)) for path in (root, *root.rglob("*"))
    }
    assert modes == {
        ".": "0o777", "in": "0o777", "in/hall": "0o777",  # the carrier's
        "out": "0o700", "out/credit": "0o700", "out/credit/a.txt": "0o600",
        "out/sms": "0o700", "out/sms/a.txt": "0o600",
    }  # fmt: skip


@pytest.mark.usefixtures("open_umask")
def test_the_group_that_out_is_shared_with_may_read_what_is_put(tmp_path: Path) -> None:
    """`chmod 2755 out` says so: no umask makes a folder hand its group on."""
    root = tmp_path / "exchange"
    (root / "out").mkdir(parents=True)
    group = next((group for group in os.getgroups() if group != os.getegid()), 1 if os.geteuid() == 0 else os.getegid())
    os.chown(root / "out", -1, group)
    (root / "out").chmod(0o2755)
    _put(FolderTransport(root), tmp_path, "out/credit/a.txt", b"1")
    found = [(root / path).stat() for path in ("out", "out/credit", "out/credit/a.txt")]
    assert [oct(stat.S_IMODE(each.st_mode)) for each in found] == ["0o2750", "0o2750", "0o640"]
    assert {each.st_gid for each in found} == {group}


def test_what_cannot_be_written_is_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = tmp_path / "exchange"
    _put(FolderTransport(root), tmp_path, "out/credit/a.txt", b"old")

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr("laoyouhui.delivery.transport.shutil.copyfileobj", full)
        with pytest.raises(TransportError, match="No space left on device"):
            _put(FolderTransport(root), tmp_path, "out/credit/a.txt", b"new")
    assert {path.name: path.read_bytes() for path in (root / "out/credit").iterdir()} == {"a.txt": b"old"}
