"""A part of serving.py: the floor to hold a server beside, an empty echo on grpc.aio.

It answers any method with the request's own bytes, parses nothing and records nothing.

    python -m benchmarks.echo_server --port 50051 --tls FOLDER
"""

import argparse
import asyncio
from pathlib import Path

import grpc

from server.serving.transport import bind, stop_signal, tls_credentials


class Echo(grpc.GenericRpcHandler):
    """Finds an echo for every method."""

    def __init__(self) -> None:
        """Make the one handler."""
        self._handler = grpc.unary_unary_rpc_method_handler(_echo)

    def service(
        self, handler_call_details: grpc.HandlerCallDetails
    ) -> "grpc.RpcMethodHandler[bytes, bytes]":
        """Return it."""
        return self._handler


async def _echo(body: bytes, _: "grpc.aio.ServicerContext[bytes, bytes]") -> bytes:
    return body


async def serve(port: int, tls: Path) -> None:
    """Answer until SIGTERM."""
    stopping = stop_signal()
    server = grpc.aio.server(handlers=[Echo()])
    credentials = tls_credentials(tls / "server.crt", tls / "server.key")
    bind(server, "127.0.0.1", port, credentials=credentials)
    await server.start()
    await stopping.wait()
    await server.stop(0)


def main() -> None:
    """Read the arguments and serve."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--tls", type=Path, required=True, help="has server.crt and server.key")
    arguments = parser.parse_args()
    asyncio.run(serve(arguments.port, arguments.tls))


if __name__ == "__main__":
    main()
