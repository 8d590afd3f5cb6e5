"""However a table comes, it is the same borrowers, sums and name as if all were in memory."""

import hashlib
import hmac
import itertools
import tempfile
from collections import Counter, defaultdict
from pathlib import Path

import numpy as np
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from clients.partner.commitment import Naming
from model.population import Borrowers, import_borrowers
from model.queries.answer import answer_question
from model.queries.batch import Question
from model.queries.calibration import Calibration
from model.queries.evaluation import SCORE_BINS, Evaluation
from model.queries.gradient import Gradient
from model.queries.gram import Gram
from model.queries.histogram import Histogram
from model.queries.segments import Segments
from model.table import Table
from protocols.ledger.merkle import leaf_hash
from protocols.ledger.tree import Tree
from tests.property.test_private_sum import NoNoise
from tests.unit.model.world import make_contract, make_encoding

CONTRACT = make_contract()
ENCODING = make_encoding(CONTRACT)
WEIGHTS = torch.linspace(-1, 1, ENCODING.width, dtype=torch.float64)
EDGES = torch.linspace(-1, 1, SCORE_BINS + 1, dtype=torch.float64)
KEY = bytes(range(32))
QUESTIONS: list[Question] = [
    Histogram(CONTRACT),
    Gram(ENCODING),
    Gradient(ENCODING, WEIGHTS, clip_norm=0.5),
    Calibration(ENCODING, WEIGHTS, EDGES),
    Evaluation(ENCODING, WEIGHTS, EDGES),
    Segments(ENCODING, WEIGHTS, EDGES, place=2),
]

IDS = st.one_of(st.none(), st.sampled_from("abcdefgh"), st.text("ab\x00'李", min_size=1))
OUTCOMES = st.sampled_from(["bad", "good", "bad", "good", None, "late"])
NUMBERS = st.one_of(st.floats(), st.sampled_from([-9.0, 3.0, 64.0]))
HOMES = st.sampled_from(["own", "rent", "tent", None])
Row = tuple[str | None, str | None, float, float, str | None]
ROWS = st.lists(st.tuples(IDS, OUTCOMES, NUMBERS, NUMBERS, HOMES), max_size=40)


def _table(rows: list[Row]) -> Table:
    return Table(
        borrower_ids=[row[0] for row in rows],
        outcomes=[row[1] for row in rows],
        columns={
            "number_0": np.array([row[2] for row in rows], dtype=np.float64),
            "amount": np.array([row[3] for row in rows], dtype=np.float64),
            "home": [row[4] for row in rows],
        },
        not_numbers={"number_0": 0, "amount": 0},
    )


def _imported(tables: list[Table], percent: int) -> Borrowers:
    with tempfile.TemporaryDirectory() as folder:
        return import_borrowers(
            tables, CONTRACT, holdout_key=KEY, holdout_percent=percent, folder=Path(folder)
        )


def _is_held_out(name: str, percent: int) -> bool:
    tag = hmac.digest(KEY, name.encode(), "sha256")
    return int.from_bytes(tag[:8], "big") < percent * 2**64 // 100


def _sums(borrowers: Borrowers, most_entries: int) -> list[list[int]]:
    return [
        answer_question(
            question,
            borrowers.of(question.population),
            noise=NoNoise(),
            most_entries=most_entries,
        ).tolist()
        for question in QUESTIONS
    ]


@settings(max_examples=100, deadline=None)
@given(
    ROWS,
    st.lists(st.integers(0, 40), max_size=6),
    st.integers(0, 100),
    st.integers(1, 3_000),
)
def test_any_pieces_and_chunks_give_the_sums_of_borrowers_one_by_one(
    rows: list[Row], cuts: list[int], percent: int, most_entries: int
) -> None:
    pieces = itertools.pairwise([0, *sorted(cuts), 40])
    tables = [_table(rows[begin:end]) for begin, end in pieces]
    got = _imported(tables, percent)
    known = [row for row in rows if row[0] is not None and row[1] in ("bad", "good")]
    names = {str(row[0]) for row in known}
    held = {name for name in names if _is_held_out(name, percent)}
    assert (got.training.count, got.holdout.count) == (len(names - held), len(held))
    for part, own in ((got.training, names - held), (got.holdout, held)):
        counted = Counter(row[0] for row in known)
        assert sorted(np.bincount(part.borrower)) == sorted(counted[name] for name in own)
    # Each borrower alone, from a table of its own, in one chunk; and then added up.
    alone = [
        _sums(_imported([_table([row for row in known if row[0] == name])], percent), 2**30)
        for name in sorted(names)
    ]
    assert _sums(got, most_entries) == [
        np.sum([each[place] for each in alone], axis=0, dtype=np.int64).tolist()
        if alone
        else [0] * question.width
        for place, question in enumerate(QUESTIONS)
    ]


@settings(max_examples=200, deadline=None)
@given(ROWS, st.lists(st.integers(0, 40), max_size=6))
def test_any_pieces_have_the_name_that_version_0_1_gave_the_whole(
    rows: list[Row], cuts: list[int]
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        naming = Naming(KEY, Path(folder))
        for begin, end in itertools.pairwise([0, *sorted(cuts), 40]):
            naming.take(_table(rows[begin:end]))
        assert naming.name().root == _root(rows)


def _root(rows: list[Row]) -> bytes:
    domain, people = b"fedscore dataset-epoch v1", defaultdict(list)
    for borrower, *values in rows:
        people[borrower].append(hashlib.sha256(repr(values).encode()).digest())
    leaves = []
    for borrower, said in people.items():
        key = hmac.digest(KEY, domain + repr(borrower).encode(), "sha256")
        leaves.append(hmac.digest(key, b"".join(sorted(said)), "sha256"))
    return Tree(leaf_hash(leaf) for leaf in sorted(leaves)).root
