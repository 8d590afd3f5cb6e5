"""Regulatory profiles: read those that are shipped, and look up what holds on a day."""

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from functools import lru_cache
from importlib import resources
from typing import TypeVar

from pydantic import ValidationError

from protocols.contracts.dated import DayText, held_on
from protocols.contracts.features import Group, describe
from protocols.contracts.plans import CostBasis
from protocols.contracts.regulation import (
    Binds,
    BulletRule,
    CostStatementRule,
    DecreaseNoticeRule,
    NoticeRule,
    RateCapRule,
    ReassessmentRule,
    RegulatoryProfile,
    ReviewRule,
    Segment,
    SegmentRule,
)
from protocols.decision_errors import ProfileDateError
from protocols.errors import ContractError

PROFILE_NAMES = ("cn-bank", "cn-micro-lender", "eu-ccd2", "us")

_Rule = TypeVar("_Rule", bound=SegmentRule)


@dataclass(frozen=True)
class LineCap:
    """The largest line: minor units, the day since when, and where that stands."""

    id: str
    minor: int
    since: date
    source: str


@dataclass(frozen=True)
class RateCap:
    """The largest annual cost.

    Attributes:
        basis: How the cost that is compared with it must be measured.
        annual: The cap as a fraction: 0.24 is 24 % a year.
        binds: Every borrower, or only those whom the law protects.
        since: First day of this very number: of the rule, or of the reference rate if later.
        source: Where the rule stands, and the reference rate if it is a multiple of one.
    """

    id: str
    basis: CostBasis
    annual: Decimal
    binds: Binds
    since: date
    source: str


@dataclass(frozen=True)
class Rules:
    """What a profile demands on one day; what it is silent about is None.

    Attributes:
        profile, digest: Name and digest of the profile.
        barred_groups: Groups of fields that may not be used.
        consent_groups: Groups that need the borrower's consent.
        needs_consent: Whether the assessment as a whole does.
        review: When a person looks at a decision.
    """

    profile: str
    digest: bytes
    day: date
    barred_groups: frozenset[Group]
    consent_groups: frozenset[Group]
    needs_consent: bool
    review: ReviewRule
    line_caps: Mapping[tuple[Segment, str], LineCap]
    rate_caps: Mapping[Segment, RateCap]
    bullets: Mapping[Segment, BulletRule]
    notices: Mapping[Segment, NoticeRule]
    decrease_notices: Mapping[Segment, DecreaseNoticeRule]
    cost_statements: Mapping[Segment, CostStatementRule]
    reassessments: Mapping[Segment, ReassessmentRule]

    def line_cap(self, segment: Segment, currency: str) -> LineCap | None:
        """Return the largest line for a segment, if there is one.

        Raises:
            ContractError: Lines of the segment are capped, but in other currencies only: whether
                the cap is kept cannot be told.
        """
        cap = self.line_caps.get((segment, currency))
        if cap is None and any(capped == segment for capped, _ in self.line_caps):
            raise ContractError(f"currency: profile {self.profile} caps lines in another one")
        return cap

    def rate_cap(self, segment: Segment, *, is_covered: bool = True) -> RateCap | None:
        """Return the largest annual cost for a segment, if there is one.

        Args:
            segment: Whose.
            is_covered: Whether the borrower may be one whom the law protects; who has not asked
                must suppose so.
        """
        cap = self.rate_caps.get(segment)
        if cap is None or (cap.binds == "COVERED_BORROWERS" and not is_covered):
            return None
        return cap

    def longest_bullet_months(self, segment: Segment) -> int | None:
        """Return the longest loan, in months, that may be repaid at once at its end."""
        bullet = self.bullets.get(segment)
        return None if bullet is None else bullet.longest_months

    def notice(self, segment: Segment) -> NoticeRule:
        """Return what is owed to whom is declined or reduced; every profile says it."""
        return self.notices[segment]


def load_profiles() -> Mapping[str, RegulatoryProfile]:
    """Read the profiles that are shipped, by name.

    Raises:
        ContractError: A file breaks a rule of the contract; says which file and rule.
    """
    folder = resources.files("server.decisions") / "profiles"
    texts = {name: (folder / f"{name}.toml").read_text(encoding="utf-8") for name in PROFILE_NAMES}
    return {name: profile_from_text(text, name=name) for name, text in texts.items()}


def profile_from_text(text: str, *, name: str) -> RegulatoryProfile:
    """Return the profile that a TOML text holds.

    Args:
        text: TOML.
        name: What the profile must call itself.

    Raises:
        ContractError: It is not TOML, breaks a rule of the contract, or is named otherwise.
    """
    try:
        profile = RegulatoryProfile.model_validate(tomllib.loads(text))
    except ValidationError as err:
        raise ContractError(f"profile {name}: {describe(err)}") from err
    except (ValueError, RecursionError) as err:
        raise ContractError(f"profile {name}: not TOML") from err
    if profile.name != name:
        raise ContractError(f"profile {name}: calls itself otherwise")
    return profile


def rules_on(profile: RegulatoryProfile, day: date) -> Rules:
    """Return what a profile demands on a day; the same object for the same profile and day.

    Args:
        profile: Whose digest names it.
        day: The business date of the decision.

    Raises:
        ProfileDateError: The day is before the profile's first.
    """
    return _rules_on(_Keyed(profile.digest, profile), day)


@dataclass(frozen=True)
class _Keyed:
    digest: bytes  # alone tells profiles apart: to hash a whole one takes long
    profile: RegulatoryProfile = field(compare=False)


@lru_cache(maxsize=1_024)
def _rules_on(keyed: _Keyed, day: date) -> Rules:
    profile, text = keyed.profile, day.isoformat()
    if text < profile.valid_from:
        raise ProfileDateError(f"profile {profile.name} holds no rules for that date")
    (data,) = held_on(profile.data, text)  # one a day, by the contract
    (review,) = held_on(profile.reviews, text)
    return Rules(
        profile=profile.name,
        digest=keyed.digest,
        day=day,
        barred_groups=frozenset(data.barred_groups),
        consent_groups=frozenset(data.consent_groups),
        needs_consent=data.needs_consent,
        review=review,
        line_caps=_line_caps(profile, text),
        rate_caps=_rate_caps(profile, text),
        bullets=_by_segment(profile.bullets, text),
        notices=_by_segment(profile.notices, text),
        decrease_notices=_by_segment(profile.decrease_notices, text),
        cost_statements=_by_segment(profile.cost_statements, text),
        reassessments=_by_segment(profile.reassessments, text),
    )


def _by_segment(rules: Iterable[_Rule], day: DayText) -> Mapping[Segment, _Rule]:
    held = held_on(rules, day)
    return {segment: rule for rule in held for segment in rule.segments}


def _line_caps(profile: RegulatoryProfile, day: DayText) -> Mapping[tuple[Segment, str], LineCap]:
    return {
        (segment, rule.currency): LineCap(
            rule.id, rule.minor, date.fromisoformat(rule.from_day), rule.source
        )
        for rule in held_on(profile.line_caps, day)
        for segment in rule.segments
    }


def _rate_caps(profile: RegulatoryProfile, day: DayText) -> Mapping[Segment, RateCap]:
    held = held_on(profile.rate_caps, day)
    return {segment: _rate_cap(rule, profile, day) for rule in held for segment in rule.segments}


def _rate_cap(rule: RateCapRule, profile: RegulatoryProfile, day: DayText) -> RateCap:
    percent, since, source = rule.percent, rule.from_day, rule.source
    times = Decimal(1)
    if rule.multiple is not None:
        times = Decimal(rule.multiple)
        (reference,) = (one for one in profile.references if one.name == rule.of)
        (value,) = held_on(reference.values, day)  # on every day of the rule, by the contract
        percent, since = value.percent, max(since, value.from_day)
        source = f"{source} {reference.title}: {value.source}"
    assert percent is not None
    return RateCap(
        id=rule.id,
        basis=rule.basis,
        annual=times * Decimal(percent) / 100,
        binds=rule.binds,
        since=date.fromisoformat(since),
        source=source,
    )
