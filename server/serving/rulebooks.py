"""By what a limit is decided at an instant: the lender's policy, and the law's profile it names."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple, Protocol

from protocols.contracts.limit_policy import LimitPolicy
from protocols.contracts.regulation import RegulatoryProfile
from protocols.errors import ContractError


class Rulebook(NamedTuple):
    """The lender's policy and the law's profile."""

    policy: LimitPolicy
    profile: RegulatoryProfile


RulebookFor = Callable[[str, datetime], Rulebook]  # of a product at an instant


def always(rulebook: Rulebook) -> RulebookFor:
    """Return what decides by one rulebook whatever is asked, at any instant."""
    return lambda product, at: rulebook


class Policies(Protocol):
    """Where limit policies come from; ``server.policies.following.Policies`` is one."""

    def for_question(self, product: str, at: datetime) -> LimitPolicy:
        """Return the policy that decides a question at an instant; one of our errors if none."""


@dataclass(frozen=True)
class Rulebooks:
    """The policies in force with their profiles."""

    policies: Policies
    profiles: Mapping[str, RegulatoryProfile]

    def at(self, product: str, instant: datetime) -> Rulebook:
        """Return what decides questions about a product at an instant.

        Args:
            product: "" is the only one that has a policy.
            instant: When it is decided, aware.

        Raises:
            NoActivePolicyError: No policy is active then.
            RequestError: Several products have one, and the question names none.
            ContractError: This version does not know the profile that the policy names.
        """
        policy = self.policies.for_question(product, instant)
        profile = self.profiles.get(policy.profile)
        if profile is None:
            raise ContractError(f"profile {policy.profile}: this version knows none of that name")
        return Rulebook(policy, profile)
