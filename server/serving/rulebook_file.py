"""A rulebook from a file: the policy that it holds, and the profile that the policy names."""

from pathlib import Path

from protocols.contracts.features import read_toml
from protocols.errors import ContractError
from server.decisions.policy import policy_from_table
from server.decisions.regulation import load_profiles
from server.serving.rulebooks import Rulebook


def read_rulebook(path: Path, *, currency: str | None = None) -> Rulebook:
    """Return the policy in a TOML file, and its profile.

    Args:
        path: The file.
        currency: In which the policy must be: the release's. None takes any.

    Raises:
        ConfigError: The file cannot be read.
        ContractError: The policy breaks a rule, is in another currency, or names a profile that
            there is not.
    """
    policy = policy_from_table(read_toml(path), where=path.name)
    if currency is not None and policy.currency != currency:
        raise ContractError(f"{path.name}: currency must be {currency}, as in the release")
    profile = load_profiles().get(policy.profile)
    if profile is None:
        raise ContractError(f"{path.name}: profile: there is none of that name")
    return Rulebook(policy, profile)
