"""An honest federation's log, built entry by entry, so that a test can bend one of them.

Prices are kept here on their own, from the mechanisms alone; nothing is asked of the auditor.
"""

import copy
import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from protocols.ledger.audit import Audit
from protocols.ledger.canonical import digest, to_base64
from protocols.ledger.checkpoint import Checkpoint, sign_checkpoint
from protocols.ledger.cosignature import cosign, with_lines
from protocols.ledger.entry import (
    COORDINATOR,
    NO_ENTRY,
    NO_FAULT,
    NO_KEY,
    NO_PIN,
    NO_RUN,
    POLICY,
    Amend,
    AuditReport,
    Authorise,
    DatasetEpoch,
    Entry,
    Link,
    Mechanism,
    Pin,
    PlannedQuery,
    ReleaseEntry,
    RoundClose,
    RoundOpen,
    RunClose,
    Spend,
    Step,
    sign_entry,
)
from protocols.ledger.envelope import Envelope
from protocols.ledger.epsilons import Epsilons
from protocols.ledger.export import export_files
from protocols.ledger.merkle import leaf_hash
from protocols.ledger.policy import parse_signatures, policy_envelope, sign_charter
from protocols.ledger.price import epsilon_micro
from protocols.ledger.terms import Terms, terms_of
from protocols.ledger.tree import Tree
from protocols.ledger.verify import verify_log

PARTNERS = ("north", "south", "west")
CODE = "c0" * 32
HISTOGRAM, GRAM, GRADIENT = (
    Mechanism("histogram", "40"),
    Mechanism("gram", "30.5"),
    Mechanism("gradient", "25.125"),
)
PLAN = (PlannedQuery(HISTOGRAM, 1), PlannedQuery(GRAM, 1), PlannedQuery(GRADIENT, 2))
SPARE = 2
LENDERS = (1, 2, 3, 4, 5)
MASKED = {  # the members of a charter in mode distributed
    "mode": "distributed",
    "noise_shares": 2,
    "tolerated_colluders": 1,
    "minimum_cohort": 3,
}
_KEYS: dict[bytes, Ed25519PrivateKey] = {}  # every key made so far, by its public half
FOUR = ("east", *PARTNERS)


def key_for(name: str) -> Ed25519PrivateKey:
    """Return the same test key for the same name."""
    key = Ed25519PrivateKey.from_private_bytes(hashlib.sha256(name.encode()).digest())
    return _KEYS.setdefault(key.public_key().public_bytes_raw(), key)


def public(name: str) -> str:
    """Return the public half in base64, as charters hold it."""
    return to_base64(key_for(name).public_key().public_bytes_raw())


def charter_table(partners: Sequence[str] = PARTNERS, **privacy: object) -> dict[str, object]:
    """Return a charter as its TOML parses; ``privacy`` overrides the terms."""
    return {
        "schema": 1,
        "federation": "test",
        "contract_digest": "ab" * 32,
        "code_digest": CODE,
        "holdout_percent": 20,
        "witness_quorum": min(len(partners), (len(partners) + 1) // 2 + 1),
        "coordinator": {
            "name": "hub",
            "order_key": public("order"),
            "log_key": public("log"),
            "log_origin": "test/log",
        },
        "auditor": {
            "name": "auditor",
            "identity_key": public("auditor"),
            "cosign_key": public("auditor cosign"),
        },
        "partners": [
            {
                "name": name,
                "identity_key": public(name),
                "cosign_key": public(f"{name} cosign"),
                "node_key": "-",
                "capacity": 1000,
            }
            for name in partners
        ],
        "privacy": {
            "mode": "local",
            "noise_shares": 1,
            "tolerated_colluders": 0,
            "max_lenders_per_borrower": 1,
            "delta": "0.00001",
            "released_cap_micro": 1_000_000,
            "worst_cap_micro": 1_000_000,
            "gradient_clip_norm": "0.5",
            "minimum_noise_multiplier": "5",
            "minimum_cohort": min(2, len(partners)),
            "most_cohort_changes": 1,
            "spare_attempts": 3,
            "most_rounds": 20,
        }
        | privacy,
    }


def charter_toml(table: dict[str, object]) -> str:
    """Return a charter's table as TOML; values are integers and plain text only."""
    top = [f"{name} = {json.dumps(value)}" for name, value in table.items() if _is_plain(value)]
    for name, value in table.items():
        if isinstance(value, dict):
            top += [f"[{name}]", *(f"{key} = {json.dumps(each)}" for key, each in value.items())]
        if isinstance(value, list) and not _is_plain(value):
            for item in value:
                top += [f"[[{name}]]", *(f"{key} = {json.dumps(x)}" for key, x in item.items())]
    return "\n".join(top) + "\n"


def signatures_for(table: dict[str, object], *, without: str = "") -> bytes:
    """Return ``signatures.json`` by everybody whom the charter names, but ``without``."""
    signers = terms_of(table).charter_signers.items()
    return sign_charter(
        table, *(_KEYS.get(raw, key_for(name)) for name, raw in signers if name != without)
    )


@dataclass
class World:
    """A federation that says only what is so, until a test bends it.

    Every method signs one entry, appends it, and returns its digest in hex. ``bend`` replaces
    members of the entry before it is signed, or changes them if it is a function; ``key`` signs in
    another's name.
    """

    table: dict[str, object] = field(default_factory=charter_table)
    leaves: list[bytes] = field(default_factory=list)
    last: dict[str, tuple[int, str]] = field(default_factory=dict)
    orders: dict[str, RoundOpen] = field(default_factory=dict)
    spent: dict[tuple[str, str], list[Mechanism]] = field(default_factory=dict)
    closed: set[tuple[str, str]] = field(default_factory=set)
    most: dict[tuple[str, str], Fraction] = field(default_factory=dict)
    epochs: dict[str, str] = field(default_factory=dict)
    seen: dict[str, int] = field(default_factory=dict)
    keys: dict[str, str] = field(default_factory=lambda: {COORDINATOR: "order"})
    witnessed: str | None = None

    def __post_init__(self) -> None:
        self.terms: Terms = terms_of(self.table)
        self.signatures = signatures_for(self.table)
        self.tree = Tree()
        self.add(policy_envelope(self.terms, self.signatures).to_bytes())

    def succeed(
        self, changes: dict[str, object] | None = None, *, without: str = "", **privacy: object
    ) -> None:
        """All agree on the next charter, and it is in force.

        Args:
            changes: Members of the charter that are others, or None to take them away.
            without: Who has not signed it.
            privacy: Terms that are others.
        """
        before = [*self.terms.succeeds, self.terms.charter.hex()]
        table = {**self.table, "succeeds": before, **(changes or {})}
        table["privacy"] = self._privacy | privacy
        self.table = {name: value for name, value in table.items() if value is not None}
        self.terms, self.signatures = terms_of(self.table), signatures_for(self.table)
        signed = parse_signatures(signatures_for(self.table, without=without)).signatures
        self.add(Envelope(POLICY, self.terms.policy, signed).to_bytes())
        self.witness()

    def with_new_key(self, partner: str, *, confirmed: bool = True) -> dict[str, object]:
        """Return the partners of a charter, one of them with a new key, which it signs with."""
        self.keys[partner] = f"{partner} new"
        partners: list[dict[str, object]] = copy.deepcopy(self.table["partners"])  # type: ignore[arg-type]
        for item in partners:
            if item["name"] == partner:
                before = {"identity_key_before": item["identity_key"]} if confirmed else {}
                item |= {"identity_key": public(f"{partner} new")} | before
        return {"partners": partners}

    def add(self, leaf: bytes) -> None:
        """Append a leaf, whatever it is."""
        self.leaves.append(leaf)
        self.tree.extend([leaf_hash(leaf)])

    def witness(self) -> None:
        """Show everybody the log as it is, and have it cosigned by all."""
        self.witnessed = self.cosigned(self.leaves, len(self.leaves))
        self.seen = dict.fromkeys(self.terms.charter_signers, len(self.leaves))

    def pin(self, signer: str) -> Pin:
        """Return the last checkpoint that a signer has seen; the coordinator sees its own."""
        size = self.seen.get(signer, 0) if signer != COORDINATOR else len(self.leaves)
        return Pin(size, self.tree.root_at(size).hex()) if size else NO_PIN

    def link(self, signer: str, run: str) -> Link:
        """Return where the signer's next entry stands."""
        seq, prev = self.last.get(signer, (-1, NO_ENTRY))
        charter = self.terms.charter.hex()
        at = 1_700_000_000 + len(self.leaves)
        return Link(charter, signer, seq + 1, prev, self.pin(signer), at, run)

    def say(self, entry: Entry, *, key: str = "", **bend: Any) -> str:
        """Sign ``entry`` and append it; returns its digest, hex."""
        made = {name: to(getattr(entry, name)) for name, to in bend.items() if callable(to)}
        entry = replace(entry, **(bend | made))
        signer = entry.link.signer
        leaf = sign_entry(entry, key_for(key or self.keys.get(signer, signer))).to_bytes()
        name = digest(leaf).hex()
        self.add(leaf)
        self.last[signer] = (entry.link.seq, name)
        return name

    def begin_epoch(self, partner: str, data: str = "loans", **bend: Any) -> str:
        """The partner names its data."""
        commitment = digest(f"{partner} {data}".encode()).hex()
        link = self.link(partner, bend.pop("run", "run-1"))
        self.epochs[partner] = self.say(DatasetEpoch(link, commitment), **bend)
        return self.epochs[partner]

    def authorise(self, partner: str, run: str, **bend: Any) -> str:
        """The partner allows the plan."""
        if partner not in self.epochs:
            self.begin_epoch(partner, run=run)
        link = self.link(partner, run)
        plan, spare = bend.get("queries", PLAN), bend.get("spare_attempts", SPARE)
        worths = [(item.rounds, _worth(item.mechanism)) for item in plan]
        most = sum(rounds * each for rounds, each in worths) + spare * max(
            each for _, each in worths
        )
        self.most[partner, run] = Fraction(most)
        price = self.price(sum(value for (name, _), value in self.most.items() if name == partner))
        mask_key = public_mask_key(partner, run) if self.is_masked else NO_KEY
        epoch = self.epochs[partner]
        return self.say(Authorise(link, PLAN, SPARE, epoch, CODE, mask_key, price), **bend)

    def order(
        self,
        run: str,
        step: tuple[int, int],
        mechanism: Mechanism,
        cohort: Sequence[str],
        **bend: Any,
    ) -> str:
        """The coordinator orders one attempt."""
        entry = RoundOpen(
            self.link(COORDINATOR, run), Step(*step), mechanism, 10, tuple(cohort), "dd" * 32
        )
        name = self.say(entry, **bend)
        self.orders[name] = replace(entry, **{k: v for k, v in bend.items() if k != "key"})
        return name

    def spend(self, partner: str, order: str, **bend: Any) -> str:
        """The partner states what answering costs."""
        asked = self.orders[order]
        run = asked.link.run
        self.spent.setdefault((partner, run), []).append(bend.get("mechanism", asked.mechanism))
        price = self.spent_price(partner)
        link = self.link(partner, run)
        entry = Spend(link, asked.step, order, asked.mechanism, asked.cohort, price)
        return self.say(entry, **bend)

    def close_round(
        self, order: str, spends: Sequence[str], missing: Sequence[str] = (), **bend: Any
    ) -> str:
        """The coordinator says how the attempt ended."""
        asked = self.orders[order]
        link = self.link(COORDINATOR, asked.link.run)
        said = NO_ENTRY if missing else "ee" * 32
        entry = RoundClose(
            link=link,
            step=asked.step,
            order=order,
            spends=tuple(sorted(spends)),
            sum_digest=said,
            missing=tuple(sorted(missing)),
            fault=NO_FAULT,
            contrasts=0 if missing else 5,
            squares_milli=0 if missing else 5_000,
        )
        return self.say(entry, **bend)

    def close_run(self, partner: str, run: str, **bend: Any) -> str:
        """The partner closes the run; the rest lapses."""
        spent = self.spent.get((partner, run), [])
        self.most[partner, run] = sum((_worth(item) for item in spent), start=Fraction(0))
        self.closed.add((partner, run))
        price = self.spent_price(partner)
        entry = RunClose(self.link(partner, run), len(spent), price)
        return self.say(entry, **bend)

    def release(self, run: str, **bend: Any) -> str:
        """The coordinator publishes a model."""
        waiting = tuple(sorted(self.open_in(run)))
        return self.say(ReleaseEntry(self.link(COORDINATOR, run), "fa" * 32, waiting), **bend)

    def round(
        self,
        run: str,
        step: tuple[int, int],
        mechanism: Mechanism,
        cohort: Sequence[str] = PARTNERS,
    ) -> str:
        """One whole round: order, spends, close. Returns the order's digest."""
        order = self.order(run, step, mechanism, cohort)
        self.close_round(order, [self.spend(name, order) for name in cohort])
        return order

    def open_in(self, run: str) -> set[str]:
        """Return who authorised a run, or spent in it, and has not closed it."""
        said = {*self.most, *self.spent} - self.closed
        return {partner for partner, name in said if name == run}

    def spent_price(self, partner: str) -> Epsilons:
        """Price all of the partner's spends."""
        mine = [
            item for (name, _), items in self.spent.items() if name == partner for item in items
        ]
        return self.price(sum((_worth(item) for item in mine), start=Fraction(0)))

    @property
    def is_masked(self) -> bool:
        """Whether the charter is in mode distributed."""
        return self._privacy["mode"] == "distributed"

    def price(self, mu2: Fraction | int) -> Epsilons:
        """Price a history, by the four formulas as ``docs/privacy.md`` has them."""
        shares, m = self._privacy["noise_shares"], self._privacy["max_lenders_per_borrower"]

        def micro(times: int) -> int:
            return epsilon_micro(Fraction(mu2) * times / m**2, delta=self.terms.delta)

        return Epsilons(
            released_micro=micro(1),
            worst_micro=micro(shares),
            person_micro=tuple(micro(k * k if self.is_masked else k) for k in LENDERS),
            person_worst_micro=tuple(micro(shares * k) for k in LENDERS),
        )

    @property
    def _privacy(self) -> Any:  # Any: a part of a charter's table
        return self.table["privacy"]

    def amend(self, partner: str, run: str, spend: str, noise: str, **bend: Any) -> str:
        """The partner corrects its last spend of the run."""
        mine = self.spent[partner, run]
        mine[-1] = Mechanism(mine[-1].query, noise)
        entry = Amend(self.link(partner, run), spend, noise, self.spent_price(partner))
        return self.say(entry, **bend)

    def report(self, **bend: Any) -> str:
        """The auditor says that it found nothing."""
        return self.say(AuditReport(self.link("auditor", NO_RUN), 0, "ad" * 32), **bend)

    def note(self, leaves: Sequence[bytes], size: int) -> str:
        """Return the checkpoint over the first so many of some leaves, by the log's own key."""
        root = Tree(map(leaf_hash, leaves[:size])).root
        return sign_checkpoint(Checkpoint("test/log", size, root), key_for("log"))

    def cosigned(self, leaves: Sequence[bytes], size: int) -> str:
        """Return the same, cosigned by every witness."""
        note = self.note(leaves, size)
        lines = [
            cosign(note, name=name, key=key_for(f"{name} cosign"), at=1_700_100_000)
            for name in self.terms.witnesses
        ]
        return with_lines(note, lines)

    def files(self, leaves: Sequence[bytes] | None = None) -> dict[str, bytes]:
        """Return the exported folder; the log's own key signs whatever ``leaves`` there are.

        Witnesses' cosignatures are over what they really saw.
        """
        kept = list(self.leaves if leaves is None else leaves)
        note = self.note(kept, len(kept))
        return dict(export_files(note=note, witnessed=self.witnessed, leaves=kept))

    def write(self, folder: Path, leaves: Sequence[bytes] | None = None) -> None:
        """Write the exported folder."""
        for path, raw in self.files(leaves).items():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_bytes(raw)

    def audit(self, leaves: Sequence[bytes] | None = None, **kept: Any) -> Audit:
        """Verify the exported log."""
        files = self.files(leaves)
        return verify_log(self.terms, signatures=self.signatures, files=files, **kept)

    def kinds(self, leaves: Sequence[bytes] | None = None) -> set[str]:
        """Return the kinds of findings."""
        return {item.kind for item in self.audit(leaves).findings}


def claiming(**views: Any) -> Callable[[Epsilons], Epsilons]:
    """Return a bend of claimed epsilons."""
    return lambda claimed: replace(claimed, **views)


def public_mask_key(partner: str, run: str) -> str:
    """Return the same X25519 public key, hex, for the same partner and run."""
    secret = hashlib.sha256(f"mask {partner} {run}".encode()).digest()
    key = X25519PrivateKey.from_private_bytes(secret).public_key()
    return key.public_bytes_raw().hex()


def started(run: str = "run-1") -> World:
    """Return a world in which everybody has authorised ``run``."""
    return authorised(World(), run)


def authorised(world: World, run: str = "run-1") -> World:
    """Let every partner of a world authorise ``run``."""
    for name in world.terms.partners:
        world.authorise(name, run)
    world.witness()
    return world


def masked(partners: Sequence[str] = FOUR, **privacy: object) -> World:
    """Return a world in mode distributed in which everybody has authorised "run-1"."""
    return authorised(World(charter_table(partners, **(MASKED | privacy))))


def trained() -> World:
    """Return a whole honest history: two runs, a killed partner, a killed ServerApp."""
    world = started("run-1")
    world.round("run-1", (1, 1), HISTOGRAM)
    # south is killed after its spend is in its book and before it replies: a voided attempt.
    first = world.order("run-1", (2, 1), GRAM, PARTNERS)
    arrived = [world.spend(name, first) for name in ("north", "west")]
    world.close_round(first, arrived, ["south"])
    second = world.order("run-1", (2, 2), GRAM, PARTNERS)
    late = [world.spend("south", first), world.spend("south", second)]
    others = [world.spend(name, second) for name in ("north", "west")]
    world.close_round(second, [late[1], *others])
    world.round("run-1", (3, 1), GRADIENT)
    # The ServerApp is killed in round 4 with one spend logged, and never closes the run.
    world.spend("west", world.order("run-1", (4, 1), GRADIENT, PARTNERS))
    for name in PARTNERS:
        world.close_run(name, "run-1")
        world.authorise(name, "run-2")
    world.witness()
    for step, mechanism in enumerate((HISTOGRAM, GRAM, GRADIENT, GRADIENT), start=1):
        world.round("run-2", (step, 1), mechanism)
    for name in PARTNERS:
        world.close_run(name, "run-2")
    world.release("run-2")
    world.witness()
    return world


def renewed() -> World:
    """Return an honest history under two charters: new code, a new key, a partner more."""
    world = trained()
    partners = world.with_new_key("north")["partners"]
    more = charter_table(("east",))["partners"]
    world.succeed({"partners": [*partners, *more], "code_digest": "c1" * 32, "witness_quorum": 3})
    for name in FOUR:
        world.authorise(name, "run-3", code_digest="c1" * 32)
    world.witness()
    world.round("run-3", (1, 1), GRAM, FOUR)
    for name in FOUR:
        world.close_run(name, "run-3")
    world.release("run-3")
    world.witness()
    return world


def _worth(mechanism: Mechanism) -> Fraction:
    return 1 / Fraction(mechanism.noise_multiplier) ** 2


def _is_plain(value: object) -> bool:
    return isinstance(value, int | str) or (isinstance(value, list) and isinstance(value[0], str))
