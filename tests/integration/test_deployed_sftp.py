"""The deployment's SFTP server: its own start script and sshd_config, in a root of their own instead of a container.

The root holds the programs of this machine that the image takes from Debian. Skipped where they or the rights of root
are missing.
"""

from __future__ import annotations

import io
import os
import re
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import paramiko
import pytest
import yaml

from laoyouhui.delivery.transport import SftpSettings, TransportError, open_transport

PROJECT = Path(__file__).parents[2]
DEPLOY = PROJECT / "deploy" / "sftp"
PATH = "/usr/sbin:/usr/bin:/sbin:/bin"
PROGRAMS = {
    name: shutil.which(name, path=PATH)
    for name in (
        *("sshd", "ssh-keygen", "busybox", "sh", "bash"),
        *("cat", "chmod", "chown", "cp", "cut", "grep", "ln", "mkdir", "mv", "rm"),
    )
}
MISSING = sorted(name for name, place in PROGRAMS.items() if place is None)

pytestmark = [
    pytest.mark.enable_socket,
    pytest.mark.skipif(bool(MISSING), reason=f"not here: {', '.join(MISSING)} (install openssh-server and busybox)"),
    pytest.mark.skipif(os.geteuid() != 0, reason="only root may change root, as sshd does"),
]

USERS = """\
root:x:0:0:root:/root:/bin/sh
sshd:x:100:65534::/run/sshd:/usr/sbin/nologin
laoyouhui:*:50000:50000::/:/usr/sbin/nologin
carrier:*:50001:50001::/:/usr/sbin/nologin
"""
GROUPS = "root:x:0:\nnogroup:x:65534:\nlaoyouhui:x:50000:\ncarrier:x:50001:\n"


@dataclass
class Deployed:
    """The server's root, the port that it listens on, its log, and what it is told by its environment."""

    root: Path
    port: int
    log: Path
    environment: dict[str, str] = field(default_factory=dict)

    @property
    def exchange(self) -> Path:
        return self.root / "srv/sftp/exchange"

    def settings(self, private_key: str | None = None, host_key: str | None = None) -> SftpSettings:
        """Give what the scheduler is given, or another key in place of one of its own."""
        client = self.root / "keys/client"
        return SftpSettings(
            host="127.0.0.1",
            port=self.port,
            user="laoyouhui",
            password=None,
            private_key=private_key or (client / "id_ed25519").read_text(),
            host_key=host_key or (client / "host_key.pub").read_text(),
            root=".",
        )

    def inside(self, *command: str) -> subprocess.CompletedProcess[str]:
        """Run a command where the server runs, as `docker compose exec sftp` does."""
        return subprocess.run(
            ["chroot", self.root, *command], check=False, text=True, capture_output=True, env={"PATH": PATH}
        )

    def logged(self, pattern: str) -> list[str]:
        """Give the log's lines that match, once there is one or two seconds have passed."""
        for _ in range(40):
            found = [line for line in self.log.read_text().splitlines() if re.search(pattern, line)]
            if found:
                return found
            time.sleep(0.05)
        return []

    @contextmanager
    def running(self) -> Iterator[Deployed]:
        """Start the server as its image does; it makes what it lacks."""
        with self.log.open("ab") as log:
            process = subprocess.Popen(
                ["chroot", self.root, "/entrypoint.sh"],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env={"PATH": PATH, **self.environment},
                start_new_session=True,
            )
            try:
                for _ in range(200):
                    assert process.poll() is None, f"it does not start:\n{self.log.read_text()}"
                    if self._answers():
                        break
                    time.sleep(0.05)
                yield self
            finally:
                with suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
                process.wait()

    def _answers(self) -> bool:
        """Whether an SSH server is there: a probe alone may have met itself, since the port is an ephemeral one."""
        with suppress(OSError), socket.create_connection(("127.0.0.1", self.port), timeout=2) as probe:
            return probe.recv(4) == b"SSH-"
        return False


@pytest.fixture
def deployed(tmp_path: Path) -> Deployed:
    root = tmp_path / "root"
    for folder in ("etc/ssh", "dev", "run", "tmp", "var", "root", "keys/server", "keys/client", "srv/sftp/exchange"):
        (root / folder).mkdir(parents=True)
    for name in ("usr/bin", "usr/sbin"):
        (root / name).mkdir(parents=True)
    for name in ("bin", "sbin"):
        (root / name).symlink_to(f"usr/{name}")
    (root / "var/run").symlink_to("/run")
    for folder in (root, *root.rglob("*")):
        if folder.is_dir():
            folder.chmod(0o755)
    _copy_programs(root)
    for name, number in (("null", 3), ("zero", 5), ("random", 8), ("urandom", 9)):
        try:
            os.mknod(root / "dev" / name, 0o20666, os.makedev(1, number))
        except PermissionError:
            pytest.skip("devices cannot be made here")
        (root / "dev" / name).chmod(0o666)
    (root / "etc/passwd").write_text(USERS)
    (root / "etc/group").write_text(GROUPS)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    config = (DEPLOY / "sshd_config").read_text()
    assert "Port 2222\n" in config
    (root / "etc/ssh/sshd_config").write_text(config.replace("Port 2222\n", f"Port {port}\n"))
    shutil.copy(DEPLOY / "entrypoint.sh", root / "entrypoint.sh")
    (root / "entrypoint.sh").chmod(0o755)
    return Deployed(root, port, tmp_path / "log")


def _copy_programs(root: Path) -> None:
    """Copy the programs and the libraries that they load; each library keeps the place where it is looked for."""
    wanted = {Path(place) for place in PROGRAMS.values() if place}
    told = subprocess.run(["ldd", *sorted(wanted)], check=False, text=True, capture_output=True).stdout
    for place in wanted:
        shutil.copy(place, root / "usr/sbin" if place.parent.name == "sbin" else root / "usr/bin")
    for library in {Path(found) for found in re.findall(r"(/\S+) \(0x", told)}:
        target = root / library.relative_to("/")
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(library, target)


@pytest.fixture
def key(tmp_path: Path) -> Path:
    """A folder with the keys `old`, `new` and `other`."""
    folder = tmp_path / "keys"
    folder.mkdir()
    for name in ("old", "new", "other"):
        subprocess.run(
            [PROGRAMS["ssh-keygen"] or "", "-q", "-t", "ed25519", "-N", "", "-C", name, "-f", folder / name], check=True
        )
    return folder


@contextmanager
def carrier(server: Deployed, private_key: Path) -> Iterator[paramiko.SFTPClient]:
    """Log in as the carrier, with a client of its own."""
    line = paramiko.Transport(("127.0.0.1", server.port))
    try:
        line.connect(username="carrier", pkey=paramiko.Ed25519Key.from_private_key_file(str(private_key)))
        session = paramiko.SFTPClient.from_transport(line)
        assert session is not None
        yield session
    finally:
        line.close()


def test_the_carrier_can_neither_move_a_folder_nor_lay_another_beside_it(deployed: Deployed, key: Path) -> None:
    deployed.environment["CARRIER_PUBLIC_KEY"] = (key / "old.pub").read_text().strip()
    deployed.exchange.chmod(0o777)  # as an exchange that an older release made: its root was the carrier's
    os.chown(deployed.exchange, 50001, 50001)
    with deployed.running():
        with carrier(deployed, key / "old") as session:
            for folder in ("in", "out", "ack"):
                for change in (
                    lambda name=folder: session.rename(name, f"{name}.old"),
                    lambda name=folder: session.posix_rename(name, f"{name}.old"),
                    lambda name=folder: session.rmdir(name),
                ):
                    with pytest.raises(PermissionError):
                        change()
            for new in (
                lambda: session.mkdir("journal"),
                lambda: session.symlink("/exchange/in", "journal"),
                lambda: session.putfo(io.BytesIO(b"x"), "journal"),
                lambda: session.mkdir("out/sms"),
                lambda: session.putfo(io.BytesIO(b"x"), "out/a.txt"),
                lambda: session.chmod(".", 0o777),
                lambda: session.mkdir("/journal"),
                lambda: session.putfo(io.BytesIO(b"x"), "/dev/x"),
            ):
                with pytest.raises(OSError, match=r"Permission denied|Failure|No such file"):
                    new()
            session.mkdir("in/hall")
            session.putfo(io.BytesIO(b"x"), "in/hall/a.txt")
            session.putfo(io.BytesIO(b"y"), "ack/a.txt")
        with open_transport("", deployed.settings()) as transport:
            assert transport.read("in/hall/a.txt") == b"x"
            assert transport.read("ack/a.txt") == b"y"
            local = key.parent / "local"
            local.write_bytes(b"z")
            transport.put(local, "out/sms/a.txt")
            with pytest.raises(TransportError, match="permission denied"):
                transport.put(local, "in/hall/b.txt")
    found = {
        path.name: (path.stat().st_uid, path.stat().st_mode & 0o777)
        for path in (deployed.exchange, *deployed.exchange.iterdir())
    }
    assert found == {
        "exchange": (0, 0o755),
        "in": (50001, 0o755),
        "ack": (50001, 0o755),
        "out": (50000, 0o755),
        ".carrier": (50001, 0o755),
    }


def test_a_folder_of_the_exchange_that_is_a_link_is_not_followed(deployed: Deployed) -> None:
    """The carrier of an older release could lay one: what it leads to must not become his."""
    (deployed.exchange / "in").symlink_to("/keys/server")
    with pytest.raises(AssertionError, match=r"/srv/sftp/exchange/in is a link, expected a folder"), deployed.running():
        pass
    assert (deployed.root / "keys/server").stat().st_uid == 0


def test_who_moved_which_file_is_in_the_log(deployed: Deployed, key: Path) -> None:
    deployed.environment["CARRIER_PUBLIC_KEY"] = (key / "old.pub").read_text().strip()
    with deployed.running():
        with carrier(deployed, key / "old") as session:
            session.putfo(io.BytesIO(b"12345"), "in/recharge_20260126_0001.txt.part")
            session.rename("in/recharge_20260126_0001.txt.part", "in/recharge_20260126_0001.txt")
            with pytest.raises(PermissionError):
                session.rename("out", "gone")
            session.remove("in/recharge_20260126_0001.txt")
        with open_transport("", deployed.settings()) as transport:
            local = key.parent / "local"
            local.write_bytes(b"z")
            transport.put(local, "out/sms/a.txt")
        assert deployed.logged(r"Accepted publickey for carrier .*ED25519 SHA256:")
        assert deployed.logged(r"session opened for local user carrier from \[127\.0\.0\.1\]")
        assert deployed.logged(r'close "in/recharge_20260126_0001\.txt\.part" bytes read 0 written 5')
        assert deployed.logged(r'rename old "in/recharge\S*\.part" new "in/recharge_20260126_0001')
        assert deployed.logged(r'rename old "out" new "gone"')
        assert deployed.logged(r"sent status Permission denied")
        assert deployed.logged(r'remove name "in/recharge_20260126_0001\.txt"')
        assert deployed.logged(r"session opened for local user laoyouhui")
        assert deployed.logged(r'close "\./out/sms/\.a\.txt\.[0-9a-f]+\.part" bytes read 0 written 1')


def test_the_health_check_leaves_nothing_in_the_log(deployed: Deployed) -> None:
    compose = yaml.safe_load((PROJECT / "docker-compose.yml").read_text())
    how, *command = compose["services"]["sftp"]["healthcheck"]["test"]
    assert how == "CMD"
    command = [word.replace("2222", str(deployed.port)).replace("08AE", f"{deployed.port:04X}") for word in command]
    command = [word.replace("$$", "$") for word in command]
    (deployed.root / "proc").mkdir()
    with deployed.running():
        time.sleep(1)  # what the test's own look at the port left is written
        before = deployed.log.read_text()
        shutil.copytree("/proc/net", deployed.root / "proc/net", ignore=lambda _, names: {*names} - {"tcp", "tcp6"})
        asked = deployed.inside(*command)
        assert asked.returncode == 0, asked.stderr
        time.sleep(1)
        assert deployed.log.read_text() == before
        writer = int((deployed.root / "run/syslogd.pid").read_text())
        os.kill(writer, signal.SIGKILL)
        for _ in range(40):
            if deployed.inside(*command).returncode:
                break
            time.sleep(0.05)
        assert deployed.inside(*command).returncode != 0, "who writes the log is gone"
    shutil.rmtree(deployed.root / "proc/net")
    shutil.copytree("/proc/net", deployed.root / "proc/net", ignore=lambda _, names: {*names} - {"tcp", "tcp6"})
    assert deployed.inside(*command).returncode != 0, "nothing listens"


def test_two_keys_of_the_carrier_open_it_side_by_side_and_a_third_does_not(deployed: Deployed, key: Path) -> None:
    old, new = ((key / f"{name}.pub").read_text().strip() for name in ("old", "new"))
    deployed.environment["CARRIER_PUBLIC_KEY"] = rf"{old}\n{new}"  # one line of .env
    with deployed.running():
        for name in ("old", "new"):
            with carrier(deployed, key / name) as session:
                assert "in" in session.listdir(".")
        with pytest.raises(paramiko.AuthenticationException), carrier(deployed, key / "other"):
            pass
    deployed.environment["CARRIER_PUBLIC_KEY"] = new
    with deployed.running():
        with carrier(deployed, key / "new") as session:
            assert "in" in session.listdir(".")
        with pytest.raises(paramiko.AuthenticationException), carrier(deployed, key / "old"):
            pass


def test_a_carriers_key_that_is_none_is_named_and_the_other_opens(deployed: Deployed, key: Path) -> None:
    deployed.environment["CARRIER_PUBLIC_KEY"] = r"ssh-ed25519 AAAAbroken\n" + (key / "new.pub").read_text().strip()
    with deployed.running():
        with carrier(deployed, key / "new") as session:
            assert "in" in session.listdir(".")
        assert deployed.logged(r"CARRIER_PUBLIC_KEY: value 'ssh-ed25519 AAAAbroken' is no public key")
        assert deployed.logged(r"carrier may log in with: 256 SHA256:\S+ new \(ED25519\)")


def test_two_keys_of_the_pipeline_open_it_side_by_side_and_a_third_does_not(deployed: Deployed, key: Path) -> None:
    """The steps of docs/deployment.md, "Rotate a key"."""
    client = "/keys/client"
    with deployed.running():
        old = (deployed.root / "keys/client/id_ed25519").read_text()
    made = deployed.inside("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "laoyouhui", "-f", f"{client}/id_next")
    assert made.returncode == 0, made.stderr
    with deployed.running():
        new_file = deployed.root / "keys/client/id_next"
        assert (new_file.stat().st_uid, new_file.stat().st_mode & 0o777) == (50000, 0o400)
        new = new_file.read_text()
        for private in (old, new):
            with open_transport("", deployed.settings(private)) as transport:
                assert transport.list("in") == []
        with (
            pytest.raises(TransportError, match="private key was refused"),
            open_transport("", deployed.settings((key / "other").read_text())),
        ):
            pass
    for end in ("", ".pub"):
        assert deployed.inside("mv", f"{client}/id_next{end}", f"{client}/id_ed25519{end}").returncode == 0
    with deployed.running():
        with open_transport("", deployed.settings()) as transport:
            assert transport.list("in") == []
        with (
            pytest.raises(TransportError, match="private key was refused"),
            open_transport("", deployed.settings(old)),
        ):
            pass


def test_both_pinned_host_keys_are_accepted_and_a_third_is_refused(deployed: Deployed, key: Path) -> None:
    """The steps of docs/deployment.md, "Rotate a key": who pins the old, the new or both gets in while both stand."""
    with deployed.running():
        old = (deployed.root / "keys/client/host_key.pub").read_text()
    server = "/keys/server"
    made = deployed.inside("ssh-keygen", "-q", "-t", "ecdsa", "-N", "", "-f", f"{server}/ssh_host_ecdsa_key")
    assert made.returncode == 0, made.stderr
    with deployed.running():
        both = (deployed.root / "keys/client/host_key.pub").read_text()
        new = "".join(line for line in both.splitlines(keepends=True) if line != old)
        assert sorted(both.splitlines()) == sorted([old.strip(), new.strip()])
        for pinned in (old, new, both):
            with open_transport("", deployed.settings(host_key=pinned)) as transport:
                assert transport.list("in") == []
        other = (key / "other.pub").read_text()
        with (
            pytest.raises(TransportError, match="Ask the carrier whether its key was changed"),
            open_transport("", deployed.settings(host_key=other)),
        ):
            pass
    for end in ("", ".pub"):
        assert deployed.inside("rm", f"{server}/ssh_host_ed25519_key{end}").returncode == 0
    with deployed.running():
        assert (deployed.root / "keys/client/host_key.pub").read_text() == new
        for pinned in (new, both):
            with open_transport("", deployed.settings(host_key=pinned)) as transport:
                assert transport.list("in") == []
        with (
            pytest.raises(TransportError, match="nothing was sent"),
            open_transport("", deployed.settings(host_key=old)),
        ):
            pass
