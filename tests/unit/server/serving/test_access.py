"""Who may ask, by certificate and scope; and rules that change while the server runs."""

import logging
import os
import re
from pathlib import Path

import pytest

from protocols.errors import ConfigError
from protocols.wire import (
    decisions_v1_pb2,
    explanations_v1_pb2,
    quotes_v1_pb2,
    receipts_v1_pb2,
    recourse_v1_pb2,
    scoring_v1_pb2,
)
from server.serving.access import (
    LOCAL,
    NEEDED,
    Access,
    NotAllowedError,
    Tenant,
    UnknownCallerError,
)
from server.serving.calls import Call, Peer
from server.serving.rates import RateLimitError

ROOT = Path(__file__).parents[4]
SCORE = "/fedscore.scoring.v1.ScoringService/Score"
DECIDE = "/fedscore.decisions.v1.LimitDecisionService/DecideLimit"
CLAIM = "/fedscore.recourse.v1.RecourseService/ClaimReview"
HEALTH = "/grpc.health.v1.Health/Check"
NORTH, SOUTH = "north.example", "spiffe://south/desk"


class Clock:
    """Stands still until it is moved."""

    def __init__(self) -> None:
        self.now_s = 1_000.0

    def __call__(self) -> float:
        return self.now_s


def _tenant(name: str, *names: str, scopes: str = '"score"', burst: int = 10) -> str:
    listed = ", ".join(f'"{one}"' for one in names)
    return (
        f'[[tenants]]\nname = "{name}"\nnames = [{listed}]\nscopes = [{scopes}]\n'
        f"rows_per_second = 1\nburst = {burst}\nper_subject = 2\n"
    )


def _caller(name: str, *names: str, scopes: str = '"review", "cases"') -> str:
    listed = ", ".join(f'"{one}"' for one in names)
    return f'[[tenants.callers]]\nname = "{name}"\nnames = [{listed}]\nscopes = [{scopes}]\n'


TWO = "schema = 1\n" + _tenant("north", NORTH, "b.example") + _tenant("south", SOUTH)


def _write(path: Path, text: str) -> Path:
    """Replace a file at once, as operators should."""
    beside = path.with_suffix(".new")
    beside.write_text(text, encoding="utf-8")
    os.replace(beside, path)
    return path


def _open(folder: Path, text: str = TWO) -> tuple[Access, Clock, Path]:
    path, clock = _write(folder / "access.toml", text), Clock()
    return Access.from_file(path, monotonic=clock), clock, path


def _call(*names: str, method: str = SCORE) -> Call:
    return Call(method, b"", Peer(names))


def test_a_known_name_is_its_tenants_call(tmp_path: Path) -> None:
    access, _, _ = _open(tmp_path)
    assert access.admit(_call(NORTH)) == Tenant("north", frozenset({"score"}), "north")
    assert access.admit(_call("other.example", SOUTH)).name == "south"
    assert access.admit(_call(NORTH, "b.example", NORTH)).name == "north"


@pytest.mark.parametrize(
    "names",
    [(), ("",), ("NORTH.example",), ("x.north.example",), ("north.example.",), (NORTH, SOUTH)],
)
def test_names_of_no_tenant_or_of_two_are_not_known_and_not_repeated(
    tmp_path: Path, names: tuple[str, ...]
) -> None:
    access, _, _ = _open(tmp_path)
    for method in (SCORE, HEALTH):
        with pytest.raises(UnknownCallerError) as caught:
            access.admit(_call(*names, method=method))
        said = str(caught.value)
        assert "example" not in said
        assert "spiffe" not in said
        assert "north" not in said


@pytest.mark.parametrize("method", [DECIDE, SCORE.replace("Score", "Train"), "", "score"])
def test_a_method_beyond_the_scopes_or_that_nobody_listed_is_not_allowed(
    tmp_path: Path, method: str
) -> None:
    access, _, _ = _open(tmp_path)
    with pytest.raises(NotAllowedError, match=r"^this caller may not call this method$"):
        access.admit(_call(NORTH, method=method))


@pytest.mark.parametrize("scope", ["score", "decide", "read", "releases", "cases", "recourse"])
def test_each_scope_opens_its_methods_and_no_others(tmp_path: Path, scope: str) -> None:
    access, _, _ = _open(tmp_path, "schema = 1\n" + _tenant("north", NORTH, scopes=f'"{scope}"'))
    opened = set()
    for method in NEEDED:
        try:
            access.admit(_call(NORTH, method=method))
        except NotAllowedError:
            continue
        opened.add(method.rsplit("/", 1)[-1])
    assert (
        opened
        == {
            "score": {"Score", "ScoreMany", "BatchScore", "Check"},
            "decide": {"DecideLimit", "DecideMany", "SimulateLimit", "Check"},
            "read": {
                *("GetDecision", "ListDecisions", "ReplayDecision", "ExplainDecision", "Check"),
                *("GetAdverseActionNotice", "QuotePlan", "QuoteEarlySettlement", "GetReceipt"),
            },
            "releases": {"GetRelease", "ListReleases", "Check"},
            "cases": {"GetCase", "ListCases", "Check"},
            "recourse": {
                *("RequestReview", "SubmitAppeal", "AddEvidence", "WithdrawAppeal"),
                *("ReportOutcome", "Check"),
            },
        }[scope]
    )


def test_every_method_that_the_wire_has_needs_a_scope() -> None:
    services = [
        *scoring_v1_pb2.DESCRIPTOR.services_by_name.values(),
        *decisions_v1_pb2.DESCRIPTOR.services_by_name.values(),
        *receipts_v1_pb2.DESCRIPTOR.services_by_name.values(),
        *recourse_v1_pb2.DESCRIPTOR.services_by_name.values(),
        *explanations_v1_pb2.DESCRIPTOR.services_by_name.values(),
        *quotes_v1_pb2.DESCRIPTOR.services_by_name.values(),
    ]
    named = {f"/{one.full_name}/{method.name}" for one in services for method in one.methods}
    assert all(NEEDED[method] for method in named)


def test_a_caller_asks_as_its_tenant_with_its_own_scopes_and_in_its_own_name(
    tmp_path: Path,
) -> None:
    text = "schema = 1\n" + _tenant("north", NORTH) + _caller("ann", "ann.example", "spiffe://ann")
    access, clock, path = _open(tmp_path, text)
    ann = Tenant("north", frozenset({"review", "cases"}), "ann")
    assert access.admit(_call("ann.example", method=CLAIM)) == ann
    assert access.admit(_call("spiffe://ann", method=CLAIM)) == ann
    with pytest.raises(NotAllowedError):
        access.admit(_call("ann.example"))
    with pytest.raises(NotAllowedError):
        access.admit(_call(NORTH, method=CLAIM))
    access.spend(ann, rows=10, subjects=())
    with pytest.raises(RateLimitError):  # one bucket for the tenant and all its callers
        access.spend(access.admit(_call(NORTH)), rows=1, subjects=())
    _write(path, "schema = 1\n" + _tenant("north", NORTH))
    clock.now_s += 1.0
    with pytest.raises(UnknownCallerError):
        access.admit(_call("ann.example", method=CLAIM))


def test_a_certificate_of_two_callers_of_one_tenant_is_not_known(tmp_path: Path) -> None:
    text = "schema = 1\n" + _tenant("north", NORTH) + _caller("ann", "ann.example")
    access, _, _ = _open(tmp_path, text + _caller("bob", "bob.example"))
    for names in ((NORTH, "ann.example"), ("ann.example", "bob.example")):
        with pytest.raises(UnknownCallerError, match="several callers"):
            access.admit(_call(*names, method=HEALTH))


def test_a_tenant_without_scopes_may_ask_whether_the_server_is_well(tmp_path: Path) -> None:
    access, _, _ = _open(tmp_path, "schema = 1\n" + _tenant("probe", NORTH, scopes=""))
    assert access.admit(_call(NORTH, method=HEALTH)).name == "probe"
    with pytest.raises(NotAllowedError):
        access.admit(_call(NORTH))


def test_plain_text_on_loopback_is_one_tenant_with_all_scopes_and_no_limits() -> None:
    access = Access.local()
    for method in NEEDED:
        tenant = access.admit(_call(method=method))
    assert tenant.name == LOCAL
    for _ in range(100):
        access.spend(tenant, rows=10**9, subjects=("ann",))
    with pytest.raises(NotAllowedError):
        access.admit(_call(method="/fedscore.scoring.v1.ScoringService/Train"))


def test_two_tenants_share_neither_a_bucket_nor_a_count(tmp_path: Path) -> None:
    access, _, _ = _open(tmp_path)
    north, south = access.admit(_call(NORTH)), access.admit(_call(SOUTH))
    access.spend(north, rows=10, subjects=("ann", "ann"))
    access.spend(south, rows=10, subjects=("ann", "ann"))
    for tenant in (north, south):
        with pytest.raises(RateLimitError, match="too many rows"):
            access.spend(tenant, rows=1, subjects=())
        with pytest.raises(RateLimitError, match="about one applicant"):
            access.spend(tenant, rows=0, subjects=("ann",))


def test_all_names_of_a_tenant_share_its_bucket_and_time_fills_it(tmp_path: Path) -> None:
    access, clock, _ = _open(tmp_path)
    access.spend(access.admit(_call(NORTH)), rows=10, subjects=())
    again = access.admit(_call("b.example"))
    with pytest.raises(RateLimitError):
        access.spend(again, rows=1, subjects=())
    clock.now_s += 1.0
    access.spend(again, rows=1, subjects=())


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("schema = ", "access.toml: not TOML in UTF-8"),
        ("", "schema: Field required"),
        ("schema = 2\n" + _tenant("north", NORTH), "schema: Input should be 1"),
        ("schema = 1\ntenants = []\n", "tenants: is blank"),
        (TWO + "secret-key = 3\n", "Extra inputs"),
        (TWO + 'scopes_ = ["score"]\n', "Extra inputs"),
        (TWO + _tenant("east", SOUTH), "a certificate's name stands once, with one tenant"),
        (TWO + _tenant("east", "e.example", "e.example"), "a certificate's name stands once"),
        (TWO + _tenant("north", "e.example"), "each needs its own name"),
        (TWO + _tenant("local", "e.example"), "the name local is taken"),
        (TWO + _tenant("no name", "e.example"), "tenants.2.name"),
        (TWO + _tenant("east"), "tenants.2.names"),
        (TWO + _tenant("east", ""), "tenants.2.names.0"),
        (TWO + _tenant("east", "*.example"), "tenants.2.names.0"),
        (TWO + _tenant("east", "a\\\\xff"), "tenants.2.names.0"),
        (TWO + _tenant("east", "a b"), "tenants.2.names.0"),
        (TWO + _tenant("east", "e.example", scopes='"admin"'), "tenants.2.scopes.0"),
        (TWO + _tenant("east", "e.example", scopes='"read", "read"'), "a scope stands once"),
        (TWO + _tenant("east", "e.example", burst=0), "tenants.2.burst"),
        (TWO + _caller("south", "e.example"), "each needs its own name, and not the tenant's"),
        (TWO + _caller("ann", "a.example") + _caller("ann", "b.c"), "each needs its own name"),
        (TWO + _caller("ann", NORTH), "a certificate's name stands once"),
        (TWO + _caller("local", "e.example"), "the name local is taken"),
        (TWO + _caller("ann"), "tenants.1.callers.0.names"),
        (TWO + _caller("ann", "e.example", scopes='"cases", "cases"'), "a scope stands once"),
        (TWO + _caller("ann", "e.example", scopes='"review", "recourse"'), "may not review them"),
        (TWO + _tenant("east", "e.example", scopes='"review"'), "review is a scope of callers"),
        (TWO.replace("rows_per_second = 1\n", "", 1), "tenants.0.rows_per_second: Field required"),
        (TWO.replace("burst = 10", 'burst = "10"', 1), "tenants.0.burst"),
    ],
)
def test_a_file_that_breaks_a_rule_stops_the_start(tmp_path: Path, text: str, rule: str) -> None:
    with pytest.raises(ConfigError, match=re.escape(rule)) as caught:
        _open(tmp_path, text)
    assert str(caught.value).startswith("access.toml: ")
    assert ".example" not in str(caught.value)


def test_a_missing_file_stops_the_start(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read"):
        Access.from_file(tmp_path / "access.toml")


def test_a_changed_file_counts_a_second_later_and_no_row_is_given_back(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    access, clock, path = _open(tmp_path)
    access.spend(access.admit(_call(NORTH)), rows=10, subjects=("ann", "ann"))
    _write(path, "schema = 1\n" + _tenant("north", "new.example", burst=20))
    clock.now_s += 0.75
    assert access.admit(_call(NORTH)).name == "north"
    clock.now_s += 0.25
    with pytest.raises(UnknownCallerError):
        access.admit(_call(NORTH))
    north = access.admit(_call("new.example"))
    access.spend(north, rows=1, subjects=())
    for rows, subjects in ((1, ()), (0, ("ann",))):
        with pytest.raises(RateLimitError):
            access.spend(north, rows=rows, subjects=subjects)
    assert [record.getMessage() for record in caplog.records] == ["access rules changed"]


def test_changed_limits_are_those_in_force(tmp_path: Path) -> None:
    access, clock, path = _open(tmp_path)
    _write(path, "schema = 1\n" + _tenant("north", NORTH, burst=5))
    clock.now_s += 1.0
    north = access.admit(_call(NORTH))
    with pytest.raises(RateLimitError, match="more rows than one request may have"):
        access.spend(north, rows=6, subjects=())


def test_a_file_that_was_written_over_is_told_by_its_time(tmp_path: Path) -> None:
    access, clock, path = _open(tmp_path)
    before = path.stat()
    path.write_text(TWO.replace("north.example", "wests.example"), encoding="utf-8")
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns + 1))
    assert (path.stat().st_ino, path.stat().st_size) == (before.st_ino, before.st_size)
    clock.now_s += 1.0
    assert access.admit(_call("wests.example")).name == "north"


def test_a_file_of_the_same_time_and_inode_is_told_by_its_size(tmp_path: Path) -> None:
    access, clock, path = _open(tmp_path)
    before = path.stat()
    path.write_text(TWO.replace("north.example", "west.example"), encoding="utf-8")
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert (path.stat().st_ino, path.stat().st_mtime_ns) == (before.st_ino, before.st_mtime_ns)
    clock.now_s += 1.0
    assert access.admit(_call("west.example")).name == "north"


def test_a_file_of_the_same_size_and_time_is_told_by_its_inode(tmp_path: Path) -> None:
    access, clock, path = _open(tmp_path)
    before = path.stat()
    other = path.with_suffix(".other")
    other.write_text(TWO.replace("north.example", "wests.example"), encoding="utf-8")
    os.utime(other, ns=(before.st_atime_ns, before.st_mtime_ns))
    os.replace(other, path)
    assert path.stat().st_size == before.st_size
    clock.now_s += 1.0
    assert access.admit(_call("wests.example")).name == "north"


def test_a_tenant_that_was_taken_out_spends_nothing_more(tmp_path: Path) -> None:
    access, clock, path = _open(tmp_path)
    south = access.admit(_call(SOUTH))
    _write(path, "schema = 1\n" + _tenant("north", NORTH))
    access.spend(south, rows=1, subjects=())
    clock.now_s += 1.0
    with pytest.raises(UnknownCallerError, match="not known any more"):
        access.spend(south, rows=1, subjects=())


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        (TWO + _tenant("east", SOUTH), "stands once, with one tenant"),
        ("schema = ", "not TOML"),
        (None, "cannot be read"),
    ],
)
def test_a_changed_file_that_is_wrong_keeps_the_rules_and_says_so_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, text: str | None, rule: str
) -> None:
    access, clock, path = _open(tmp_path)
    if text is None:
        path.unlink()
    else:
        _write(path, text)
    for _ in range(5):
        clock.now_s += 1.0
        assert access.admit(_call(SOUTH)).name == "south"
    (record,) = caplog.records
    assert (record.levelname, record.name) == ("ERROR", "server.serving.access")
    assert rule in record.__dict__["rule"]
    assert "example" not in record.__dict__["rule"]
    _write(path, "schema = 1\n" + _tenant("west", SOUTH))
    clock.now_s += 1.0
    assert access.admit(_call(SOUTH)).name == "west"


def test_the_file_is_looked_at_once_a_second_at_most(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    access, clock, _ = _open(tmp_path)
    looks, stat = list[Path](), Path.stat

    def counted(path: Path, *, follow_symlinks: bool = True) -> os.stat_result:
        looks.append(path)
        return stat(path, follow_symlinks=follow_symlinks)

    monkeypatch.setattr(Path, "stat", counted)
    for step_s in (0.25,) * 40 + (-100.0,) + (0.0,) * 10:
        clock.now_s += step_s
        access.spend(access.admit(_call(NORTH)), rows=0, subjects=())
    assert len(looks) == 10


def test_each_process_hides_subjects_under_a_key_of_its_own(tmp_path: Path) -> None:
    hidden = set()
    for _ in range(2):
        access, _, _ = _open(tmp_path)
        access.spend(access.admit(_call(NORTH)), rows=1, subjects=("ann",))
        hidden |= set(access._meters["north"]._guard._windows)
    assert len(hidden) == 2


def test_no_subject_is_logged(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    access, _, _ = _open(tmp_path)
    north = access.admit(_call(NORTH))
    with pytest.raises(RateLimitError) as caught:
        access.spend(north, rows=1, subjects=("ann-ivory",) * 3)
    assert "ann-ivory" not in caplog.text + str(caught.value)


def test_the_examples_are_complete_and_those_of_the_document(tmp_path: Path) -> None:
    example = (ROOT / "examples" / "access.toml").read_text(encoding="utf-8")
    section = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8").split("## Who may ask")
    (shown,) = re.findall(r"^```toml\n(.*?)^```$", section[1].split("\n## ")[0], re.M | re.S)
    assert example.endswith(shown)
    access, _, _ = _open(tmp_path, shown)
    assert access.admit(_call("spiffe://bank/scoring", method=DECIDE)).name == "platform"
    assert access.admit(_call("probe.bank.example", method=HEALTH)).name == "probe"
