"""The catalogue of reasons: what a borrower is told, in English and Chinese, and nothing freer."""

from collections.abc import Mapping
from functools import cache
from typing import Literal

from pydantic import Field

from protocols.contracts.decisions import Source
from protocols.contracts.features import Contract, Name, Sentence
from server.decisions.texts import shipped


class CatalogueReason(Contract):
    """One reason.

    Attributes:
        changeable: Whether a person can do something about it.
        en, zh: The sentence.
    """

    source: Source
    changeable: bool
    en: Sentence
    zh: Sentence


class Catalogue(Contract):
    """All reasons by code."""

    schema_version: Literal[1] = Field(alias="schema")
    reasons: dict[Name, CatalogueReason]


@cache
def catalogue() -> Mapping[str, CatalogueReason]:
    """Return the reasons that this version knows, from the file beside this one."""
    return shipped("catalogue.toml", Catalogue).reasons
