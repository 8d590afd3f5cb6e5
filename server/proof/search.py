"""Searches for counterexamples: draws applicants where a policy's answer may change."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from random import Random
from tempfile import TemporaryDirectory

from hypothesis import HealthCheck, Phase, Verbosity, find, settings
from hypothesis import strategies as st
from hypothesis.configuration import set_hypothesis_home_dir
from hypothesis.errors import NoSuchExample

from protocols.contracts.limit_policy import LimitPolicy
from protocols.contracts.regulation import RegulatoryProfile
from protocols.errors import ScoringError
from server.decisions.policy_faults import policy_faults
from server.decisions.regulation import rules_on
from server.proof.applicants import SIZE, Stage, drawn, stage
from server.proof.law import Broken, Law
from server.proof.laws import LAWS

EXAMPLES = 3_000  # draws; each is put to every law
_SEED_BYTES = 4  # of the policy's digest
_MOST_TRIED = 600  # numbers of one choice, whose options are few

Show = Callable[[str], None]


@dataclass(frozen=True)
class Found:
    """What a search came to.

    Attributes:
        faults: What is wrong with the policy's tables, found exactly.
        broken: One counterexample for each law that has one.
        examples: Draws that were made, each put to every law.
        days: Days on which applicants were decided on.
        seed: With it and the same policy the search is the same.
    """

    faults: Sequence[str]
    broken: Sequence[Broken]
    examples: int
    days: Sequence[date]
    seed: int

    @property
    def is_proven(self) -> bool:
        """Return whether nothing was found against the policy."""
        return not self.faults and not self.broken


def search(
    policy: LimitPolicy,
    profiles: Mapping[str, RegulatoryProfile],
    *,
    today: date,
    examples: int = EXAMPLES,
    seed: int | None = None,
    show: Show = lambda done: None,
) -> Found:
    """Look at every table exactly, then draw applicants and put each pair to every law.

    Finding nothing is no proof: it says that of so many draws, most of them at the policy's own
    edges, none broke a law. The same policy, day and seed draw the same.

    Args:
        policy: That parses.
        profiles: By name.
        today: The first day to decide on; all later days on which the profile changes follow.
        examples: Draws, at least 1.
        seed: Where to begin; of the policy's digest if None.
        show: Told how far it is.

    Source: docs/policy-proof.md.
    """
    used = int.from_bytes(policy.digest[:_SEED_BYTES], "big") if seed is None else seed
    faults = policy_faults(policy, profiles)
    if policy.profile not in profiles:
        return Found(faults, (), 0, (), used)
    days = days_of(profiles[policy.profile], today)
    stages, refused = _stages(policy, profiles[policy.profile], days)
    faults += refused
    if not stages:
        return Found(faults, (), 0, days, used)
    with _nothing_kept():
        suspects = _suspects(stages, examples, used, show)
        found = [_simplest(law, stages, examples, used, show) for law in suspects]
    return Found(faults, found, examples, days, used)


def days_of(profile: RegulatoryProfile, today: date) -> tuple[date, ...]:
    """Return the first day to decide on, and the later ones on which a rule begins or ends."""
    first = max(today.isoformat(), profile.valid_from)
    turns = {day for _, rule in profile.rules() for day in (rule.from_day, rule.until) if day}
    return tuple(date.fromisoformat(day) for day in sorted({first, *turns}) if day >= first)


def _stages(
    policy: LimitPolicy, profile: RegulatoryProfile, days: Sequence[date]
) -> tuple[list[Stage], list[str]]:
    stages, refused = [], dict[str, None]()
    for day in days:
        for segment in policy.segments:
            try:
                stages.append(stage(policy, segment, rules_on(profile, day), day))
            except ScoringError as err:
                refused[f"segments.{segment}: {err}"] = None
    return stages, list(refused)


def _suspects(stages: Sequence[Stage], examples: int, seed: int, show: Show) -> list[Law]:
    """Return the laws that a draw broke."""
    broken: dict[str, Law] = {}
    count = 0

    def is_unseen(raw: bytes) -> bool:
        nonlocal count
        pair = drawn(raw, stages)
        for name, law in LAWS.items():
            if name not in broken and law.check(pair) is not None:
                broken[name] = law
        count += 1
        show(f"{count:,} of {examples:,} draws, {len(broken)} laws broken")
        return False  # so that it goes on

    _find(is_unseen, examples, seed)
    return [law for name, law in LAWS.items() if name in broken]


def _simplest(law: Law, stages: Sequence[Stage], examples: int, seed: int, show: Show) -> Broken:
    """Return a law's plainest counterexample; there is one among as many draws."""

    def is_broken(raw: bytes) -> bool:
        show(f"law {law.name}: looks for the plainest counterexample")
        return law.check(drawn(raw, stages)) is not None

    raw = _find(is_broken, examples, seed)
    found = None if raw is None else law.check(drawn(_plainest(raw, is_broken), stages))
    assert found is not None, "the same seed draws the same"
    return found


def _plainest(raw: bytes, is_broken: Callable[[bytes], bool]) -> bytes:
    """Return bytes of which no pair is higher than it must be: hypothesis does not try them all."""
    for place in range(0, SIZE, 2):
        for number in range(int.from_bytes(raw[place : place + 2], "big")):
            lower = raw[:place] + number.to_bytes(2, "big") + raw[place + 2 :]
            if is_broken(lower):
                raw = lower
                break
            if number >= _MOST_TRIED:
                break
    return raw


def _find(is_wanted: Callable[[bytes], bool], examples: int, seed: int) -> bytes | None:
    try:
        return find(
            st.binary(min_size=SIZE, max_size=SIZE),
            is_wanted,
            settings=settings(
                max_examples=examples,
                database=None,
                deadline=None,
                phases=(Phase.generate, Phase.shrink),
                suppress_health_check=list(HealthCheck),
                verbosity=Verbosity.quiet,
            ),
            random=Random(seed),
        )
    except NoSuchExample:
        return None


@contextmanager
def _nothing_kept() -> Iterator[None]:
    """Keep hypothesis from leaving a folder where the command runs."""
    with TemporaryDirectory() as folder:
        set_hypothesis_home_dir(folder)
        try:
            yield
        finally:
            set_hypothesis_home_dir(None)
