"""What is known of an applicant, named or packed, and what may be wrong with it."""

import math
import struct
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Annotated

from pydantic import Discriminator, Field, Tag, ValidationError

from protocols.contracts.features import (
    CategoricalField,
    Contract,
    FeatureContract,
    Name,
    NumericField,
    is_computed,
)
from protocols.errors import ContractError
from protocols.ledger.canonical import canonical_json, digest

MAX_VIOLATIONS = 20
Digest = Annotated[bytes, Field(min_length=32, max_length=32)]
_NAMED, _PACKED = "named", "packed"
_BEYOND = "must lie within the contract's bounds"


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
class Bounds:
    """Between what a question's value of a field must lie, where the contract refuses others.

    Attributes:
        name: The field's.
        place: Of its number among those that are packed.
        codes: Values that stand for no quantity, and are allowed wherever they lie.
    """

    name: str
    place: int
    low: float
    high: float
    codes: frozenset[float]

    def are_kept(self, value: float) -> bool:
        """Return whether a value may be asked about; NaN, which is missing, may."""
        return self.low <= value <= self.high or math.isnan(value) or value in self.codes


@dataclass(frozen=True)
class Packing:
    """How a contract's values are packed, and within what.

    Attributes:
        contract_digest: Of the contract.
        numbers: How many numbers there are.
        codes: Of each categorical field its name, and how many codes it has.
        bounds: Of each field whose values beyond its bounds are refused.
    """

    contract_digest: bytes
    numbers: int
    codes: tuple[tuple[str, int], ...]
    bounds: tuple[Bounds, ...]

    @classmethod
    def of(cls, contract: FeatureContract, *, contract_digest: bytes) -> "Packing":
        """Return how values of a contract are packed."""
        listed = [field for field in contract.inputs if isinstance(field, CategoricalField)]
        codes = tuple((field.name, field.cell_count) for field in listed)
        numeric = [field for field in contract.inputs if isinstance(field, NumericField)]
        bounds = tuple(
            _bounds(field, place)
            for place, field in enumerate(numeric)
            if field.beyond_bounds == "refuse"
        )
        return cls(contract_digest, len(numeric), codes, bounds)


def _bounds(field: NumericField, place: int) -> Bounds:
    codes = frozenset(float(item.code) for item in field.special)
    return Bounds(field.name, place, float(field.low), float(field.high), codes)


def _form(value: object) -> str:
    is_packed = isinstance(value, PackedApplicant) or (
        isinstance(value, Mapping) and "contract_digest" in value
    )
    return _PACKED if is_packed else _NAMED


Features = Annotated[
    Annotated[Applicant, Tag(_NAMED)] | Annotated[PackedApplicant, Tag(_PACKED)],
    Discriminator(_form),
]


def request_error(err: ValidationError) -> RequestError:
    """Return what pydantic found, without repeating any value."""
    faults = err.errors(include_input=False, include_url=False, include_context=False)
    return RequestError(
        _violation(fault["loc"], _said(fault["msg"])) for fault in faults[:MAX_VIOLATIONS]
    )


def _said(message: str) -> str:
    """Return pydantic's words in those of who writes JSON, which has no tuples."""
    return message.replace("Tuple", "List").replace("tuple", "list")


def feature_faults(
    features: Applicant | PackedApplicant, contract: FeatureContract, packing: Packing
) -> Iterable[Violation]:
    """Yield each value that is for no field, for one of another kind, or beyond what it may be."""
    if isinstance(features, Applicant):
        return _feature_violations(features, contract, packing.bounds)
    return _packed_violations(features, packing)


def raise_any(violations: Iterable[Violation]) -> None:
    """Raise ``RequestError`` with the first of some violations, if there are any."""
    found = tuple(islice(violations, MAX_VIOLATIONS))
    if found:
        raise RequestError(found)


def named_table(values: Mapping[str, object]) -> dict[str, dict[str, object]]:
    """Return what ``Applicant`` is made of, from values by field name; None is missing."""
    known = {name: value for name, value in values.items() if value is not None}
    numbers = {name: value for name, value in known.items() if not isinstance(value, str)}
    categories = {name: value for name, value in known.items() if isinstance(value, str)}
    return {"numbers": numbers, "categories": {**categories}}


def digest_of_question(
    kind: str, features: Applicant | PackedApplicant, asked: Sequence[str | int]
) -> bytes:
    """Return what two questions share if and only if they ask the same."""
    if isinstance(features, Applicant):
        return digest(canonical_json([kind, _plain(features), *asked]))
    head = "\n".join(map(str, (kind, *asked))).encode()  # none of these holds a line's end
    counts = struct.pack(">QQQ", len(head), len(features.numbers), len(features.codes))
    values = struct.pack(f">{len(features.numbers)}d", *features.numbers)
    codes = struct.pack(f">{len(features.codes)}I", *features.codes)
    return digest(counts + head + features.contract_digest + values + codes)


def _violation(where: tuple[int | str, ...], rule: str) -> Violation:
    if where[:2] == ("features", _PACKED):  # as the wire names the two forms
        where = where[1:]
    elif where[:2] == ("features", _NAMED):
        where = ("features", *where[2:])
    if where[-1:] == ("[key]",):  # a table's key that is no field name: it may be anything
        return Violation(".".join(map(str, where[:-2])), "holds a name that no field can have")
    return Violation(".".join(map(str, where)), rule)


def _feature_violations(
    applicant: Applicant, contract: FeatureContract, bounds: Iterable[Bounds]
) -> Iterable[Violation]:
    kinds = {
        field.name: "computed" if is_computed(field) else field.kind for field in contract.fields
    }
    yield from _number_violations(applicant, kinds)
    yield from _category_violations(applicant, kinds)
    for one in bounds:
        if not one.are_kept(applicant.numbers.get(one.name, math.nan)):
            yield Violation(f"features.numbers.{one.name}", _BEYOND)


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
    for one in packing.bounds:
        if one.place < len(packed.numbers) and not one.are_kept(packed.numbers[one.place]):
            yield Violation("packed.numbers", f"{one.name}: {_BEYOND}")


def _plain(applicant: Applicant) -> dict[str, object]:
    # Canonical JSON holds no floats; their hexadecimal text is exact, and NaN is one text.
    return {
        "categories": dict(applicant.categories),
        "numbers": {name: number.hex() for name, number in applicant.numbers.items()},
    }
