"""The page's own certificate: made once, private, refused when it ends."""

from datetime import timedelta
from pathlib import Path

import pytest
from cryptography import x509

from clients.auditor.page.certificate import CERTIFICATE_NAME, fingerprint, own_certificate
from protocols.errors import ConfigError
from tests.unit.clients.auditor.page.conftest import START


def test_a_certificate_is_made_once_with_a_private_key(tmp_path: Path) -> None:
    certificate, key = own_certificate(tmp_path, host="127.0.0.1", now=START)
    raw = certificate.read_bytes()
    assert key.stat().st_mode & 0o777 == 0o600
    assert own_certificate(tmp_path, host="127.0.0.1", now=START) == (certificate, key)
    assert certificate.read_bytes() == raw


@pytest.mark.parametrize("host", ["audit.example", "10.0.0.7", "::1"])
def test_it_names_the_host(tmp_path: Path, host: str) -> None:
    certificate, _ = own_certificate(tmp_path, host=host, now=START)
    loaded = x509.load_pem_x509_certificate(certificate.read_bytes())
    names = loaded.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert host in [str(name.value) for name in names]


def test_its_fingerprint_is_as_browsers_show_it(tmp_path: Path) -> None:
    certificate, _ = own_certificate(tmp_path, host="127.0.0.1", now=START)
    parts = fingerprint(certificate).split(":")
    assert (len(parts), {len(part) for part in parts}) == (32, {2})


def test_one_that_ends_is_refused(tmp_path: Path) -> None:
    own_certificate(tmp_path, host="127.0.0.1", now=START)
    with pytest.raises(ConfigError, match="ends within a day"):
        own_certificate(tmp_path, host="127.0.0.1", now=START + timedelta(days=364, hours=1))


def test_a_file_that_is_no_certificate_is_refused(tmp_path: Path) -> None:
    (tmp_path / CERTIFICATE_NAME).write_text("no")
    with pytest.raises(ConfigError, match="expected a certificate"):
        own_certificate(tmp_path, host="127.0.0.1", now=START)
    with pytest.raises(ConfigError, match="expected a certificate"):
        fingerprint(tmp_path / "absent")
