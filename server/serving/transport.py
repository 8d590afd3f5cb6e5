"""Which core carries a desk's calls, and when a server stops."""

import asyncio
import logging
import signal
from collections.abc import Callable, Sequence
from typing import Literal

import grpc

from server.serving.calls import Call, Desk, Reply
from server.serving.fast import TESTED_GRPCIO, FastCore
from server.serving.listening import Listening, Transport, bind, tls_credentials
from server.serving.public import PublicCore

__all__ = ["Core", "bind", "start_transport", "stop_signal", "tls_credentials"]

Core = Literal["fast", "public"]

_LOG = logging.getLogger(__name__)
_CHECKED = "/fedscore.SelfCheck/Echo"
_CHECK_S = 5.0


def start_transport(desk: Desk, listening: Listening, *, core: Core = "fast") -> Transport:
    """Return a server that answers from ``desk``.

    The fast core stands on a private interface. It is taken where grpcio is the version that it
    was tested with and one call through it came back; else the public one is, and a warning says
    why.

    Raises:
        ConfigError: The address or the credentials cannot be used.
    """
    if core == "public":
        return PublicCore(desk, listening)
    doubt = doubt_of_fast(FastCore)
    if doubt is None:
        return FastCore(desk, listening)
    _LOG.warning("public core serves, more slowly", extra={"reason": doubt})
    return PublicCore(desk, listening)


def doubt_of_fast(make: Callable[[Desk, Listening], Transport]) -> str | None:
    """Return why the fast core must not serve here, or None."""
    if grpc.__version__ != TESTED_GRPCIO:
        return f"grpcio must be {TESTED_GRPCIO}, found {grpc.__version__}"
    try:
        return None if _echoes(make) else "the self-check got another answer"
    except Exception as err:  # whatever a private interface can do when it has changed
        return f"the self-check failed: {type(err).__name__}"


def stop_signal() -> asyncio.Event:
    """Return an event that SIGTERM and SIGINT set from now on."""
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    return stopping


class _Echo:
    methods = frozenset({_CHECKED})
    streams: frozenset[str] = frozenset()

    def answer(self, calls: Sequence[Call]) -> Sequence[Reply]:
        return [Reply((call.body,)) for call in calls]


def _echoes(make: Callable[[Desk, Listening], Transport]) -> bool:
    checked = make(_Echo(), Listening())
    try:
        with grpc.insecure_channel(f"127.0.0.1:{checked.port}") as channel:
            ask: grpc.UnaryUnaryMultiCallable[bytes, bytes] = channel.unary_unary(_CHECKED)
            return ask(b"echo", timeout=_CHECK_S, wait_for_ready=True) == b"echo"
    finally:
        checked.stop(0)
