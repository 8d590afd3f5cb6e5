"""Everything that an auditor or a node parses, each as a function of bytes that may not raise.

Errors of ours are an answer and are swallowed; whatever else comes out is a bug. A *bent* target
does not parse its input: it reads decisions off it, by which something honest is bent and signed
again with the right key, so that what lies behind the signature is reached too.
"""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import get_args

from clients.auditor.given import facts_of
from protocols.contracts.charter import charter_from_table, load_charter_model
from protocols.errors import ScoringError
from protocols.ledger.audit import Audit
from protocols.ledger.canonical import from_base64, parse_canonical
from protocols.ledger.checkpoint import open_checkpoint
from protocols.ledger.codec import decode, encode
from protocols.ledger.cosignature import check_quorum, cosignatures_in, open_cosigned, with_lines
from protocols.ledger.entry import Entry, Pin, entry_in, parse_entry
from protocols.ledger.envelope import Envelope, parse_envelope, verify_envelope
from protocols.ledger.evidence import Evidence, evidence_bytes, parse_evidence, verify_evidence
from protocols.ledger.messages import Answer
from protocols.ledger.note import parse_line, parse_note, print_note
from protocols.ledger.orders import Asked, place_of, read_order
from protocols.ledger.policy import load_charter, parse_signatures, policy_envelope, signers_of
from protocols.ledger.price import parse_decimal
from protocols.ledger.proof_bundle import open_bundle, proof_bundle
from protocols.ledger.receipt import parse_receipt, verify_receipt
from protocols.ledger.terms import terms_of
from protocols.ledger.tiles import check_tiles, leaves_in, size_of
from protocols.ledger.verifier import parse_verifier, print_verifier
from protocols.ledger.verify import verify_log
from tests.adversarial.ledger.honest import charter_table, charter_toml, signatures_for
from tests.fuzz import seeds
from tests.fuzz.bends import LARGE_INTEGERS, ODD_INTEGERS, Choices, bent, spliced
from tests.fuzz.logs import PATHS, Draft, bent_files, bent_note, payload_bytes


@dataclass(frozen=True)
class Target:
    """One thing to fuzz.

    Attributes:
        run: Takes any bytes; raises only what is a bug.
        cases: How many inputs ``make test`` tries; 10,000 over all targets.
        seeds: Returns well-formed inputs to begin with; none where input is decisions only.
    """

    run: Callable[[bytes], None]
    cases: int
    seeds: Callable[[], list[bytes]] = list


def fuzz_canonical(raw: bytes) -> None:
    """Canonical JSON, base64 and decimals."""
    _try(parse_canonical, raw)
    _try(from_base64, _text(raw))
    _try(parse_decimal, _text(raw))


def fuzz_envelope(raw: bytes) -> None:
    """An envelope and its signatures."""
    with suppress(ScoringError):
        envelope = parse_envelope(raw)
        assert envelope.to_bytes() == raw
        keys = seeds.worlds()[0].terms.charter_signers
        verify_envelope(envelope, payload_type=envelope.payload_type, keys=keys)


def fuzz_entry(raw: bytes) -> None:
    """A leaf; and a payload as one of every kind, as if it had been signed."""
    _try(parse_entry, raw)
    for kind in get_args(Entry):
        _try(entry_in, Envelope(kind.payload_type, raw, ()))


def fuzz_bent_entry(raw: bytes) -> None:
    """A payload of any kind of entry or message, with odd members, as that kind."""
    choices = Choices(raw)
    kind, payload = choices.one_of(seeds.payloads())
    odd = payload_bytes(bent(payload, choices))
    with suppress(ScoringError):
        assert encode(decode(kind, odd)) == odd


def fuzz_message(raw: bytes) -> None:
    """A message that is not logged; an order as a partner receives it."""
    for kind in (*get_args(Asked), *get_args(Answer)):
        _try(decode, kind, raw)
    with suppress(ScoringError):
        place_of(read_order(parse_envelope(raw), seeds.worlds()[0].terms))


def fuzz_bent_order(raw: bytes) -> None:
    """An order with odd members, by the coordinator's key."""
    choices = Choices(raw)
    kind, payload = choices.one_of(seeds.asked())
    odd = seeds.signed_order(kind, payload_bytes(bent(payload, choices)))
    with suppress(ScoringError):
        place_of(read_order(parse_envelope(odd), seeds.worlds()[0].terms))


def fuzz_receipt(raw: bytes) -> None:
    """A receipt, a log's public key as a line, and an answer that a receipt may hold."""
    with suppress(ScoringError):
        log = parse_verifier(_text(raw))
        assert parse_verifier(print_verifier(log)) == log
    for method in ("DecideLimit", "Score", "Appeal"):
        _try(facts_of, method, raw)
    with suppress(ScoringError):
        receipt = parse_receipt(raw)
        assert receipt.to_bytes() == raw
        verify_receipt(receipt, seeds.decision_log())
        assert raw == seeds.receipt()


def fuzz_note(raw: bytes) -> None:
    """A note as a checkpoint, with cosignatures, and with lines merged into it."""
    _read_note(_text(raw), raw.decode("latin-1").split("\n"))


def fuzz_bent_note(raw: bytes) -> None:
    """A note that the log and a witness have signed over odd text."""
    choices = Choices(raw)
    note = bent_note(choices)
    _read_note(note, bent_note(choices).split("\n"))


def fuzz_evidence(raw: bytes) -> None:
    """Evidence, to nodes that have seen nothing, some, and more than there is."""
    for seen in seeds.pins_seen():
        with suppress(ScoringError):
            _verify(parse_evidence(raw), seen)


def fuzz_bent_evidence(raw: bytes) -> None:
    """Evidence with odd members; sizes, indices and paths other than they are."""
    choices = Choices(raw)
    honest = parse_canonical(evidence_bytes(seeds.evidence()))
    odd = payload_bytes(bent(honest, choices))
    with suppress(ScoringError):
        evidence = parse_evidence(odd)
        if choices.below(2):
            evidence = replace(evidence, note=bent_note(choices))
        _verify(evidence, choices.one_of(seeds.pins_seen()))


def fuzz_bundle(raw: bytes) -> None:
    """A proof of one entry."""
    terms = seeds.worlds()[0].terms
    with suppress(ScoringError):
        proven = open_bundle(
            _text(raw), log=terms.log, witnesses=terms.witnesses, quorum=terms.quorum
        )
        parse_entry(proven.leaf)


def fuzz_bent_bundle(raw: bytes) -> None:
    """A proof with another index, leaf or path, or under another checkpoint."""
    choices, world = Choices(raw), seeds.worlds()[0]
    index = choices.one_of((1, 0, *ODD_INTEGERS, *LARGE_INTEGERS))
    path = world.tree.inclusion_path(1)
    for _ in range(choices.below(4)):
        path.insert(choices.below(len(path) + 1), choices.take(choices.below(40)))
    note = choices.one_of((seeds.cosigned_note(), bent_note(choices)))
    leaf = spliced(world.leaves[1], choices) if choices.below(2) else world.leaves[1]
    fuzz_bundle(proof_bundle(index, path, note, extra=leaf).encode("utf-8", "replace"))


def fuzz_signatures(raw: bytes) -> None:
    """The file of the charter's signatures."""
    for world in seeds.worlds():
        _try(parse_signatures, raw)
        _try(signers_of, world.terms, raw)
        _try(policy_envelope, world.terms, raw)


def fuzz_bent_signatures(raw: bytes) -> None:
    """The same with odd members."""
    choices, world = Choices(raw), seeds.worlds()[0]
    odd = bent(parse_canonical(world.signatures.removesuffix(b"\n")), choices)
    fuzz_signatures(payload_bytes(odd) + b"\n" * choices.below(3))


def fuzz_charter(raw: bytes) -> None:
    """A charter's file, as an auditor and as a node read it."""
    with NamedTemporaryFile(suffix=".toml") as file:
        file.write(raw)
        file.flush()
        _try(load_charter, Path(file.name))
        _try(load_charter_model, Path(file.name))


def fuzz_bent_charter(raw: bytes) -> None:
    """A charter's table with odd members."""
    odd = bent(charter_table(), Choices(raw))
    if isinstance(odd, dict):  # as every TOML file is
        _try(terms_of, odd)
        _try(lambda: charter_from_table(odd, where="charter.toml"))


def fuzz_tiles(raw: bytes) -> None:
    """The files of a log of two bundles, some of them odd, under any size."""
    choices = Choices(raw)
    files = dict(seeds.tiles())
    for _ in range(choices.below(4)):
        path = choices.one_of((*sorted(files), *PATHS))
        files[choices.one_of((path, path, *PATHS))] = choices.one_of(
            (b"", choices.take(40), spliced(files.get(path, b""), choices), b"\0" * 600)
        )
        files.pop(choices.one_of((*sorted(files), "", "", "")), None)
    for size in (size_of(files), choices.below(600), choices.one_of(LARGE_INTEGERS)):
        _try(lambda size=size: list(leaves_in(files, size)))
        assert all(isinstance(err, ScoringError) for _, err in check_tiles(files, abs(size)))


def fuzz_log(raw: bytes) -> None:
    """A whole log in which one file is other bytes, with saved checkpoints and signatures."""
    choices = Choices(raw)
    world = seeds.worlds()[choices.below(3)]
    files = world.files()
    saved = [choices.one_of((files["checkpoint"], choices.take(30)))] * choices.below(3)
    signatures = choices.one_of((world.signatures, choices.take(60)))
    path = choices.one_of((*sorted(files), *PATHS))
    files[path] = choices.rest() if choices.below(2) else spliced(files.get(path, b""), choices)
    _check(verify_log(world.terms, signatures=signatures, files=files, saved=saved))


def fuzz_bent_log(raw: bytes) -> None:
    """A whole log with odd entries, signed by who may, in any order; notes and files too."""
    choices = Choices(raw)
    draft = Draft.of(seeds.worlds()[choices.below(3)])
    is_relinked = choices.below(4) > 0
    for _ in range(1 + choices.below(4)):
        draft.bend(choices)
    leaves = draft.leaves(is_relinked=is_relinked)
    files = bent_files(leaves, draft.world, choices)
    saved = [bent_note(choices).encode("utf-8", "surrogatepass")] * choices.below(2)
    world = draft.world
    _check(verify_log(world.terms, signatures=world.signatures, files=files, saved=saved))


def fuzz_bent_world(raw: bytes) -> None:
    """A whole log under an odd charter, which all its signers have signed."""
    choices = Choices(raw)
    draft = Draft.of(seeds.worlds()[choices.below(2)])
    table = bent(draft.world.table, choices)
    if not isinstance(table, dict):  # no TOML file is
        return
    try:
        terms, signatures = terms_of(table), signatures_for(table)
    except ScoringError:
        return
    signers = list(terms.charter_signers)
    draft.said[0] = replace(draft.said[0], payload=table, keys=signers, raw=None)
    draft.names[draft.world.terms.charter.hex()] = terms.charter.hex()
    leaves = draft.leaves(is_relinked=True)
    files = draft.world.files(leaves)
    files["witnessed"] = draft.world.cosigned(leaves, len(leaves)).encode()
    _check(verify_log(terms, signatures=signatures, files=files))


TARGETS: dict[str, Target] = {
    "canonical": Target(fuzz_canonical, 500, lambda: [seeds.a_leaf(), b"12.345", b"AAECAw=="]),
    "envelope": Target(fuzz_envelope, 550, lambda: seeds.worlds()[0].leaves[:2]),
    "entry": Target(fuzz_entry, 600, lambda: [seeds.a_leaf(), *seeds.encoded()]),
    "bent-entry": Target(fuzz_bent_entry, 1_550),
    "message": Target(fuzz_message, 600, lambda: [*seeds.encoded(), *_orders()]),
    "bent-order": Target(fuzz_bent_order, 600),
    "receipt": Target(fuzz_receipt, 300, lambda: [seeds.receipt()]),
    "note": Target(fuzz_note, 600, lambda: [seeds.cosigned_note().encode()]),
    "bent-note": Target(fuzz_bent_note, 500),
    "evidence": Target(fuzz_evidence, 500, lambda: [evidence_bytes(seeds.evidence())]),
    "bent-evidence": Target(fuzz_bent_evidence, 500),
    "bundle": Target(fuzz_bundle, 500, lambda: [seeds.bundle()]),
    "bent-bundle": Target(fuzz_bent_bundle, 400),
    "signatures": Target(fuzz_signatures, 500, lambda: [seeds.worlds()[0].signatures]),
    "bent-signatures": Target(fuzz_bent_signatures, 400),
    "charter": Target(fuzz_charter, 300, lambda: [charter_toml(charter_table()).encode()]),
    "bent-charter": Target(fuzz_bent_charter, 400),
    "tiles": Target(fuzz_tiles, 300),
    "log": Target(fuzz_log, 150),
    "bent-log": Target(fuzz_bent_log, 150),
    "bent-world": Target(fuzz_bent_world, 100),
}


def replay(name: str, raw: bytes) -> None:
    """Give one input to one target; what comes out says how to do so again."""
    try:
        TARGETS[name].run(raw)
    except Exception as err:
        call = f"replay({name!r}, bytes.fromhex({raw.hex()!r}))"
        err.add_note(f'python -c "from tests.fuzz.targets import replay; {call}"')
        raise


def _try(parse: Callable[..., object], *inputs: object) -> None:
    with suppress(ScoringError):
        parse(*inputs)


def _check(audit: object) -> None:
    """An audit ends, whatever it is of, and every finding is printed."""
    assert isinstance(audit, Audit)
    for item in audit.findings:
        f"{item.kind} {item.where} {item.message}".encode()


def _text(raw: bytes) -> str:
    return raw.decode("utf-8", "replace")


def _read_note(note: str, lines: list[str]) -> None:
    terms = seeds.worlds()[0].terms
    origin, key = terms.log.origin, terms.witnesses["north"]
    with suppress(ScoringError):
        assert print_note(parse_note(note)) == note
    for line in lines:
        _try(parse_line, line)
    _try(open_checkpoint, note, terms.log)
    _try(lambda: open_cosigned(note, origin=origin, name="north", key=key))
    _try(cosignatures_in, note, terms.witnesses)
    _try(check_quorum, note, terms.witnesses, terms.quorum)
    _try(with_lines, note, lines)


def _verify(evidence: Evidence, seen: Pin) -> None:
    world = seeds.worlds()[0]
    leaf_of = {0: world.leaves[1], 1: world.leaves[2]}.get
    verify_evidence(evidence, leaf_of=leaf_of, seen=seen, terms=world.terms)


def _orders() -> list[bytes]:
    return [seeds.signed_order(kind, payload_bytes(payload)) for kind, payload in seeds.asked()]
