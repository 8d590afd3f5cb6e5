"""Noise that depends on partner and step alone, so that a run can be held a second time."""

from dataclasses import dataclass
from fractions import Fraction
from zlib import crc32

import numpy as np
import pytest

from clients.partner.book_file import Order, Stored
from clients.partner.node import PartnerNode
from model.noise import IntegerNoise, IntegerVector
from model.queries.batch import Question
from protocols.contracts.orders import Delivery
from protocols.ledger.entry import RoundOpen
from protocols.ledger.sharing import Sharing


@dataclass(frozen=True)
class FixedNoise:
    """The same draw for the same seed."""

    scale: int
    seed: int

    def draw(self, size: int) -> IntegerVector:
        drawn = np.random.default_rng(self.seed).normal(0.0, self.scale, size)
        return np.rint(drawn).astype(np.int64)


def fix_noise(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have every node draw the same noise again for the same round and attempt."""
    contribute, seeds = PartnerNode._contribute, [0]

    def noting(self: PartnerNode, opened: RoundOpen, order: Order, delivery: Delivery) -> Stored:
        step = opened.step
        seeds[0] = crc32(f"{self.name}/{step.round}/{step.attempt}".encode())
        return contribute(self, opened, order, delivery)

    def fixed(question: Question, *, noise_multiplier: Fraction, sharing: Sharing) -> IntegerNoise:
        scale = sharing.share_scale(noise_multiplier, clip_steps=question.clip.steps)
        return FixedNoise(scale, seeds[0])

    monkeypatch.setattr(PartnerNode, "_contribute", noting)
    monkeypatch.setattr("clients.partner.node.noise_for", fixed)
