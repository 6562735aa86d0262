//! Paths over hostile pools: an answer always, within bounds, and never acceptance without an anchor.
#![no_main]

use libfuzzer_sys::fuzz_target;
use xinyin::{
    moment::Moment,
    pki::{
        bundle,
        path::{Anchor, Outcome, PathInput, Purpose, validate},
    },
};

fuzz_target!(|data: &[u8]| {
    let pool = bundle::certificates(data).unwrap_or_default();
    let (crls, ocsps) = (bundle::crls(data), bundle::ocsps(data));
    let Some((leaf, rest)) = pool.split_first() else { return };
    let anchors: Vec<Anchor> = rest.last().cloned().map(Anchor::from).into_iter().collect();
    for (anchors, purpose) in [(&[][..], Purpose::Any), (&anchors, Purpose::Sign), (&anchors, Purpose::Server)] {
        let mut question = PathInput::new(leaf, anchors, Moment::from_secs(1_790_000_000));
        (question.intermediates, question.crls, question.ocsps, question.purpose) = (rest, &crls, &ocsps, purpose);
        let result = validate(&question);
        assert!(!anchors.is_empty() || result.outcome != Outcome::Accepted);
        assert_eq!((result.path.len(), result.path.len()), (result.links.len(), result.revocation.len()));
    }
});
