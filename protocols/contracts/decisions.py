"""What is asked about an applicant, and what is answered."""

import struct
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Annotated, Literal

from pydantic import (
    AwareDatetime,
    Discriminator,
    Field,
    Tag,
    ValidationError,
    model_validator,
)

from protocols.contracts.features import (
    CategoricalField,
    Contract,
    FeatureContract,
    Name,
    NumericField,
    Sentence,
    is_computed,
)
from protocols.errors import ContractError
from protocols.ledger.canonical import canonical_json, digest

MAX_MINOR = 2**53 - 1  # what canonical JSON holds, and every JSON reader reads exactly
MAX_VIOLATIONS = 20

RequestId = Annotated[str, Field(pattern=r"^[A-Za-z0-9_.:\-]{1,64}$")]
Subject = Annotated[str, Field(pattern=r"^[A-Za-z0-9_.:\-]{0,64}$")]
Currency = Annotated[str, Field(pattern=r"^[A-Z]{3}$")]
Minor = Annotated[int, Field(ge=0, le=MAX_MINOR)]
PositiveMinor = Annotated[int, Field(ge=1, le=MAX_MINOR)]
Digest = Annotated[bytes, Field(min_length=32, max_length=32)]
Outcome = Literal["APPROVE", "COUNTEROFFER", "DECLINE"]


@dataclass(frozen=True)
class Violation:
    """One rule that a request breaks: where and which, never with which value."""

    field: str
    rule: str


class RequestError(ContractError):
    """A request breaks the contract; ``violations`` say where and how."""

    def __init__(self, violations: Iterable[Violation]) -> None:
        """Keep the violations; the message repeats them."""
        self.violations = tuple(violations)
        super().__init__("; ".join(f"{item.field}: {item.rule}" for item in self.violations))


class Applicant(Contract):
    """What is known of one applicant; a field in neither table is missing."""

    numbers: dict[Name, float]
    categories: dict[Name, str]

    def columns(
        self, contract: FeatureContract
    ) -> dict[str, Sequence[float | None] | Sequence[str | None]]:
        """Return one row as columns, the shape in which the model's encoder reads it."""
        return {
            field.name: [self.numbers.get(field.name)]
            if isinstance(field, NumericField)
            else [self.categories.get(field.name)]
            for field in contract.inputs
        }


class PackedApplicant(Contract):
    """What is known of one applicant, in the order of a feature contract.

    Attributes:
        contract_digest: Of that contract.
        numbers: One for each numeric field that is not computed; NaN is missing.
        codes: One for each categorical field: the level's place, then "other", then missing.
    """

    contract_digest: Digest
    numbers: tuple[float, ...]
    codes: tuple[int, ...]


@dataclass(frozen=True)
class Packing:
    """How a contract's values are packed.

    Attributes:
        contract_digest: Of the contract.
        numbers: How many numbers there are.
        codes: Of each categorical field its name, and how many codes it has.
    """

    contract_digest: bytes
    numbers: int
    codes: tuple[tuple[str, int], ...]

    @classmethod
    def of(cls, contract: FeatureContract, *, contract_digest: bytes) -> "Packing":
        """Return how values of a contract are packed."""
        listed = [field for field in contract.inputs if isinstance(field, CategoricalField)]
        codes = tuple((field.name, field.cell_count) for field in listed)
        return cls(contract_digest, len(contract.inputs) - len(listed), codes)


def _form(value: object) -> str:
    is_packed = isinstance(value, PackedApplicant) or (
        isinstance(value, Mapping) and "contract_digest" in value
    )
    return _PACKED if is_packed else _NAMED


_NAMED, _PACKED = "named", "packed"
Features = Annotated[
    Annotated[Applicant, Tag(_NAMED)] | Annotated[PackedApplicant, Tag(_PACKED)],
    Discriminator(_form),
]


class ScoreRequest(Contract):
    """One question for a score; ``subject`` is a pseudonym of the person, or empty."""

    request_id: RequestId
    features: Features
    subject: Subject = ""

    @property
    def body_digest(self) -> bytes:
        """Return what two requests share if and only if they ask the same."""
        return _body_digest("score", self.features, [self.subject] if self.subject else [])


class LimitRequest(Contract):
    """One question for a limit; money is in minor units, ``subject`` as in ``ScoreRequest``."""

    request_id: RequestId
    features: Features
    requested_amount_minor: PositiveMinor
    currency: Currency
    subject: Subject = ""

    @property
    def body_digest(self) -> bytes:
        """Return what two requests share if and only if they ask the same."""
        about = [self.subject] if self.subject else []
        asked: list[str | int] = [self.requested_amount_minor, self.currency, *about]
        return _body_digest("limit", self.features, asked)


class Reason(Contract):
    """A field that cost an applicant points.

    Attributes:
        code, sentence: As the feature contract has them.
        field: Name of the field.
        points_lost: Exact points below what the average borrower gets for the field.
        is_missing: The request held no usable value for the field.
    """

    code: Name
    sentence: Sentence
    field: Name
    points_lost: float = Field(gt=0, allow_inf_nan=False)
    is_missing: bool


class PolicyReason(Contract):
    """A rule of the policy that kept a limit below the request."""

    code: Name
    sentence: Sentence


class ScoreAnswer(Contract):
    """A score as it was given.

    Attributes:
        p_default: Probability of default within the contract's window.
        reasons: At most four, most points lost first.
        journal_position: Place of this answer in the server's journal, from 1.
        clipped_fields: Those whose value lay beyond the public bounds and counted as the bound.
    """

    score_id: RequestId
    request_id: RequestId
    p_default: float = Field(ge=0, le=1)
    points: int
    reasons: tuple[Reason, ...] = Field(max_length=4)
    release_digest: Digest
    scored_at: AwareDatetime
    journal_position: int = Field(ge=1)
    clipped_fields: tuple[Name, ...] = ()


class LimitDecision(Contract):
    """A decision as it was given.

    Attributes:
        limit_minor: Never above the request; 0 declines.
        p_default: Probability of default within the contract's window.
        reasons: What cost the applicant points, at most four, most points lost first.
        policy_reasons: Which rules kept the limit below the request; empty on approvals.
        journal_position: Place of this answer in the server's journal, from 1.
        clipped_fields: As in ``ScoreAnswer``.
    """

    decision_id: RequestId
    request_id: RequestId
    outcome: Outcome
    limit_minor: Minor
    requested_amount_minor: PositiveMinor
    currency: Currency
    p_default: float = Field(ge=0, le=1)
    points: int
    reasons: tuple[Reason, ...] = Field(max_length=4)
    policy_reasons: tuple[PolicyReason, ...]
    release_digest: Digest
    policy_digest: Digest
    decided_at: AwareDatetime
    journal_position: int = Field(ge=1)
    clipped_fields: tuple[Name, ...] = ()

    @model_validator(mode="after")
    def _check_outcome(self) -> "LimitDecision":
        if self.limit_minor > self.requested_amount_minor:
            raise ValueError("the limit is above the request")
        if self.outcome != outcome_of(self.limit_minor, self.requested_amount_minor):
            raise ValueError("the outcome does not follow from limit and request")
        return self


def outcome_of(limit_minor: int, requested_minor: int) -> Outcome:
    """Return the word for a limit: all, some or nothing of the request."""
    if limit_minor == 0:
        return "DECLINE"
    return "APPROVE" if limit_minor == requested_minor else "COUNTEROFFER"


def check_score_request(
    request: ScoreRequest, contract: FeatureContract, *, packing: Packing
) -> None:
    """Raise ``RequestError`` unless every value given is for a field of its kind.

    What the values are is no matter: the encoder clamps them as it did in training.
    """
    _raise_any(_violations(request.features, contract, packing))


def check_limit_request(
    request: LimitRequest, contract: FeatureContract, *, packing: Packing
) -> None:
    """Raise ``RequestError`` unless values fit their fields and money is the contract's."""
    violations = list(_violations(request.features, contract, packing))
    if request.currency != contract.currency:
        violations.append(Violation("currency", f"must be {contract.currency}"))
    _raise_any(violations)


def request_error(err: ValidationError) -> RequestError:
    """Return what pydantic found, without repeating any value."""
    faults = err.errors(include_input=False, include_url=False, include_context=False)
    return RequestError(_violation(fault["loc"], fault["msg"]) for fault in faults[:MAX_VIOLATIONS])


def _violation(where: tuple[int | str, ...], rule: str) -> Violation:
    if where[:2] == ("features", _PACKED):  # as the wire names the two forms
        where = where[1:]
    elif where[:2] == ("features", _NAMED):
        where = ("features", *where[2:])
    if where[-1:] == ("[key]",):  # a table's key that is no field name: it may be anything
        return Violation(".".join(map(str, where[:-2])), "holds a name that no field can have")
    return Violation(".".join(map(str, where)), rule)


def _raise_any(violations: Iterable[Violation]) -> None:
    found = tuple(islice(violations, MAX_VIOLATIONS))
    if found:
        raise RequestError(found)


def _violations(
    features: Applicant | PackedApplicant, contract: FeatureContract, packing: Packing
) -> Iterable[Violation]:
    if isinstance(features, Applicant):
        return _feature_violations(features, contract)
    return _packed_violations(features, packing)


def _feature_violations(applicant: Applicant, contract: FeatureContract) -> Iterable[Violation]:
    kinds = {
        field.name: "computed" if is_computed(field) else field.kind for field in contract.fields
    }
    yield from _number_violations(applicant, kinds)
    yield from _category_violations(applicant, kinds)


def _number_violations(applicant: Applicant, kinds: Mapping[str, str]) -> Iterable[Violation]:
    for name in sorted(applicant.numbers):
        where = f"features.numbers.{name}"
        if name not in kinds:
            yield Violation(where, "no such field in the feature contract")
        elif kinds[name] == "computed":
            yield Violation(where, "this field is computed from others; leave it out")
        elif kinds[name] == "categorical":
            yield Violation(where, "this field is categorical; put it under categories")


def _category_violations(applicant: Applicant, kinds: Mapping[str, str]) -> Iterable[Violation]:
    for name, level in sorted(applicant.categories.items()):
        where = f"features.categories.{name}"
        if name not in kinds:
            yield Violation(where, "no such field in the feature contract")
        elif kinds[name] != "categorical":
            yield Violation(where, "this field is numeric; put it under numbers")
        elif not level:
            yield Violation(where, "is empty; leave a missing field out")


def _packed_violations(packed: PackedApplicant, packing: Packing) -> Iterable[Violation]:
    if packed.contract_digest != packing.contract_digest:
        yield Violation("packed.contract_digest", "is not that of the contract in force")
        return
    if len(packed.numbers) != packing.numbers:
        yield Violation("packed.numbers", f"must be {packing.numbers} numbers")
    if len(packed.codes) != len(packing.codes):
        yield Violation("packed.codes", f"must be {len(packing.codes)} codes")
        return
    for (name, count), code in zip(packing.codes, packed.codes, strict=True):
        if not 0 <= code < count:
            yield Violation("packed.codes", f"{name}: must be below {count}")


def _body_digest(
    kind: str, features: Applicant | PackedApplicant, asked: Sequence[str | int]
) -> bytes:
    if isinstance(features, Applicant):
        return digest(canonical_json([kind, _plain(features), *asked]))
    head = "\n".join(map(str, (kind, *asked))).encode()  # none of these holds a line's end
    counts = struct.pack(">QQQ", len(head), len(features.numbers), len(features.codes))
    values = struct.pack(f">{len(features.numbers)}d", *features.numbers)
    codes = struct.pack(f">{len(features.codes)}I", *features.codes)
    return digest(counts + head + features.contract_digest + values + codes)


def _plain(applicant: Applicant) -> dict[str, object]:
    # Canonical JSON holds no floats; their hexadecimal text is exact, and NaN is one text.
    return {
        "categories": dict(applicant.categories),
        "numbers": {name: number.hex() for name, number in applicant.numbers.items()},
    }
