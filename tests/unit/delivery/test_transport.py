"""The folder as an exchange, and which SFTP settings are refused. A real session: tests/integration/test_sftp.py."""

from __future__ import annotations

from pathlib import Path

import pytest

from laoyouhui.config.errors import ConfigError
from laoyouhui.delivery.transport import FolderTransport, RemoteFile, SftpSettings, open_transport

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
    "line", ["", "ssh-ed25519", "ssh-ed25519 AAAA", "ssh-rsa " + HOST_KEY.split()[1], "SHA256:abc"]
)
def test_a_host_key_that_pins_nothing_is_refused(line: str) -> None:
    with pytest.raises(ConfigError, match="host_key"):
        SftpSettings("sftp", 22, "u", "p", None, line, "/")


def test_settings_show_no_secret() -> None:
    assert "hunter2" not in repr(SftpSettings("sftp", 22, "u", "hunter2", None, HOST_KEY, "/"))
