"""A foreign judge of PAdES levels: pyHanko with the trust anchor and what the file itself brings, nothing else.

    pdf_levels.py LIST    one job a line, fields parted by a tab; one answer a line: "yes ..." or "no ..."

A job: FILE, ROOT certificate, LEVEL (LT: with the material of the security store; LTA: by the AdES long-term algorithm of
EN 319 102-1), MOMENT (RFC 3339), CRL files (parted by ;) for the newest time-stamp alone.
"""

import asyncio
import sys
from datetime import datetime
from io import BytesIO

from pyhanko.keys import load_cert_from_pemder
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign.ades.report import AdESPassed
from pyhanko.sign.validation import validate_pdf_signature
from pyhanko.sign.validation.ades import ades_lta_validation
from pyhanko.sign.validation.dss import DocumentSecurityStore
from pyhanko.sign.validation.policy_decl import (
    LocalKnowledge,
    PdfSignatureValidationSpec,
    RevinfoOnlineFetchingRule,
    RevocationInfoGatheringSpec,
    SignatureValidationSpec,
)
from pyhanko_certvalidator.context import CertValidationPolicySpec
from pyhanko_certvalidator.ltv.types import ValidationTimingInfo
from pyhanko_certvalidator.policy_decl import REQUIRE_REVINFO, CertRevTrustPolicy
from pyhanko_certvalidator.registry import SimpleTrustManager
from pyhanko_certvalidator.revinfo.archival import CRLContainer, process_legacy_crl_input


def octets(path):
    with open(path, "rb") as file:
        return file.read()


def judge(path, root, level, moment, crls):
    anchor = load_cert_from_pemder(root)
    at = datetime.fromisoformat(moment.replace("Z", "+00:00"))
    reader = PdfFileReader(BytesIO(octets(path)))
    own = reader.embedded_regular_signatures
    if not own:
        raise ValueError("no signature")
    store = DocumentSecurityStore.read_dss(reader)
    if level == "LT":
        context = store.as_validation_context(
            dict(trust_roots=[anchor], moment=at, allow_fetching=False, revocation_mode="require")
        )
        for signature in own:
            status = validate_pdf_signature(signature, context)
            if not status.bottom_line:
                raise ValueError(status.summary())
            names = {key[1:] for key in store.vri_entries}
            if DocumentSecurityStore.sig_content_identifier(signature.pkcs7_content)[1:] not in names:
                raise ValueError("no VRI entry of this signature")
        return f"{len(own)} {status.summary()}"
    rules = CertValidationPolicySpec(
        trust_manager=SimpleTrustManager.build(trust_roots=[anchor]),
        revinfo_policy=CertRevTrustPolicy(revocation_checking_policy=REQUIRE_REVINFO),
    )
    lists = process_legacy_crl_input([octets(path) for path in crls.split(";") if path])
    spec = PdfSignatureValidationSpec(
        SignatureValidationSpec(
            cert_validation_policy=rules,
            ts_cert_validation_policy=rules,
            revinfo_gathering_policy=RevocationInfoGatheringSpec(online_fetching_rule=RevinfoOnlineFetchingRule.LOCAL_ONLY),
            local_knowledge=LocalKnowledge(known_crls=list(lists)),
        )
    )
    words = []
    for signature in own:
        result = asyncio.run(ades_lta_validation(signature, spec, timing_info=ValidationTimingInfo(at, at, False)))
        if result.ades_subindic != AdESPassed.OK:
            raise ValueError(f"{result.ades_subindic} {result.failure_msg}")
        words.append(str(result.signature_timestamp_status is not None))
    if not reader.embedded_timestamp_signatures:
        raise ValueError("no document time-stamp")
    return " ".join(words)


def main(arguments):
    with open(arguments[0], encoding="utf-8") as jobs:
        for line in jobs:
            try:
                print("yes", judge(*line.rstrip("\n").split("\t")))
            except Exception as refusal:  # any refusal is an answer
                print("no", type(refusal).__name__, " ".join(str(refusal).split()))


main(sys.argv[1:])
