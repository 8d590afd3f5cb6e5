"""The words of explanations, in English and Chinese, from the file beside this one."""

from collections.abc import Mapping
from functools import cache, cached_property
from typing import get_args

from pydantic import model_validator

from model.label_words import LabelWords
from protocols.contracts.decisions import Language, Outcome
from protocols.contracts.explanations import AdviceKind
from protocols.contracts.facts import FactName
from protocols.contracts.features import Contract, Name, Sentence
from server.decisions.candidates import TABLE
from server.decisions.texts import InBothLanguages, shipped


class Labels(Contract):
    """As ``LabelWords``."""

    missing: Sentence
    other: Sentence
    below: Sentence
    between: Sentence
    up_to: Sentence
    from_to: Sentence
    above: Sentence
    any_number: Sentence
    more: Sentence


class Wording(Contract):
    """One language.

    Attributes:
        labels: Of ranges.
        caps: By the cap's name; those of tables have one.
        advice: Sentences whose braces are filled in.
    """

    labels: Labels
    outcomes: dict[Outcome, Sentence]
    facts: dict[FactName, Sentence]
    caps: dict[Name, Sentence]
    advice: dict[AdviceKind, Sentence]

    @cached_property
    def words(self) -> LabelWords:
        """The words of labels."""
        return LabelWords(**self.labels.model_dump())

    def cap(self, name: str) -> str:
        """Return what a cap is called."""
        return self.caps[name.partition(".")[0] if name.startswith(TABLE) else name]

    @model_validator(mode="after")
    def _check_complete(self) -> "Wording":
        for known, words in ((self.outcomes, Outcome), (self.facts, FactName)):
            if known.keys() != set(get_args(words)):
                raise ValueError("a word is missing")
        if self.advice.keys() != set(get_args(AdviceKind)):
            raise ValueError("a kind of advice is missing")
        return self


@cache
def wordings() -> Mapping[Language, Wording]:
    """Return the words by language, from the file beside this one."""
    return shipped("explanation.toml", InBothLanguages[Wording]).by_language
