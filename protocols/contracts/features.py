"""The feature contract: which columns a scorecard may use, with bounds that are public.

Everything here is public knowledge, agreed before anybody looks at data: it fixes the fine grid
on which values become cells, so that no bound, list or code is ever learned from borrowers.
"""

import math
import tomllib
from collections.abc import Sequence
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator
from pydantic_core import ErrorDetails

from protocols.errors import ContractError
from protocols.ledger.canonical import canonical_json, digest

_MOST_FAULTS = 10  # that one message names
GRID_CELLS = 64  # equal steps between the public bounds of a numeric field


def _check_decimal(text: str) -> str:
    try:
        number = Decimal(text)
    except InvalidOperation as err:
        raise ValueError("expected a decimal number in quotes") from err
    if not number.is_finite():
        raise ValueError("expected a finite decimal number")
    return text


DecimalText = Annotated[str, AfterValidator(_check_decimal)]
Name = Annotated[str, Field(min_length=1, max_length=80, pattern=r"^[A-Za-z0-9_.\-]+$")]
ColumnName = Annotated[str, Field(min_length=1, max_length=80, pattern=r"^[^\x00-\x1f\x7f]+$")]
Sentence = Annotated[str, Field(min_length=1, max_length=400)]
HexDigest = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Group = Literal["application", "bureau", "transaction", "consumption", "social"]
Direction = Literal["rising", "falling", "none"]
FormulaName = Literal["ratio", "total", "largest"]
_TURNED: dict[Direction, Direction] = {"rising": "falling", "falling": "rising", "none": "none"}


class Contract(BaseModel):
    """A frozen, strict table; unknown keys and converted types are errors."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid")


class SpecialCode(Contract):
    """A value that stands for a meaning rather than for a quantity."""

    code: DecimalText
    meaning: Sentence


class FieldBase(Contract):
    """What every field says about itself.

    Attributes:
        name: Column name.
        label: What a borrower would call it.
        group: Kind of data, for permission rules.
        computed_from: Own record of the borrower, or public data; nothing else is allowed, since a
            value computed from other borrowers would let one of them move many rows.
        may_be_missing: Whether ``check-data`` accepts empty values.
        direction: How the default probability moves when the value rises.
        reason_code: Stable code given when this field costs an applicant points.
        reason: The sentence for that code.
        reason_zh: The same in Chinese; None says it in the other language.
        is_changeable: Whether a borrower can do something about the value.
    """

    name: Name
    label: Sentence
    group: Group
    computed_from: Literal["own", "public"]
    may_be_missing: bool
    direction: Direction
    reason_code: Name
    reason: Sentence
    reason_zh: Sentence | None = None
    is_changeable: bool = False


_Inputs = Annotated[tuple[Name, ...], Field(max_length=100, strict=False)]


class NumericField(FieldBase):
    """A quantity between two public bounds; values beyond them count as the bound in training.

    Attributes:
        unit: Unit of measure, in words.
        low, high: Public bounds, decimals in quotes.
        beyond_bounds: Whether a question with a value beyond them is answered as if it were the
            bound, which the answer says, or refused.
        spacing: Cells of equal width, or of equal width in sign(x) log(1 + |x|).
        is_whole: Whether values are whole numbers; ranges are then named by whole numbers.
        special: Codes that are no quantities; each gets a cell of its own.
        formula: How the value is computed from other fields; None reads a column.
        of: Numeric fields, earlier in the contract: their total, their largest, or in a ratio
            those whose total is divided.
        over: In a ratio, those by whose total it is divided.
    """

    kind: Literal["numeric"]
    unit: Sentence
    low: DecimalText
    high: DecimalText
    beyond_bounds: Literal["clip", "refuse"] = "clip"
    spacing: Literal["linear", "log"]
    is_whole: bool = False
    special: tuple[SpecialCode, ...] = Field(default=(), max_length=1_000, strict=False)
    formula: FormulaName | None = None
    of: _Inputs = ()
    over: _Inputs = ()

    @model_validator(mode="after")
    def _check_formula(self) -> "NumericField":
        if bool(self.of) != (self.formula is not None):
            raise ValueError("a formula names fields under of, and nothing else does")
        if bool(self.over) != (self.formula == "ratio"):
            raise ValueError("a ratio names fields under over, and nothing else does")
        if self.formula and (self.special or not self.may_be_missing):
            raise ValueError("a computed field has no special codes, and may_be_missing is true")
        if self.formula and self.beyond_bounds == "refuse":
            raise ValueError("a computed field refuses nothing; the fields under of and over may")
        return self

    @model_validator(mode="after")
    def _check_bounds(self) -> "NumericField":
        if not Decimal(self.low) < Decimal(self.high):
            raise ValueError("low must be below high")
        if not all(math.isfinite(float(bound)) for bound in (self.low, self.high)):
            raise ValueError("bounds must fit a float")
        if len({Decimal(item.code) for item in self.special}) != len(self.special):
            raise ValueError("special codes must differ")
        return self

    @property
    def formula_text(self) -> str:
        """Say the formula; empty for a column."""
        if self.formula == "largest":
            return f"largest of {', '.join(self.of)}"
        total, below = (" + ".join(names) for names in (self.of, self.over))
        if not below:
            return total
        parts = ((total, self.of), (below, self.over))
        return " / ".join(f"({text})" if len(names) > 1 else text for text, names in parts)

    @property
    def cell_count(self) -> int:
        """Cells: the grid, one for each special code, one for missing."""
        return GRID_CELLS + len(self.special) + 1


class CategoricalField(FieldBase):
    """One of a public list of values; anything else counts as "other"."""

    kind: Literal["categorical"]
    levels: tuple[Annotated[str, Field(min_length=1, max_length=80)], ...] = Field(
        min_length=1, max_length=10_000, strict=False
    )

    @model_validator(mode="after")
    def _check_levels(self) -> "CategoricalField":
        if len(set(self.levels)) != len(self.levels):
            raise ValueError("levels must differ")
        if self.direction != "none":
            raise ValueError("a categorical field has no direction")
        return self

    @property
    def cell_count(self) -> int:
        """Cells: one for each level, one for other, one for missing."""
        return len(self.levels) + 2


FeatureField = Annotated[NumericField | CategoricalField, Field(discriminator="kind")]


class Outcome(Contract):
    """What is predicted.

    Attributes:
        column: Column that holds the outcome.
        bad, good: Its two values, as text.
        definition: What "bad" means, in words.
        window_months: Months after the application in which it is observed.
    """

    column: ColumnName
    bad: Annotated[str, Field(min_length=1, max_length=80)]
    good: Annotated[str, Field(min_length=1, max_length=80)]
    definition: Sentence
    window_months: int = Field(ge=1, le=120)

    @model_validator(mode="after")
    def _check_values(self) -> "Outcome":
        if self.bad == self.good:
            raise ValueError("bad and good must differ")
        return self


class FeatureContract(Contract):
    """The whole contract; its digest names it everywhere else.

    Attributes:
        segments: Categorical fields for whose levels a release reports how good it is.
    """

    model_config = ConfigDict(title="feature contract")

    schema_version: Literal[1] = Field(alias="schema")
    name: Name
    borrower_id: ColumnName
    currency: Annotated[str, Field(pattern=r"^[A-Z]{3}$")]
    outcome: Outcome
    fields: tuple[FeatureField, ...] = Field(min_length=1, max_length=500, strict=False)
    segments: tuple[Name, ...] = Field(default=(), max_length=20, strict=False)

    @model_validator(mode="after")
    def _check_names(self) -> "FeatureContract":
        names = [self.borrower_id, self.outcome.column, *(field.name for field in self.fields)]
        if twice := next((name for name in names if names.count(name) > 1), None):
            raise ValueError(f"column {twice} is the borrower id or the outcome, or a field twice")
        for place, field in enumerate(self.fields):
            if isinstance(field, NumericField) and field.formula is not None:
                _check_inputs(field, self.fields[:place])
        levelled = {field.name for field in self.fields if isinstance(field, CategoricalField)}
        if len(set(self.segments)) != len(self.segments) or not set(self.segments) <= levelled:
            raise ValueError("segments must be categorical fields, each named once")
        return self

    @property
    def inputs(self) -> tuple[FeatureField, ...]:
        """The fields that files and requests hold: those that are not computed."""
        return tuple(field for field in self.fields if not is_computed(field))

    @property
    def segment_places(self) -> tuple[int, ...]:
        """Places among ``fields`` of the fields that are reported on."""
        names = [field.name for field in self.fields]
        return tuple(names.index(name) for name in self.segments)


def is_computed(field: FeatureField) -> bool:
    """Tell whether a field follows from others by a formula."""
    return isinstance(field, NumericField) and field.formula is not None


def load_contract(path: Path) -> FeatureContract:
    """Read a feature contract from TOML.

    Raises:
        ContractError: The file does not parse or breaks a rule; says where.
    """
    return contract_from_table(read_toml(path), where=path.name)


def load_agreed_contract(path: Path, *, digest_hex: str) -> FeatureContract:
    """Read a feature contract that must be the one a charter names.

    Raises:
        ContractError: It is another, does not parse or breaks a rule.
    """
    table = read_toml(path)
    if contract_digest(table).hex() != digest_hex:
        raise ContractError(f"{path.name}: not the feature contract that the charter names")
    return contract_from_table(table, where=path.name)


def contract_from_table(table: dict[str, object], *, where: str) -> FeatureContract:
    """Return the contract that a parsed TOML table holds; ``where`` names it in errors."""
    try:
        return FeatureContract.model_validate(table)
    except ValidationError as err:
        raise ContractError(f"{where}: {describe(err)}") from err


def contract_digest(table: dict[str, object]) -> bytes:
    """Return the digest that names a contract or charter: of the parsed table as written."""
    return digest(canonical_json(table))


def read_toml(path: Path) -> dict[str, object]:
    """Parse a TOML file.

    Raises:
        ContractError: It cannot be read or is not TOML.
    """
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as err:
        raise ContractError(f"{path.name}: cannot be read; check the path") from err
    except (ValueError, RecursionError) as err:
        raise ContractError(f"{path.name}: not TOML in UTF-8") from err


def describe(err: ValidationError) -> str:
    """Say where a table breaks its rules and how, without repeating any value."""
    faults = err.errors(include_url=False, include_context=False)
    said = [f"{_place(fault['loc'])}: {_rule(fault)}" for fault in faults]
    more = [f"and {len(said) - _MOST_FAULTS} more"] if len(said) > _MOST_FAULTS else []
    return "; ".join([*said[:_MOST_FAULTS], *more])


def _check_inputs(field: NumericField, before: Sequence[FeatureField]) -> None:
    """Raise unless a formula is sure to keep the directions of what it is computed from."""
    known = {item.name: item for item in before if isinstance(item, NumericField)}
    if not {*field.of, *field.over} <= set(known):
        raise ValueError(f"field {field.name}: a formula needs numeric fields that come before it")
    needed = {known[name].direction for name in field.of}
    needed |= {_TURNED[known[name].direction] for name in field.over}
    if not needed <= {"none", field.direction}:
        raise ValueError(f"field {field.name}: its direction contradicts those it is computed from")
    if field.over and any(Decimal(known[name].low) < 0 for name in (*field.of, *field.over)):
        raise ValueError(f"field {field.name}: a ratio needs fields that are never below 0")


def _place(loc: tuple[int | str, ...]) -> str:
    parts = [part for part in loc if part not in ("numeric", "categorical")]  # pydantic's own tags
    return ".".join(map(str, parts)) or "table"


def _rule(fault: ErrorDetails) -> str:
    is_blank = fault["input"] in ("", []) and fault["type"] != "extra_forbidden"
    return "is blank" if is_blank else fault["msg"].removeprefix("Value error, ")
