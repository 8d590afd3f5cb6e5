"""A bad question over the wire: status, reason, the field at fault, and nothing journalled."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import grpc
import pytest
import tomli_w
from google.rpc.error_details_pb2 import BadRequest, ErrorInfo  # type: ignore[import-untyped]
from grpc_status import rpc_status  # type: ignore[import-untyped]

from protocols.translate_questions import limit_request_to_wire
from protocols.wire import decisions_v1_pb2 as decisions
from server.journal.journal import open_journal
from server.serving.main import start_server
from server.serving.methods import DECISIONS
from tests.policies import write_policies
from tests.unit.server.serving.grouped import FRESH, asked, grouped_release
from tests.unit.server.serving.world import plain_settings, policy_table, serving

NOW = datetime(2026, 11, 27, 17, tzinfo=UTC)
Ask = Callable[[bytes], bytes]
Fault = tuple[str, str, list[str]]  # status, reason, fields


@contextmanager
def _asking(
    folder: Path, *, now: datetime = NOW, journalled: int = 0, **policy: object
) -> Iterator[Ask]:
    """Serve a policy; at the end so much must be in the journal."""
    write_policies(folder / "policies", tomli_w.dumps({**policy_table(), **policy}))
    settings = plain_settings(folder)
    running = start_server(serving(grouped_release()), settings, clock=lambda: now)
    try:
        with grpc.insecure_channel(f"127.0.0.1:{running.port}") as channel:
            yield channel.unary_unary(f"/{DECISIONS}/DecideLimit")
    finally:
        running.stop(0)
    journal = open_journal(settings.journal)
    assert journal.verify() == journalled
    journal.close()


@pytest.fixture(scope="module")
def ask(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ask]:
    with _asking(tmp_path_factory.mktemp("server")) as asking:
        yield asking


def _fault(ask: Ask, raw: bytes) -> Fault:
    with pytest.raises(grpc.RpcError) as caught:
        ask(raw)
    status = rpc_status.from_call(caught.value)
    info, bad = ErrorInfo(), BadRequest()
    for detail in status.details:
        detail.Unpack(info)
        detail.Unpack(bad)
    fields = [item.field for item in bad.field_violations]
    return caught.value.code().name, info.reason, fields


def _message(**changes: object) -> decisions.DecideLimitRequest:
    return limit_request_to_wire(asked(**changes))


def _line(message: decisions.DecideLimitRequest) -> decisions.Line:
    message.line.limit_minor, message.line.changed_on = 1, "2026-01-01"
    return message.line


def _consent(message: decisions.DecideLimitRequest, **changes: object) -> None:
    consent = {"groups": ["bureau"], "granted_on": "2026-01-01", "expires_on": "2027-01-01"}
    message.consents.add(**(consent | changes))


Bend = Callable[[decisions.DecideLimitRequest], object]
BENT: list[tuple[str, str, Bend]] = [
    ("no amount", "requested_amount_minor", lambda m: m.ClearField("requested_amount_minor")),
    ("negative", "requested_amount_minor", lambda m: setattr(m, "requested_amount_minor", -1)),
    ("more than money", "requested_amount_minor", lambda m: setattr(
        m, "requested_amount_minor", 2**53)),
    ("negative income", "circumstances.monthly_income_minor", lambda m: setattr(
        m.circumstances, "monthly_income_minor", -1)),
    ("negative debts", "circumstances.monthly_obligations_minor", lambda m: setattr(
        m.circumstances, "monthly_obligations_minor", -1)),
    ("negative exposure", "circumstances.exposure_elsewhere_minor", lambda m: setattr(
        m.circumstances, "exposure_elsewhere_minor", -1)),
    ("no decision's id", "circumstances.counted_decisions.0", lambda m:
        m.circumstances.counted_decisions.append("d 1")),
    ("too many decisions", "circumstances.counted_decisions", lambda m:
        m.circumstances.counted_decisions.extend(map(str, range(101)))),
    ("negative fact", "circumstances.facts.days_past_due", lambda m: m.circumstances.facts.update(
        {"days_past_due": -1})),
    ("no such fact", "circumstances.facts", lambda m: m.circumstances.facts.update({"shoes": 44})),
    ("no months", "months", lambda m: setattr(m, "months", 0)),
    ("months below none", "months", lambda m: setattr(m, "months", -12)),
    ("a term of nobody's", "months", lambda m: setattr(m, "months", 13)),
    ("a term without end", "months", lambda m: setattr(m, "months", 361)),
    ("no such segment", "segment", lambda m: setattr(m, "segment", 3)),
    ("not the policy's", "segment", lambda m: setattr(m, "segment", 2)),
    ("another currency", "currency", lambda m: setattr(m, "currency", "EUR")),
    ("no currency", "currency", lambda m: setattr(m, "currency", "dollars")),
    ("no product's name", "product", lambda m: setattr(m, "product", "a loan")),
    ("an empty line", "line.limit_minor", lambda m: setattr(_line(m), "limit_minor", 0)),
    ("less than nothing drawn", "line.outstanding_minor", lambda m: setattr(
        _line(m), "outstanding_minor", -1)),
    ("less than nothing held", "line.reserved_minor", lambda m: setattr(
        _line(m), "reserved_minor", -1)),
    ("too much money", "line", lambda m: setattr(_line(m), "outstanding_minor", 2**53 - 1)
        or setattr(m.line, "reserved_minor", 1)),
    ("no day", "line.changed_on", lambda m: setattr(_line(m), "changed_on", "yesterday")),
    ("reviews below none", "line.better_reviews", lambda m: setattr(
        _line(m), "better_reviews", -1)),
    ("too many reviews", "line.worse_reviews", lambda m: setattr(
        _line(m), "worse_reviews", 1_001)),
    ("a consent to nothing", "consents.0.groups", lambda m: _consent(m, groups=[])),
    ("a consent to anything", "consents.0.groups.1", lambda m: _consent(
        m, groups=["bureau", "shoes"])),
    ("a consent of no day", "consents.0.granted_on", lambda m: _consent(
        m, granted_on="2026-02-30")),
    ("a consent without end", "consents.0.expires_on", lambda m: _consent(m, expires_on="")),
    ("observed on no day", "observed.bureau", lambda m: m.observed.update({"bureau": "soon"})),
    ("observed of no group", "observed", lambda m: m.observed.update({"shoes": "2026-01-01"})),
]  # fmt: skip


def test_a_product_without_a_policy_is_refused(ask: Ask) -> None:
    refused = ("FAILED_PRECONDITION", "NO_ACTIVE_POLICY", [])
    assert _fault(ask, _message(product="mortgage").SerializeToString()) == refused


@pytest.mark.parametrize(("field", "bend"), [it[1:] for it in BENT], ids=[it[0] for it in BENT])
def test_a_field_that_breaks_a_rule_is_named(ask: Ask, field: str, bend: Bend) -> None:
    message = _message()
    bend(message)
    found = _fault(ask, message.SerializeToString())
    assert found == ("INVALID_ARGUMENT", "INVALID_REQUEST", [field])


def test_a_fraction_of_a_cent_is_no_money_on_this_wire(ask: Ask) -> None:
    # The same field as a double, which is eight bytes rather than a whole number.
    message = _message()
    message.ClearField("requested_amount_minor")
    fraction = bytes([3 << 3 | 1]) + b"\x00\x00\x00\x00\x00\x5c\x25\x41"
    found = _fault(ask, message.SerializeToString() + fraction)
    assert found == ("INVALID_ARGUMENT", "INVALID_REQUEST", ["request"])


@pytest.mark.parametrize("part", ["circumstances", "line", "consents"])
def test_a_field_that_only_a_newer_caller_knows_is_refused_wherever_it_is(
    ask: Ask, part: str
) -> None:
    message = _message()
    inner = message.consents.add() if part == "consents" else getattr(message, part)
    inner.MergeFromString(b"\xf8\x07\x01")
    found = _fault(ask, message.SerializeToString())
    assert found == ("INVALID_ARGUMENT", "INVALID_REQUEST", ["request"])


def test_a_value_of_a_barred_group_is_refused(tmp_path: Path) -> None:
    with _asking(tmp_path, profile="eu-ccd2") as ask:
        found = _fault(ask, _message().SerializeToString())  # says what home it is
    assert found == ("FAILED_PRECONDITION", "DATA_CATEGORY_NOT_PERMITTED", [])


def test_a_question_without_the_consent_that_the_law_needs_is_refused(tmp_path: Path) -> None:
    yesterday = {"groups": ["bureau"], "granted_on": "2026-11-01", "expires_on": "2026-11-27"}
    with _asking(tmp_path, profile="cn-bank") as ask:
        for consents in ([], [yesterday]):
            found = _fault(ask, _message(consents=consents).SerializeToString())
            assert found == ("FAILED_PRECONDITION", "CONSENT_MISSING", [])


def test_a_day_before_the_profile_s_first_is_refused(tmp_path: Path) -> None:
    with _asking(tmp_path, now=datetime(2016, 10, 3, 3, 59, 59, tzinfo=UTC)) as ask:
        found = _fault(ask, _message().SerializeToString())
    assert found == ("FAILED_PRECONDITION", "PROFILE_NOT_IN_FORCE", [])


def test_a_price_above_the_law_s_cap_is_refused(tmp_path: Path) -> None:
    segments = policy_table()["segments"]
    for band in segments["CONSUMER"]["bands"][:2]:
        band["annual_rate"] = "0.5"
    with _asking(tmp_path, segments=segments) as ask:
        found = _fault(ask, _message().SerializeToString())
    assert found == ("FAILED_PRECONDITION", "RATE_CAP_EXCEEDED", [])


def test_stale_values_are_no_error_and_nothing_is_decided_where_they_are_required(
    tmp_path: Path,
) -> None:
    freshness = [{"group": "bureau", "most_days": 30, "is_required": True}]
    with _asking(tmp_path, journalled=1, freshness=freshness) as ask:
        raw = ask(_message(observed={**FRESH, "bureau": "2026-10-27"}).SerializeToString())
    decision = decisions.DecideLimitResponse.FromString(raw).decision
    assert decision.outcome == decisions.OUTCOME_NOT_DECIDED
    assert [why.code for why in decision.principal_reasons] == ["DATA.STALE"]
