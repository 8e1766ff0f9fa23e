"""Start a service of the pipeline's image: put its secrets where Airflow looks for them, then become the command."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import MutableMapping
from pathlib import Path

CLIENT_KEYS = Path("/keys/client")  # made by the SFTP server on its first start: deploy/sftp/entrypoint.sh
CONNECTION = "AIRFLOW_CONN_CARRIER_SFTP"
PASSWORDS_FILE = "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE"


def prepare(environ: MutableMapping[str, str], client_keys: Path) -> None:
    """Add the SFTP connection that pins the server's key, and write the file of the page's passwords.

    A connection given from outside stands. Only the scheduler has client keys: elsewhere there is no connection.
    """
    if not environ.get(CONNECTION):
        environ.pop(CONNECTION, None)
        if client_keys.is_dir():
            environ[CONNECTION] = sftp_connection(client_keys)
    if PASSWORDS_FILE in environ and (password := environ.pop("AIRFLOW_ADMIN_PASSWORD", None)):
        file = Path(environ[PASSWORDS_FILE])
        file.touch(mode=0o600)
        file.write_text(json.dumps({"admin": password}))


def sftp_connection(client_keys: Path) -> str:
    """Spell Airflow's connection to the deployment's own SFTP server, its host key pinned, as JSON."""
    return json.dumps(
        {
            "conn_type": "sftp",
            "host": "sftp",
            "port": 2222,
            "login": "laoyouhui",
            "extra": {
                "private_key": (client_keys / "id_ed25519").read_text(),
                "host_key": (client_keys / "host_key.pub").read_text().strip(),
                "no_host_key_check": "false",
                "root": ".",
            },
        }
    )


if __name__ == "__main__":
    prepare(os.environ, CLIENT_KEYS)
    os.execvp(sys.argv[1], sys.argv[1:])  # noqa: S606 - the command is compose's own, without a shell
