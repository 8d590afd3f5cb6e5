"""Which of a request's values may be used: by law, by consent, and by age."""

from collections.abc import Iterable, Mapping
from datetime import date
from typing import NamedTuple

from protocols.contracts.decisions import Consent, LimitRequest, Withholding
from protocols.contracts.features import Group
from protocols.contracts.limit_policy import LimitPolicy
from protocols.decision_errors import ConsentError, DataNotPermittedError
from server.decisions.regulation import Rules


class Withheld(NamedTuple):
    """A group whose values count as missing.

    Attributes:
        is_required: Whether nothing is decided without it.
    """

    group: Group
    why: Withholding
    is_required: bool


def withheld_groups(
    request: LimitRequest,
    given: Iterable[Group],
    *,
    policy: LimitPolicy,
    rules: Rules,
    today: date,
) -> tuple[Withheld, ...]:
    """Return the groups of fields whose values may not be used, each once.

    Args:
        request: Whose consents and days of observation count.
        given: The groups of which the request holds values.
        policy: Says how old values may be.
        rules: The law's, on this day.
        today: In the policy's time zone.

    Raises:
        DataNotPermittedError: A value is of a group that the law bars. It is not just left out:
            who sends it has to stop.
        ConsentError: The law needs the borrower's consent, and there is none that counts today.

    Source: docs/limits.md, "What may be used".
    """
    barred = sorted(rules.barred_groups.intersection(given))
    if barred:
        raise DataNotPermittedError(f"profile {rules.profile} bars data of group {barred[0]}")
    consented = _consented(request.consents, today)
    if rules.needs_consent and not consented:
        kinds = ", ".join(sorted(rules.consent_groups)) or "any data"
        raise ConsentError(
            f"profile {rules.profile} needs the borrower's consent to use {kinds}, and none counts "
            "on this day"
        )
    required = {item.group: item.is_required for item in policy.freshness}
    withheld: dict[Group, Withholding] = dict.fromkeys(
        rules.consent_groups - consented, "NOT_PERMITTED"
    )
    for group in _stale(request.observed, policy, today):
        withheld.setdefault(group, "STALE")
    return tuple(
        Withheld(group, withheld[group], required.get(group, False)) for group in sorted(withheld)
    )


def _consented(consents: Iterable[Consent], today: date) -> frozenset[Group]:
    return frozenset(
        group
        for consent in consents
        if consent.granted_on <= today < consent.expires_on
        for group in consent.groups
    )


def _stale(observed: Mapping[Group, date], policy: LimitPolicy, today: date) -> Iterable[Group]:
    for item in policy.freshness:
        day = observed.get(item.group)
        if day is None or not 0 <= (today - day).days <= item.most_days:
            yield item.group
