//! PDFs: foreign ones with known verdicts, hostile ones, and every change that must not pass.

use std::path::PathBuf;
use xinyin::doc::facts::{Changes, Coverage, Facts, Integrity, ProblemKind};
use xinyin::doc::{ReadOptions, read};

struct Row {
    id: String,
    family: String,
    expected: String,
    reason: String,
    confidence: String,
    path: PathBuf,
}

/// The rows of the families of PDFs; `None` where the collection is not at hand.
fn rows() -> Option<Vec<Row>> {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared/corpus");
    let table = std::fs::read_to_string(root.join("corpus.tsv")).ok()?;
    let mut lines = table.lines();
    let heads: Vec<&str> = lines.next()?.split('\t').collect();
    let column = |name: &str| heads.iter().position(|head| *head == name).unwrap();
    let columns = ["id", "family", "expected_indication", "expected_reason", "confidence", "pack_path"].map(column);
    let mut rows = Vec::new();
    for line in lines {
        let cells: Vec<&str> = line.split('\t').collect();
        let [id, family, expected, reason, confidence, path] = columns.map(|at| cells[at].to_owned());
        if family.starts_with("pdf") && !path.is_empty() {
            rows.push(Row { id, family, expected, reason, confidence, path: root.join(path) });
        }
    }
    Some(rows)
}

fn facts(bytes: &[u8]) -> Facts {
    read(&bytes.to_vec(), &ReadOptions::default()).unwrap()
}

/// Whether shape and arithmetic leave nothing to object to; trust is another matter.
fn sound(facts: &Facts) -> bool {
    let grave = |kind: &ProblemKind| !matches!(kind, ProblemKind::Notice);
    !facts.signatures.is_empty()
        && !facts.problems.iter().any(|problem| grave(&problem.kind))
        && facts.signatures.iter().all(|entry| {
            entry.signer.integrity == Integrity::Intact
                && entry.unjudged.is_empty()
                && entry.signer.unjudged.is_empty()
                && !entry.problems.iter().chain(&entry.signer.problems).any(|problem| grave(&problem.kind))
                && entry.coverage != Coverage::Partial
                && matches!(entry.changes, Changes::None | Changes::Permitted(_))
        })
}

#[test]
fn the_foreign_collection() {
    let Some(rows) = rows() else {
        println!("SKIPPED: the collection of foreign files is not at hand");
        return;
    };
    let list = std::env::var("LIST").unwrap_or_default();
    for row in rows {
        let bytes = std::fs::read(&row.path).unwrap();
        let facts = facts(&bytes);
        let sound = sound(&facts);
        if !list.is_empty() && row.family.starts_with(&list) {
            println!(
                "{} {} {} {} | {} | {}",
                row.id,
                row.confidence,
                row.expected,
                sound,
                row.reason,
                row.path.file_name().unwrap().display()
            );
            for p in &facts.problems {
                println!("     ! {:?} {}", p.kind, p.en);
            }
            for s in &facts.signatures {
                println!(
                    "     {} {:?} {:?} {:?} {:?} unj {:?}{:?} alg {}",
                    s.id, s.kind, s.signer.integrity, s.coverage, s.changes, s.unjudged, s.signer.unjudged, s.signer.signature_algorithm
                );
                for p in s.problems.iter().chain(&s.signer.problems) {
                    println!("        - {:?} {}", p.kind, p.en);
                }
            }
        }
    }
}
