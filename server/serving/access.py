"""Who may ask: names of certificates to tenants, and what each of them may ask, and how often.

The rules are a TOML file, which is read again when it changes. Used by one thread: the desk's.
"""

import logging
import secrets
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal, get_args

from pydantic import Field, ValidationError, model_validator

from protocols.contracts.features import Contract, Name, describe, read_toml
from protocols.errors import ConfigError, ContractError, ScoringError
from server.serving.calls import Call
from server.serving.rates import Limits, Meter

LOCAL = "local"  # the tenant of plain text on loopback; no file may name one so

Scope = Literal["score", "decide", "read", "releases", "cases", "recourse", "review"]
Monotonic = Callable[[], float]

_LOG = logging.getLogger(__name__)
_LOOK_EVERY_S = 1.0
_EVERY_SCOPE: frozenset[Scope] = frozenset(get_args(Scope))
_SCORING = "/fedscore.scoring.v1.ScoringService"
_DECISIONS = "/fedscore.decisions.v1.LimitDecisionService"
_RECEIPTS = "/fedscore.receipts.v1.ReceiptService"
_RECOURSE = "/fedscore.recourse.v1.RecourseService"
_EXPLANATIONS = "/fedscore.explanations.v1.ExplanationService"
_QUOTES = "/fedscore.quotes.v1.QuoteService"

# What a method needs; None is for every tenant. A method that is not here is for none.
NEEDED: Mapping[str, Scope | None] = {
    f"{_SCORING}/Score": "score",
    f"{_SCORING}/ScoreMany": "score",
    f"{_SCORING}/BatchScore": "score",
    f"{_SCORING}/GetRelease": "releases",
    f"{_SCORING}/ListReleases": "releases",
    f"{_DECISIONS}/DecideLimit": "decide",
    f"{_DECISIONS}/DecideMany": "decide",
    f"{_DECISIONS}/GetDecision": "read",
    f"{_DECISIONS}/ListDecisions": "read",
    f"{_RECEIPTS}/GetReceipt": "read",
    f"{_RECOURSE}/RequestReview": "recourse",
    f"{_RECOURSE}/SubmitAppeal": "recourse",
    f"{_RECOURSE}/AddEvidence": "recourse",
    f"{_RECOURSE}/WithdrawAppeal": "recourse",
    f"{_RECOURSE}/ReportOutcome": "recourse",
    f"{_RECOURSE}/ClaimReview": "review",
    f"{_RECOURSE}/ResolveReview": "review",
    f"{_RECOURSE}/GetCase": "cases",
    f"{_RECOURSE}/ListCases": "cases",
    f"{_EXPLANATIONS}/SimulateLimit": "decide",
    f"{_EXPLANATIONS}/ReplayDecision": "read",
    f"{_EXPLANATIONS}/ExplainDecision": "read",
    f"{_EXPLANATIONS}/GetAdverseActionNotice": "read",
    f"{_QUOTES}/QuotePlan": "read",
    f"{_QUOTES}/QuoteEarlySettlement": "read",
    "/grpc.health.v1.Health/Check": None,
}

_NOBODYS = ""  # a scope that no tenant has

# Visible ASCII, as DNS names and URIs are. No backslash: names that are no text have one. No
# star: a name stands for itself alone.
CertificateName = Annotated[str, Field(min_length=1, max_length=2_048, pattern=r"^[!-)+-\[\]-~]+$")]


class UnknownCallerError(ScoringError):
    """A certificate's names are no caller's, or several callers'."""


class NotAllowedError(ScoringError):
    """A tenant asks for what its scopes do not hold."""


@dataclass(frozen=True, slots=True)
class Tenant:
    """Whose request it is.

    Attributes:
        name: Part of the key of all that it asks.
        scopes: What this caller of the tenant's may ask.
        author: Who asks, in records: the tenant itself, or the one of its callers.
    """

    name: str
    scopes: frozenset[Scope]
    author: str


_Names = Annotated[tuple[CertificateName, ...], Field(min_length=1, max_length=100, strict=False)]
_Scopes = Annotated[tuple[Scope, ...], Field(max_length=len(_EVERY_SCOPE), strict=False)]


class CallerRules(Contract):
    """A person, or a machine of its own, who asks as the tenant, with scopes of their own.

    Attributes:
        name: Who it is, in records; the same whichever of its certificates it shows.
        names, scopes: As in ``TenantRules``.
    """

    name: Name
    names: _Names
    scopes: _Scopes


class TenantRules(Limits):
    """One tenant as the file has it.

    Attributes:
        names: DNS names and URIs of its certificates (subject alternative names), as written there.
        scopes: May be empty: then it may ask whether the server is well.
        callers: Others who ask as this tenant. They share its limits.
    """

    name: Name
    names: _Names
    scopes: _Scopes
    callers: tuple[CallerRules, ...] = Field(default=(), max_length=100, strict=False)

    @property
    def everybody(self) -> "tuple[TenantRules | CallerRules, ...]":
        """Return the tenant itself and its callers: each has a name, certificates and scopes."""
        return (self, *self.callers)

    @model_validator(mode="after")
    def _check_callers(self) -> "TenantRules":
        named = [one.name for one in self.everybody]
        _check_distinct(named, "callers: each needs its own name, and not the tenant's")
        if "review" in self.scopes:
            raise ValueError("callers: review is a scope of callers, each of whom is one person")
        for one in self.everybody:
            _check_distinct(one.scopes, "tenants: a scope stands once with each")
            if {"recourse", "review"} <= set(one.scopes):
                raise ValueError("callers: who contests decisions may not review them")
        return self


class AccessRules(Contract):
    """The whole file: who may ask."""

    schema_version: Literal[1] = Field(alias="schema")
    tenants: tuple[TenantRules, ...] = Field(min_length=1, max_length=100, strict=False)

    @model_validator(mode="after")
    def _check_names(self) -> "AccessRules":
        _check_distinct([one.name for one in self.tenants], "tenants: each needs its own name")
        everybody = [one for tenant in self.tenants for one in tenant.everybody]
        names = [name for one in everybody for name in one.names]
        _check_distinct(names, "tenants: a certificate's name stands once, with one tenant")
        if LOCAL in {one.name for one in everybody}:
            raise ValueError(f"tenants: the name {LOCAL} is taken")
        return self


class Access:
    """Tells whose a call is, whether they may make it, and counts what they ask."""

    def __init__(self, rules: AccessRules | None, *, monotonic: Monotonic = time.monotonic) -> None:
        """Begin with full buckets; without rules everybody is the tenant ``local``."""
        self._monotonic = monotonic
        self._key = secrets.token_bytes(32)
        self._file: RulesFile | None = None
        self._looked_s = monotonic()
        self._owners: dict[str, Tenant] = {}
        self._meters: dict[str, Meter] = {}
        self._anyone = Tenant(LOCAL, _EVERY_SCOPE, LOCAL) if rules is None else None
        if rules is not None:
            self._put_in_force(rules)

    @classmethod
    def local(cls) -> "Access":
        """Return what plain text on loopback gets: one tenant, all scopes, no limits."""
        return cls(None)

    @classmethod
    def from_file(cls, path: Path, *, monotonic: Monotonic = time.monotonic) -> "Access":
        """Return what a file says, now and whenever it changes.

        Raises:
            ConfigError: It cannot be read or breaks a rule; says which, without values.
        """
        file = RulesFile(path)
        access = cls(file.load(), monotonic=monotonic)
        access._file = file
        return access

    def admit(self, call: Call) -> Tenant:
        """Return whose call it is.

        Raises:
            UnknownCallerError: The names of its certificate are not those of exactly one caller.
            NotAllowedError: That caller may not call this method, or nobody may.
        """
        self._look(self._monotonic())
        tenant = self._anyone or self._owner(call.peer.names)
        needed = NEEDED.get(call.method, _NOBODYS)
        if needed is not None and needed not in tenant.scopes:
            raise NotAllowedError("this caller may not call this method")
        return tenant

    def spend(self, tenant: Tenant, *, rows: int, subjects: Sequence[str]) -> None:
        """Count what a tenant asks for, before it is answered; a replay is not asked for again.

        Args:
            tenant: As ``admit`` returned it.
            rows: Applicants that are scored or decided on; no fewer than ``subjects``, which are
                paid for so.
            subjects: Who they are, in any text that is the same for the same person; one entry is
                one question. Only a keyed hash of it is kept.

        Raises:
            RateLimitError: It is too much now, and nothing was spent.
            UnknownCallerError: The tenant has been taken out of the file since.
        """
        if self._anyone is not None:
            return
        now_s = self._monotonic()
        self._look(now_s)
        meter = self._meters.get(tenant.name)
        if meter is None:
            raise UnknownCallerError("the caller is not known any more")
        meter.spend(rows, subjects, now_s=now_s)

    def give_back(self, tenant: Tenant, *, rows: int, subjects: Sequence[str]) -> None:
        """Undo what ``spend`` counted, for questions that could not be stored."""
        meter = self._meters.get(tenant.name)
        if meter is not None:
            meter.give_back(rows, subjects, now_s=self._monotonic())

    def _owner(self, names: Sequence[str]) -> Tenant:
        found: Tenant | None = None
        for name in names:
            owner = self._owners.get(name)
            if owner is not None and owner is not found:
                if found is not None:
                    raise UnknownCallerError("the certificate names several callers")
                found = owner
        if found is None:
            raise UnknownCallerError("the caller is not known")
        return found

    def _look(self, now_s: float) -> None:
        if self._file is None or now_s - self._looked_s < _LOOK_EVERY_S:
            return
        self._looked_s = now_s
        rules = self._file.load_if_changed()
        if rules is not None:
            self._put_in_force(rules)
            _LOG.info("access rules changed", extra={"tenants": len(rules.tenants)})

    def _put_in_force(self, rules: AccessRules) -> None:
        """Go by these rules; tenants that were there before keep what they have spent."""
        now_s, before = self._looked_s, self._meters
        self._owners, self._meters = {}, {}
        for one in rules.tenants:
            for caller in one.everybody:
                tenant = Tenant(one.name, frozenset(caller.scopes), caller.name)
                self._owners.update(dict.fromkeys(caller.names, tenant))
            meter = before.get(one.name) or Meter(one, now_s=now_s, key=self._key)
            meter.change(one, now_s=now_s)
            self._meters[one.name] = meter


class RulesFile:
    """The file of rules, and which state of it was read last."""

    def __init__(self, path: Path) -> None:
        """Look at nothing yet."""
        self._path = path
        self._seen: _State | None = None

    def load(self) -> AccessRules:
        """Read the file.

        Raises:
            ConfigError: It cannot be read or breaks a rule.
        """
        self._seen = _state_of(self._path)  # before reading: what is written meanwhile shows next
        try:
            return AccessRules.model_validate(read_toml(self._path))
        except ContractError as err:
            raise ConfigError(str(err)) from err
        except ValidationError as err:
            raise ConfigError(f"{self._path.name}: {describe(err)}") from err

    def load_if_changed(self) -> AccessRules | None:
        """Return the rules if the file has changed and holds good ones; logs once if bad ones."""
        if _state_of(self._path) == self._seen:
            return None
        try:
            return self.load()
        except ConfigError as err:
            _LOG.error("access rules not changed: the file is wrong", extra={"rule": str(err)})
            return None


_State = tuple[int, int, int]


def _state_of(path: Path) -> _State | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino


def _check_distinct(names: Sequence[str], rule: str) -> None:
    if len(set(names)) != len(names):
        raise ValueError(rule)
