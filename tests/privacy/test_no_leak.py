"""Nothing that a node does besides its noised sums depends on its data: kinds, sizes, words, logs.

The sums themselves are measured in ``test_noise.py``; ``Private`` is tested beside its source.
"""

import copy
import logging
import pickle
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet
import pytest

from clients.app import client_app
from clients.partner.node import PartnerNode
from clients.partner.startup import open_node
from model.features import Encoding
from model.queries.batch import Question
from model.queries.evaluation import Evaluation
from model.queries.gram import Gram
from model.queries.parameters import parameters_of
from protocols.contracts.orders import Delivery, Reply
from protocols.ledger.canonical import digest
from protocols.ledger.entry import Mechanism, PlannedQuery
from protocols.ledger.envelope import parse_envelope
from protocols.ledger.messages import Acknowledged, Contribution, Refused
from protocols.logs import JsonLines
from tests.adversarial.coordinator import NOISE, Coordinator, coordinator_of, with_book
from tests.simulator import World, found_world, write_loans
from tests.unit.clients.test_app import CONTEXT, _order

MARK = "Xq7secret"
NUMBER = 7_654.25
QUERIES = ("histogram", "gram", "gradient", "evaluation")
PLAN = tuple(PlannedQuery(Mechanism(query, NOISE), 1) for query in QUERIES)
"""E
python3 - <<'E'
p='/work/main/tests/privacy/test_no_leak.py'
s=open(p).read()
print(len(s))
