"""Every service's methods in one table, with what they share."""

from collections.abc import Callable
from datetime import timedelta
from functools import partial

from server.decisions.recourse_rules import RecourseTerms
from server.decisions.regulation import load_profiles
from server.journal.journal import Journal
from server.policies.following import Policies
from server.serving.access import Access
from server.serving.desk import Method
from server.serving.explanation_methods import ExplanationMethods
from server.serving.materials import Materials
from server.serving.methods import Methods
from server.serving.once import Clock
from server.serving.quote_methods import QuoteMethods
from server.serving.recourse import Recourse
from server.serving.releases import Find, Served
from server.serving.rulebooks import Rulebooks


def service_table(
    served: Callable[[], Served],
    find: Find,
    journal: Journal,
    policies: Policies,
    *,
    clock: Clock,
    access: Access,
    review_due: timedelta,
) -> dict[str, Method]:
    """Return the methods by name.

    Args:
        served: Gives the releases in force.
        find: Returns a release, in force or not any more.
        journal: Where answers are.
        policies: The policy book, followed.
        clock: Says when a step is taken.
        access: Counts what is asked.
        review_due: From a review's request to when a person must resolve it.
    """
    rulebooks = Rulebooks(policies, load_profiles())
    materials = Materials(
        served=served,
        release_by_digest=find,
        policy_by_digest=policies.by_digest,
        rulebook_for=rulebooks.at,
        profiles=rulebooks.profiles,
        record=journal.read,
        offered=journal.offered,
    )
    recourse = Recourse(
        journal,
        clock,
        RecourseTerms(due_after=review_due),
        officers_of=policies.officers_of,
        spend=partial(access.spend, rows=1, subjects=()),
    )
    return {
        **Methods(served, journal, rulebooks.at).table(),
        **ExplanationMethods(materials, clock, access.spend).table(),
        **QuoteMethods(materials, access.spend).table(),
        **recourse.table(),
    }
