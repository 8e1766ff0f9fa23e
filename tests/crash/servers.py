"""The two servers that a run talks to, as an operator has them: started, killed without a word, started again."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import asyncssh
import psutil
from tests.crash.sftp_server import PASSWORD, USER

from laoyouhui.delivery.transport import SftpSettings
from laoyouhui_local.server import EmbeddedPostgres, free_port

HOME = Path(__file__).parents[2]
_START_SECONDS = 120


class Postgres(EmbeddedPostgres):
    """The embedded server, which can be killed."""

    def kill(self) -> None:
        """SIGKILL to every process of the server at once: only recovery from its log brings it back."""
        with suppress(psutil.NoSuchProcess, FileNotFoundError, ValueError, IndexError):
            master = psutil.Process(int((self.folder / "data" / "postmaster.pid").read_text().split()[0]))
            family = [master, *master.children(recursive=True)]  # each leads a group of its own
            for one in family:
                with suppress(psutil.NoSuchProcess):
                    one.kill()
            psutil.wait_procs(family, timeout=10)


class Sftp:
    """An SFTP server over a folder, in a process group of its own. Once started it keeps its address and host key."""

    def __init__(self, folder: Path, root: Path) -> None:
        self._key = folder / "host_key"
        key = asyncssh.generate_private_key("ssh-ed25519")
        key.write_private_key(str(self._key))
        self._root = root
        self._process: subprocess.Popen[bytes] | None = None
        public = key.export_public_key().decode().strip()
        self.settings = SftpSettings("127.0.0.1", 0, USER, PASSWORD, None, public, "/")

    def start(self, *, dies_after_blocks: int = 0) -> None:
        """Start it unless it runs, and wait until it listens."""
        if self._process is not None and self._process.poll() is None:
            return
        if self._process is None:  # not sooner: until it listens the port is anybody's
            self.settings = replace(self.settings, port=free_port())
        words = [self.settings.port, self._root, self._key, dies_after_blocks]
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.crash.sftp_server", *map(str, words)], cwd=HOME, process_group=0
        )
        deadline = time.monotonic() + _START_SECONDS
        while time.monotonic() < deadline:
            with suppress(ConnectionRefusedError), socket.create_connection(("127.0.0.1", self.settings.port), 5):
                return
            time.sleep(0.05)
        raise TimeoutError(f"the SFTP server does not listen after {_START_SECONDS} s")

    def kill(self) -> None:
        """SIGKILL to its process group."""
        if self._process is not None:
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
