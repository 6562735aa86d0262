"""Reads ETSI TS 119 102-2 reports with pyHanko's generated classes; anything they do not know is an error."""
import pathlib, sys
from pyhanko.generated.etsi import ts_11910202
from xsdata.formats.dataclass.parsers import XmlParser
from xsdata.formats.dataclass.parsers.config import ParserConfig

strict = ParserConfig(fail_on_unknown_properties=True, fail_on_unknown_attributes=True, fail_on_converter_warnings=True)
for name in sys.argv[1:]:
    report = XmlParser(config=strict).from_path(pathlib.Path(name), ts_11910202.ValidationReport)
    objects = {thing.id for thing in report.signature_validation_objects.validation_object}
    for one in report.signature_validation_report:
        status = one.signature_validation_status
        if one.signer_information is not None:
            assert set(one.signer_information.signer_certificate.voreference) <= objects, "a certificate that is not listed"
        assert one.validation_time_info.best_signature_time.poetime is not None
        short = lambda urn: urn.rsplit(":", 1)[-1]
        checks = one.validation_constraints_evaluation_report.validation_constraint
        print(short(status.main_indication), *map(short, status.sub_indication), len(checks))
