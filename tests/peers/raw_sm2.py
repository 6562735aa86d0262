"""A foreign judge of raw SM2: GmSSL (PyPI gmssl_pyx) over the bytes to be signed, identifier 1234567812345678.

    raw_sm2.py LIST     one job a line, fields parted by a tab; one answer a line: "yes ..." or "no ..."

certificate LEAF ISSUER | crl CRL ISSUER | seal SESEAL (GB/T 38540-2020) | stamp SES_SIGNATURE | cms MESSAGE (signed attributes present, signer's certificate inside)
"""

import sys

from asn1crypto import cms, core, x509
from gmssl_pyx import SM2_DEFAULT_SIGNER_ID, sm2_verify, sm3_hash

assert SM2_DEFAULT_SIGNER_ID == b"1234567812345678"


class Certificate(core.Sequence):
    """A certificate whose parts keep their original bytes; asn1crypto does not know the SM2 curve by name."""

    _fields = [("tbs", core.Any), ("algorithm", core.Any), ("signature", core.OctetBitString)]


class KeyInfo(core.Sequence):
    _fields = [("algorithm", core.Any), ("public_key", core.OctetBitString)]


class Signed(core.Sequence):
    """SESeal and SES_Signature of GB/T 38540-2020: what is signed, certificate, algorithm, value."""

    _fields = [
        ("tbs", core.Any),
        ("certificate", core.OctetString),
        ("algorithm", core.ObjectIdentifier),
        ("signature", core.OctetBitString),
        ("time_stamp", core.OctetBitString, {"explicit": 0, "optional": True}),
    ]


def read(path):
    with open(path, "rb") as file:
        return file.read()


def point(certificate):
    """The 64 octets x||y of a certificate's key."""
    info = x509.Certificate.load(certificate)["tbs_certificate"]["subject_public_key_info"].dump()
    octets = KeyInfo.load(info)["public_key"].native
    if len(octets) != 65 or octets[0] != 4:
        raise ValueError("not an uncompressed point")
    return octets[1:]


def check(key, message, signature):
    if not sm2_verify(key, message, signature, SM2_DEFAULT_SIGNER_ID):
        raise ValueError("signature does not verify")


def judge(job):
    kind, path = job[0], job[1]
    if kind in ("certificate", "crl"):
        parts = Certificate.load(read(path))
        check(point(read(job[2])), parts["tbs"].dump(), parts["signature"].native)
        return kind
    if kind in ("seal", "stamp"):
        parts = Signed.load(read(path), strict=True)
        if parts["algorithm"].dotted != "1.2.156.10197.1.501":
            raise ValueError("another algorithm")
        check(point(parts["certificate"].native), parts["tbs"].dump(), parts["signature"].native)
        return kind
    if kind == "cms":
        message = cms.ContentInfo.load(read(path))["content"]
        if not isinstance(message, cms.SignedData):
            message = message.parse(cms.SignedData) if hasattr(message, "parse") else cms.SignedData.load(message.dump())
        signer = message["signer_infos"][0]
        holders = [c.chosen.dump() for c in message["certificates"]]
        serial = signer["sid"].chosen["serial_number"].native
        holder = next(c for c in holders if x509.Certificate.load(c).serial_number == serial)
        attributes = signer["signed_attrs"].untag().dump()
        stated = next(a["values"][0].native for a in signer["signed_attrs"] if a["type"].dotted == "1.2.840.113549.1.9.4")
        content = message["encap_content_info"]["content"]
        octets = content.native if isinstance(content.native, bytes) else content.parsed.native
        if sm3_hash(octets) != stated:
            raise ValueError("digest differs")
        check(point(holder), attributes, signer["signature"].native)
        return kind
    raise ValueError("unknown job " + kind)


for line in open(sys.argv[1], encoding="utf-8"):
    if not line.strip():
        continue
    try:
        print("yes", judge(line.rstrip("\n").split("\t")))
    except Exception as refusal:  # any refusal is an answer
        print("no", type(refusal).__name__, " ".join(str(refusal).split()))
