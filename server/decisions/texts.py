"""Texts that are shipped beside the decisions, most of them in English and in Chinese."""

import tomllib
from collections.abc import Mapping
from importlib.resources import files
from typing import Generic, Literal, TypeVar

from pydantic import Field

from protocols.contracts.decisions import Language
from protocols.contracts.features import Contract

_Words = TypeVar("_Words", bound=Contract)


class InBothLanguages(Contract, Generic[_Words]):
    """The same words in each language."""

    schema_version: Literal[1] = Field(alias="schema")
    en: _Words
    zh: _Words

    @property
    def by_language(self) -> Mapping[Language, _Words]:
        """The words by language."""
        return {"en": self.en, "zh": self.zh}


def shipped(name: str, kind: type[_Words]) -> _Words:
    """Return what the TOML file of this name beside this one holds."""
    text = files("server.decisions").joinpath(name).read_text(encoding="utf-8")
    return kind.model_validate(tomllib.loads(text))
