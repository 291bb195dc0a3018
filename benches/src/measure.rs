//! Time that the thread itself took, so that other work on the machine does not count.

use rustix::time::{ClockId, clock_gettime};

/// Nanoseconds that this thread has been running.
pub fn thread_nanoseconds() -> u64 {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    u64::try_from(time.tv_sec).unwrap_or(0) * 1_000_000_000 + u64::try_from(time.tv_nsec).unwrap_or(0)
}

/// How long is measured.
#[derive(Debug, Clone, Copy)]
pub struct Effort {
    /// Batches whose median counts.
    pub batches: usize,
    /// What a batch takes at least.
    pub batch_nanoseconds: u64,
}

impl Effort {
    /// Enough for figures that are shown.
    pub const FULL: Self = Self { batches: 15, batch_nanoseconds: 4_000_000 };
    /// A look that shows the order of magnitude.
    pub const QUICK: Self = Self { batches: 5, batch_nanoseconds: 1_000_000 };
}

/// Median nanoseconds of one of the `parts` of what `work` does, when told how often.
pub fn nanoseconds(effort: Effort, parts: usize, mut work: impl FnMut(usize)) -> f64 {
    let mut timed = |rounds: usize| {
        let start = thread_nanoseconds();
        work(rounds);
        thread_nanoseconds() - start
    };
    // Warms up, and finds how many rounds fill a batch.
    let mut rounds = 1;
    loop {
        let took = timed(rounds);
        if took >= effort.batch_nanoseconds {
            break;
        }
        let short = (effort.batch_nanoseconds / took.max(1)).clamp(1, 9) + 1;
        rounds *= usize::try_from(short).unwrap_or(2);
    }
    let decisions = (rounds * parts) as f64;
    median((0..effort.batches).map(|_| timed(rounds) as f64 / decisions).collect())
}

/// The middle of some figures.
pub fn median(mut figures: Vec<f64>) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures.get(figures.len() / 2).copied().unwrap_or(f64::NAN)
}

/// Figures as a mean that a factor up and the same factor down leave where it is.
pub fn geometric_mean(figures: &[f64]) -> f64 {
    (figures.iter().map(|figure| figure.ln()).sum::<f64>() / figures.len() as f64).exp()
}
