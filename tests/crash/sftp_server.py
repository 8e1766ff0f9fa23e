"""The carrier's SFTP server as a process of its own, so that it can be killed: `python -m tests.crash.sftp_server`.

Arguments: port, the folder that it serves, the file with its host key, and after how many written blocks it dies
(0: never), as a server does whose machine goes down in the middle of an upload.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys

import asyncssh

USER, PASSWORD = "lyh", "secret"


class _Login(asyncssh.SSHServer):
    def begin_auth(self, username: str) -> bool:
        return username == USER

    def password_auth_supported(self) -> bool:
        return True

    def validate_password(self, username: str, password: str) -> bool:
        return (username, password) == (USER, PASSWORD)


async def _serve(port: int, root: str, host_key: str, dies_after_blocks: int) -> None:
    blocks = 0

    class Files(asyncssh.SFTPServer):
        def __init__(self, channel: asyncssh.SSHServerChannel) -> None:
            super().__init__(channel, chroot=root.encode())

        def write(self, file_obj: object, offset: int, data: bytes) -> int:
            nonlocal blocks
            blocks += 1
            if blocks == dies_after_blocks:
                os.kill(os.getpid(), signal.SIGKILL)
            return super().write(file_obj, offset, data)

    await asyncssh.listen(
        "127.0.0.1", port, server_factory=_Login, server_host_keys=[host_key], sftp_factory=Files, reuse_address=True
    )
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(_serve(int(sys.argv[1]), sys.argv[2], sys.argv[3], int(sys.argv[4])))
