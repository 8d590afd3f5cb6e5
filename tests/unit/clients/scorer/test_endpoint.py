"""Plain text stays on this machine, files that are missing are named, hints fit what was shown."""

import socket
import threading
from pathlib import Path

import pytest

from clients.scorer.endpoint import Endpoint
from protocols.errors import ConfigError


@pytest.mark.parametrize("address", ["192.0.2.1:50051", "localhost:50051", "bank.example:443", ""])
def test_plain_text_never_leaves_this_machine(address: str) -> None:
    endpoint = Endpoint(address, insecure_loopback=True)
    for opened in (endpoint.channel, endpoint.async_channel):
        with pytest.raises(ConfigError, match="needs a loopback address"):
            opened()


def test_a_tls_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"ca.pem: cannot be read"):
        Endpoint("127.0.0.1:1", ca_path=tmp_path / "ca.pem").channel()


def test_a_certificate_needs_its_key(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="--certificate and --key go together"):
        Endpoint("127.0.0.1:1", certificate_path=tmp_path / "mine.pem").channel()


def test_a_hint_names_what_was_left_out() -> None:
    mine = Path("mine.pem")
    assert "--certificate and --key" in Endpoint("bank.example:443").hint
    assert "CA of the client" in Endpoint("bank.example:443", certificate_path=mine).hint
    assert "--insecure-loopback" in Endpoint("127.0.0.1:1", insecure_loopback=True).hint


def test_a_server_that_comes_back_is_found_within_moments() -> None:
    is_met = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as rude:
        threading.Thread(target=_hang_up_thrice, args=(rude, is_met), daemon=True).start()
        endpoint = Endpoint(f"127.0.0.1:{rude.getsockname()[1]}", insecure_loopback=True)
        with endpoint.channel() as channel:
            channel.subscribe(lambda _: None, try_to_connect=True)
            assert is_met.wait(2.0)  # left to itself, gRPC comes for the third time after 2.1 s


def _hang_up_thrice(listener: socket.socket, is_met: threading.Event) -> None:
    for _ in range(3):
        listener.accept()[0].close()
    is_met.set()
