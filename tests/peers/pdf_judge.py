"""A foreign judge of PDF signatures: pyHanko.

    pdf_judge.py LIST               one job a line, fields parted by a tab; one answer a line: "yes ..." or "no ..."
    pdf_judge.py --rate SECONDS LIST  validates the first job's file again and again; prints files per CPU second
    pdf_judge.py --cpu LIST         validates the first job's file once, read from disk; prints the seconds of CPU that it took

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


def evidence(root, others, crls, moment):
    """What a context is made of, read once."""
    lists = [octets(path) for path in crls.split(";") if path]
    return {
        "trust_roots": [load_cert_from_pemder(root)],
        "other_certs": [load_cert_from_pemder(path) for path in others.split(";") if path],
        "crls": lists,
        "moment": datetime.fromisoformat(moment.replace("Z", "+00:00")),
        "allow_fetching": False,
        "revocation_mode": "require" if lists else "soft-fail",
    }


def judge(file, known):
    signatures = PdfFileReader(file).embedded_signatures
    if not signatures:
        raise ValueError("no signature")
    context = ValidationContext(**known)
    for signature in signatures:
        status = validate_pdf_signature(signature, context)
        if not status.bottom_line:
            raise ValueError(status.summary())
        if status.coverage != SignatureCoverageLevel.ENTIRE_FILE and signature is signatures[-1]:
            raise ValueError(f"covers {status.coverage.name}")
    return f"{len(signatures)} {status.summary()}"


def main(arguments):
    if arguments[0] in ("--rate", "--cpu"):
        with open(arguments[-1], encoding="utf-8") as jobs:
            path, *rest = jobs.readline().rstrip("\n").split("\t")
        known = evidence(*rest)
        if arguments[0] == "--cpu":
            start = time.process_time()
            with open(path, "rb") as file:
                judge(file, known)
            print(time.process_time() - start)
            return
        data = octets(path)
        judge(BytesIO(data), known)
        start, count = time.process_time(), 0
        while count == 0 or time.process_time() - start < float(arguments[1]):
            judge(BytesIO(data), known)
            count += 1
        print(count / (time.process_time() - start))
        return
    with open(arguments[0], encoding="utf-8") as jobs:
        for line in jobs:
            path, *rest = line.rstrip("\n").split("\t")
            try:
                print("yes", judge(BytesIO(octets(path)), evidence(*rest)))
            except Exception as refusal:  # any refusal is an answer
                print("no", type(refusal).__name__, " ".join(str(refusal).split()))


main(sys.argv[1:])
