"""The offers of one commit: read before its first answer is stored, written after its last."""

from collections.abc import Sequence

from server.journal.offers import Offer, Raised, StandingOffer, offered_minor
from server.journal.record import Draft, to_micros
from server.journal.statements import Cursor, Statements


class Tally:
    """What stands for the borrowers of a commit, while their answers are stored one by one."""

    def __init__(self, statements: Statements, cursor: Cursor, drafts: Sequence[Draft]) -> None:
        """Read what stands for those to whom it makes a difference."""
        self._statements, self._cursor = statements, cursor
        self._standing: dict[bytes, list[StandingOffer]] = {}
        self._new: list[StandingOffer] = []
        looking = [
            (draft.offer.obligor, to_micros(draft.answered_at))
            for draft in drafts
            if isinstance(draft.offer, Offer) and draft.offer.offered_minor is not None
        ]
        if looking:
            obligors, times = zip(*looking, strict=True)
            for offer in statements.offers_to(cursor, set(obligors), min(times)):
                self._let_stand(offer)

    def settled(self, draft: Draft) -> Draft | Exception:
        """Return a draft as it is beside the offers that stand, or why there is none.

        From now on its own stands, too.
        """
        found = self._beside_others(draft)
        if not isinstance(found, Draft):
            return found
        offer = found.offer
        if isinstance(offer, Offer):
            amounts = offer.line_minor, offer.limit_minor, offer.stands_until
            made = StandingOffer(found.answer_id, offer.obligor, *amounts)
            self._let_stand(made)
            self._new.append(made)
        elif offer is not None:
            self._raise(offer)
        return found

    def write(self) -> None:
        """Store the offers that were made."""
        if self._new:
            self._statements.add_offers(self._cursor, self._new)

    def _beside_others(self, draft: Draft) -> Draft | Exception:
        offer = draft.offer
        if not isinstance(offer, Offer) or offer.offered_minor is None:
            return draft
        standing = self._standing.get(offer.obligor, ())
        stands = offered_minor(standing, offer.counted, to_micros(draft.answered_at))
        if offer.offered_minor == stands:
            return draft
        assert draft.beside is not None, "an offer that looks at others can be made again"
        return draft.beside(stands)

    def _let_stand(self, offer: StandingOffer) -> None:
        self._standing.setdefault(offer.obligor, []).append(offer)

    def _raise(self, raised: Raised) -> None:
        offer = self._statements.offer_of(self._cursor, raised.answer_id)
        if offer is not None:
            limit = max(offer.limit_minor, raised.limit_minor)
            until = max(offer.stands_until, raised.stands_until)
            self._statements.raise_offer(self._cursor, raised.answer_id, limit, until)
