"""The policy that turns a probability of default into a limit."""

from itertools import pairwise
from typing import Literal

from pydantic import Field, model_validator

from protocols.contracts.decisions import Currency, Minor, PositiveMinor
from protocols.contracts.features import Contract, DecimalText, Name, contract_digest


class RiskBand(Contract):
    """A range of risk: above the band before, up to and with ``p_default_up_to``."""

    p_default_up_to: DecimalText
    limit_minor: Minor


class ProductTerms(Contract):
    """What the product allows at all; a limit is a whole number of steps."""

    minimum_minor: PositiveMinor
    maximum_minor: PositiveMinor
    step_minor: PositiveMinor

    @model_validator(mode="after")
    def _check_terms(self) -> "ProductTerms":
        if self.minimum_minor > self.maximum_minor:
            raise ValueError("minimum_minor is above maximum_minor")
        if self.minimum_minor % self.step_minor or self.maximum_minor % self.step_minor:
            raise ValueError("minimum_minor and maximum_minor must be whole steps")
        return self


class LimitPolicy(Contract):
    """Risk bands and product terms; one that could treat a safer applicant worse does not load.

    Attributes:
        bands: From safest to riskiest; together they cover every probability, the last declines.
    """

    schema_version: Literal[1] = Field(alias="schema")
    name: Name
    currency: Currency
    product: ProductTerms
    bands: tuple[RiskBand, ...] = Field(min_length=2, max_length=100, strict=False)

    @property
    def digest(self) -> bytes:
        """Return the digest of the policy's table as written; every key is required."""
        return contract_digest(self.model_dump(mode="json", by_alias=True))

    @model_validator(mode="after")
    def _check_cover(self) -> "LimitPolicy":
        bounds = [float(band.p_default_up_to) for band in self.bands]
        if not all(lower < upper for lower, upper in pairwise([0.0, *bounds])):
            raise ValueError("bands: p_default_up_to must rise from band to band, above 0")
        if bounds[-1] != 1.0 or self.bands[-1].limit_minor != 0:
            raise ValueError('bands: the last must end at "1" and decline with limit_minor 0')
        return self

    @model_validator(mode="after")
    def _check_limits(self) -> "LimitPolicy":
        limits = [band.limit_minor for band in self.bands]
        if not all(safer >= riskier for safer, riskier in pairwise(limits)):
            raise ValueError("bands: a safer band must not get a lower limit_minor")
        if any(0 < limit < self.product.minimum_minor for limit in limits):
            raise ValueError("bands: limit_minor must be 0 or at least the product's minimum")
        if any(limit % self.product.step_minor for limit in limits):
            raise ValueError("bands: limit_minor must be a whole number of steps")
        return self
