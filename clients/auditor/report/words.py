"""The report's words in one language, from the catalogue files."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources

LANGUAGES = ("en", "zh")


@dataclass(frozen=True)
class Words:
    """A catalogue.

    Attributes:
        language: As ``<html lang>`` has it.
        texts: Dotted key to text; a text may name values in braces.
    """

    language: str
    texts: Mapping[str, str]

    def say(self, key: str, **values: object) -> str:
        """Return a text with its values filled in."""
        return self.texts[key].format(**values)


def load_words(language: str) -> Words:
    """Read the catalogue of one of ``LANGUAGES``."""
    folder = resources.files("clients.auditor.report") / "catalogue"
    table = tomllib.loads((folder / f"{language}.toml").read_text(encoding="utf-8"))
    texts = {
        f"{section}.{name}": text
        for section, members in table.items()
        for name, text in members.items()
    }
    return Words(language=language, texts=texts)
