"""An honest federation in memory, whose pieces a test bends, and then asks who notices.

Founded with the same code as a real one: keys, cards, charter, signatures, books, log. Only the
transport is replaced, by a function call.
"""

import contextlib
import io
import shutil
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Protocol

import numpy as np
import pyarrow as pa
import pyarrow.parquet

from clients.auditor.cli import main as audit
from clients.partner.budget import BudgetBook
from clients.partner.commands import CARD_NAME
from clients.partner.config import PartnerSettings
from clients.partner.keys import create_partner_keys
from clients.partner.mask_keys import MaskKeys
from clients.partner.node import PartnerNode
from clients.partner.renewal import renew_card
from clients.partner.startup import start_node
from clients.partner.trusted_set import code_digest
from protocols.contracts.charter import PartnerCard
from protocols.contracts.orders import Delivery, Reply
from protocols.errors import RoundError, RunPausedError
from protocols.ledger.audit import Audit
from protocols.ledger.export import read_export
from protocols.ledger.keyfile import load_key, load_keys
from protocols.ledger.policy import SIGNATURES_NAME, load_charter, sign_charter_file
from protocols.ledger.tiles import leaves_in, size_of
from protocols.ledger.verify import verify_log
from server.conduct import run_campaign
from server.config import load_settings
from server.federation import open_federation
from server.founding import Proposal, found
from server.ledger.log import export_log
from server.renewal import Renewal, adopt, renew

CONTRACT = """\
schema = 1
name = "test-loans"
borrower_id = "borrower"
currency = "EUR"

[outcome]
column = "outcome"
bad = "bad"
good = "good"
definition = "Late by 90 days or more."
window_months = 12

[[fields]]
kind = "numeric"
name = "income"
label = "Monthly income"
unit = "EUR"
low = "0"
high = "10000"
spacing = "linear"
special = [{ code = "-1", meaning = "refused to say" }]
group = "application"
computed_from = "own"
may_be_missing = true
direction = "falling"
reason_code = "INCOME"
reason = "Income is low"

[[fields]]
kind = "numeric"
name = "usage"
label = "Use of credit lines"
unit = "percent"
low = "0"
high = "100"
spacing = "linear"
group = "bureau"
computed_from = "own"
may_be_missing = false
direction = "rising"
reason_code = "USAGE"
reason = "Credit lines are used to a high share"

[[fields]]
kind = "categorical"
name = "housing"
label = "Housing"
levels = ["rent", "own"]
group = "application"
computed_from = "own"
may_be_missing = false
direction = "none"
reason_code = "HOUSING"
reason = "Housing situation"
"""


def write_loans(path: Path, *, borrowers: int, seed: int) -> None:
    """Write generated loans: usage raises the chance of default, income lowers it."""
    draw = np.random.default_rng(seed)
    income = draw.uniform(0, 10_000, borrowers).round()
    usage = draw.uniform(0, 100, borrowers).round()
    chance = 1 / (1 + np.exp(2.0 + income / 2_500 - usage / 25))
    table = pa.table(
        {
            "borrower": [f"b{seed}-{number}" for number in range(borrowers)],
            "outcome": np.where(draw.random(borrowers) < chance, "bad", "good").tolist(),
            "income": income,
            "usage": usage,
            "housing": draw.choice(["rent", "own"], borrowers).tolist(),
        }
    )
    pyarrow.parquet.write_table(table, path)


class WriteLoans(Protocol):
    """Writes one lender's generated loans."""

    def __call__(self, path: Path, *, borrowers: int, seed: int) -> None: ...


@dataclass
class World:
    """A founded federation in a folder.

    Attributes:
        folder: Holds ``server``, ``auditor`` and one folder per partner.
        nodes: The partners' nodes, by name.
        bend: Called on each delivery before a node sees it; None loses it.
        bend_reply: Called on each reply before the coordinator sees it; None loses it.
    """

    folder: Path
    nodes: dict[str, PartnerNode] = field(default_factory=dict)
    bend: Callable[[str, Delivery], Delivery | None] = lambda _, delivery: delivery
    bend_reply: Callable[[str, Reply], Reply | None] = lambda _, reply: reply
    deliveries: list[tuple[str, Delivery]] = field(default_factory=list)

    @property
    def server(self) -> Path:
        """The coordinator's folder."""
        return self.folder / "server"

    def wait_online(self, partners: Collection[str], *, deadline_s: float) -> None:
        """Everybody who has a node is connected."""
        if missing := sorted(set(partners) - set(self.nodes)):
            raise RoundError(f"not connected within {deadline_s:g} s: {', '.join(missing)}")

    def exchange(
        self, deliveries: Mapping[str, Delivery], *, deadline_s: float
    ) -> dict[str, Reply]:
        """Hand each delivery to its node."""
        replies = {}
        for name, delivery in deliveries.items():
            bent = self.bend(name, delivery)
            if bent is None or name not in self.nodes:
                continue
            self.deliveries.append((name, bent))
            reply = self.bend_reply(name, self.nodes[name].answer(bent))
            if reply is not None:
                replies[name] = reply
        return replies

    def train(self, run: str = "run-1") -> None:
        """Run one campaign."""
        run_campaign(self.server / "server.toml", run, self)

    def train_through_pauses(self, run: str = "run-1") -> None:
        """Run one campaign, and take it up again each time that it pauses."""
        while True:
            try:
                return self.train(run)
            except RunPausedError:
                continue

    def restart(self, name: str) -> PartnerNode:
        """Open a partner's node again from what is on its disk."""
        if name in self.nodes:
            self.nodes[name].book.close_file()
        self.nodes[name] = start_node(self.settings(name))
        return self.nodes[name]

    def reopen(self, name: str) -> PartnerNode:
        """Open book and mask keys again, as a new process would; the data are read already."""
        node, settings = self.nodes[name], self.settings(name)
        node.book.close_file()
        key, terms = node.keys.identity, node.terms
        book = BudgetBook(settings.book, name=name, key=key, terms=terms)
        self.nodes[name] = replace(node, book=book, masks=MaskKeys(settings.state / "masks"))
        return self.nodes[name]

    def forget(self) -> "World":
        """Return the federation as if it had never trained: keys, charter and data stay."""
        self.close()
        for path in self.folder.glob("*/*.sqlite*"):
            path.unlink()
        for pattern in ("*/state/masks", "server/runs", "server/releases"):
            for path in self.folder.glob(pattern):
                shutil.rmtree(path)
        fresh = World(self.folder, nodes=dict(self.nodes))
        for name in fresh.nodes:
            fresh.reopen(name)
        return fresh

    def close(self) -> None:
        """Close every book."""
        for node in self.nodes.values():
            node.book.close_file()

    def settings(self, name: str) -> PartnerSettings:
        """Return a partner's settings."""
        home = self.folder / name
        recent = home / "recent.parquet"
        return PartnerSettings(
            name=name,
            coordinator="127.0.0.1:1",
            data=home / "loans.parquet",
            recent=recent if recent.exists() else None,
            charter=self.server / "charter.toml",
            contract=self.server / "contract.toml",
            ca_cert=self.server / "ca.crt",
            keys=home / "keys",
            book=home / "budget.sqlite",
            state=home / "state",
        )

    def renew(
        self,
        *,
        names: Collection[str] = (),
        new_keys: Collection[str] = (),
        epsilon_micro: int | None = None,
    ) -> Path:
        """Draw up the next charter, have everybody sign it, and return its folder.

        Args:
            names: Partners from now on; those that have nodes if left out.
            new_keys: Partners with new keys, and "auditor" if it has.
            epsilon_micro: New cap.
        """
        names = names or list(self.nodes)
        cards = [self.card(name, new_keys=name in new_keys) for name in names]
        auditor, auditor_card = self.folder / "auditor", None
        if "auditor" in new_keys:
            auditor_card = auditor / "auditor-card.json"
            charter = str(self.server / "charter.toml")
            with contextlib.redirect_stdout(io.StringIO()):
                audit(["card", "--home", str(auditor), "--charter", charter, "--new-keys"])
        folder = self.folder / f"charter-{len(list(self.folder.glob('charter-*'))) + 2}"
        renewal = Renewal(cards, auditor_card, epsilon_micro=epsilon_micro)
        charter = renew(load_settings(self.server / "server.toml"), renewal, folder)
        for home in (*(self.folder / name / "keys" for name in names), auditor):
            sign_charter_file(charter, *load_keys(home, "identity"))
        return folder

    def card(self, name: str, *, new_keys: bool = False) -> Path:
        """Write a partner's card for the next charter."""
        path = self.folder / name / CARD_NAME
        card = renew_card(self.settings(name), path, capacity=None, new_keys=new_keys)
        path.write_text(card.model_dump_json(exclude_none=True))
        return path

    def adopt(self, folder: Path, *, abandon: str | None = None) -> None:
        """Put a charter in force, and restart every node with it."""
        adopt(load_settings(self.server / "server.toml"), folder, abandon=abandon)
        for name in self.nodes:
            self.restart(name)

    def export(self) -> Path:
        """Export the log and return the folder."""
        federation = open_federation(load_settings(self.server / "server.toml"))
        export_log(federation.scribe.log, self.folder / "log")
        return self.folder / "log"

    def leaves(self) -> list[bytes]:
        """Return the leaves of the log as exported."""
        files = read_export(self.export())
        return list(leaves_in(files, size_of(files)))

    def audit(self) -> Audit:
        """Return the auditor's findings on the exported log."""
        folder = self.export()
        _, terms = load_charter(self.server / "charter.toml")
        files = read_export(folder)
        signatures = (self.server / SIGNATURES_NAME).read_bytes()
        return verify_log(terms, signatures=signatures, files=files)


def found_world(  # noqa: PLR0913  # each argument has a default, and a test that changes it
    folder: Path,
    *,
    sizes: Collection[int] = (400, 300, 200),
    epsilon_micro: int = 4_000_000,
    run_epsilon_micro: int = 2_000_000,
    port: int = 0,
    start: bool = True,
    contract: str = CONTRACT,
    write: WriteLoans = write_loans,
    mode: str | None = None,
    minimum_cohort: int | None = None,
    most_lenders: int = 1,
) -> World:
    """Found a federation of generated lenders: "p0", "p1" and so on."""
    world = World(folder)
    names = [f"p{number}" for number in range(len(sizes))]
    for seed, (name, size) in enumerate(zip(names, sizes, strict=True)):
        home = folder / name
        public = create_partner_keys(home / "keys")
        card = PartnerCard(
            name=name,
            identity_key=public.identity_key,
            cosign_key=public.cosign_key,
            node_key=public.node_key,
            capacity=size,
            code_digest=code_digest(),
        )
        (home / CARD_NAME).write_text(card.model_dump_json())
        write(home / "loans.parquet", borrowers=size, seed=seed)
    with contextlib.redirect_stdout(io.StringIO()):
        audit(["init", "--home", str(folder / "auditor"), "--name", "auditor"])
    contract_file = folder / "contract.toml"
    contract_file.write_text(contract)
    charter = found(
        world.server,
        Proposal(
            federation="test",
            contract=contract_file,
            cards=[folder / name / CARD_NAME for name in names],
            auditor=folder / "auditor" / "auditor-card.json",
            epsilon_micro=epsilon_micro,
            run_epsilon_micro=run_epsilon_micro,
            delta="0.00001",
            host="127.0.0.1",
            port=port,
            mode=mode,
            minimum_cohort=minimum_cohort,
            most_lenders=most_lenders,
        ),
    )
    for name in names:
        sign_charter_file(charter, load_key(folder / name / "keys" / "identity.pem"))
    sign_charter_file(charter, load_key(folder / "auditor" / "identity.pem"))
    if start:
        for name in names:
            world.restart(name)
    return world
