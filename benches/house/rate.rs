//! Rates per second of CPU, in turns, and the verdict on their ratios.

/// Seconds of CPU that this thread has used (the first field of schedstat, nanoseconds).
fn cpu() -> f64 {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap();
    text.split(' ').next().unwrap().parse::<f64>().unwrap() / 1e9
}

/// Seconds of CPU that `work` takes, done once.
pub fn cpu_of(work: impl FnOnce()) -> f64 {
    let start = cpu();
    work();
    cpu() - start
}

/// The one in the middle.
pub fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// How often per second of CPU `work` can be done, tried for so many seconds. Asking for the time costs as much as a tenth of the
/// quickest work: it is asked after groups that grow until one takes some milliseconds.
pub fn rate(seconds: f64, mut work: impl FnMut()) -> f64 {
    let (start, mut count, mut group) = (cpu(), 0_u32, 1_u32);
    let mut last = start;
    loop {
        for _ in 0..group {
            work();
        }
        count += group;
        let now = cpu();
        if now - start >= seconds {
            return f64::from(count) / (now - start);
        }
        if now - last < 0.005 {
            group *= 2;
        }
        last = now;
    }
}

/// Runs both in turns and holds the median of the ratios against the target.
pub fn compare(peer: &str, target: f64, rounds: usize, mut ours: impl FnMut() -> f64, mut theirs: impl FnMut() -> f64) -> bool {
    let ratios: Vec<f64> = (1..=rounds)
        .map(|round| {
            let (theirs, ours) = (theirs(), ours());
            println!("  round {round}: xinyin {ours:10.2}   {peer} {theirs:10.2}   ratio {:7.2}", ours / theirs);
            ours / theirs
        })
        .collect();
    let median = median(ratios);
    let met = median >= target;
    println!("  median {median:.2} times {peer}; target {target}: {}", said(met));
    met
}

pub const fn said(met: bool) -> &'static str {
    if met { "met" } else { "MISSED" }
}
