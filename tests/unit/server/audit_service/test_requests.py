"""Every request about a log is held against its size, and refused by field."""

from collections.abc import Callable

import pytest

from protocols.contracts.applicants import RequestError
from protocols.wire import audit_v1_pb2 as audit
from server.audit_service.requests import (
    BeyondLogError,
    EntriesRequest,
    TileRequest,
    UnknownTileError,
    check_checkpoint_request,
    consistency_request,
    entries_request,
    inclusion_request,
    tile_request,
    watch_request,
)

_SIZE = 70_000
_LARGEST, _LEAST = 2**63 - 1, -(2**63)


def _raw(request: str, **members: int) -> bytes:
    message = getattr(audit, request)(**members)
    return bytes(message.SerializeToString())


def _refusal(parse: Callable[..., object], raw: bytes) -> RequestError:
    with pytest.raises(RequestError) as caught:
        parse(raw, size=_SIZE)
    return caught.value


def _tile(**changes: int) -> bytes:
    members = {"kind": audit.TILE_KIND_HASHES, "level": 0, "index": 0, "width": 256, **changes}
    return _raw("GetTileRequest", **members)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, TileRequest(False, 0, 0, 256)),
        ({"index": 273, "width": 112}, TileRequest(False, 0, 273, 112)),
        ({"index": 273, "width": 1}, TileRequest(False, 0, 273, 1)),
        ({"level": 1, "index": 1, "width": 17}, TileRequest(False, 1, 1, 17)),
        ({"level": 2, "width": 1}, TileRequest(False, 2, 0, 1)),
        ({"kind": 2, "index": 272}, TileRequest(True, 0, 272, 256)),
    ],
)
def test_a_tile_that_the_log_holds_is_taken(changes: dict[str, int], expected: TileRequest) -> None:
    assert tile_request(_tile(**changes), size=_SIZE) == expected


@pytest.mark.parametrize(
    "changes",
    [
        {"index": 273, "width": 113},
        {"index": 274, "width": 1},
        {"level": 1, "index": 1, "width": 18},
        {"level": 2, "width": 2},
        {"level": 3, "width": 1},
        {"level": 63, "width": 1},
        {"index": _LARGEST},
        {"kind": 2, "index": 273},
    ],
)
def test_a_tile_that_the_log_is_too_short_for_is_unknown(changes: dict[str, int]) -> None:
    error = _refusal(tile_request, _tile(**changes))
    assert type(error) is UnknownTileError
    assert [item.field for item in error.violations] == ["index"]


@pytest.mark.parametrize(
    ("changes", "fields"),
    [
        ({"kind": 0}, ["kind"]),
        ({"kind": 3}, ["kind"]),
        ({"kind": 2, "level": 1}, ["level"]),
        ({"level": -1}, ["level"]),
        ({"level": 64}, ["level"]),
        ({"level": 2**31 - 1}, ["level"]),
        ({"index": -1}, ["index"]),
        ({"index": _LEAST, "width": 0}, ["index", "width"]),
        ({"width": -1}, ["width"]),
        ({"width": 257}, ["width"]),
    ],
)
def test_a_tile_that_no_log_has_is_refused(changes: dict[str, int], fields: list[str]) -> None:
    error = _refusal(tile_request, _tile(**changes))
    assert type(error) is RequestError
    assert [item.field for item in error.violations] == fields


def test_limits_that_are_left_out_are_the_servers() -> None:
    raw = _raw("ListEntriesRequest", first=_SIZE)
    assert entries_request(raw, size=_SIZE) == EntriesRequest(_SIZE, 1024, 960 * 1024)
    raw = _raw("ListEntriesRequest", first=1, most_entries=2, most_bytes=3)
    assert entries_request(raw, size=_SIZE) == EntriesRequest(1, 2, 3)


@pytest.mark.parametrize(
    ("members", "fields"),
    [
        ({"first": -1}, ["first"]),
        ({"first": _LEAST, "most_entries": -1}, ["first", "most_entries"]),
        ({"most_entries": 1025}, ["most_entries"]),
        ({"most_bytes": -1}, ["most_bytes"]),
        ({"most_bytes": 960 * 1024 + 1}, ["most_bytes"]),
    ],
)
def test_limits_out_of_range_are_refused(members: dict[str, int], fields: list[str]) -> None:
    error = _refusal(entries_request, _raw("ListEntriesRequest", **members))
    assert type(error) is RequestError
    assert [item.field for item in error.violations] == fields


@pytest.mark.parametrize(
    ("parse", "request_name", "taken", "refused"),
    [
        (entries_request, "ListEntriesRequest", {"first": _SIZE}, {"first": _SIZE + 1}),
        (watch_request, "WatchEntriesRequest", {"first": _SIZE}, {"first": _SIZE + 1}),
        (
            inclusion_request,
            "GetInclusionProofRequest",
            {"index": _SIZE - 1, "tree_size": _SIZE},
            {"index": 0, "tree_size": _SIZE + 1},
        ),
        (
            consistency_request,
            "GetConsistencyProofRequest",
            {"old_size": _SIZE, "new_size": _SIZE},
            {"old_size": 0, "new_size": _LARGEST},
        ),
    ],
)
def test_the_size_of_the_log_is_the_last_that_is_taken(
    parse: Callable[..., object],
    request_name: str,
    taken: dict[str, int],
    refused: dict[str, int],
) -> None:
    parse(_raw(request_name, **taken), size=_SIZE)
    assert type(_refusal(parse, _raw(request_name, **refused))) is BeyondLogError


@pytest.mark.parametrize(
    ("parse", "request_name", "members", "field"),
    [
        (watch_request, "WatchEntriesRequest", {"first": -1}, "first"),
        (inclusion_request, "GetInclusionProofRequest", {"index": -1, "tree_size": 1}, "index"),
        (inclusion_request, "GetInclusionProofRequest", {"index": 3, "tree_size": 3}, "tree_size"),
        (inclusion_request, "GetInclusionProofRequest", {}, "tree_size"),
        (
            consistency_request,
            "GetConsistencyProofRequest",
            {"old_size": -1, "new_size": 1},
            "old_size",
        ),
        (
            consistency_request,
            "GetConsistencyProofRequest",
            {"old_size": 3, "new_size": 2},
            "new_size",
        ),
    ],
)
def test_numbers_that_fit_no_log_are_refused(
    parse: Callable[..., object], request_name: str, members: dict[str, int], field: str
) -> None:
    error = _refusal(parse, _raw(request_name, **members))
    assert type(error) is RequestError
    assert [item.field for item in error.violations] == [field]


@pytest.mark.parametrize("raw", [b"\xff\xff", b"\x98\x06\x01"])
def test_bytes_that_are_no_such_request_are_refused(raw: bytes) -> None:
    for parse in (
        tile_request,
        entries_request,
        watch_request,
        inclusion_request,
        consistency_request,
    ):
        assert [item.field for item in _refusal(parse, raw).violations] == ["request"]
    with pytest.raises(RequestError):
        check_checkpoint_request(raw)
