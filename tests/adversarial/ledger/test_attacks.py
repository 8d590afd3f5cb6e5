"""The attacks that the log exists against, each shown to an auditor who has files and keys only.

Every one is found by ``fedscore-audit verify``, under a name of its own. ``test_lies.py`` has every
rule that an entry can break; here is what somebody would do to hide what was spent.
"""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from clients.auditor.cli import main
from protocols.ledger.canonical import canonical_json, from_base64, parse_canonical, to_base64
from protocols.ledger.codec import encode
from protocols.ledger.entry import MOST_PAYLOAD_BYTES, Mechanism, RoundOpen, Step
from protocols.ledger.envelope import sign
from protocols.ledger.policy import SIGNATURES_NAME
from tests.adversarial.ledger.honest import (
    GRADIENT,
    GRAM,
    HISTOGRAM,
    PARTNERS,
    World,
    charter_table,
    charter_toml,
    key_for,
    renewed,
    signatures_for,
    started,
    trained,
)

Files = dict[str, bytes]
Attack = Callable[[], tuple[World, Files]]

# What somebody had seen before, and what a quorum had not seen: it follows from many attacks.
_SEEN = {"RollbackError", "SplitViewError", "WitnessError", "PinError", "DateError"}


def _spent(rounds: int = 2) -> tuple[World, list[int]]:
    """Return a run of some rounds, and where north's spends stand in its log."""
    world, places = started(), []
    for number in range(1, rounds + 1):
        order = world.order("run-1", (number, 1), GRADIENT if number > 2 else GRAM, PARTNERS)
        places.append(len(world.leaves))
        world.close_round(order, [world.spend(name, order) for name in PARTNERS])
    return world, places


def _shown(world: World) -> tuple[World, Files]:
    return world, world.files()


def _resigned(world: World, leaves: list[bytes]) -> tuple[World, Files]:
    """Return other leaves under a checkpoint that the log's own key signs."""
    return world, world.files(leaves)


def _rolled_back() -> tuple[World, Files]:
    """The log is cut after a quorum has seen it whole, and signed again."""
    world = trained()
    return _resigned(world, world.leaves[:-4])


def _truncated() -> tuple[World, Files]:
    """The folder lacks its last leaves; the checkpoint is the old one."""
    world, _ = _spent()
    cut = world.files(world.leaves[:-2])
    return world, cut | {"checkpoint": world.files()["checkpoint"]}


def _split_view() -> tuple[World, Files]:
    """The witnesses were shown another log of the same size."""
    world, _ = _spent()
    other, _ = _spent()
    other.round("run-1", (3, 1), GRADIENT)
    world.round("run-1", (3, 1), HISTOGRAM)
    world.witnessed = other.cosigned(other.leaves, len(other.leaves))
    return _shown(world)


def _forged_spend() -> tuple[World, Files]:
    """A spend that its partner never signed, under the partner's key id."""
    world, (first, *_) = _spent()
    leaf = _bent(world.leaves[first], lambda table: _with_signature(table, bytes(64)))
    return _resigned(world, [*world.leaves[:first], leaf, *world.leaves[first + 1 :]])


def _edited_spend() -> tuple[World, Files]:
    """A spend with another price than was hashed; nobody signs the log again."""
    world, (first, *_) = _spent()
    leaf = _bent(world.leaves[first], _cheaper)
    kept = [*world.leaves[:first], leaf, *world.leaves[first + 1 :]]
    return world, world.files(kept) | {"checkpoint": world.files()["checkpoint"]}


def _reordered() -> tuple[World, Files]:
    """Two entries of the coordinator have changed places."""
    world = started()
    for number in (1, 2):
        world.order("run-1", (number, 1), HISTOGRAM, PARTNERS)
    *kept, first, second = world.leaves
    return _resigned(world, [*kept, second, first])


def _contribution_before_authorisation() -> tuple[World, Files]:
    world = World()
    world.spend("north", world.order("run-1", (1, 1), HISTOGRAM, PARTNERS))
    world.authorise("north", "run-1")
    world.witness()
    return _shown(world)


def _dropped_in_the_middle() -> tuple[World, Files]:
    """A spend is gone whose partner went on; the coordinator writes its own entries anew."""
    world = started()
    first = world.order("run-1", (1, 1), HISTOGRAM, PARTNERS)
    world.spend("north", first)
    dropped = len(world.leaves) - 1
    world.spend("north", world.order("run-1", (1, 2), HISTOGRAM, PARTNERS))
    return _resigned(world, world.leaves[:dropped] + world.leaves[dropped + 1 :])


def _dropped_at_the_end() -> tuple[World, Files]:
    """The last spend before a run-close is gone, and so is the round-close that names it."""
    world, _ = _spent()
    world.leaves.pop()
    dropped = len(world.leaves) - 1
    world.close_run("west", "run-1")
    return _resigned(world, world.leaves[:dropped] + world.leaves[dropped + 1 :])


def _withheld_run_close() -> tuple[World, Files]:
    """All have closed the run, says its release; one run-close is not in the log."""
    world, _ = _spent()
    for name in ("north", "south"):
        world.close_run(name, "run-1")
    world.release("run-1", not_closed_by=())
    return _shown(world)


def _dropped_round() -> tuple[World, Files]:
    """The order that spends answer is gone, and the coordinator's chain is written anew."""
    world = started()
    before = world.last.get("coordinator")
    order = world.order("run-1", (1, 1), HISTOGRAM, PARTNERS)
    world.leaves.pop()
    if before is None:
        del world.last["coordinator"]
    for name in PARTNERS:
        world.spend(name, order)
    return _resigned(world, world.leaves)


def _replayed_spend() -> tuple[World, Files]:
    world, (first, *_) = _spent()
    return _resigned(world, [*world.leaves, world.leaves[first]])


def _sigma_below_policy() -> tuple[World, Files]:
    world = started()
    world.order("run-1", (1, 1), Mechanism("gram", "4.999"), PARTNERS)
    return _shown(world)


def _survivors_fewer_than_claimed() -> tuple[World, Files]:
    """A sum is called complete over three partners of whom two have answered."""
    world = started()
    order = world.order("run-1", (1, 1), HISTOGRAM, PARTNERS)
    world.close_round(order, [world.spend(name, order) for name in PARTNERS[:2]])
    return _shown(world)


def _reset_by_a_new_data_set() -> tuple[World, Files]:
    """A partner counts from zero again because its data are new."""
    world, _ = _spent(1)
    world.begin_epoch("north", "newer loans")
    del world.spent["north", "run-1"]
    world.spend("north", world.order("run-1", (2, 1), HISTOGRAM, PARTNERS))
    return _shown(world)


def _back_dated() -> tuple[World, Files]:
    """A spend is dated a week before the order that it has seen."""
    world, _ = _spent(1)
    world.witness()
    order = world.order("run-1", (2, 1), HISTOGRAM, PARTNERS)
    earlier = 1_700_000_000 - 7 * 24 * 3600
    world.spend("north", order, link=lambda link: replace(link, at=earlier))
    return _shown(world)


def _foreign_key() -> tuple[World, Files]:
    """The coordinator speaks for a partner, and signs with its own key."""
    world = started()
    order = world.order("run-1", (1, 1), HISTOGRAM, PARTNERS)
    world.spend("north", order, key="order")
    return _shown(world)


def _oversized_leaf() -> tuple[World, Files]:
    """An entry that is signed and far larger than any needs to be."""
    world = started()
    many = tuple(f"partner-{number:04}" for number in range(MOST_PAYLOAD_BYTES // 13))
    link = world.link("coordinator", "run-1")
    entry = RoundOpen(link, Step(1, 1), HISTOGRAM, 10, many, "dd" * 32)
    key = key_for("order")
    world.add(sign(encode(entry), payload_type=entry.payload_type, keys=[key]).to_bytes())
    return _shown(world)


def _malformed_note() -> tuple[World, Files]:
    world, _ = _spent()
    files = world.files()
    return world, files | {"checkpoint": files["checkpoint"].replace(b"\n\n", b"\n")}


def _reset_of_a_pin() -> tuple[World, Files]:
    """A partner whose book was set back pins an older checkpoint than before."""
    world, _ = _spent(1)
    world.witness()
    world.spend("north", world.order("run-1", (2, 1), HISTOGRAM, PARTNERS))
    world.seen["north"] = 1
    world.spend("north", world.order("run-1", (2, 2), HISTOGRAM, PARTNERS))
    return _shown(world)


def _never_witnessed() -> tuple[World, Files]:
    """Partners have spent in a run of which no quorum knows."""
    world, _ = _spent()
    world.witnessed = None
    return _shown(world)


def _corrected_downwards() -> tuple[World, Files]:
    """A partner says afterwards that its noise was more than it said."""
    world, _ = _spent(1)
    order = world.order("run-1", (2, 1), GRAM, PARTNERS)
    spend = world.spend("north", order)
    world.amend("north", "run-1", spend, "60")
    return _shown(world)


def _reset_by_a_new_charter() -> tuple[World, Files]:
    """Partners agree on a charter that says nothing of the one before, and begin at nothing."""
    world, fresh = trained(), charter_table(released_cap_micro=2_000_000)
    world.table, world.signatures = fresh, signatures_for(fresh)
    return _shown(world)


def _key_taken_over() -> tuple[World, Files]:
    """All others agree on a charter in which somebody else has north's place."""
    world = trained()
    world.succeed(world.with_new_key("north", confirmed=False))
    return _shown(world)


ATTACKS: dict[str, tuple[Attack, str, set[str]]] = {
    "rollback": (_rolled_back, "RollbackError", _SEEN),
    "truncation": (_truncated, "LogSizeError", {"InclusionError", "WitnessError"}),
    "split view": (_split_view, "SplitViewError", {"WitnessError"}),
    "forged spend": (
        _forged_spend,
        "SignatureError",
        _SEEN | {"GapError", "PriceError", "RoundCloseError"},
    ),
    "edited spend": (
        _edited_spend,
        "InclusionError",
        _SEEN | {"SignatureError", "GapError", "PriceError", "RoundCloseError"},
    ),
    "reordered leaves": (_reordered, "ChainError", _SEEN | {"GapError", "TurnError"}),
    "contribution before authorisation": (
        _contribution_before_authorisation,
        "AuthorisationError",
        set(),
    ),
    "spend dropped in the middle": (_dropped_in_the_middle, "GapError", _SEEN | {"PriceError"}),
    "spend dropped at the end": (
        _dropped_at_the_end,
        "RunCloseError",
        _SEEN | {"GapError", "PriceError"},
    ),
    "withheld run-close": (_withheld_run_close, "UnclosedRunError", set()),
    "dropped round": (_dropped_round, "UnknownOrderError", _SEEN),
    "replayed spend": (_replayed_spend, "ReplayError", set()),
    "sigma below policy": (_sigma_below_policy, "WeakNoiseError", set()),
    "survivors fewer than claimed": (_survivors_fewer_than_claimed, "RoundCloseError", set()),
    "budget reset by a new data set": (_reset_by_a_new_data_set, "BudgetResetError", set()),
    "back-dating": (_back_dated, "DateError", set()),
    "foreign key": (_foreign_key, "ForeignKeyError", set()),
    "oversized leaf": (_oversized_leaf, "OversizedLeafError", set()),
    "malformed note": (_malformed_note, "CheckpointError", {"WitnessError"}),
    "pin set back": (_reset_of_a_pin, "PinError", set()),
    "run that no quorum has seen": (_never_witnessed, "WitnessError", set()),
    "budget reset by a new charter": (_reset_by_a_new_charter, "PolicyError", _SEEN),
    "key taken over": (_key_taken_over, "SuccessionError", set()),
    "spend corrected downwards": (_corrected_downwards, "AmendError", {"PriceError"}),
}


@pytest.mark.parametrize("name", ATTACKS)
def test_an_attack_is_named_in_what_the_auditor_is_shown(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    attack, kind, follows = ATTACKS[name]
    verdict = _verified(*attack(), tmp_path, capsys)
    kinds = {item["kind"] for item in verdict["findings"]}
    assert not verdict["is_true"]
    assert kind in kinds
    assert kinds <= {kind} | follows


def test_every_attack_has_a_name_of_its_own() -> None:
    names = [kind for _, kind, _ in ATTACKS.values()]
    assert len(set(names)) == len(names)


def test_an_honest_log_with_crashes_and_voided_attempts_has_no_finding(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    verdict = _verified(*_shown(trained()), tmp_path, capsys)
    assert (verdict["is_true"], verdict["findings"]) == (True, [])


def test_an_honest_log_under_two_charters_has_no_finding(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    verdict = _verified(*_shown(renewed()), tmp_path, capsys)
    assert (verdict["is_true"], verdict["findings"]) == (True, [])
    assert len(verdict["charters"]) == 2


def _verified(
    world: World, files: Files, folder: Path, capsys: pytest.CaptureFixture[str]
) -> dict[str, list[dict[str, str]]]:
    """Run the command on the folder, as an auditor does, and return what it printed."""
    for path, raw in files.items():
        (folder / "log" / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / "log" / path).write_bytes(raw)
    charter = folder / "charter.toml"
    charter.write_text(charter_toml(world.table), encoding="utf-8")
    (folder / SIGNATURES_NAME).write_bytes(world.signatures)
    status = main(["verify", str(folder / "log"), "--charter", str(charter), "--json"])
    verdict: dict[str, list[dict[str, str]]] = json.loads(capsys.readouterr().out)
    assert status == (0 if verdict["is_true"] else 1)
    return verdict


def _bent(leaf: bytes, bend: Callable[[dict[str, object]], None]) -> bytes:
    table = parse_canonical(leaf)
    assert isinstance(table, dict)
    bend(table)
    return canonical_json(table)


def _with_signature(table: dict[str, object], signature: bytes) -> None:
    (listed,) = table["signatures"]  # type: ignore[misc]  # a list, as canonical JSON has it
    listed["sig"] = to_base64(signature)


def _cheaper(table: dict[str, object]) -> None:
    payload = parse_canonical(from_base64(str(table["payload"])))
    assert isinstance(payload, dict)
    payload["spent"]["released_micro"] -= 1
    table["payload"] = to_base64(canonical_json(payload))
