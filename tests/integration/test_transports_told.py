"""Both cores tell who counts calls of every call once, with its end and its arrival."""

import json
import time
from collections.abc import Callable, Iterator

import grpc
import pytest

from server.serving.calls import OVERLOADED, Reply, ending
from server.serving.listening import Listening
from tests.integration.desk import CORES, SmallDesk, ask, path, stream, unary

Code = grpc.StatusCode


class _Served:
    def __init__(self, core: str) -> None:
        self.desk, self.told = SmallDesk(), list[tuple[str, Reply, float]]()
        listening = Listening(most_calls=3, ended=lambda *call: self.told.append(call))
        self.transport = CORES[core](self.desk, listening)
        self.channel = grpc.insecure_channel(f"127.0.0.1:{self.transport.port}")

    def ends(self, count: int) -> list[tuple[str, int]]:
        """Return the method and the code of each call, once so many have ended."""
        until = time.monotonic() + 5
        while len(self.told) < count and time.monotonic() < until:
            time.sleep(0.005)
        return [(method.rpartition("/")[2], ending(reply)[0]) for method, reply, _ in self.told]

    def stop(self) -> None:
        self.desk.gate.opened.set()
        self.channel.close()
        self.transport.stop(0)


@pytest.fixture(params=CORES)
def core(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def served(core: str) -> Iterator[_Served]:
    made = _Served(core)
    yield made
    made.stop()


def _refused(call: Callable[[], object]) -> None:
    with pytest.raises(grpc.RpcError):
        call()


def test_each_call_is_told_with_its_method_and_code(served: _Served) -> None:
    channel = served.channel
    assert ask(channel, "Echo", b"x") == b"x"
    for method in ("Refuse", "Fail"):
        _refused(lambda method=method: ask(channel, method))  # type: ignore[misc]
    assert len(list(stream(channel, "Count", b"7"))) == 7
    _refused(lambda: list(stream(channel, "Break")))
    assert served.ends(5) == [
        ("Echo", Code.OK.value[0]),
        ("Refuse", Code.FAILED_PRECONDITION.value[0]),
        ("Fail", Code.INTERNAL.value[0]),
        ("Count", Code.OK.value[0]),
        ("Break", Code.INTERNAL.value[0]),
    ]


def test_a_call_is_told_with_the_time_from_its_arrival_to_its_end(served: _Served) -> None:
    begun = time.monotonic()
    ask(served.channel, "Sleep", b"0.05")
    served.ends(1)
    ((_, _, took_s),) = served.told
    assert 0.05 <= took_s <= time.monotonic() - begun


def test_the_desk_knows_when_a_call_came(served: _Served) -> None:
    before = time.monotonic()
    assert before < json.loads(ask(served.channel, "Tell"))["arrived_s"] < time.monotonic()


def test_callers_that_go_away_are_told_once_as_cancelled(served: _Served) -> None:
    call = stream(served.channel, "Long")
    next(call)
    call.cancel()
    assert served.ends(1) == [("Long", Code.CANCELLED.value[0])]
    gated = unary(served.channel, "Gate").future(b"gated", timeout=20)
    assert served.desk.gate.entered.wait(20)
    _refused(lambda: unary(served.channel, "Echo")(b"late", timeout=0.05))
    served.desk.gate.opened.set()
    assert gated.result() == b"gated"
    time.sleep(0.05)
    told = sorted(served.ends(3))
    assert told[1:] == [("Gate", Code.OK.value[0]), ("Long", Code.CANCELLED.value[0])]
    assert all(0 < took_s < 10 for _, _, took_s in served.told)
    assert told[0][0] == "Echo"
    assert told[0][1] in {Code.CANCELLED.value[0], Code.DEADLINE_EXCEEDED.value[0]}


def test_what_is_beyond_the_most_is_told_as_such(served: _Served) -> None:
    gated = unary(served.channel, "Gate").future(b"gated", timeout=20)
    assert served.desk.gate.entered.wait(20)
    calls = [unary(served.channel, "Echo").future(b"x", timeout=20) for _ in range(4)]
    time.sleep(0.1)  # the fast core looks at them once the desk is done
    served.desk.gate.opened.set()
    assert gated.result() == b"gated"
    served.ends(1 + len(calls))
    shed = [reply for _, reply, _ in served.told if reply is OVERLOADED]
    assert (len(served.told), len(shed)) == (5, 2)


def test_the_fast_core_tells_what_the_public_one_leaves_to_grpc() -> None:
    served = _Served("fast")
    _refused(lambda: ask(served.channel, "Wrong"))
    _refused(lambda: unary(served.channel, "", path("Nothing"))(b"", timeout=20))
    said = served.ends(2)
    served.stop()
    assert said == [("Wrong", Code.INTERNAL.value[0]), ("", Code.UNIMPLEMENTED.value[0])]
