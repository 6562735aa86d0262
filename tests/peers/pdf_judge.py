"""A foreign judge of PDF signatures: pyHanko.

    pdf_judge.py LIST               one job a line, fields parted by a tab; one answer a line: "yes ..." or "no ..."
    pdf_judge.py --rate SECONDS LIST  validates the first job's file again and again; prints files per CPU second

A job: FILE, ROOT certificate, intermediates (parted by ;), CRL files (parted by ;), MOMENT (RFC 3339).
"yes" needs every signature of the file trusted, intact and covering the whole document, and revocation known.
"""

import sys
import time
from datetime import datetime
from io import BytesIO

from pyhanko.keys import load_cert_from_pemder
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign.validation import validate_pdf_signature
from pyhanko.sign.validation.status import SignatureCoverageLevel
from pyhanko_certvalidator import ValidationContext


def octets(path):
    with open(path, "rb") as file:
        return file.read()


def context(root, others, crls, moment):
    return ValidationContext(
        trust_roots=[load_cert_from_pemder(root)],
        other_certs=[load_cert_from_pemder(path) for path in others.split(";") if path],
        crls=[octets(path) for path in crls.split(";") if path],
        moment=datetime.fromisoformat(moment.replace("Z", "+00:00")),
        allow_fetching=False,
        revocation_mode="require" if crls else "soft-fail",
    )


def judge(data, root, others, crls, moment):
    signatures = PdfFileReader(BytesIO(data)).embedded_signatures
    if not signatures:
        raise ValueError("no signature")
    for signature in signatures:
        status = validate_pdf_signature(signature, context(root, others, crls, moment))
        if not status.bottom_line:
            raise ValueError(status.summary())
        if status.coverage != SignatureCoverageLevel.ENTIRE_FILE and signature is signatures[-1]:
            raise ValueError(f"covers {status.coverage.name}")
    return f"{len(signatures)} {status.summary()}"


def main(arguments):
    if arguments[0] == "--rate":
        with open(arguments[2], encoding="utf-8") as jobs:
            path, *rest = jobs.readline().rstrip("\n").split("\t")
        data = octets(path)
        judge(data, *rest)
        start, count = time.process_time(), 0
        while time.process_time() - start < float(arguments[1]):
            judge(data, *rest)
            count += 1
        print(count / (time.process_time() - start))
        return
    with open(arguments[0], encoding="utf-8") as jobs:
        for line in jobs:
            path, *rest = line.rstrip("\n").split("\t")
            try:
                print("yes", judge(octets(path), *rest))
            except Exception as refusal:  # any refusal is an answer
                print("no", type(refusal).__name__, " ".join(str(refusal).split()))


main(sys.argv[1:])
