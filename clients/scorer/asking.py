"""One call, asked again where that is safe, until it has an answer or is refused."""

import asyncio
import time
from typing import TypeVar

import grpc

from clients.scorer.calls import Call
from clients.scorer.retries import Attempts

_Answer = TypeVar("_Answer")


def ask(channel: grpc.Channel, call: Call[_Answer], attempts: Attempts) -> _Answer:
    """Return the answer.

    Raises:
        ScoringError: There is none; see ``retries`` and ``failures``.
    """
    method: grpc.UnaryUnaryMultiCallable[bytes, bytes] = channel.unary_unary(call.path)
    while True:
        try:
            return call.read(method(call.body, timeout=attempts.left_s))
        except grpc.RpcError as err:
            wait_s = attempts.wait_s(err)
        time.sleep(wait_s)


async def ask_async(channel: grpc.aio.Channel, call: Call[_Answer], attempts: Attempts) -> _Answer:
    """Return the answer, from an event loop; raises as ``ask`` does."""
    method: grpc.aio.UnaryUnaryMultiCallable[bytes, bytes] = channel.unary_unary(call.path)
    while True:
        try:
            return call.read(await method(call.body, timeout=attempts.left_s))
        except grpc.RpcError as err:
            wait_s = attempts.wait_s(err)
        await asyncio.sleep(wait_s)
