"""The principal reasons of a decision: one to four, specific, and only what really moved it."""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from protocols.contracts.decisions import MOST_PRINCIPAL_REASONS, Source, Withholding
from protocols.contracts.features import FeatureField, Group
from server.decisions.candidates import NOT_KNOWN
from server.decisions.catalogue import catalogue
from server.decisions.reasons import Loss

_NOTHING = "DATA.NOTHING_BETTER"


class Why(NamedTuple):
    """One reason.

    Attributes:
        code: Of the catalogue, or of the feature contract where the source is MODEL.
        en, zh: The sentence.
        is_changeable: Whether a person can do something about it.
    """

    code: str
    source: Source
    en: str
    zh: str
    is_changeable: bool


def principal_reasons(
    codes: Iterable[str],
    losses: Sequence[Loss] | None,
    fields: Sequence[FeatureField],
    withheld: Mapping[Group, Withholding],
) -> tuple[Why, ...]:
    """Return the reasons to give, most important first, none twice.

    Args:
        codes: Of the catalogue, in their order.
        losses: What cost points, if the risk moved the decision; else None. Stands after the
            codes that are facts, and in place of one that says no more than that the risk did.
        fields: Of the feature contract.
        withheld: Why values of a group counted as missing. Nobody is told that a value was bad
            where none was used.

    Source: docs/limits.md, "Reasons"; 12 CFR 1002 supplement I, 9(b)(2).
    """
    whys = [_of_catalogue(code) for code in codes]
    if losses is not None:
        whys += [_of_loss(loss, fields, withheld) for loss in losses] or [_of_catalogue(_NOTHING)]
    return tuple(dict.fromkeys(whys))[:MOST_PRINCIPAL_REASONS]


def _of_loss(
    loss: Loss, fields: Sequence[FeatureField], withheld: Mapping[Group, Withholding]
) -> Why:
    field = fields[loss.place]
    if not loss.is_missing:
        return _of_field(field)
    why = withheld.get(field.group)
    return _of_catalogue(f"DATA.{why}" if why else NOT_KNOWN)


def _of_catalogue(code: str) -> Why:
    entry = catalogue()[code]
    return Why(code, entry.source, entry.en, entry.zh, entry.changeable)


def _of_field(field: FeatureField) -> Why:
    sentence_zh = field.reason_zh or field.reason
    return Why(field.reason_code, "MODEL", field.reason, sentence_zh, field.is_changeable)
