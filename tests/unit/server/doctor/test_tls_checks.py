"""The doctor looks at certificate and port as a caller would find them."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography import x509

from server.certificates import make_certificates
from server.doctor.report import Installation
from server.doctor.tls_checks import SOON, _fits
from tests.unit.server.doctor.installation import (
    change,
    find_wrong,
    tls,
)


@pytest.mark.parametrize("which", [0, 1])
@pytest.mark.parametrize("text", [None, "", "-----BEGIN CERTIFICATE-----\nAAAA\n"])
def test_a_tls_file_that_is_gone_or_none_is_named(
    asked: Installation, which: int, text: str | None
) -> None:
    path = tls(asked)[which]
    path.unlink()
    if text is not None:
        path.write_text(text, encoding="ascii")
    assert path.name in find_wrong(asked)["TLS files"].found


def test_a_key_of_another_certificate_is_found(asked: Installation) -> None:
    tls(asked)[1].write_bytes(make_certificates("127.0.0.1").server_key)
    assert list(find_wrong(asked)) == ["TLS pair"]


@pytest.mark.parametrize(
    ("left", "found"),
    [
        (timedelta(0), "expired on"),
        (timedelta(days=-1), "expired on"),
        (SOON, "within 14 days"),
        (SOON + timedelta(seconds=1), ""),
        (timedelta(days=10_000), "valid only from"),
    ],
)
def test_a_certificate_out_of_its_time_or_soon_is_found(
    asked: Installation, left: timedelta, found: str
) -> None:
    certificate = x509.load_pem_x509_certificate(tls(asked)[0].read_bytes())
    Path(asked.options.journal).unlink()
    wrong = find_wrong(replace(asked, now=certificate.not_valid_after_utc - left))
    assert list(wrong) == (["TLS dates"] if found else [])
    assert not found or found in wrong["TLS dates"].found


def test_a_certificate_for_another_host_is_found(asked: Installation) -> None:
    found = make_certificates("score.example.com")
    for path, raw in zip(tls(asked), (found.server, found.server_key), strict=True):
        path.write_bytes(raw)
    assert find_wrong(asked) == {}  # 127.0.0.1 is in it
    wrong = find_wrong(change(asked, host="127.0.0.2"))
    assert list(wrong) == ["TLS host"]
    assert "score.example.com" in wrong["TLS host"].found


def test_on_all_addresses_the_certificate_must_be_for_the_public_host(asked: Installation) -> None:
    assert find_wrong(change(asked, host="0.0.0.0")) == {}


@pytest.mark.parametrize(
    ("host", "name", "fits"),
    [
        ("a.example.com", "A.Example.com", True),
        ("a.example.com", "*.example.com", True),
        ("example.com", "*.example.com", False),
        ("b.a.example.com", "*.example.com", False),
        ("a.example.org", "*.example.com", False),
    ],
)
def test_a_star_stands_for_one_label(host: str, name: str, fits: bool) -> None:
    assert _fits(host, name) is fits


@pytest.mark.parametrize("text", [None, "", "-----BEGIN CERTIFICATE-----\nAAAA\n"])
def test_an_authority_of_callers_that_is_gone_or_none_is_named(
    guarded: Installation, text: str | None
) -> None:
    path = guarded.options.client_ca
    assert path is not None
    path.unlink()
    if text is not None:
        path.write_text(text, encoding="ascii")
    assert path.name in find_wrong(guarded)["callers"].found


def test_an_authority_of_callers_that_runs_out_is_found(guarded: Installation) -> None:
    path = guarded.options.client_ca
    assert path is not None
    ends = x509.load_pem_x509_certificate(path.read_bytes()).not_valid_after_utc
    assert "callers" not in find_wrong(replace(guarded, now=ends - SOON - timedelta(seconds=1)))
    assert path.name in find_wrong(replace(guarded, now=ends - SOON))["callers"].found


@pytest.mark.parametrize("text", [None, "schema = 1\n"])
def test_rules_of_access_that_are_gone_or_wrong_are_found(
    guarded: Installation, text: str | None
) -> None:
    path = guarded.options.access
    assert path is not None
    path.unlink()
    if text is not None:
        path.write_text(text, encoding="utf-8")
    assert list(find_wrong(guarded)) == ["access"]
