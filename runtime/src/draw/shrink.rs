//! Makes choices smaller as long as the value that they make still does what it did.

/// Choices below this are tried one by one.
const LOWEST: u64 = 4;

/// Looks for smaller choices until none is accepted any more or `tries` are used up: fewer choices are smaller, then lower
/// ones from the front. `accepts` makes the value of some choices; if it still does what it did, it gives the choices that
/// were really taken. The second result says how often something smaller was found.
pub(crate) fn shrink(
    start: &[u64],
    tries: usize,
    mut accepts: impl FnMut(&[u64]) -> Option<Vec<u64>>,
) -> (Vec<u64>, usize) {
    let mut search = Search { best: start.to_vec(), left: tries, steps: 0, accepts: &mut accepts };
    while search.left > 0 {
        let before = search.steps;
        search.take_away();
        search.lower();
        search.shorten();
        search.lower_with_next();
        if search.steps == before {
            break;
        }
    }
    (search.best, search.steps)
}

struct Search<'a> {
    best: Vec<u64>,
    left: usize,
    /// How often something smaller was found.
    steps: usize,
    accepts: &'a mut dyn FnMut(&[u64]) -> Option<Vec<u64>>,
}

impl Search<'_> {
    fn attempt(&mut self, candidate: &[u64]) -> bool {
        if self.left == 0 {
            return false;
        }
        self.left -= 1;
        let Some(taken) = (self.accepts)(candidate) else { return false };
        let less = (taken.len(), &taken) < (self.best.len(), &self.best);
        if less {
            self.best = taken;
            self.steps += 1;
        }
        less
    }

    /// Without some choices, from the end, many at a time and then fewer.
    fn take_away(&mut self) {
        for length in [64, 32, 16, 8, 7, 6, 5, 4, 3, 2, 1] {
            let mut end = self.best.len();
            while end >= length && self.left > 0 {
                let mut candidate = self.best.clone();
                candidate.drain(end - length..end);
                if self.attempt(&candidate) {
                    end = end.min(self.best.len());
                } else {
                    end -= (length / 8).max(1);
                }
            }
        }
    }

    /// With lower choices: one of the lowest, or what halving leads to.
    fn lower(&mut self) {
        let mut at = 0;
        while at < self.best.len() && self.left > 0 {
            let now = self.best[at];
            if !(0..now.min(LOWEST)).any(|choice| self.with(at, choice)) {
                let mut low = now.min(LOWEST);
                while let Some(high) = self.best.get(at).copied().filter(|high| low < *high) {
                    let middle = low + (high - low) / 2;
                    if !self.with(at, middle) {
                        low = middle + 1;
                    }
                }
            }
            at += 1;
        }
    }

    fn with(&mut self, at: usize, choice: u64) -> bool {
        let mut candidate = self.best.clone();
        if let Some(place) = candidate.get_mut(at) {
            *place = choice;
        }
        self.attempt(&candidate)
    }

    /// Takes one away and lowers the one in front of it: a length and what it counts, written as one choice each.
    fn shorten(&mut self) {
        let mut at = self.best.len();
        while at > 1 && self.left > 0 {
            at -= 1;
            if at < self.best.len() && self.best[at - 1] > 0 {
                let mut candidate = self.best.clone();
                candidate[at - 1] -= 1;
                candidate.remove(at);
                self.attempt(&candidate);
            }
        }
    }

    /// Lowers a choice whatever the one behind it then has to be: which kind of value it is, and which one of the kind.
    fn lower_with_next(&mut self) {
        let mut at = 0;
        while at + 1 < self.best.len() && self.left > 0 {
            let lower = 0..self.best[at].min(LOWEST);
            let mut candidates = lower.flat_map(|first| (0..LOWEST).map(move |second| (first, second)));
            candidates.any(|(first, second)| {
                let mut candidate = self.best.clone();
                candidate[at] = first;
                candidate[at + 1] = second;
                self.attempt(&candidate)
            });
            at += 1;
        }
    }
}
