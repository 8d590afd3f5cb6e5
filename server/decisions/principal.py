"""The principal reasons of a decision: one to four, specific, and only what really moved it."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from protocols.contracts.decisions import MOST_PRINCIPAL_REASONS, Source
from protocols.contracts.features import FeatureField
from server.decisions.catalogue import catalogue
from server.decisions.reasons import Loss


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
    codes: Iterable[str], losses: Sequence[Loss] | None, fields: Sequence[FeatureField]
) -> tuple[Why, ...]:
    """Return the reasons to give, most important first, none twice.

    Args:
        codes: Of the catalogue, in their order.
        losses: What cost points, if the risk moved the decision; else None. Stands after the
            codes that are facts, and in place of one that says no more than that the risk did.
        fields: Of the feature contract.

    Source: docs/limits.md, "Reasons"; 12 CFR 1002 supplement I, 9(b)(2).
    """
    facts = dict.fromkeys(codes)
    from_model = [_of_field(fields[loss.place]) for loss in losses or ()]
    if losses is not None and not from_model:
        facts["DATA.NOTHING_BETTER"] = None
    whys = dict.fromkeys([*map(_of_catalogue, facts), *from_model])
    return tuple(whys)[:MOST_PRINCIPAL_REASONS]


def _of_catalogue(code: str) -> Why:
    entry = catalogue()[code]
    return Why(code, entry.source, entry.en, entry.zh, entry.changeable)


def _of_field(field: FeatureField) -> Why:
    sentence_zh = field.reason_zh or field.reason
    return Why(field.reason_code, "MODEL", field.reason, sentence_zh, field.is_changeable)
