"""The SFTP transport against a real server (asyncssh) on a real socket."""

from __future__ import annotations

import asyncio
import os
import re
import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path

import asyncssh
import pytest

from laoyouhui.config.campaign import load_campaign
from laoyouhui.config.carrier import load_carrier
from laoyouhui.config.errors import ConfigError
from laoyouhui.config.settings import Settings
from laoyouhui.delivery.transport import (
    NotAFolderError,
    SftpSettings,
    Transport,
    TransportError,
    UnreadableError,
    open_transport,
)
from laoyouhui.pipeline.deliver import deliver
from laoyouhui.pipeline.outbox import fill_outbox
from laoyouhui.warehouse.connection import connect
from laoyouhui.warehouse.prepare import prepare

pytestmark = pytest.mark.enable_socket

CUT_AFTER = 300_000  # bytes that a server with a fault takes or gives
BIG = bytes(range(256)) * 8_000  # 2 MB


@dataclass
class Server:
    """A running server: its folder, how to reach it, and the file operations that it saw, in order."""

    root: Path
    settings: SftpSettings
    user_keys: list[str]
    seen: list[tuple[str, ...]] = field(default_factory=list)
    faults: set[str] = field(default_factory=set)


def _public(key: asyncssh.SSHKey) -> str:
    return key.export_public_key().decode().strip()


@pytest.fixture(scope="module")
def host_keys() -> list[asyncssh.SSHKey]:
    """Two keys of one server: it shows the kind that is asked for, which must be the pinned one, the second."""
    return [asyncssh.generate_private_key("ssh-rsa", key_size=2048), asyncssh.generate_private_key("ssh-ed25519")]


@pytest.fixture(scope="module")
def user_keys() -> list[asyncssh.SSHKey]:
    kinds = ("ssh-ed25519", "ecdsa-sha2-nistp256", "ecdsa-sha2-nistp384", "ssh-rsa")
    return [asyncssh.generate_private_key(kind) for kind in kinds]


class Login(asyncssh.SSHServer):
    """Takes one password, and any of the authorized keys."""

    def begin_auth(self, username: str) -> bool:  # noqa: ARG002
        return True

    def password_auth_supported(self) -> bool:
        return True

    def validate_password(self, username: str, password: str) -> bool:
        return (username, password) == ("lyh", "secret")


class Files(asyncssh.SFTPServer):
    """The files below `root`, with the faults that are named now."""

    def __init__(
        self, channel: asyncssh.SSHServerChannel, root: Path, seen: list[tuple[str, ...]], faults: set[str]
    ) -> None:
        super().__init__(channel, chroot=str(root).encode())
        self._line = channel.get_connection()
        self._root, self._seen, self._faults = root, seen, faults

    def write(self, file_obj: object, offset: int, data: bytes) -> object:
        if "cut" in self._faults and offset > CUT_AFTER:
            self._line.abort()
        if "full" in self._faults and offset > CUT_AFTER:
            raise asyncssh.SFTPFailure("Failure")
        if "slow" in self._faults:
            return asyncio.sleep(30)
        return super().write(file_obj, offset, data)

    def read(self, file_obj: object, offset: int, size: int) -> object:
        if "cut" in self._faults and offset > CUT_AFTER:
            self._line.abort()
        return super().read(file_obj, offset, size)

    def open(self, path: bytes, pflags: int, attrs: asyncssh.SFTPAttrs) -> object:
        name = Path(path.decode()).name
        if f"shut {name}" in self._faults:
            raise asyncssh.SFTPPermissionDenied("Permission denied")
        if f"held {name}" in self._faults:
            raise asyncssh.SFTPFailure("Failure")
        if pflags & asyncssh.FXF_WRITE and "deny" in self._faults:
            raise asyncssh.SFTPPermissionDenied("Permission denied")
        if pflags & asyncssh.FXF_WRITE:
            self._seen.append(("write", Path(path.decode()).name))
        return super().open(path, pflags, attrs)

    def stat(self, path: bytes) -> object:
        if "shut root" in self._faults:
            raise asyncssh.SFTPPermissionDenied("Permission denied")
        return super().stat(path)

    def scandir(self, path: bytes) -> object:
        if f"shut {Path(path.decode()).name}" in self._faults:
            raise asyncssh.SFTPPermissionDenied("Permission denied")
        return super().scandir(path)

    def posix_rename(self, oldpath: bytes, newpath: bytes) -> None:
        if "no posix-rename" in self._faults:
            raise asyncssh.SFTPOpUnsupported("Operation unsupported")
        self._seen.append(("rename", Path(oldpath.decode()).name, Path(newpath.decode()).name))
        super().posix_rename(oldpath, newpath)

    def rename(self, oldpath: bytes, newpath: bytes) -> None:
        if "no rename" in self._faults and not newpath.endswith(b".part"):
            raise asyncssh.SFTPFailure("Failure")
        if (self._root / newpath.decode().lstrip("/")).exists():  # as SFTP 3 says, and asyncssh does not
            raise asyncssh.SFTPFailure("Failure")
        self._seen.append(("plain rename", Path(oldpath.decode()).name, Path(newpath.decode()).name))
        super().rename(oldpath, newpath)


@pytest.fixture
def server(tmp_path: Path, host_keys: list[asyncssh.SSHKey], user_keys: list[asyncssh.SSHKey]) -> Iterator[Server]:
    root = tmp_path / "carrier"
    (root / "exchange").mkdir(parents=True)
    seen: list[tuple[str, ...]] = []
    faults: set[str] = set()

    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()

    async def start() -> asyncssh.SSHAcceptor:
        authorized = asyncssh.import_authorized_keys("\n".join(map(_public, user_keys)))
        return await asyncssh.listen(
            "127.0.0.1",
            0,
            server_factory=Login,
            server_host_keys=host_keys,
            sftp_factory=lambda channel: Files(channel, root, seen, faults),
            authorized_client_keys=authorized,
        )

    acceptor = asyncio.run_coroutine_threadsafe(start(), loop).result(30)
    settings = SftpSettings("127.0.0.1", acceptor.get_port(), "lyh", "secret", None, _public(host_keys[1]), "/exchange")
    yield Server(
        root / "exchange",
        settings,
        [key.export_private_key(form).decode() for key in user_keys for form in ("openssh", "pkcs8-pem")],
        seen,
        faults,
    )
    loop.call_soon_threadsafe(acceptor.close)
    asyncio.run_coroutine_threadsafe(acceptor.wait_closed(), loop).result(30)
    loop.call_soon_threadsafe(loop.stop)
    thread.join(30)
    loop.close()


def _put(transport: Transport, tmp_path: Path, path: str, content: bytes) -> None:
    local = tmp_path / "local"
    local.write_bytes(content)
    transport.put(local, path)


def test_put_writes_a_temporary_name_then_renames(server: Server, tmp_path: Path) -> None:
    with open_transport("connection:carrier", server.settings) as transport:
        _put(transport, tmp_path, "out/credit/a.txt", b"1\n")
        _put(transport, tmp_path, "out/credit/a.chk", b"c\n")
        _put(transport, tmp_path, "out/credit/a.chk", b"cc\n")
        assert [file.name for file in transport.list("out/credit")] == ["a.chk", "a.txt"]
    written = [seen[1] for seen in server.seen[::2]]
    assert server.seen == [
        (what, *names)
        for part, name in zip(written, ("a.txt", "a.chk", "a.chk"), strict=True)
        for what, *names in (("write", part), ("rename", part, name))
    ]
    assert len(set(written)) == 3  # nobody can foresee such a name
    assert all(re.fullmatch(r"\.a\.(txt|chk)\.[0-9a-f]{16}\.part", part) for part in written)
    assert (server.root / "out/credit/a.chk").read_bytes() == b"cc\n"
    assert sorted(path.name for path in (server.root / "out/credit").iterdir()) == ["a.chk", "a.txt"]


def test_a_big_file_comes_back_as_it_was_sent(server: Server, tmp_path: Path) -> None:
    content = bytes(range(256)) * 40_000  # 10 MB: several times what is read ahead
    with open_transport("", server.settings) as transport:
        _put(transport, tmp_path, "out/sms/b.txt", content)
        assert transport.read("out/sms/b.txt") == content
        (found,) = transport.list("out/sms")
        assert found.size == len(content)
        assert found.mtime_ns == int((server.root / "out/sms/b.txt").stat().st_mtime) * 1_000_000_000
        with transport.open("out/sms/b.txt") as file:
            assert file.read(10) == content[:10]  # closed early
        assert transport.read("out/sms/b.txt") == content


def test_temporary_files_and_folders_are_not_listed_and_missing_ones_are_empty(server: Server) -> None:
    (server.root / "in" / "hall" / "old").mkdir(parents=True)
    for name in (".a.txt.part", "b.txt.part", "c.txt"):
        (server.root / "in" / "hall" / name).write_bytes(b"x")
    with open_transport("", server.settings) as transport:
        assert [file.name for file in transport.list("in/hall")] == ["c.txt"]
        assert transport.others("in/hall") == ("old",)
        assert transport.list("in/recharge") == []
        assert transport.others("in/recharge") == ()
        assert transport.read("in/recharge/a.txt") is None
        with pytest.raises(FileNotFoundError), transport.open("in/recharge/a.txt"):
            pass
        with pytest.raises(ValueError, match="refused"):
            transport.read("../secret")


def test_links_are_no_files_and_names_in_another_encoding_are_listed(server: Server) -> None:
    folder = server.root / "in" / "hall"
    folder.mkdir(parents=True)
    (folder / "a.txt").write_bytes(b"x")
    (folder / "link.txt").symlink_to("a.txt")
    odd = os.fsdecode("充值.txt".encode("gbk"))  # what a Windows server of the carrier may show
    (folder / odd).write_bytes(b"x")
    with open_transport("", server.settings) as transport:
        assert [file.name for file in transport.list("in/hall")] == ["a.txt", odd]
        assert transport.others("in/hall") == ("link.txt",)
        assert transport.read("in/hall/a.txt") == b"x"


def test_a_private_key_opens_it_too(server: Server) -> None:
    for key in server.user_keys:
        with open_transport("", replace(server.settings, password=None, private_key=key)) as transport:
            assert transport.list("in") == []


def test_another_host_key_is_refused_before_the_password_is_told(server: Server) -> None:
    other = _public(asyncssh.generate_private_key("ssh-ed25519"))
    shown = asyncssh.import_public_key(server.settings.host_key).get_fingerprint()
    pinned = asyncssh.import_public_key(other).get_fingerprint()
    with pytest.raises(TransportError) as caught, open_transport("", replace(server.settings, host_key=other)):
        pass
    assert shown in str(caught.value)
    assert pinned in str(caught.value)
    assert "Ask the carrier" in str(caught.value)


@pytest.mark.parametrize("kind", ["ssh-ed25519", "ecdsa-sha2-nistp256"])
def test_while_the_host_key_is_rotated_either_of_two_is_accepted(server: Server, kind: str) -> None:
    other = asyncssh.generate_private_key(kind)
    pinned = server.settings.host_key
    for both in (f"{pinned}\n{_public(other)}\n", f"# theirs\n{_public(other)}\n\n{pinned}"):
        with open_transport("", replace(server.settings, host_key=both)) as transport:
            assert transport.list("in") == []
    third = asyncssh.generate_private_key(kind)
    neither = f"{_public(other)}\n{_public(third)}"
    refused = replace(server.settings, host_key=neither)
    with pytest.raises(TransportError, match="nothing was sent") as caught, open_transport("", refused):
        pass
    assert other.get_fingerprint() in str(caught.value)
    assert third.get_fingerprint() in str(caught.value)


def test_a_wrong_password_key_or_root_says_what_to_mend(server: Server) -> None:
    with (
        pytest.raises(TransportError, match="password was refused"),
        open_transport("", replace(server.settings, password="x")),
    ):
        pass
    stranger = asyncssh.generate_private_key("ecdsa-sha2-nistp256").export_private_key().decode()
    wrong_key = replace(server.settings, password=None, private_key=stranger)
    with pytest.raises(TransportError, match="private key was refused"), open_transport("", wrong_key):
        pass
    no_key = replace(server.settings, password=None, private_key="not a key")
    with pytest.raises(ConfigError, match="private key"), open_transport("", no_key):
        pass
    with (
        pytest.raises(ConfigError, match="no folder '/typo'"),
        open_transport("", replace(server.settings, root="/typo")),
    ):
        pass


def test_an_upload_that_is_cut_leaves_no_file_and_is_sent_again(server: Server, tmp_path: Path) -> None:
    server.faults.add("cut")
    with (
        pytest.raises(TransportError, match=r"write out/sms/a.txt: the line broke .*run again"),
        open_transport("", server.settings) as transport,
    ):
        _put(transport, tmp_path, "out/sms/a.txt", BIG)
    assert [path.name[:7] for path in (server.root / "out/sms").iterdir()] == [".a.txt."]
    server.faults.clear()
    with open_transport("", server.settings) as transport:
        assert transport.list("out/sms") == []
        _put(transport, tmp_path, "out/sms/a.txt", BIG)
    assert [path.name for path in (server.root / "out/sms").iterdir()] == ["a.txt"]
    assert (server.root / "out/sms/a.txt").read_bytes() == BIG


def test_a_download_that_is_cut_is_no_shorter_file(server: Server) -> None:
    (server.root / "in/recharge").mkdir(parents=True)
    (server.root / "in/recharge/a.txt").write_bytes(BIG)
    server.faults.add("cut")
    with (
        pytest.raises(TransportError, match=r"read in/recharge/a.txt: the line broke"),
        open_transport("", server.settings) as transport,
    ):
        transport.read("in/recharge/a.txt")
    server.faults.clear()
    with open_transport("", server.settings) as transport:
        assert transport.read("in/recharge/a.txt") == BIG


def test_a_full_disk_says_so_and_keeps_no_half(server: Server, tmp_path: Path) -> None:
    server.faults.add("full")
    with open_transport("", server.settings) as transport:
        with pytest.raises(TransportError, match=r"write out/sms/a.txt: .*disk or our quota may be full"):
            _put(transport, tmp_path, "out/sms/a.txt", BIG)
        assert list((server.root / "out/sms").iterdir()) == []
        server.faults.clear()
        _put(transport, tmp_path, "out/sms/a.txt", BIG)  # the session goes on


def test_a_right_that_is_missing_is_named(server: Server, tmp_path: Path) -> None:
    server.faults.add("deny")
    with (
        pytest.raises(TransportError, match=r"write out/sms/a.txt: permission denied: ask the carrier"),
        open_transport("", server.settings) as transport,
    ):
        _put(transport, tmp_path, "out/sms/a.txt", b"x")


def test_a_server_that_knows_no_posix_rename(server: Server, tmp_path: Path) -> None:
    server.faults.add("no posix-rename")
    with open_transport("", server.settings) as transport:
        _put(transport, tmp_path, "out/sms/a.chk", b"1\n")
        _put(transport, tmp_path, "out/sms/a.chk", b"22\n")
        assert transport.read("out/sms/a.chk") == b"22\n"
    assert [path.name for path in (server.root / "out/sms").iterdir()] == ["a.chk"]
    assert server.seen[-1][::2] == ("plain rename", "a.chk")


@pytest.mark.parametrize("aside", ["can step aside", "is in use"])
def test_where_no_rename_is_possible_the_older_file_stays_as_it_was(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, aside: str
) -> None:
    with open_transport("", server.settings) as transport:
        _put(transport, tmp_path, "out/sms/a.chk", b"old\n")
        server.faults |= {"no posix-rename", "no rename"}
        if aside == "is in use":
            monkeypatch.setattr(Files, "rename", _failing)
        else:
            monkeypatch.setattr(Files, "rename", _failing_but_for_the_old_one)
        with pytest.raises(TransportError, match=r"write out/sms/a.chk: the server says 'Failure'.*in use"):
            _put(transport, tmp_path, "out/sms/a.chk", b"new\n")
        assert transport.read("out/sms/a.chk") == b"old\n"
    assert [path.name for path in (server.root / "out/sms").iterdir()] == ["a.chk"]


def _failing(*_: object) -> None:
    raise asyncssh.SFTPFailure("Failure")


def _failing_but_for_the_old_one(files: Files, oldpath: bytes, newpath: bytes) -> None:
    """Let the file that stands there step aside and come back; the new one never takes its place."""
    old = (files._root / oldpath.decode().lstrip("/")).read_bytes() == b"old\n"
    if not old:
        raise asyncssh.SFTPFailure("Failure")
    super(Files, files).rename(oldpath, newpath)


def test_one_file_that_may_not_be_read_or_is_held_waits_and_the_line_goes_on(server: Server) -> None:
    (server.root / "in/recharge").mkdir(parents=True)
    for name in ("a.txt", "b.txt", "c.txt"):
        (server.root / "in/recharge" / name).write_bytes(b"x")
    server.faults |= {"shut a.txt", "held b.txt"}
    with open_transport("", server.settings) as transport:
        with pytest.raises(UnreadableError, match=r"read in/recharge/a.txt: permission denied: ask the carrier"):
            transport.read("in/recharge/a.txt")
        with pytest.raises(UnreadableError, match=r"read in/recharge/b.txt: the server says 'Failure'") as caught:
            transport.read("in/recharge/b.txt")
        assert "quota" not in str(caught.value)  # nothing was to be written
        assert transport.read("in/recharge/c.txt") == b"x"


def test_files_and_links_in_place_of_folders_are_told_and_not_followed(server: Server, tmp_path: Path) -> None:
    for folder in ("in", "ack", "out", "elsewhere"):
        (server.root / folder).mkdir()
    (server.root / "elsewhere/a.txt").write_bytes(b"not ours")
    (server.root / "in/hall").write_bytes(b"x")
    for link in ("in/recharge", "ack/sms", "out/credit"):
        (server.root / link).symlink_to(server.root / "elsewhere")
    os.mkfifo(server.root / "elsewhere/pipe.txt")
    with open_transport("", server.settings) as transport:
        for folder in ("in/hall", "in/recharge", "ack/sms", "out/credit"):
            with pytest.raises(NotAFolderError, match=f"{folder}: a link, a file or a device"):
                transport.look(folder)
            with pytest.raises(NotAFolderError):
                transport.require_folder(folder)
            with pytest.raises(NotAFolderError):
                transport.read(f"{folder}/a.txt")
        with pytest.raises(NotAFolderError):
            _put(transport, tmp_path, "out/credit/b.txt", b"1")
        with pytest.raises(UnreadableError):
            transport.read("elsewhere/pipe.txt")
    assert sorted(path.name for path in (server.root / "elsewhere").iterdir()) == ["a.txt", "pipe.txt"]


def test_a_folder_that_may_not_be_listed_is_told(server: Server) -> None:
    (server.root / "in/hall").mkdir(parents=True)
    server.faults.add("shut hall")
    with open_transport("", server.settings) as transport:
        with pytest.raises(UnreadableError, match=r"list in/hall: permission denied"):
            transport.look("in/hall")
        assert transport.list("in") == []


def test_a_root_that_may_not_be_looked_at_says_where(server: Server) -> None:
    server.faults.add("shut root")
    with (
        pytest.raises(TransportError, match=r"SFTP lyh@127.0.0.1:\d+: the folder '/exchange': permission denied: ask"),
        open_transport("", server.settings),
    ):
        pass


def test_a_server_that_does_not_answer_is_given_up(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("laoyouhui.delivery.transport._ANSWER_SECONDS", 1)
    server.faults.add("slow")
    with (
        pytest.raises(TransportError, match=r"write out/sms/a.txt: no answer for 1 s"),
        open_transport("", server.settings) as transport,
    ):
        _put(transport, tmp_path, "out/sms/a.txt", b"x")


def test_a_server_that_takes_the_line_and_says_nothing(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("laoyouhui.delivery.transport._CONNECT_SECONDS", 1)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        with (
            pytest.raises(TransportError, match=rf"127.0.0.1:{port}: .*run again"),
            open_transport("", replace(server.settings, port=port)),
        ):
            pass


def test_no_server(server: Server) -> None:
    with pytest.raises(TransportError, match="no connection"), open_transport("", replace(server.settings, port=1)):
        pass


def test_released_files_leave_over_sftp_the_check_file_last(server: Server, database_dsn: str, tmp_path: Path) -> None:
    home, day, stem = Path(__file__).parents[2], date(2026, 1, 31), "sms_lyh2026_20260131_0001"
    settings = Settings(
        home, "connection:carrier", (home / "campaigns" / "lyh2026.yml",), tmp_path / "work", database_dsn
    )
    campaign = load_campaign(settings.campaign_files[0])
    with connect(database_dsn) as conn:
        carrier = load_carrier(campaign.carrier_file)
        prepare(conn, carrier, campaign)
        conn.execute("insert into raw.run (business_date, attempts_released) values (%s, 1)", (day,))
        conn.execute(
            "create schema exports create table exports.export_sms (campaign_id text, item_key text, answer_key text, "
            "benefit text, budget_line text, committed_fen bigint, liability_fen bigint, missing_columns text, "
            "resend_of text, "
            "message_key text, msisdn text, template_code text, not_before timestamp, not_after timestamp, "
            "segments int, text text, subscriber_id text)"
        )
        conn.execute(
            "insert into exports.export_sms values ('lyh2026', 'k', 'k', 'SMS', 'B5.1', 1, 0, null, null, 'k', '138', "
            "'T', '2026-02-01', '2026-02-01', 1, '【中国联通】𠮷', 's1')"
        )
        fill_outbox(conn, carrier, day)
    assert deliver(settings, day, sftp=server.settings).delivered == (stem,)
    assert [seen[-1] for seen in server.seen if seen[0] == "rename"] == [f"{stem}.txt", f"{stem}.chk"]
    assert (server.root / "out" / "sms" / f"{stem}.txt").read_bytes() == (
        "k|138|T|20260201000000|20260201000000|1|【中国联通】𠮷\n".encode("gb18030")
    )
    with connect(database_dsn) as conn:
        conn.execute("alter table outbox.file disable trigger user")
        conn.execute("update outbox.file set delivered_at = null")
    server.seen.clear()
    assert deliver(settings, day, sftp=server.settings).found == (stem,)
    assert server.seen == []
