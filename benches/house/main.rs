//! Measurements against other programs in the same run: `make bench`. Rates are per second of CPU, taken in turns, so that
//! another load on the machine weighs on all alike; what is held against a target is the median of the rounds' ratios.

#![allow(clippy::disallowed_methods, clippy::unwrap_used, missing_docs)]

#[path = "../../tests/judge/authority.rs"]
#[allow(dead_code)]
mod authority;
mod cms;
mod large;
mod ofd;
mod pdf;
#[path = "../../tests/peers/mod.rs"]
mod peers;
mod rate;

use std::process::ExitCode;

/// One measurement: prints what it found, and whether its target was met.
type Measure = fn(&pdf::Yard) -> bool;

fn main() -> ExitCode {
    let folder = std::env::temp_dir().join(format!("xinyin-bench-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let yard = pdf::Yard::new(&folder);
    let all: [(&str, Measure); 6] = [
        ("pdf", pdf::one_signature),
        ("sixty", pdf::sixty_signatures),
        ("large", large::one_large_file),
        ("cms", cms::message_with_chain),
        ("ofd", ofd::small),
        ("ofd-large", ofd::large),
    ];
    // Names choose; without any all are measured. Cargo adds an option of its own.
    let wanted: Vec<String> = std::env::args().skip(1).filter(|argument| !argument.starts_with("--")).collect();
    let chosen = all.iter().filter(|(name, _)| wanted.is_empty() || wanted.iter().any(|wanted| wanted == name));
    let met: Vec<bool> = chosen.map(|(_, measure)| measure(&yard)).collect();
    let _ = std::fs::remove_dir_all(&folder);
    if met.into_iter().all(|met| met) { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
