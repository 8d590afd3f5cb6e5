"""The rules of the book, one by one: what is refused, and by which of them."""

from dataclasses import replace
from datetime import datetime

import pytest

from protocols.errors import ChainError, DateError, RoleError, TurnError
from server.policies.acts import (
    NOTICE_S,
    Activate,
    Approve,
    Entry,
    RetirePolicy,
    RetireProduct,
    Submit,
)
from server.policies.book import Book, instant_of
from server.policies.folding import Folding, fold
from tests.policies import APPROVER, AUTHOR, Step, entries_of

ONE, TWO, PROOF = "11" * 32, "22" * 32, "33" * 32


def submit(policy: str = ONE, *, by: str = AUTHOR, at: int = 100, product: str = "loan") -> Step:
    return Step(by, at, lambda place: Submit(place, policy, PROOF, product))


def approve(policy: str = ONE, *, by: str = APPROVER, at: int = 100) -> Step:
    return Step(by, at, lambda place: Approve(place, policy, PROOF))


def activate(
    policy: str = ONE, *, since: int = 1_000, at: int = 100, product: str = "loan"
) -> Step:
    return Step(APPROVER, at, lambda place: Activate(place, policy, product, since))


def retire(policy: str = ONE, *, since: int = 2_000, at: int = 100) -> Step:
    return Step(APPROVER, at, lambda place: RetirePolicy(place, policy, since))


def retire_product(product: str = "loan", *, since: int = 2_000, at: int = 100) -> Step:
    return Step(APPROVER, at, lambda place: RetireProduct(place, product, since))


def approved(policy: str = ONE) -> list[Step]:
    return [submit(policy), approve(policy)]


def book(*steps: Step) -> Book:
    return fold(entries_of(steps))


def active(of: Book, at: int, product: str = "loan") -> str | None:
    found = of.active_digest(product, instant_of(at))
    return None if found is None else found.hex()


def test_an_empty_book_has_nothing() -> None:
    empty = fold([])
    assert active(empty, 0) is None
    assert (empty.links, empty.head) == ((), bytes(32))
    assert empty.active_products(instant_of(0)) == []


def test_a_policy_is_active_from_its_instant_on_and_not_before() -> None:
    made = book(*approved(), activate(since=1_000))
    assert [active(made, at) for at in (999, 1_000, 10**9)] == [None, ONE, ONE]


def test_a_later_activation_ends_the_earlier_one() -> None:
    made = book(*approved(), *approved(TWO), activate(since=1_000), activate(TWO, since=2_000))
    assert [active(made, at) for at in (1_999, 2_000)] == [ONE, TWO]


def test_the_latest_instant_counts_whichever_was_signed_first() -> None:
    made = book(*approved(), *approved(TWO), activate(TWO, since=2_000), activate(since=1_000))
    assert [active(made, at) for at in (999, 1_000, 1_999, 2_000)] == [None, ONE, ONE, TWO]


def test_of_two_for_one_instant_the_one_signed_last_counts() -> None:
    made = book(*approved(), *approved(TWO), activate(since=1_000), activate(TWO, since=1_000))
    assert active(made, 1_000) == TWO
    assert [span.policy.hex() for span in made.spans("loan")] == [TWO]


def test_to_roll_back_is_to_activate_an_earlier_one_again() -> None:
    changes = [activate(since=1_000), activate(TWO, since=2_000), activate(since=3_000)]
    made = book(*approved(), *approved(TWO), *changes)
    assert [active(made, at) for at in (1_000, 2_000, 3_000)] == [ONE, TWO, ONE]
    assert [(s.since_s, s.until_s) for s in made.spans_of(bytes.fromhex(ONE))] == [
        (1_000, 2_000),
        (3_000, None),
    ]


def test_products_know_nothing_of_one_another() -> None:
    other = [submit(TWO, product="card"), approve(TWO)]
    made = book(
        *approved(), *other, activate(since=1_000), activate(TWO, since=2_000, product="card")
    )
    assert (active(made, 2_000), active(made, 2_000, "card")) == (ONE, TWO)
    assert made.active_products(instant_of(1_500)) == ["loan"]
    assert set(made.active_products(instant_of(2_000))) == {"loan", "card"}


def test_a_retired_policy_is_active_no_more_and_leaves_none() -> None:
    made = book(
        *approved(), *approved(TWO), activate(TWO, since=500), activate(since=1_000), retire()
    )
    assert [active(made, at) for at in (999, 1_999, 2_000)] == [TWO, ONE, None]
    assert made.status(bytes.fromhex(ONE), instant_of(2_000)) == "retired"


def test_a_retirement_ends_what_was_to_come() -> None:
    made = book(*approved(), activate(since=3_000), retire(since=2_000))
    assert active(made, 3_000) is None
    assert made.spans("loan") == []
    assert made.in_force(instant_of(0)) == []


def test_a_retired_policy_can_be_looked_up_for_ever() -> None:
    made = book(*approved(), activate(), retire())
    assert made.officers_of(bytes.fromhex(ONE)) == (AUTHOR, APPROVER)
    assert made.life(bytes.fromhex(ONE)).retired_s == 2_000


def test_a_retired_product_has_none_until_one_is_activated() -> None:
    made = book(*approved(), activate(), retire_product(), activate(since=3_000))
    assert [active(made, at) for at in (1_999, 2_000, 2_999, 3_000)] == [ONE, None, None, ONE]


def test_a_retirement_can_be_brought_forward_and_not_put_off() -> None:
    made = book(*approved(), activate(), retire(since=2_000), retire(since=1_500))
    assert active(made, 1_500) is None
    with pytest.raises(TurnError, match="retired by then already"):
        book(*approved(), retire(since=2_000), retire(since=2_000))


def test_a_draft_may_be_retired_and_is_then_not_approved() -> None:
    with pytest.raises(TurnError, match="approve: the policy is retired"):
        book(submit(), retire(), approve())


def test_the_author_may_not_approve() -> None:
    with pytest.raises(RoleError, match="approve: the author may not approve"):
        book(submit(), approve(by=AUTHOR))


def test_an_author_of_one_may_approve_another_s() -> None:
    made = book(submit(by=APPROVER), approve(by=AUTHOR))
    assert made.officers_of(bytes.fromhex(ONE)) == (APPROVER, AUTHOR)


@pytest.mark.parametrize(
    ("steps", "said"),
    [
        ([submit(), submit()], "submit: the policy was submitted before"),
        ([approve()], "approve: the policy was never submitted"),
        ([submit(), approve(), approve()], "approve: the policy was approved before"),
        ([activate()], "activate: the policy was never submitted"),
        ([submit(), activate()], "activate: the policy is a draft"),
        ([*approved(), activate(product="card")], "activate: .* another product"),
        ([*approved(), retire(since=500), activate()], "activate: the policy is retired by then"),
        ([retire()], "retire: the policy was never submitted"),
        ([*approved(), retire_product()], "retire: the product never had a policy"),
    ],
)
def test_what_does_not_fit_what_was_done_before_is_refused(steps: list[Step], said: str) -> None:
    with pytest.raises(TurnError, match=said):
        book(*steps)


@pytest.mark.parametrize("step", [activate, retire, retire_product])
def test_nothing_takes_effect_before_servers_can_know_it(step: object) -> None:
    assert callable(step)
    before = [*approved(), activate(since=105)]
    book(*before, step(at=100, since=100 + NOTICE_S))
    for since in (100 + NOTICE_S - 1, 100, 99):
        with pytest.raises(DateError, match="expected to take effect 5 seconds from now, or later"):
            book(*before, step(at=100, since=since))


def test_an_act_that_is_dated_before_the_last_one_is_refused() -> None:
    with pytest.raises(DateError, match="dated before the one before it"):
        book(submit(at=100), approve(at=99))


@pytest.mark.parametrize("changes", [{"seq": 2}, {"prev": "44" * 32}])
def test_an_act_out_of_its_place_is_refused(changes: dict[str, object]) -> None:
    first, second = entries_of([submit(), approve()])
    moved = replace(second.act, place=replace(second.act.place, **changes))  # type: ignore[arg-type]
    with pytest.raises(ChainError, match="does not follow"):
        fold([first, Entry(moved, second.digest)])


def test_a_life_has_its_words() -> None:
    one, steps = bytes.fromhex(ONE), [*approved(), *approved(TWO)]
    made = book(*steps, activate(since=1_000), activate(TWO, since=2_000), retire(since=3_000))
    assert book(submit()).status(one, instant_of(100)) == "draft"
    moments = {at: made.status(one, instant_of(at)) for at in (500, 1_500, 2_500, 3_000)}
    assert list(moments.values()) == ["approved", "active", "replaced", "retired"]


def test_to_activate_what_is_active_changes_nothing() -> None:
    made = book(*approved(), activate(since=1_000), activate(since=2_000))
    assert made.spans("loan") == [(bytes.fromhex(ONE), 1_000, None)]


def test_a_book_never_changes_once_it_is_made() -> None:
    folding, (first, second) = Folding(), entries_of(approved())
    folding.take(first)
    before = folding.book()
    folding.take(second)
    assert before.officers_of(bytes.fromhex(ONE)) == (AUTHOR, None)
    assert folding.book().officers_of(bytes.fromhex(ONE)) == (AUTHOR, APPROVER)


def test_in_force_is_what_is_active_or_will_be() -> None:
    changes = [activate(since=1_000), activate(TWO, since=2_000)]
    made = book(*approved(), *approved(TWO), *changes)
    named = {at: [one.hex() for one in made.in_force(instant_of(at))] for at in (0, 1_999, 2_000)}
    assert named == {0: [ONE, TWO], 1_999: [ONE, TWO], 2_000: [TWO]}


def test_within_a_second_the_whole_second_counts() -> None:
    made = book(*approved(), activate(since=1_000))
    assert made.active_digest("loan", datetime.fromisoformat("1970-01-01T00:16:39.999999Z")) is None
    later = datetime.fromisoformat("1970-01-01T01:16:40.000001+01:00")
    assert made.active_digest("loan", later) == bytes.fromhex(ONE)


def test_what_was_never_submitted_is_not_found() -> None:
    for look in (fold([]).policy, fold([]).officers_of, fold([]).life):
        with pytest.raises(TurnError, match="none of that digest"):
            look(bytes(32))
