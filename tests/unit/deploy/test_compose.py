"""The deployment as far as it can be proven without a Docker engine.

`compose-spec.json` is the Compose Specification's schema (compose-spec/compose-spec, Apache-2.0), as the npm package
dclint 3.1.0 ships it in `schemas/compose.schema.json`, unchanged.
"""

from __future__ import annotations

import json
import re
import shutil
import stat
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from cryptography.fernet import Fernet
from deploy import entrypoint, healthy
from jsonschema import Draft7Validator

from laoyouhui_local.airflow import PRELOAD

ROOT = Path(__file__).parents[3]
DEPLOY = ROOT / "deploy"
TEXT = (ROOT / "docker-compose.yml").read_text()
COMPOSE: dict[str, Any] = yaml.safe_load(TEXT)
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
VARIABLE = re.compile(r"\$\{(?P<name>[A-Z_]+)(?P<rest>[^}]*)\}")
SECRET_NAME = re.compile(r"PASSWORD$|SECRET(_KEY)?$|FERNET_KEY$")


def each_service() -> pytest.MarkDecorator:
    return pytest.mark.parametrize("service", [pytest.param(service, id=name) for name, service in SERVICES.items()])


def example() -> dict[str, str]:
    lines = (DEPLOY / "env.example").read_text().splitlines()
    return dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))


def required() -> set[str]:
    return {found["name"] for found in VARIABLE.finditer(TEXT) if found["rest"].startswith(":?")}


def is_one_shot(service: dict[str, Any]) -> bool:
    return service["restart"] == "no"


def test_it_follows_the_compose_schema():
    schema = json.loads(Path(__file__).with_name("compose-spec.json").read_text())
    errors = [f"{error.json_path}: {error.message}" for error in Draft7Validator(schema).iter_errors(COMPOSE)]
    assert errors == []
    assert set(SERVICES) == {
        "postgres",
        "sftp",
        "airflow-init",
        "airflow-apiserver",
        "airflow-scheduler",
        "airflow-dag-processor",
        "sample-carrier",
    }


def test_nothing_is_published_beyond_this_machine_unless_asked():
    ports = {name: service["ports"] for name, service in SERVICES.items() if "ports" in service}
    assert set(ports) == {"airflow-apiserver", "sftp"}
    for published in ports.values():
        assert all(port.startswith("${BIND_ADDRESS:-127.0.0.1}:") for port in published)
    assert example()["BIND_ADDRESS"] == "127.0.0.1"
    assert COMPOSE["networks"]["inside"] == {"internal": True}
    assert {name for name, service in SERVICES.items() if "outside" in service["networks"]} == set(ports)
    assert not any("network_mode" in service for service in SERVICES.values())


def test_no_password_has_a_default():
    for found in VARIABLE.finditer(TEXT):
        assert found["rest"].startswith(":?") == bool(SECRET_NAME.search(found["name"])), found[0]
    for service in SERVICES.values():
        for name, value in service.get("environment", {}).items():
            if SECRET_NAME.search(name):
                assert VARIABLE.fullmatch(value), name
            assert not re.search(r"://[^/@:]+:(?!\$\{)[^@]*@", value), f"{name} holds a password"
    assert all(example()[name] == "" for name in required())


def test_tasks_are_forked_from_the_process_that_make_run_forks_them_from():
    environment = COMPOSE["x-airflow-environment"]
    assert environment["AIRFLOW__SCHEDULER__MP_START_METHOD"] == "forkserver"
    assert environment["AIRFLOW__CORE__MP_FORKSERVER_PRELOAD"].split(",") == PRELOAD


def test_every_variable_stands_in_the_example():
    read = {found["name"] for found in VARIABLE.finditer(TEXT)}
    assert read - set(example()) == {"STORY"}
    assert set(example()) <= read


@each_service()
def test_a_service_is_watched_or_ends_by_itself(service: dict[str, Any]):
    if is_one_shot(service):
        assert "healthcheck" not in service
    else:
        assert service["restart"] == "unless-stopped"
        assert {"test", "interval", "timeout", "retries", "start_period"} <= set(service["healthcheck"])


def test_what_ends_by_itself_is_waited_for():
    """`docker compose up --wait` calls an ended container a failure unless another service waits for its success."""
    for name, service in SERVICES.items():
        if is_one_shot(service) and "profiles" not in service:
            waiting = [other for other in SERVICES.values() if name in other.get("depends_on", {})]
            assert waiting
            assert all(
                other["depends_on"][name] == {"condition": "service_completed_successfully"} for other in waiting
            )


def test_every_dependency_is_waited_for_until_it_serves():
    for service in SERVICES.values():
        for name, how in service.get("depends_on", {}).items():
            ended = "service_completed_successfully" if is_one_shot(SERVICES[name]) else "service_healthy"
            assert how == {"condition": ended}


@each_service()
def test_a_service_may_do_no_more_than_it_needs(service: dict[str, Any]):
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert set(service["logging"]["options"]) == {"max-size", "max-file"}
    assert {"limits", "reservations"} == set(service["deploy"]["resources"])
    for volume in service["volumes"]:
        assert volume.split(":")[0] in COMPOSE["volumes"], "a folder of the host has owners that the container lacks"


def test_images_have_full_tags():
    assert {service["image"] for service in SERVICES.values()} == {
        "laoyouhui:0.1.0",
        "laoyouhui-story:0.1.0",
        "laoyouhui-sftp:0.1.0",
        "laoyouhui-postgres:0.1.0",
    }
    dockerfile = (DEPLOY / "Dockerfile").read_text()
    bases = dict(re.findall(r"^ARG (\w+_IMAGE)=(\S+)$", dockerfile, re.MULTILINE))
    assert all(re.fullmatch(r"[a-z]+:([\d.]+|[a-z]+)-[a-z-]+", base) for base in bases.values())
    assert re.findall(r"^FROM \$\{(\w+)\} AS (\w+)$", dockerfile, re.MULTILINE) == [
        ("PYTHON_IMAGE", "pipeline"),
        ("DEBIAN_IMAGE", "sftp"),
        ("POSTGRES_IMAGE", "postgres"),
    ]


def test_the_image_is_installed_by_hash_from_wherever_pip_is_told():
    dockerfile = (DEPLOY / "Dockerfile").read_text()
    assert '--require-hashes --no-deps --only-binary :all: --requirement "/tmp/$REQUIREMENTS.txt"' in dockerfile
    assert "USER 50000:50000" in dockerfile
    assert not re.search(r"https?://", dockerfile)
    args = {name for service in SERVICES.values() for name in service.get("build", {}).get("args", {})}
    assert args == {"PIP_INDEX_URL", "PIP_TRUSTED_HOST", "APT_MIRROR", "REQUIREMENTS"}


def test_what_the_image_copies_is_there_and_reaches_the_builder():
    sources = [
        source
        for line in re.findall(r"^COPY (.+)$", (DEPLOY / "Dockerfile").read_text(), re.MULTILINE)
        for source in line.split()[:-1]
        if not source.startswith("--")
    ]
    kept = [line[1:] for line in (DEPLOY / "Dockerfile.dockerignore").read_text().splitlines() if line.startswith("!")]
    for source in sources:
        assert (ROOT / source).exists(), source
        assert any(source == entry or source.startswith(f"{entry}/") for entry in kept), source


def test_what_is_not_the_product_is_in_the_image_of_the_story_alone():
    stages = re.split(r"^FROM (\S+) AS (\w+)$", (DEPLOY / "Dockerfile").read_text(), flags=re.MULTILINE)[1:]
    copied = {
        name: {
            source
            for line in re.findall(r"^COPY (.+)$", text, re.MULTILINE)
            for source in line.split()[:-1]
            if "plugins" in source or "story" in source
        }
        for name, text in zip(stages[1::3], stages[2::3], strict=True)
    }
    assert copied == {
        "pipeline": {"plugins/.airflowignore", "plugins/laoyouhui"},
        "story": {"plugins/laoyouhui_local", "deploy/story.py"},
        "sftp": set(),
        "postgres": set(),
    }
    assert SERVICES["sample-carrier"]["build"]["target"] == "story"


def test_init_fills_what_is_required_once(tmp_path: Path):
    shutil.copytree(DEPLOY, tmp_path / "deploy")

    def init() -> dict[str, str]:
        subprocess.run([tmp_path / "deploy" / "init"], check=True, capture_output=True)
        lines = (tmp_path / ".env").read_text().splitlines()
        return dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))

    first = init()
    assert list(first) == list(example())
    assert {name for name, value in first.items() if value != example()[name]} == required()
    assert len({first[name] for name in required()}) == len(required())
    assert stat.S_IMODE((tmp_path / ".env").stat().st_mode) == 0o600
    Fernet(first["AIRFLOW_FERNET_KEY"])
    assert all(first[name].isalnum() for name in required() - {"AIRFLOW_FERNET_KEY"})
    assert init() == first

    without_one = (
        (tmp_path / ".env").read_text().replace(f"AIRFLOW_ADMIN_PASSWORD={first['AIRFLOW_ADMIN_PASSWORD']}\n", "")
    )
    (tmp_path / ".env").write_text(without_one)
    again = init()
    assert again.pop("AIRFLOW_ADMIN_PASSWORD")
    assert again == {name: value for name, value in first.items() if name != "AIRFLOW_ADMIN_PASSWORD"}


def test_the_scheduler_pins_the_key_that_the_sftp_server_made(tmp_path: Path):
    (tmp_path / "id_ed25519").write_text("-----BEGIN OPENSSH PRIVATE KEY-----\n...\n")
    (tmp_path / "host_key.pub").write_text("ssh-ed25519 AAAA\n")
    environ = {"AIRFLOW_CONN_CARRIER_SFTP": ""}
    entrypoint.prepare(environ, tmp_path)
    connection = json.loads(environ["AIRFLOW_CONN_CARRIER_SFTP"])
    assert (connection["host"], connection["port"], connection["login"]) == ("sftp", 2222, "laoyouhui")
    assert connection["extra"]["host_key"] == "ssh-ed25519 AAAA"
    assert connection["extra"]["no_host_key_check"] == "false"
    assert connection["extra"]["private_key"].startswith("-----BEGIN")
    assert "password" not in connection

    given = {"AIRFLOW_CONN_CARRIER_SFTP": '{"host": "theirs"}'}
    entrypoint.prepare(given, tmp_path)
    assert given == {"AIRFLOW_CONN_CARRIER_SFTP": '{"host": "theirs"}'}
    none: dict[str, str] = {}
    entrypoint.prepare(none, tmp_path / "nowhere")
    assert none == {}


def test_the_scheduler_pins_both_host_keys_while_they_are_rotated(tmp_path: Path):
    (tmp_path / "id_ed25519").write_text("-----BEGIN OPENSSH PRIVATE KEY-----\n...\n")
    (tmp_path / "host_key.pub").write_text("ssh-ed25519 AAAA\necdsa-sha2-nistp256 BBBB\n")
    connection = json.loads(entrypoint.sftp_connection(tmp_path))
    assert connection["extra"]["host_key"] == "ssh-ed25519 AAAA\necdsa-sha2-nistp256 BBBB"


def test_the_host_keys_lie_apart_from_the_exchange_where_no_other_service_sees_them():
    holders = {
        volume.split(":")[0]: {name for name, service in SERVICES.items() if volume in service["volumes"]}
        for volume in SERVICES["sftp"]["volumes"]
    }
    assert holders["sftp-server-keys"] == {"sftp"}
    mounted = [volume.split(":")[1] for volume in SERVICES["sftp"]["volumes"]]
    assert not any(Path(one).is_relative_to(other) for one in mounted for other in mounted if one != other)


def test_nobody_but_root_writes_where_the_accounts_are_shut_in():
    """sshd refuses a root that others may write; a tmpfs is open to all unless it is said."""
    assert "/srv/sftp/dev:mode=0755" in SERVICES["sftp"]["tmpfs"]


def test_the_pages_password_goes_into_a_file_of_its_own(tmp_path: Path):
    file = tmp_path / "passwords.json"
    environ = {entrypoint.PASSWORDS_FILE: str(file), "AIRFLOW_ADMIN_PASSWORD": "asked"}
    entrypoint.prepare(environ, tmp_path / "nowhere")
    assert json.loads(file.read_text()) == {"admin": "asked"}
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert environ == {entrypoint.PASSWORDS_FILE: str(file)}


@pytest.mark.parametrize(
    ("told", "code"),
    [
        ('{"scheduler": {"status": "healthy"}}', 0),
        ('{"scheduler": {"status": "unhealthy"}}', 1),
        ('{"scheduler": {"status": null}}', 1),
        ("{}", 1),
        ("", 1),
    ],
)
def test_a_component_is_healthy_when_the_api_says_so(tmp_path: Path, told: str, code: int):
    (tmp_path / "health").write_text(told)
    assert healthy.main((tmp_path / "health").as_uri(), "scheduler") == code


def test_an_api_that_is_away_is_unhealthy(tmp_path: Path):
    assert healthy.main((tmp_path / "away").as_uri(), "scheduler") == 1


def test_the_sftp_server_takes_keys_only_and_shuts_accounts_in():
    words = (line.split(" ", 1) for line in (DEPLOY / "sftp" / "sshd_config").read_text().splitlines() if line)
    config = {line[0]: line[1] for line in words if line[0] != "#"}
    assert config["AuthenticationMethods"] == "publickey"
    assert (
        config["PasswordAuthentication"] == config["KbdInteractiveAuthentication"] == config["PermitRootLogin"] == "no"
    )
    assert config["ChrootDirectory"] == "/srv/sftp"
    assert config["ForceCommand"].startswith("internal-sftp ")
    assert " -l INFO " in config["ForceCommand"], "who moved which file is logged"
    assert config["DisableForwarding"] == "yes"
