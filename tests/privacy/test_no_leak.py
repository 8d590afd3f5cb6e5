"""Nothing that a node does besides its noised sums depends on its data: kinds, sizes, words, logs.

The sums themselves are measured in ``test_noise.py``; ``Private`` is tested beside its source.
"""

import copy
import logging
import pickle
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet
import pytest
import torch

from clients.app import client_app
from clients.partner.node import PartnerNode
from clients.partner.startup import open_node
from model.features import Encoding
from model.queries.batch import Question
from model.queries.calibration import Calibration
from model.queries.evaluation import SCORE_BINS, Evaluation
from model.queries.gram import Gram
from model.queries.parameters import parameters_of
from model.queries.stability import Stability
from protocols.contracts.orders import Delivery, Reply
from protocols.ledger.canonical import digest
from protocols.ledger.entry import Mechanism, PlannedQuery, Step
from protocols.ledger.messages import Acknowledged, Contribution, Refused
from protocols.logs import JsonLines
from protocols.records import delivery_to_records
from tests.adversarial.coordinator import NOISE, Coordinator, coordinator_of, with_book
from tests.simulator import World, found_world, write_loans
from tests.unit.clients.test_app import CONTEXT, _order

MARK = "Xq7secret"
NUMBER = 7_654.25
PLAN = tuple(
    PlannedQuery(Mechanism(query, NOISE), 1)
    for query in ("histogram", "gram", "gradient", "calibration", "evaluation", "stability")
)


def _columns(path: Path, **columns: list[object]) -> None:
    pyarrow.parquet.write_table(pa.table(columns), path)


def _garbage(path: Path) -> None:
    many = 30
    _columns(
        path,
        borrower=[f"{MARK}{number}" for number in range(many)],
        outcome=["bad", MARK, "good"] * 10,
        income=[NUMBER, float("inf"), -1e300] * 10,
        usage=[f"{MARK}", "nan", "1e308"] * 10,
        housing=[MARK * 50, None, "rent"] * 10,
    )


def _single(path: Path) -> None:
    _columns(path, borrower=[MARK], outcome=["bad"], income=[NUMBER], usage=[5.0], housing=["rent"])


def _rows(number: int, **changes: object) -> Callable[[Path], None]:
    """Return a writer of so many rows; a change is one value of a column, for every row."""

    def write(path: Path) -> None:
        columns: dict[str, list[object]] = {
            "borrower": [f"{MARK}{row}" for row in range(number)],
            "outcome": ["bad" if row % 3 == 0 else "good" for row in range(number)],
            "income": [100.0 * row for row in range(number)],
            "usage": [float(row) for row in range(number)],
            "housing": ["rent" if row % 2 else "own" for row in range(number)],
        }
        same = {name: [value] * number for name, value in changes.items()}
        _columns(path, **(columns | same))

    return write


DATA: dict[str, Callable[[Path], None]] = {
    "as agreed": lambda path: write_loans(path, borrowers=30, seed=7),
    "garbage": _garbage,
    "a single borrower": _single,
    "ten rows": _rows(10),
    "a constant column": _rows(30, income=NUMBER),
    "columns that are all missing": _rows(30, income=None, housing=None),
    "one outcome only": _rows(30, outcome="good"),
    "labels of another kind": _rows(30, outcome="2"),
    "unseen levels": _rows(30, housing=f"{MARK} castle"),
    "nothing within the bounds": _rows(30, income=-1e9, usage=1e9),
    "one borrower in every row": _rows(30, borrower=MARK),
    "no ids": _rows(30, borrower=None),
    "no borrower": lambda path: write_loans(path, borrowers=0, seed=0),
}


@pytest.fixture(scope="module")
def nodes(tmp_path_factory: pytest.TempPathFactory) -> tuple[World, dict[str, PartnerNode]]:
    """One partner's node, opened over each kind of data."""
    world = found_world(tmp_path_factory.mktemp("world"), sizes=(30, 20, 20), start=False)
    opened = {}
    for name, write in DATA.items():
        write(world.folder / "p0" / "loans.parquet")
        opened[name] = open_node(world.settings("p0"))
        opened[name].book.close_file()
    return world, opened


def _questions(at: Coordinator) -> list[Question]:
    bins = tuple((0,) * item.cell_count for item in at.node.contract.fields)
    encoding = Encoding(bins)
    weights = torch.zeros(encoding.width, dtype=torch.float64)
    edges = torch.linspace(-1, 1, SCORE_BINS + 1, dtype=torch.float64)
    evaluation = Evaluation(encoding, weights, edges)
    calibration = Calibration(encoding, weights, edges)
    stability = Stability(encoding, weights, edges)
    return [at.histogram(), Gram(encoding), at.gradient(), calibration, evaluation, stability]


Seen = tuple[type, str, tuple[int, ...]]


def _converse(at: Coordinator) -> list[Seen]:
    """Hold one conversation with every order there is, and some that are refused."""
    seen = []

    def send(delivery: Delivery) -> None:
        reply = at.send(delivery)
        answer = at.read(reply)
        word = answer.reason if isinstance(answer, Refused) else ""
        parts = (reply.answer, reply.vector, reply.leaves, reply.cosigned)
        sizes = tuple(len(part) for part in parts)
        seen.append((type(answer), word, sizes))

    send(at.deliver(at.ask_authorise(queries=PLAN), b""))
    at.witness()
    for number, question in enumerate(_questions(at), start=1):
        opened = replace(at.opened(question), step=Step(number, 1))
        order = at.scribe.sign(opened)
        at.scribe.append([order.to_bytes()])
        send(at.deliver(order, parameters_of(question)))
        send(at.deliver(order, b"{}"))  # the same order again: the same reply
        other = replace(opened, parameters_digest="0" * 64)
        send(at.deliver(other))  # another order for the same place
        wide = replace(opened, step=Step(number, 2), width=7)
        send(at.deliver(wide, parameters_of(question)))
    unknown = replace(at.opened(mechanism=Mechanism("rows", NOISE)), step=Step(5, 1))
    send(at.deliver(replace(unknown, parameters_digest=digest(b"{}").hex()), b"{}"))
    send(at.deliver(at.opened(step=Step(1, 1))))
    send(at.deliver(at.ask_close()))
    return seen


def test_kinds_and_sizes_of_replies_are_the_same_whatever_the_data(
    nodes: tuple[World, dict[str, PartnerNode]],
) -> None:
    world, opened = nodes
    seen = {
        name: _converse(coordinator_of(world, with_book(node))) for name, node in opened.items()
    }
    expected = seen.pop("as agreed")
    kinds = [kind for kind, _, _ in expected]
    assert kinds.count(Contribution) == 2 * len(PLAN)
    assert kinds.count(Acknowledged) == 2
    assert kinds.count(Refused) == 2 * len(PLAN) + 2
    for name, others in seen.items():
        assert others == expected, name


def test_what_is_spent_is_the_same_whatever_the_data(
    nodes: tuple[World, dict[str, PartnerNode]],
) -> None:
    world, opened = nodes
    spent = set()
    for node in opened.values():
        at = coordinator_of(world, with_book(node))
        _converse(at)
        spent.add((at.node.book.spends, at.node.book.spent, at.node.book.most))
    assert len(spent) == 1


@pytest.mark.parametrize("name", ["garbage", "a single borrower"])
def test_no_log_record_and_no_reply_holds_a_value(
    name: str,
    nodes: tuple[World, dict[str, PartnerNode]],
    caplog: pytest.LogCaptureFixture,
) -> None:
    world, opened = nodes
    at = coordinator_of(world, with_book(opened[name]))
    caplog.set_level(logging.DEBUG)
    replies: list[Reply] = []
    answer = at.node.answer
    client = client_app(lambda delivery: replies.append(answer(delivery)) or replies[-1])
    client(_order(delivery_to_records(at.deliver(at.ask_authorise(queries=PLAN), b""))), CONTEXT)
    client(_order(delivery_to_records(at.deliver(b"hello"))), CONTEXT)
    opened = at.deliver(at.opened())
    at.node.book.close_file()  # from here on it cannot be read: the edge must log a fault
    client(_order(delivery_to_records(opened)), CONTEXT)
    assert caplog.records
    lines = "".join(JsonLines().format(record) + repr(vars(record)) for record in caplog.records)
    said = lines + "".join(repr(reply) for reply in replies)
    for value in (MARK, "7654", "castle"):
        assert value not in said


def test_an_open_node_neither_prints_nor_pickles_nor_copies_its_borrowers(
    nodes: tuple[World, dict[str, PartnerNode]],
) -> None:
    _, opened = nodes
    node = opened["a single borrower"]
    for shown in (repr(node), str(node), f"{node}", repr([node.borrowers])):
        assert "<private>" in shown
        assert "Batch" not in shown
    for serialise in (pickle.dumps, copy.deepcopy):
        with pytest.raises(TypeError):
            serialise(node)
        with pytest.raises(TypeError, match="cannot be pickled or copied"):
            serialise({"borrowers": node.borrowers})


def test_an_open_node_does_not_print_its_secret_keys(
    nodes: tuple[World, dict[str, PartnerNode]],
) -> None:
    node = nodes[1]["as agreed"]
    shown = repr(node) + repr(node.keys)
    assert node.keys.holdout.hex() not in shown
    assert repr(node.keys.holdout) not in shown
