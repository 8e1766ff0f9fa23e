"""The SFTP transport against OpenSSH's own server, on a port and with keys of its own; skipped where there is none."""

from __future__ import annotations

import os
import pwd
import resource
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from laoyouhui.delivery.transport import SftpSettings, Transport, TransportError, open_transport

SSHD = shutil.which("sshd", path="/usr/sbin:/usr/local/sbin:/usr/bin") or ""
KEYGEN = shutil.which("ssh-keygen") or ""
SEPARATION = Path("/run/sshd")  # where sshd, run as root, keeps the part of it that strangers talk to

pytestmark = [
    pytest.mark.enable_socket,
    pytest.mark.skipif(not (SSHD and KEYGEN), reason="no OpenSSH server here: install openssh-server to run these"),
]

BIG = bytes(range(256)) * 20_000  # 5 MB


@pytest.fixture
def keys(tmp_path: Path) -> Path:
    """A folder with the keys `host`, `other` and `user`."""
    folder = tmp_path / "keys"
    folder.mkdir()
    for name in ("host", "other", "user"):
        subprocess.run([KEYGEN, "-q", "-t", "ed25519", "-N", "", "-C", name, "-f", folder / name], check=True)
    return folder


@contextmanager
def serving(
    keys: Path, root: Path, *, options: str = "", key: str = "host", fsize: int | None = None
) -> Iterator[SftpSettings]:
    """Run sshd with sftp for the present user; `options` are of the SFTP subsystem, `fsize` a file's most bytes."""
    root.mkdir(exist_ok=True)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    (keys / "sshd_config").write_text(
        f"Port {port}\nListenAddress 127.0.0.1\nHostKey {keys / key}\nAuthorizedKeysFile {keys / 'user.pub'}\n"
        f"StrictModes no\nUsePAM no\nPasswordAuthentication no\nKbdInteractiveAuthentication no\nPidFile none\n"
        f"PermitRootLogin prohibit-password\nSubsystem sftp internal-sftp {options}\n"
    )
    if os.geteuid() == 0:
        SEPARATION.mkdir(mode=0o755, exist_ok=True)

    def limit() -> None:
        if fsize is not None:  # the server is told that it cannot write on, as with a full disk
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            resource.setrlimit(resource.RLIMIT_FSIZE, (fsize, fsize))

    log = (keys / "sshd.log").open("ab")
    process = subprocess.Popen(
        [SSHD, "-D", "-e", "-f", keys / "sshd_config"],
        stdin=subprocess.DEVNULL,
        stdout=log,
        stderr=log,
        start_new_session=True,
        preexec_fn=limit,  # noqa: PLW1509 - a test without threads
    )
    try:
        for _ in range(100):
            if process.poll() is not None:
                pytest.skip(f"sshd does not start here: {(keys / 'sshd.log').read_text()[-300:]}")
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.05)
        yield SftpSettings(
            host="127.0.0.1",
            port=port,
            user=pwd.getpwuid(os.geteuid()).pw_name,
            password=None,
            private_key=(keys / "user").read_text(),
            host_key=(keys / "host.pub").read_text(),
            root=str(root),
        )
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        log.close()


def _put(transport: Transport, tmp_path: Path, path: str, content: bytes) -> None:
    local = tmp_path / "local"
    local.write_bytes(content)
    transport.put(local, path)


def test_what_is_put_comes_back_and_is_replaced_whole(keys: Path, tmp_path: Path) -> None:
    root = tmp_path / "exchange"
    with serving(keys, root) as settings, open_transport("", settings) as transport:
        _put(transport, tmp_path, "out/sms/a.txt", b"old\n")
        _put(transport, tmp_path, "out/sms/a.txt", BIG)
        assert transport.read("out/sms/a.txt") == BIG
        assert [(file.name, file.size) for file in transport.list("out/sms")] == [("a.txt", len(BIG))]
        assert transport.read("out/sms/b.txt") is None
        assert transport.list("in/hall") == []
    assert [path.name for path in (root / "out/sms").iterdir()] == ["a.txt"]


def test_a_changed_host_key_is_refused(keys: Path, tmp_path: Path) -> None:
    with serving(keys, tmp_path / "exchange", key="other") as settings:
        with (
            pytest.raises(TransportError, match="Ask the carrier whether its key was changed"),
            open_transport("", settings),
        ):
            pass
        pinned = replace(settings, host_key=(keys / "other.pub").read_text())
        with open_transport("", pinned) as transport:
            assert transport.list("in") == []


def test_a_stranger_is_refused(keys: Path, tmp_path: Path) -> None:
    with serving(keys, tmp_path / "exchange") as settings:
        stranger = replace(settings, private_key=(keys / "other").read_text())
        with pytest.raises(TransportError, match="private key was refused"), open_transport("", stranger):
            pass


def test_a_folder_of_many_files_is_listed_whole(keys: Path, tmp_path: Path) -> None:
    folder = tmp_path / "exchange" / "in" / "recharge"
    folder.mkdir(parents=True)
    names = sorted(f"recharge_20260101_{number:04}.chk" for number in range(5_000))
    for name in names:
        (folder / name).touch()
    with serving(keys, tmp_path / "exchange") as settings, open_transport("", settings) as transport:
        assert [file.name for file in transport.list("in/recharge")] == names


def test_a_server_for_reading_only_says_who_may_mend_it(keys: Path, tmp_path: Path) -> None:
    (tmp_path / "exchange" / "out" / "sms").mkdir(parents=True)
    with (
        serving(keys, tmp_path / "exchange", options="-R") as settings,
        open_transport("", settings) as transport,
        pytest.raises(TransportError, match=r"write out/sms/a.txt: permission denied"),
    ):
        _put(transport, tmp_path, "out/sms/a.txt", b"x")


def test_a_server_without_room_keeps_no_half(keys: Path, tmp_path: Path) -> None:
    root = tmp_path / "exchange"
    with (
        serving(keys, root, fsize=1_000_000) as settings,
        open_transport("", settings) as transport,
        pytest.raises(TransportError, match=r"write out/sms/a.txt: .*disk or our quota may be full"),
    ):
        _put(transport, tmp_path, "out/sms/a.txt", BIG)
    assert list((root / "out/sms").iterdir()) == []


def test_a_server_that_refuses_posix_rename(keys: Path, tmp_path: Path) -> None:
    with (
        serving(keys, tmp_path / "exchange", options="-P posix-rename") as settings,
        open_transport("", settings) as transport,
    ):
        _put(transport, tmp_path, "out/sms/a.chk", b"1\n")
        _put(transport, tmp_path, "out/sms/a.chk", b"22\n")
        assert transport.read("out/sms/a.chk") == b"22\n"


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")  # paramiko's reading ahead
@pytest.mark.parametrize("moved", ["write", "read"])
def test_a_server_that_is_killed_in_mid_transfer(keys: Path, tmp_path: Path, moved: str) -> None:
    """The transfer is begun again over a new session, and nothing short was ever seen under the file's name."""
    root = tmp_path / "exchange"
    big = BIG * 10
    with serving(keys, root) as settings, open_transport("", settings) as transport:
        _put(transport, tmp_path, "out/sms/there.txt", big)
        if moved == "write":
            _killing_later(settings.port, root / "out/sms", ".a.txt.*.part")
        with pytest.raises(TransportError, match=rf"{moved} out/sms/.*run again"):
            _put(transport, tmp_path, "out/sms/a.txt", big) if moved == "write" else _read_killing(
                transport, "out/sms/there.txt", settings.port
            )
    with serving(keys, root) as settings, open_transport("", settings) as transport:
        assert [file.name for file in transport.list("out/sms")] == ["there.txt"]
        _put(transport, tmp_path, "out/sms/a.txt", big)
        assert transport.read("out/sms/a.txt") == big
        assert transport.read("out/sms/there.txt") == big
    assert sorted(path.name for path in (root / "out/sms").iterdir()) == ["a.txt", "there.txt"]


def _read_killing(transport: Transport, path: str, port: int) -> None:
    with transport.open(path) as file:
        file.read(1000)
        _kill_sessions(port)
        while file.read(1 << 20):
            pass


def _kill_sessions(port: int) -> None:
    """Kill the processes that serve this test's sessions: children of the sshd that listens on the port."""
    import psutil

    for process in psutil.process_iter(["cmdline"]):
        if process.info["cmdline"] and any(f":{port}" in word for word in process.info["cmdline"]):
            process.kill()
    for connection in psutil.net_connections("tcp"):
        if connection.laddr and connection.laddr.port == port and connection.status == "ESTABLISHED" and connection.pid:
            process = psutil.Process(connection.pid)
            if process.pid != os.getpid():
                process.kill()


def _killing_later(port: int, folder: Path, parts: str) -> None:
    """Kill the sessions once the file of an upload has begun to grow."""
    import threading

    def wait_and_kill() -> None:
        for _ in range(2_000):
            if any(part.stat().st_size > 100_000 for part in folder.glob(parts)):
                _kill_sessions(port)
                return
            time.sleep(0.002)

    threading.Thread(target=wait_and_kill, daemon=True).start()
