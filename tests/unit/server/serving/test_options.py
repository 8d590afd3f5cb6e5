"""Every option of serve reaches the server, and those that do not fit are refused as options."""

from dataclasses import fields, replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from protocols.errors import ConfigError
from server.config import CoordinatorSettings
from server.serving.options import ServeOptions

COORDINATOR = SimpleNamespace(server_cert=Path("tls.crt"), server_key=Path("tls.key"))
OPTIONS = ServeOptions(
    policies=Path("policies"),
    host="192.0.2.1",
    port=50_061,
    access=Path("access.toml"),
    client_ca=Path("ca.crt"),
    any_caller=False,
    journal="j.sqlite",
    core="public",
    share_port=True,
    metrics_port=9_464,
    metrics_host="192.0.2.2",
    trace_to="https://collector:4317",
    receipts=Path("receipts"),
    challenger_policy=Path("challenger.toml"),
)
NAMES = {
    "policies": "policies_path",
    "access": "access_path",
    "challenger_policy": "challenger_policy_path",
    "client_ca": "client_ca_path",
    "share_port": "is_port_shared",
}


def _coordinator() -> CoordinatorSettings:
    return COORDINATOR  # type: ignore[return-value]  # all that is used of it


def test_every_option_is_a_setting() -> None:
    settings = OPTIONS.settings(_coordinator())
    for field in fields(ServeOptions):
        name = NAMES.get(field.name, field.name)
        assert getattr(settings, name) == getattr(OPTIONS, field.name), name
    assert (settings.certificate_path, settings.key_path) == (Path("tls.crt"), Path("tls.key"))


@pytest.mark.parametrize(
    ("changes", "rule"),
    [
        ({"any_caller": True}, "--any-caller excludes"),
        ({"metrics_port": 65_536}, "metrics_port"),
        ({"trace_to": "collector:4317"}, "trace_to"),
    ],
)
def test_options_that_do_not_fit_are_refused(changes: dict[str, object], rule: str) -> None:
    with pytest.raises(ConfigError, match=rule):
        replace(OPTIONS, **changes).settings(_coordinator())  # type: ignore[arg-type]
