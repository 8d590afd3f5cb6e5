"""An honest log, bent by bytes and signed again by the right keys, so that deep rules see it."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from protocols.errors import ScoringError
from protocols.ledger.canonical import canonical_json, digest, parse_canonical
from protocols.ledger.checkpoint import Checkpoint, sign_checkpoint
from protocols.ledger.cosignature import cosign, with_lines
from protocols.ledger.entry import COORDINATOR, POLICY
from protocols.ledger.envelope import parse_envelope, sign
from protocols.ledger.merkle import leaf_hash
from protocols.ledger.tree import Tree
from tests.adversarial.ledger.honest import FOUR, GRAM, PARTNERS, World, key_for, masked, started
from tests.fuzz.bends import LARGE_INTEGERS, ODD_INTEGERS, ODD_TEXTS, Choices, bent, spliced

PATHS = (
    *("checkpoint", "witnessed", "tile", "tile/entries", "tile/entries/000", "tile/0/000"),
    *("tile/entries/x000/000", "tile/entries/x999/x999/x999/x999/999", "tile/entries/001.p/999"),
    *("tile/entries/000.p/1", "tile/entries/000.p/255", "tile/1/000", "tile/0/000.p/3", "../x"),
    *("tile/entries/000.p/01", "\udcff", "'", "tile/9/000", "tile/entries/00\u0661"),
)
KEYS = ("north", "south", "auditor", "order", "log", "north cosign", "nobody")


@dataclass
class Said:
    """One leaf, taken apart.

    Attributes:
        name: Digest of the leaf as it was, hex.
        kind: Its payload type.
        payload: The parsed payload.
        keys: Names of the test keys that sign it.
        raw: Its bytes while nothing in it is changed, or once they are no envelope any more.
    """

    name: str
    kind: str
    payload: Any  # Any: JSON, of whatever shape it is bent into
    keys: list[str]
    raw: bytes | None


@dataclass
class Draft:
    """A log in the making.

    Attributes:
        world: The honest federation whose log it was.
        said: Its leaves.
        names: What is called otherwise once it is signed again: leaves, roots and the charter.
    """

    world: World
    said: list[Said]
    names: dict[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, world: World) -> "Draft":
        """Take an honest log apart."""
        return cls(world, [_apart(leaf, world) for leaf in world.leaves])

    def bend(self, choices: Choices) -> None:
        """Change one leaf, or the order of them."""
        if not self.said:
            return
        index, other = choices.below(len(self.said)), choices.below(len(self.said))
        said = self.said[index]
        match choices.below(10):
            case 0:
                del self.said[index]
            case 1:
                self.said.insert(other, said)
            case 2:
                self.said[index], self.said[other] = self.said[other], said
            case 3:
                raw = spliced(said.raw or b"", choices)
                self.said[index] = Said(said.name, said.kind, None, [], raw)
            case 4:
                kind = choices.one_of((*(item.kind for item in self.said), *ODD_TEXTS))
                self.said[index] = Said(said.name, kind, said.payload, said.keys, None)
            case 5:
                keys = [choices.one_of(KEYS) for _ in range(choices.below(3))]
                self.said[index] = Said(said.name, said.kind, said.payload, keys, None)
            case _:
                payload = bent(said.payload, choices)
                self.said[index] = Said(said.name, said.kind, payload, said.keys, None)

    def leaves(self, *, is_relinked: bool) -> list[bytes]:
        """Return the leaves, signed.

        Args:
            is_relinked: Whether entries name those before them as they are now, so that a bent
                entry stands in a log that is otherwise whole.
        """
        made, tree, old, names = list[bytes](), Tree(), self.world.tree, dict(self.names)
        for said in self.said:
            payload = _renamed(said.payload, names)
            leaf = said.raw
            if leaf is None or payload != said.payload:
                leaf = _signed(said, payload)
            made.append(leaf)
            tree.extend([leaf_hash(leaf)])
            if is_relinked:
                names |= _changed(said.name, digest(leaf).hex())
                if len(made) <= old.size:
                    names |= _changed(old.root_at(len(made)).hex(), tree.root.hex())
        return made


def short_worlds() -> tuple[World, World, World]:
    """Return short honest logs, in mode local and distributed, with an entry of every kind.

    The third goes on under another charter.
    """
    return _short(started()), _short(masked()), _succeeded(_short(started()))


def bent_files(leaves: list[bytes], world: World, choices: Choices) -> dict[str, bytes]:
    """Return the folder of a log, as it is or with odd notes and files."""
    files = world.files(leaves)
    if choices.below(2):
        files["witnessed"] = world.cosigned(leaves, choices.below(len(leaves) + 1)).encode()
    for _ in range(choices.below(3)):
        path = choices.one_of((*sorted(files), *PATHS))
        match choices.below(5):
            case 0:
                files.pop(path, None)
            case 1:
                files[path] = spliced(files.get(path, b""), choices)
            case 2:
                files[path] = bent_note(choices).encode("utf-8", "surrogatepass")
            case 3:
                files[choices.one_of(PATHS)] = files.get(path, b"")
            case _:
                files[path] = choices.take(choices.below(64))
    return files


def bent_note(choices: Choices) -> str:
    """Return a checkpoint that its log and a witness have signed, whatever it says."""
    size = choices.one_of((7, *ODD_INTEGERS, *LARGE_INTEGERS))
    root = choices.one_of((b"\7" * 32, b"", b"\0" * 31, choices.take(33)))
    try:
        note = sign_checkpoint(Checkpoint("test/log", size, root), key_for("log"))
        at = choices.one_of((0, 1_700_000_000, 2**63 - 1))
        line = cosign(note, name="north", key=key_for("north cosign"), at=at)
        note = with_lines(note, [line] * choices.below(3))
    except ScoringError:
        return ""
    match choices.below(4):
        case 0:
            return note
        case 1:
            start = choices.below(len(note))
            return note[:start] + choices.one_of(ODD_TEXTS) + note[start + choices.below(4) :]
        case 2:
            lines = note.split("\n")
            lines[choices.below(len(lines))] = choices.one_of((*lines, *ODD_TEXTS))
            return "\n".join(lines)
        case _:
            lines = note.split("\n")
            return "\n".join([*lines[:-1], *lines[-2:-1] * choices.below(66), ""])


def payload_bytes(value: object) -> bytes:
    """Return a payload in canonical form, or in another where it has none."""
    try:
        return canonical_json(value)
    except ScoringError:
        return json.dumps(value, ensure_ascii=False).encode("utf-8", "surrogatepass")


def _short(world: World) -> World:
    cohort = FOUR if world.is_masked else PARTNERS
    first = world.order("run-1", (1, 1), GRAM, cohort)
    spends = [world.spend(name, first) for name in cohort]
    world.close_round(first, spends)
    second = world.order("run-1", (2, 1), GRAM, cohort)
    world.close_round(second, [world.spend("north", second)], [*cohort[2:]])
    world.amend("north", "run-1", spends[cohort.index("north")], "15")
    for name in cohort[:2]:
        world.close_run(name, "run-1")
    world.release("run-1")
    world.begin_epoch("north", "more loans")
    world.report()
    return world


def _succeeded(world: World) -> World:
    world.close_run("west", "run-1")
    world.succeed(released_cap_micro=2_000_000)
    for name in PARTNERS:
        world.authorise(name, "run-2")
    world.witness()
    world.round("run-2", (1, 1), GRAM)
    return world


def _apart(leaf: bytes, world: World) -> Said:
    envelope = parse_envelope(leaf)
    payload = parse_canonical(envelope.payload)
    assert isinstance(payload, dict)
    keys = list(world.terms.charter_signers)
    if envelope.payload_type != POLICY:
        signer = payload["link"]["signer"]  # type: ignore[index,call-overload]  # a link's
        keys = ["order" if signer == COORDINATOR else str(signer)]
    return Said(digest(leaf).hex(), envelope.payload_type, payload, keys, leaf)


def _signed(said: Said, payload: object) -> bytes:
    """Sign a payload again, or leave a leaf that is no envelope any more."""
    raw = payload_bytes(payload)
    kind = said.kind if _is_text(said.kind) else "odd"
    return sign(raw, payload_type=kind, keys=[_key(name) for name in said.keys]).to_bytes()


def _is_text(text: str) -> bool:
    return not any("\ud800" <= letter <= "\udfff" for letter in text)


_key: Callable[[str], Any] = cache(key_for)  # Any: a private key


def _changed(old: str, new: str) -> dict[str, str]:
    return {old: new} if old != new else {}


def _renamed(value: Any, names: dict[str, str]) -> Any:  # Any: JSON
    """Return a value with all names in it as they are now; sorted lists stay sorted."""
    match value:
        case str():
            return names.get(value, value)
        case dict():
            return {key: _renamed(item, names) for key, item in value.items()}
        case list():
            items = [_renamed(item, names) for item in value]
            is_sorted = all(isinstance(item, str) for item in value) and value == sorted(value)
            return sorted(items) if is_sorted else items
        case _:
            return value
