"""Whole runs with colluders: what they see of an honest partner, and that masks change no sum.

Vectors of one run are few, so uniformity is judged by half-bytes: Pearson's chi-square statistic
over 16 values, 15 degrees of freedom, at most 90. By Laurent and Massart (2000), lemma 1, chance
exceeds that with probability below exp(-20) = 2e-9. Four views have to be uniform, and the
statistic is not quite chi-square: where all is right this file fails less than once in 10^6 runs.
"""

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass, field

import pytest

from protocols.contracts.orders import Delivery, Reply
from protocols.ledger.canonical import digest
from protocols.ledger.entry import Authorise, RoundClose, parse_entry
from protocols.ledger.keyfile import read_private
from protocols.secagg.keys import RunKey
from protocols.secagg.masks import seal
from protocols.secagg.words import sum_words
from tests.adversarial.fixed_noise import fix_noise
from tests.simulator import World, found_world

ALL = ("p0", "p1", "p2", "p3", "p4")
RUN = "run-1"


@pytest.fixture(scope="module")
def founded(tmp_path_factory: pytest.TempPathFactory) -> World:
    folder = tmp_path_factory.mktemp("collusion")
    return found_world(folder, sizes=(120, 80, 50, 30, 20), minimum_cohort=4)


@dataclass
class _Seen:
    """What goes over the coordinator's wire, and what colluders have on their disks.

    Attributes:
        sealed: Each contribution, by order's digest and partner.
        keys: Public mask keys, as the coordinator hands them out.
        secrets: Every partner's run key; a test takes the colluders' only.
    """

    world: World
    sealed: dict[tuple[bytes, str], bytes] = field(default_factory=dict)
    keys: dict[str, bytes] = field(default_factory=dict)
    secrets: dict[str, RunKey] = field(default_factory=dict)
    _order: bytes = b""

    def bend(self, _: str, delivery: Delivery) -> Delivery:
        self._order = digest(delivery.order)
        for line in delivery.keys.splitlines():
            entry = parse_entry(line)[1]
            assert isinstance(entry, Authorise)
            self.keys[entry.link.signer] = bytes.fromhex(entry.mask_key)
        return delivery

    def bend_reply(self, name: str, reply: Reply) -> Reply:
        if reply.vector:
            self.sealed[self._order, name] = reply.vector
            path = self.world.settings(name).state / "masks" / f"{RUN}.key"
            self.secrets[name] = RunKey.from_secret(read_private(path))
        return reply

    def unmasked(self, name: str, colluders: Collection[str]) -> bytes:
        """Return all of a partner's contributions without the masks that colluders know."""
        return b"".join(
            sum_words([vector, *self._masks(order, name, colluders, zeros=bytes(len(vector)))])
            for (order, sender), vector in self.sealed.items()
            if sender == name
        )

    def _masks(
        self, order: bytes, name: str, colluders: Collection[str], *, zeros: bytes
    ) -> list[bytes]:
        """Return what cancels the masks of ``name``: each colluder's own towards it."""
        pairs = {peer: {peer: self.keys[peer], name: self.keys[name]} for peer in colluders}
        return [
            seal(zeros, partner=peer, own=self.secrets[peer], keys=pairs[peer], order=order)
            for peer in colluders
        ]


def _is_uniform(view: bytes) -> bool:
    counts = Counter(half for byte in view for half in divmod(byte, 16))
    expected = 2 * len(view) / 16
    return sum((counts[half] - expected) ** 2 / expected for half in range(16)) <= 90


def _words(raw: bytes) -> list[int]:
    return memoryview(raw).cast("q").tolist()


@pytest.mark.parametrize("honest", [("p1", "p3"), ("p0", "p4")])
def test_all_but_two_and_the_coordinator_see_random_words_of_the_two_in_a_whole_run(
    honest: tuple[str, str], world: World
) -> None:
    seen = _Seen(world)
    world.bend, world.bend_reply = seen.bend, seen.bend_reply
    world.train()
    colluders = set(ALL) - set(honest)
    one, two = (seen.unmasked(name, colluders) for name in honest)
    assert len(one) > 1_000
    assert _is_uniform(one)
    assert _is_uniform(two)
    # Together they are the noised sum of the two, which the opened sum tells anyway.
    assert max(map(abs, _words(sum_words([one, two])))) < 2**40
    # With one more colluder nothing would be left of the masks: they really are taken off here.
    bare = seen.unmasked(honest[0], set(ALL) - {honest[0]})
    assert not _is_uniform(bare)
    assert max(map(abs, _words(bare))) < 2**40


def test_the_run_keys_are_on_no_disk_when_a_run_is_over(world: World) -> None:
    seen = _Seen(world)
    world.bend, world.bend_reply = seen.bend, seen.bend_reply
    world.train()
    files = [path for path in world.folder.rglob("*") if path.is_file()]
    disks = b"".join(path.read_bytes() for path in files)
    assert len(seen.secrets) == len(ALL)
    for key in seen.secrets.values():
        assert key.secret not in disks
        assert key.secret.hex().encode() not in disks
    assert not [path for path in files if path.parent.name == "masks"]


def _sums(world: World) -> list[str]:
    lines = world.leaves()[1:]
    entries = (parse_entry(line)[1] for line in lines)
    return [entry.sum_digest for entry in entries if isinstance(entry, RoundClose)]


def test_masks_change_no_bit_of_any_sum(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    fix_noise(monkeypatch)
    world.train()
    masked = _sums(world)
    bare = world.forget()
    sent: list[bytes] = []

    def unsealed(vector: bytes, **_: object) -> bytes:
        sent.append(vector)
        return vector

    monkeypatch.setattr("clients.partner.node.seal", unsealed)
    bare.train()
    assert _sums(bare) == masked
    assert len(sent) == len(ALL) * len(masked)
    assert len(set(masked)) == len(masked) > 5
    bare.close()
