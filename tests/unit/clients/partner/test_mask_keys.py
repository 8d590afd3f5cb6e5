"""Mask keys of open runs: made once, held to what was seen first, gone when the run is over."""

import stat
from collections.abc import Mapping
from pathlib import Path

import pytest

from clients.partner.mask_keys import MaskKeys
from protocols.errors import KeyChangedError, OrderRefusedError, UnknownKeyError
from protocols.secagg.keys import RunKey

RUN = "run-1"


@pytest.fixture
def masks(tmp_path: Path) -> MaskKeys:
    return MaskKeys(tmp_path / "masks")


def _cohort(own: bytes) -> dict[str, bytes]:
    return {"p0": own, "p1": RunKey.create().public, "p2": RunKey.create().public}


def test_a_key_is_made_once_also_if_the_node_is_killed_in_between(tmp_path: Path) -> None:
    first = MaskKeys(tmp_path / "masks").create(RUN)
    assert MaskKeys(tmp_path / "masks").create(RUN) == first
    assert MaskKeys(tmp_path / "masks").own(RUN).public == first


def test_every_run_has_a_key_of_its_own(masks: MaskKeys) -> None:
    assert masks.create(RUN) != masks.create("run-2")


def test_only_the_owner_can_read_a_key(masks: MaskKeys, tmp_path: Path) -> None:
    masks.pin(RUN, _cohort(masks.create(RUN)))
    folder = tmp_path / "masks"
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()}
    assert modes == {f"{RUN}.key": 0o600, f"{RUN}.peers": 0o600}


def test_without_a_key_there_is_no_mask(masks: MaskKeys) -> None:
    with pytest.raises(OrderRefusedError, match="holds no mask key of the run"):
        masks.own(RUN)
    with pytest.raises(OrderRefusedError, match="holds no mask key of the run"):
        masks.pin(RUN, _cohort(RunKey.create().public))


def test_the_same_keys_and_fewer_of_them_are_taken_again(tmp_path: Path) -> None:
    masks = MaskKeys(tmp_path)
    keys = _cohort(masks.create(RUN))
    masks.pin(RUN, keys)
    again = MaskKeys(tmp_path)
    again.pin(RUN, keys)
    again.pin(RUN, {name: key for name, key in keys.items() if name != "p2"})
    again.pin(RUN, dict(reversed(keys.items())))


def test_a_partners_key_that_changes_within_a_run_is_refused(masks: MaskKeys) -> None:
    keys = _cohort(masks.create(RUN))
    masks.pin(RUN, keys)
    with pytest.raises(KeyChangedError):
        masks.pin(RUN, keys | {"p2": RunKey.create().public})
    masks.pin(RUN, keys)


def test_two_partners_that_swap_their_keys_are_refused(masks: MaskKeys) -> None:
    keys = _cohort(masks.create(RUN))
    masks.pin(RUN, keys)
    with pytest.raises(KeyChangedError):
        masks.pin(RUN, keys | {"p1": keys["p2"], "p2": keys["p1"]})


def test_a_partner_that_was_not_there_at_first_is_refused(masks: MaskKeys) -> None:
    keys = _cohort(masks.create(RUN))
    masks.pin(RUN, keys)
    with pytest.raises(KeyChangedError):
        masks.pin(RUN, keys | {"p3": RunKey.create().public})


LIES: dict[str, Mapping[str, bytes]] = {
    "zero, of low order": {"p1": bytes(32)},
    "one, of low order": {"p1": (1).to_bytes(32, "little")},
    "of order eight": {
        "p1": bytes.fromhex("e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800")
    },
    "a second spelling": {"p1": b"\xff" * 32},
    "too short": {"p1": bytes(31)},
    "the same for two": {"p1": RunKey.create().public, "p2": b""},
}
LIES["the same for two"] = dict.fromkeys(("p1", "p2"), LIES["the same for two"]["p1"])


@pytest.mark.parametrize("name", LIES)
def test_a_key_that_hides_nothing_is_refused_and_not_kept(
    name: str, masks: MaskKeys, tmp_path: Path
) -> None:
    honest = _cohort(masks.create(RUN))
    with pytest.raises(UnknownKeyError):
        masks.pin(RUN, honest | LIES[name])
    assert not (tmp_path / "masks" / f"{RUN}.peers").exists()
    masks.pin(RUN, honest)


def test_keys_without_ones_own_are_refused(masks: MaskKeys) -> None:
    masks.create(RUN)
    with pytest.raises(UnknownKeyError, match="without ours"):
        masks.pin(RUN, _cohort(RunKey.create().public))


def test_keys_with_ones_own_for_somebody_else_are_refused(masks: MaskKeys) -> None:
    own = masks.create(RUN)
    with pytest.raises(UnknownKeyError, match="two are the same"):
        masks.pin(RUN, _cohort(own) | {"p1": own})


def test_the_keys_of_runs_that_are_over_are_deleted(tmp_path: Path) -> None:
    masks = MaskKeys(tmp_path)
    for run in ("run-1", "run-1.2", "run-2"):
        masks.pin(run, _cohort(masks.create(run)))
    masks.forget_all_but(("run-1.2",))
    assert {path.name for path in tmp_path.iterdir()} == {"run-1.2.key", "run-1.2.peers"}
    masks.forget_all_but(())
    assert list(tmp_path.iterdir()) == []


def test_there_may_be_nothing_to_forget(masks: MaskKeys) -> None:
    masks.forget_all_but(())
