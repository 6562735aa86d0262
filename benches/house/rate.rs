//! Rates per second of CPU, in turns, and the verdict on their ratios.

/// Seconds of CPU that this thread has used (the first field of schedstat, nanoseconds).
fn cpu() -> f64 {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap();
    text.split(' ').next().unwrap().parse::<f64>().unwrap() / 1e9
}

/// How often per second of CPU `work` can be done, tried for so many seconds.
pub fn rate(seconds: f64, mut work: impl FnMut()) -> f64 {
    let (start, mut count) = (cpu(), 0.0);
    while count == 0.0 || cpu() - start < seconds {
        work();
        count += 1.0;
    }
    count / (cpu() - start)
}

/// Runs both in turns and holds the median of the ratios against the target.
pub fn compare(peer: &str, target: f64, rounds: usize, mut ours: impl FnMut() -> f64, mut theirs: impl FnMut() -> f64) -> bool {
    let mut ratios: Vec<f64> = (1..=rounds)
        .map(|round| {
            let (theirs, ours) = (theirs(), ours());
            println!("  round {round}: xinyin {ours:10.2}   {peer} {theirs:10.2}   ratio {:7.2}", ours / theirs);
            ours / theirs
        })
        .collect();
    ratios.sort_by(f64::total_cmp);
    let median = ratios[rounds / 2];
    let met = median >= target;
    println!("  median {median:.2} times {peer}; target {target}: {}", said(met));
    met
}

pub const fn said(met: bool) -> &'static str {
    if met { "met" } else { "MISSED" }
}
