"""The coordinator's certificate names its host, and chains to an authority made for it alone."""

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from protocols.errors import ConfigError
from server.certificates import make_certificates


@pytest.mark.parametrize("host", ["lender.example", "192.0.2.7", "::1"])
def test_the_certificate_names_the_host_and_this_machine(host: str) -> None:
    made = make_certificates(host)
    certificate = x509.load_pem_x509_certificate(made.server)
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    said = {str(item.value) for item in names}
    assert {host, "localhost", "127.0.0.1"} == said
    key = load_pem_private_key(made.server_key, password=None)
    assert certificate.public_key() == key.public_key()


def test_the_certificate_is_signed_by_the_authority_and_signs_nothing_itself() -> None:
    made = make_certificates("lender.example")
    authority = x509.load_pem_x509_certificate(made.authority)
    certificate = x509.load_pem_x509_certificate(made.server)
    certificate.verify_directly_issued_by(authority)
    limits = certificate.extensions.get_extension_for_class(x509.BasicConstraints).value
    assert not limits.ca


@pytest.mark.parametrize("host", ["", "a b", "a\nb", "x" * 65, "ä.example", "a/b"])
def test_a_host_that_is_none_gets_no_certificate(host: str) -> None:
    with pytest.raises(ConfigError, match="host"):
        make_certificates(host)
