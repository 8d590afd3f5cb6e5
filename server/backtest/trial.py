"""One policy on trial: it decides past applicants, each on the day of that decision."""

from collections.abc import Mapping
from datetime import date

from protocols.contracts.applicants import RequestError
from protocols.contracts.decisions import LimitRequest
from protocols.contracts.features import FeatureContract
from protocols.contracts.limit_policy import SegmentPolicy
from protocols.contracts.regulation import Segment
from protocols.errors import ContractError
from server.backtest.compare import BILLION, Said
from server.backtest.losses import LossTerms
from server.backtest.past import Asked, Part
from server.decisions.candidates import Known
from server.decisions.permission import Withheld, withheld_groups
from server.decisions.pipeline import Case, Decided, Frame, decide
from server.decisions.regulation import rules_on
from server.serving.limit_question import checked_segment
from server.serving.rulebooks import Rulebook


class Trial:
    """A policy, the law's profile that it names, and by which terms its losses are expected."""

    def __init__(
        self, rulebook: Rulebook, contract: FeatureContract, losses: Mapping[Segment, LossTerms]
    ) -> None:
        """Keep them; ``losses`` holds every segment of the policy."""
        self.policy = rulebook.policy
        self.losses = losses
        self._rulebook, self._fields = rulebook, contract.fields
        self._frames: dict[date, Frame] = {}

    def said(self, asked: Asked, part: Part, row: int) -> Said:
        """Return what the policy says of one applicant, exactly as a server would decide.

        Args:
            asked: What the applicant asked for.
            part: Holds the applicant's values.
            row: The applicant's place there.

        Raises:
            ContractError: The policy or the law of the day does not decide this applicant.
        """
        request = asked.request
        segment = checked_segment(request, self.policy)
        frame = self._frame(asked.on)
        withheld = self._withheld(request, frame, part, row)
        missing = frozenset(item.group for item in withheld)
        scores = part.scores(missing)
        p_default = scores.p_default[row]
        known = Known(p_default, _known_fields(segment, missing, part, row))
        decided = decide(Case(request, known, scores.losses[row], withheld), frame)
        return self._written(decided, p_default, request)

    def _frame(self, on: date) -> Frame:
        if on not in self._frames:
            rules = rules_on(self._rulebook.profile, on)
            self._frames[on] = Frame(self.policy, rules, self._fields, on)
        return self._frames[on]

    def _withheld(
        self, request: LimitRequest, frame: Frame, part: Part, row: int
    ) -> tuple[Withheld, ...]:
        given = part.given(row) if frame.rules.barred_groups else ()
        return withheld_groups(
            request, given, policy=self.policy, rules=frame.rules, today=frame.today
        )

    def _written(self, decided: Decided, p_default: float, request: LimitRequest) -> Said:
        terms = self.losses[request.segment]
        return Said(
            outcome=decided.outcome,
            band=decided.band.name,
            limit_minor=decided.limit_minor,
            p_default_billionths=round(p_default * BILLION),
            loss_micro=terms.loss_micro(p_default, decided.limit_minor),
            codes=tuple(why.code for why in decided.whys),
        )


def refusal_kind(err: ContractError) -> str:
    """Return why an applicant is not decided: fields and rules, or the kind of error; no value."""
    if isinstance(err, RequestError):
        return "; ".join(f"{item.field}: {item.rule}" for item in err.violations)
    return type(err).__name__


def _known_fields(segment: SegmentPolicy, missing: frozenset[str], part: Part, row: int) -> int:
    thin = segment.thin_file
    return 0 if thin is None or thin.group in missing else part.known(row, thin.group)
