"""Certificates that a cluster must refuse, made from a good one by changing one thing."""

import datetime
import pathlib

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec


def load(path):
    return x509.load_pem_x509_certificate(pathlib.Path(path).read_bytes())


def load_key(path):
    return serialization.load_pem_private_key(pathlib.Path(path).read_bytes(), None)


def copy(certificate, issuer_key, not_after=None):
    """The same certificate with another end or another signer: all else, the node's identity too, stays."""
    start, end = certificate.not_valid_before_utc, certificate.not_valid_after_utc
    if not_after:
        start, end = not_after - datetime.timedelta(days=30), not_after
    builder = (x509.CertificateBuilder().subject_name(certificate.subject).issuer_name(certificate.issuer)
               .public_key(certificate.public_key()).serial_number(x509.random_serial_number())
               .not_valid_before(start).not_valid_after(end))
    for extension in certificate.extensions:
        builder = builder.add_extension(extension.value, extension.critical)
    # Ed25519 keys have no choice of hash.
    algorithm = hashes.SHA256() if isinstance(issuer_key, ec.EllipticCurvePrivateKey) else None
    return builder.sign(issuer_key, algorithm)


def expired(certificate, ca_key):
    return copy(certificate, ca_key, datetime.datetime.now(datetime.UTC) - datetime.timedelta(days=1))


def of_an_impostor(certificate):
    """Signed by somebody who calls himself the cluster's authority."""
    return copy(certificate, ec.generate_private_key(ec.SECP256R1()))


def write(certificate, path):
    pathlib.Path(path).write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
