//! The choices that make a value.

/// Choices of one value; more than these are all 0.
const CHOICES_MAX: usize = 4_096;

/// A list of choices that is being made, or made again.
#[derive(Debug, Clone)]
pub(crate) struct Choices {
    /// Taken first.
    given: Vec<u64>,
    /// Where further choices come from; they are 0 without.
    random: Option<Random>,
    taken: Vec<u64>,
}

impl Choices {
    /// New choices.
    pub(crate) fn random(seed: u64) -> Self {
        Self { given: Vec::new(), random: Some(Random(seed)), taken: Vec::new() }
    }

    /// These choices again, and 0 behind them.
    pub(crate) fn replay(given: &[u64]) -> Self {
        Self { given: given.to_vec(), random: None, taken: Vec::new() }
    }

    /// These choices with a few of them made anew.
    pub(crate) fn varied(given: &[u64], seed: u64) -> Self {
        let mut random = Random(seed);
        let mut given = given.to_vec();
        let length = u64::try_from(given.len()).unwrap_or(u64::MAX).max(1);
        for _ in 0..=random.below(3) {
            let at = usize::try_from(random.below(length)).unwrap_or(0);
            if let Some(choice) = given.get_mut(at) {
                *choice = random.next();
            }
        }
        Self { given, random: Some(random), taken: Vec::new() }
    }

    /// A number below `bound`, which is at least 1.
    pub(crate) fn below(&mut self, bound: usize) -> usize {
        let bound = u64::try_from(bound).unwrap_or(u64::MAX).max(1);
        let at = self.taken.len();
        let choice = match (self.given.get(at), &mut self.random) {
            _ if at >= CHOICES_MAX => return 0,
            (Some(given), _) => given % bound,
            (None, Some(random)) => random.below(bound),
            (None, None) => 0,
        };
        self.taken.push(choice);
        usize::try_from(choice).unwrap_or(0)
    }

    /// One of some things, of which there is at least one.
    pub(crate) fn one_of<'o, T>(&mut self, options: &'o [T]) -> Option<&'o T> {
        options.get(self.below(options.len()))
    }

    /// The choices that were made.
    pub(crate) fn taken(&self) -> &[u64] {
        &self.taken
    }
}

/// Numbers from a seed: SplitMix64.
#[derive(Debug, Clone)]
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound.max(1)
    }
}
