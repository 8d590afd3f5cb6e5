"""A part of serving.py and soak.py: a caller of gRPC that costs little of the processor.

Just enough HTTP/2 (RFC 9113) over TLS to ask one unary method many times: it writes frames, and of
what comes it reads the frames' heads and the status. Unlike h2load it may send another request each
time, and sees whether gRPC's own status is OK.
"""

import socket
import ssl
import struct
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from selectors import EVENT_READ, BaseSelector, DefaultSelector

_PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
_DATA, _HEADERS, _SETTINGS, _PING, _GOAWAY, _WINDOW_UPDATE = 0, 1, 4, 6, 7, 8
_ACK = _END_STREAM = 0x1
_END_HEADERS = 0x4
_LARGEST = 2**31 - 1
_NO_TABLE, _STREAM_WINDOW = (
    (1, 0),
    (4, _LARGEST),
)  # so headers come as they are, and no answer waits
_OK = b"\x0bgrpc-status\x010"


class Connection:
    """One connection on which calls are begun and seen to end.

    Attributes:
        waits_us: How long each call took that was answered.
        refusals: The last headers of each that was not.
    """

    def __init__(
        self, port: int, method: str, authority: str, *, shown: tuple[Path, Path] | None = None
    ) -> None:
        """Connect to loopback and greet.

        Args:
            port: Of the server.
            method: Full name of what is asked.
            authority: The CA's certificate, PEM.
            shown: Files of the caller's own certificate and its key.
        """
        context = ssl.create_default_context(cadata=authority)
        if shown:
            context.load_cert_chain(*shown)
        context.set_alpn_protocols(["h2"])
        plain = socket.create_connection(("127.0.0.1", port), timeout=20)
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket = context.wrap_socket(plain, server_hostname="127.0.0.1")
        self.waits_us: list[float] = []
        self.refusals: list[bytes] = []
        self._begun: dict[int, float] = {}
        self._headers = _request_headers(method, f"127.0.0.1:{port}")
        self._next_stream, self._room, self._got, self._out = 1, 65_535, b"", bytearray()
        settings = b"".join(struct.pack(">HI", *pair) for pair in (_NO_TABLE, _STREAM_WINDOW))
        self._out += _PREFACE + _frame(_SETTINGS, 0, 0, settings)
        self._out += _frame(_WINDOW_UPDATE, 0, 0, struct.pack(">I", _LARGEST - 65_535))

    @property
    def in_flight(self) -> int:
        """How many calls have not ended."""
        return len(self._begun)

    def begin(self, body: bytes, *, due_s: float | None = None) -> None:
        """Begin a call; it is sent at the next ``flush``.

        Args:
            body: The message.
            due_s: From when on it waits, by ``time.perf_counter``; from now on without.
        """
        stream, message = self._next_stream, b"\0" + struct.pack(">I", len(body)) + body
        self._next_stream += 2
        self._room -= len(message)
        if self._room < 0:
            raise RuntimeError("the server reads too slowly")
        self._begun[stream] = time.perf_counter() if due_s is None else due_s
        self._out += _frame(_HEADERS, _END_HEADERS, stream, self._headers)
        self._out += _frame(_DATA, _END_STREAM, stream, message)

    def flush(self) -> None:
        """Send what was begun."""
        self.socket.sendall(self._out)
        self._out.clear()

    def close(self) -> None:
        """Hang up on the calls that are under way."""
        self.socket.close()

    def read(self) -> int:
        """Read what has come, and return how many calls have ended."""
        came = self.socket.recv(65_536)
        if not came:
            raise RuntimeError("the server hung up")
        self._got += came
        ended = 0
        while len(self._got) >= 9:
            size = int.from_bytes(self._got[:3]) + 9
            if len(self._got) < size:
                break
            frame, self._got = self._got[:size], self._got[size:]
            ended += self._take(frame[3], frame[4], int.from_bytes(frame[5:9]), frame[9:])
        return ended

    def _take(self, kind: int, flags: int, stream: int, content: bytes) -> bool:
        if kind == _HEADERS and flags & _END_STREAM:
            wait_s = time.perf_counter() - self._begun.pop(stream)
            if _OK in content:
                self.waits_us.append(wait_s * 1e6)
            else:
                self.refusals.append(content)
            return True
        if kind == _WINDOW_UPDATE and not stream:
            self._room += int.from_bytes(content)
        elif kind in (_SETTINGS, _PING) and not flags & _ACK:
            self._out += _frame(kind, _ACK, 0, content if kind == _PING else b"")
        elif kind == _GOAWAY:
            raise RuntimeError(f"the server hung up: {content!r}")
        return False


def keep_asking(
    connections: Sequence[Connection],
    bodies: Iterator[bytes],
    *,
    in_flight: int,
    warm_s: float,
    seconds: float,
) -> list[float]:
    """Hold so many calls open for so long, and return how long each that ended took, in us."""
    for number in range(in_flight):
        connections[number % len(connections)].begin(next(bodies))
    with DefaultSelector() as selector:
        for connection in connections:
            connection.flush()
            selector.register(connection.socket, EVENT_READ, connection)
        _serve_all(selector, bodies, until=time.perf_counter() + warm_s)
        for connection in connections:
            connection.waits_us.clear()
        _serve_all(selector, bodies, until=time.perf_counter() + seconds)
    return [wait for connection in connections for wait in connection.waits_us]


def _serve_all(selector: BaseSelector, bodies: Iterator[bytes], *, until: float) -> None:
    while time.perf_counter() < until:
        for key, _ in selector.select(1):
            _serve(key.data, bodies)


def _serve(connection: Connection, bodies: Iterator[bytes]) -> None:
    while True:
        for _ in range(connection.read()):
            connection.begin(next(bodies))
        if connection.refusals:
            raise RuntimeError(f"a call was refused: {connection.refusals[0]!r}")
        if not connection.socket.pending():
            connection.flush()
            return


def _frame(kind: int, flags: int, stream: int, content: bytes) -> bytes:
    return len(content).to_bytes(3) + bytes((kind, flags)) + stream.to_bytes(4) + content


def _request_headers(method: str, authority: str) -> bytes:
    # HPACK (RFC 7541): two whole entries of the static table, then literals that are not indexed.
    known = b"\x83\x87"  # :method POST, :scheme https
    path, host = b"\x04" + _text(method), b"\x01" + _text(authority)
    kind = b"\x0f\x10" + _text("application/grpc")
    return known + path + host + kind + b"\0" + _text("te") + _text("trailers")


def _text(text: str) -> bytes:
    if len(text) > 126:
        raise ValueError("longer than one byte can say")
    return bytes((len(text),)) + text.encode()
