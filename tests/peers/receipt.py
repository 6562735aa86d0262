"""Takes a receipt apart with a foreign ASN.1 reader: the signature value and its time-stamp token go to files of their own."""
import pathlib, sys
from asn1crypto import cms

source, folder = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])
message = cms.ContentInfo.load(source.read_bytes(), strict=True)["content"]
(signer,) = message["signer_infos"]
(stamp,) = [one for one in signer["unsigned_attrs"] if one["type"].native == "signature_time_stamp_token"]
(folder / "value.bin").write_bytes(signer["signature"].native)
(folder / "token.der").write_bytes(stamp["values"][0].dump())
