"""Reads a limit policy; whether it may be active is another question."""

from pydantic import ValidationError

from protocols.contracts.features import describe
from protocols.contracts.limit_policy import LimitPolicy
from protocols.errors import ContractError


def policy_from_table(table: dict[str, object], *, where: str) -> LimitPolicy:
    """Return the policy that a parsed TOML table holds; ``where`` names it in errors.

    Raises:
        ContractError: It breaks a rule of form, such as bands that leave a probability out.
    """
    try:
        return LimitPolicy.model_validate(table)
    except ValidationError as err:
        raise ContractError(f"{where}: {describe(err)}") from err
