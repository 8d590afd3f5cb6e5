"""Which contributions to an attempt count, and why the others do not."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from protocols.contracts.orders import Reply
from protocols.errors import EntryError, RoundError, ScoringError
from protocols.ledger.canonical import digest
from protocols.ledger.codec import decode
from protocols.ledger.entry import Spend, parse_entry
from protocols.ledger.envelope import Envelope, parse_envelope, verify_envelope
from protocols.ledger.messages import Acknowledged, Answer, Contribution, Refused
from protocols.ledger.terms import Terms
from protocols.secagg.opening import open_sum
from protocols.secagg.transcript import transcript_digest

_ANSWERS: dict[str, type[Answer]] = {
    kind.payload_type: kind for kind in (Contribution, Acknowledged, Refused)
}


@dataclass(frozen=True)
class Attempt:
    """One order and what the attempt asks for.

    Attributes:
        order: The signed round-open entry.
        width: Entries of the answer.
        cohort: Partners asked.
        keys: Their mask keys; none in mode local.
    """

    order: Envelope
    width: int
    cohort: tuple[str, ...]
    keys: Mapping[str, bytes]


@dataclass(frozen=True)
class Gathered:
    """What an attempt brought.

    Attributes:
        cohort: Partners asked.
        vectors: Partner to its noised integers as they came, masked in mode distributed.
        spends: Partner to the digest of its spend, hex.
        missing: Partner to why its contribution does not count.
    """

    cohort: tuple[str, ...]
    vectors: Mapping[str, bytes]
    spends: Mapping[str, str]
    missing: Mapping[str, str]

    @property
    def is_complete(self) -> bool:
        """Whether every partner of the cohort contributed."""
        return not self.missing

    def total(self) -> npt.NDArray[np.int64]:
        """Return the opened sum, int64 (width,).

        Raises:
            IncompleteCohortError: A contribution is missing.
        """
        return np.frombuffer(open_sum(self.vectors, cohort=self.cohort), dtype="<i8")


def gather(attempt: Attempt, replies: Mapping[str, Reply], terms: Terms) -> Gathered:
    """Sort the replies to an attempt into contributions and missing ones."""
    vectors: dict[str, bytes] = {}
    spends: dict[str, str] = {}
    missing: dict[str, str] = {}
    for partner in attempt.cohort:
        reply = replies.get(partner)
        if reply is None:
            missing[partner] = "no-reply"
            continue
        try:
            answer = read_answer(partner, reply, order=attempt.order, terms=terms)
            vector = _vector(answer, reply, attempt)
            spends[partner] = _spend(answer, reply, attempt.order)
            vectors[partner] = vector
        except RoundError as err:
            missing[partner] = str(err)
        except ScoringError as err:
            missing[partner] = type(err).__name__
    return Gathered(cohort=attempt.cohort, vectors=vectors, spends=spends, missing=missing)


def read_answer(
    partner: str, reply: Reply, *, order: Envelope, terms: Terms
) -> Contribution | Acknowledged:
    """Return a partner's answer once it is shown to be its own, to this order.

    Raises:
        RoundError: It refused; the text is its word for why.
        VerificationError: Malformed, not signed by it, or an answer to something else.
    """
    envelope = parse_envelope(reply.answer)
    kind = _ANSWERS.get(envelope.payload_type)
    if kind is None:
        raise EntryError("a reply is of an unknown kind")
    keys = {partner: terms.partners[partner]}
    answer = decode(kind, verify_envelope(envelope, payload_type=kind.payload_type, keys=keys))
    if answer.partner != partner or answer.order != order.digest.hex():
        raise EntryError("a reply answers something else")
    if isinstance(answer, Refused):
        raise RoundError(answer.reason)
    return answer


def _vector(answer: Answer, reply: Reply, attempt: Attempt) -> bytes:
    if not isinstance(answer, Contribution) or digest(reply.vector).hex() != answer.vector_digest:
        raise EntryError("a reply is no contribution, or not with the vector it names")
    if answer.transcript != transcript_digest(attempt.order.digest, attempt.keys).hex():
        raise EntryError("a contribution was masked for another order or with other keys")
    if len(reply.vector) != 8 * attempt.width:
        raise EntryError("a contribution is of another length than the order")
    return reply.vector


def _spend(answer: Answer, reply: Reply, order: Envelope) -> str:
    assert isinstance(answer, Contribution)
    for leaf in reply.leaves.splitlines():
        envelope, entry = parse_entry(leaf)
        if envelope.digest.hex() == answer.spend and isinstance(entry, Spend):
            if entry.order != order.digest.hex():
                raise EntryError("a contribution names the spend of another order")
            return answer.spend
    raise EntryError("a contribution came without its spend")
