"""Both cores over TLS: who is let in, and what the desk knows of who calls."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import grpc
import pytest
from cryptography import x509

from protocols.errors import ConfigError
from server.serving.listening import Listening
from tests.integration.authority import Authority, Pair
from tests.integration.desk import CORES, Channel, SmallDesk, ask, plain_channel

OURS, OTHERS = Authority(), Authority()
NAMES = (x509.DNSName("platform.example"), x509.UniformResourceIdentifier("spiffe://bank/loans"))


@pytest.fixture(params=CORES)
def core(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def port(core: str, tmp_path: Path) -> Iterator[int]:
    credentials = OURS.server_credentials(tmp_path, asks_clients=True)
    transport = CORES[core](SmallDesk(), Listening(credentials=credentials))
    yield transport.port
    transport.stop(0)


@contextmanager
def _channel(port: int, pair: Pair | None, *, trusts: Authority = OURS) -> Iterator[Channel]:
    options = [("grpc.use_local_subchannel_pool", 1)]
    credentials = trusts.channel_credentials(pair)
    with grpc.secure_channel(f"127.0.0.1:{port}", credentials, options=options) as channel:
        yield channel


def _is_unavailable(channel: Channel) -> bool:
    with pytest.raises(grpc.RpcError) as caught:
        ask(channel, "Echo")
    return caught.value.code() is grpc.StatusCode.UNAVAILABLE


def test_the_names_of_a_certificate_reach_the_desk(port: int) -> None:
    with _channel(port, OURS.pair(*NAMES)) as channel:
        names = json.loads(ask(channel, "Tell"))["names"]
    assert names == ["platform.example", "spiffe://bank/loans"]


def test_each_connection_has_its_own_names(port: int) -> None:
    pairs = [OURS.pair(x509.DNSName(f"n{number}.example")) for number in range(3)]
    for number, pair in enumerate(pairs):
        with _channel(port, pair) as channel:
            assert json.loads(ask(channel, "Tell"))["names"] == [f"n{number}.example"]


def test_a_certificate_without_names_has_none(port: int) -> None:
    with _channel(port, OURS.pair()) as channel:
        assert json.loads(ask(channel, "Tell"))["names"] == []


@pytest.mark.parametrize(
    "pair",
    [None, OTHERS.pair(*NAMES), OURS.pair(*NAMES, age=timedelta(hours=1))],
    ids=["no certificate", "of another authority", "expired"],
)
def test_a_caller_without_a_good_certificate_is_turned_away(port: int, pair: Pair | None) -> None:
    with _channel(port, pair) as channel:
        assert _is_unavailable(channel)
    with _channel(port, OURS.pair(*NAMES)) as channel:
        assert ask(channel, "Echo", b"next") == b"next"


def test_a_caller_without_tls_is_turned_away(port: int) -> None:
    with plain_channel(port) as channel:
        assert _is_unavailable(channel)


def test_a_caller_turns_away_from_a_server_of_another_authority(port: int) -> None:
    with _channel(port, OURS.pair(*NAMES), trusts=OTHERS) as channel:
        assert _is_unavailable(channel)


def test_without_a_client_authority_nobody_needs_a_certificate_and_nobody_has_names(
    core: str, tmp_path: Path
) -> None:
    credentials = OURS.server_credentials(tmp_path)
    transport = CORES[core](SmallDesk(), Listening(credentials=credentials))
    with _channel(transport.port, OURS.pair(*NAMES)) as channel:
        assert json.loads(ask(channel, "Tell"))["names"] == []
    transport.stop(0)


def test_a_key_of_another_certificate_is_an_error(core: str) -> None:
    pair, other = OURS.pair(), OURS.pair()
    mixed = grpc.ssl_server_credentials([(other.key, pair.certificate)])
    with pytest.raises(ConfigError, match="the TLS pair right"):
        CORES[core](SmallDesk(), Listening(credentials=mixed))


def test_new_files_count_from_the_next_connection_on_and_bad_ones_change_nothing(
    port: int, tmp_path: Path
) -> None:
    old, new = OURS.pair(*NAMES), OTHERS.pair(*NAMES)
    with _channel(port, old) as kept:
        assert ask(kept, "Echo", b"before") == b"before"
        OTHERS.server_credentials(tmp_path, asks_clients=True)  # writes its files over ours
        with _channel(port, new, trusts=OTHERS) as channel:
            assert ask(channel, "Echo", b"new") == b"new"
        with _channel(port, old) as channel:
            assert _is_unavailable(channel)
        assert ask(kept, "Echo", b"kept") == b"kept"
    (tmp_path / "server.key").write_bytes(OURS.pair().key)  # of another certificate
    with _channel(port, new, trusts=OTHERS) as channel:
        assert ask(channel, "Echo", b"still") == b"still"
    (tmp_path / "server.key").unlink()
    with _channel(port, new, trusts=OTHERS) as channel:
        assert ask(channel, "Echo", b"still") == b"still"
    OURS.server_credentials(tmp_path, asks_clients=True)
    with _channel(port, old) as channel:
        assert ask(channel, "Echo", b"again") == b"again"
