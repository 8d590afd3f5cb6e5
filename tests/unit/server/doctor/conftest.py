"""Fixtures of the doctor's tests."""

import shutil
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from server.callers import issue
from server.doctor.report import Installation
from server.serving import shadow
from server.serving.options import ServeOptions
from tests.policies import write_policies
from tests.simulator import found_world
from tests.unit.server.doctor.installation import (
    POLICY,
    fill,
    free_port,
)
from tests.unit.server.serving.world import ACCESS_TOML


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The coordinator's folder of a federation with a release, and a journal of three answers."""
    world = found_world(tmp_path_factory.mktemp("doctor"), sizes=(30, 20, 20))
    world.train()
    fill(world.server / "journal.sqlite", 3, at=datetime.now(UTC))
    return world.server


@pytest.fixture
def asked(trained: Path, tmp_path: Path) -> Installation:
    """An installation in which nothing is wrong."""
    home = shutil.copytree(trained, tmp_path / "server")
    write_policies(home / "policies", POLICY)
    options = ServeOptions(
        policies=home / "policies",
        host="127.0.0.1",
        port=free_port(),
        access=None,
        client_ca=None,
        any_caller=True,
        journal=str(home / "journal.sqlite"),
        core="public",
        share_port=False,
        metrics_port=None,
        metrics_host="127.0.0.1",
        trace_to=None,
        receipts=None,
        challenger_policy=None,
    )
    return Installation(home / "server.toml", options, datetime.now(UTC))


@pytest.fixture
def guarded(asked: Installation) -> Installation:
    """One that asks callers for certificates, in which nothing is wrong either; has a caller's."""
    home = asked.config.parent
    certificate, key, ca = issue("platform.example", out=home, authority=home / "callers")
    rules = home / "access.toml"
    rules.write_text(ACCESS_TOML, encoding="utf-8")
    options = replace(asked.options, any_caller=False, client_ca=ca, access=rules)
    return replace(asked, options=options, certificate=certificate, key=key)


@pytest.fixture(autouse=True)
def _quick_to_stop(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shadow, "_LOOK_S", 0.01)
