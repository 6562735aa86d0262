//! Electronic licences: registered types, issue, what becomes of them, annotated copies, bulk issue, and the answer to anybody who
//! holds a file or the printed code.
//!
//! The identifier is given, with everything that the licence will say, in one write before anything is made; a crash leaves a
//! licence in the making, which the same request finishes under the same identifier. Files are released only after the judge has
//! passed them.

mod bulk;
mod check;
mod copy;
mod issue;
mod making;
mod receipts;
mod sealing;
pub mod sharing;
mod status;
mod types;

pub use bulk::{Row, RowState, Tally, bulk};
pub use check::{Checked, PublicField, by_code, by_file, lookup_allowed};
pub use copy::{Copy, CopyOrder, copy};
pub use issue::{Issued, Order, Replacement, evidence_of, file, issue, replace};
pub use receipts::{CheckedReceipt, receipt_by_code, receipt_by_file};
pub use status::{Status, StatusEvent, act, of_identifier, status, status_of};
pub use types::{register, types};

use crate::fault::{Fault, code};
use crate::ids::AgencyId;
use crate::licence::LicenceType;
use crate::store::licences::{self, StoredLicence, StoredType};
use crate::world::World;

/// Reads the definition of a registered type.
fn definition(stored: &StoredType) -> Result<LicenceType, Fault> {
    LicenceType::parse(&stored.definition).map_err(|error| Fault::new(code::SYSTEM).because(error))
}

/// An agency's licence with its type; another agency's is not found.
async fn owned(world: &World, agency: &AgencyId, identifier: &str) -> Result<(StoredLicence, StoredType), Fault> {
    let found = world.store.read("a licence", |tx| {
        Box::pin(async move {
            let Some(licence) = licences::by_identifier(tx, identifier).await? else { return Ok(None) };
            let kind = licences::type_by_id(tx, &licence.type_id).await?;
            Ok(kind.map(|kind| (licence, kind)))
        })
    });
    found.await?.filter(|(licence, _)| licence.agency == *agency).ok_or_else(|| Fault::new(code::NOT_FOUND))
}
