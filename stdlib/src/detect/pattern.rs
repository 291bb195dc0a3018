//! Own patterns: a regular expression that a policy gives.
//!
//! Two automata are made of it. The `regex` crate's finds where a match begins, fast. A plain DFA, anchored there, is then fed
//! byte by byte; unlike a search it can tell at the end of a chunk whether a match may still begin, grow or fail.
//!
//! So that a stream is never held back without bound, a match must come within [`REACH`] bytes of its beginning, and a longer
//! one within as many bytes of where it last could have ended.

use std::sync::{Arc, LazyLock, Mutex, PoisonError};

use regex_automata::dfa::{Automaton, StartKind, dense};
use regex_automata::util::primitives::StateID;
use regex_automata::util::start;
use regex_automata::{Anchored, util::syntax};
use rustc_hash::FxHashMap;

use super::matcher::PIECE;
use super::window::Window;

/// How many bytes an automaton may read without a match before it is given up.
pub(crate) const REACH: usize = 1024;

const EXPRESSION_MAX: usize = 4096;
const AUTOMATON_BYTES_MAX: usize = 2 << 20;
const BUILD_BYTES_MAX: usize = 16 << 20;
const NEST_MAX: u32 = 64;
const COMPILED_BYTES_MAX: usize = 16 << 20;

/// Why an expression can't be a pattern.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PatternError {
    /// The expression is too long.
    #[error("the pattern has {0} bytes; at most {EXPRESSION_MAX} are allowed")]
    TooLong(usize),
    /// It can't be read.
    #[error("`{expression}` is not a regular expression: {reason}")]
    Invalid {
        /// The expression.
        expression: String,
        /// What is wrong.
        reason: String,
    },
    /// It matches the empty text.
    #[error("`{0}` matches the empty text, so it would match everywhere; require at least one character")]
    MatchesEmpty(String),
    /// It asks for word boundaries of Unicode.
    #[error("`{0}` asks for a Unicode word boundary; write `(?-u:\\b)`")]
    UnicodeBoundary(String),
    /// Its automaton is too large.
    #[error("`{0}` is too complex; use fewer or smaller counted repeats, such as `{{1,20}}`")]
    TooComplex(String),
}

/// A compiled pattern. Classes such as `\d` and `\w` mean ASCII; `(?u:…)` brings Unicode.
#[derive(Debug)]
pub struct Pattern {
    expression: String,
    finder: regex::bytes::Regex,
    automaton: dense::DFA<Vec<u32>>,
    /// The bytes that a match can begin with.
    first: [bool; 256],
}

/// Patterns that were compiled lately, and the memory of their automata.
static COMPILED: LazyLock<Mutex<Compiled>> = LazyLock::new(Mutex::default);

#[derive(Default)]
struct Compiled {
    patterns: FxHashMap<Box<str>, Arc<Pattern>>,
    bytes: usize,
}

/// The pattern of an expression. Decisions name the same patterns over and over, and compiling one takes milliseconds.
pub(crate) fn compiled(expression: &str) -> Result<Arc<Pattern>, PatternError> {
    let lock = || COMPILED.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(pattern) = lock().patterns.get(expression) {
        return Ok(Arc::clone(pattern));
    }
    let pattern = Arc::new(Pattern::new(expression)?);
    let bytes = expression.len() + pattern.automaton.memory_usage();
    let mut compiled = lock();
    if compiled.bytes + bytes > COMPILED_BYTES_MAX {
        *compiled = Compiled::default();
    }
    if compiled.patterns.insert(expression.into(), Arc::clone(&pattern)).is_none() {
        compiled.bytes += bytes;
    }
    Ok(pattern)
}

/// A match of a pattern, or what is known of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Run {
    /// No match begins there.
    None,
    /// A match up to this index.
    Match(usize),
    /// A match that was cut off at this index, and goes on from this state.
    Piece(usize, Tail),
    /// Not enough text to tell.
    More,
}

/// An automaton between two pieces of a match.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Tail {
    state: StateID,
}

impl Pattern {
    /// Compiles an expression.
    pub fn new(expression: &str) -> Result<Pattern, PatternError> {
        if expression.len() > EXPRESSION_MAX {
            return Err(PatternError::TooLong(expression.len()));
        }
        check(expression)?;
        let too_complex = || PatternError::TooComplex(expression.to_owned());
        let finder = regex::bytes::RegexBuilder::new(expression)
            .unicode(false)
            .size_limit(AUTOMATON_BYTES_MAX)
            .dfa_size_limit(AUTOMATON_BYTES_MAX)
            .nest_limit(NEST_MAX)
            .build()
            .map_err(|_| too_complex())?;
        let automaton = dense::Builder::new()
            .configure(
                dense::Config::new()
                    .start_kind(StartKind::Anchored)
                    .dfa_size_limit(Some(AUTOMATON_BYTES_MAX))
                    .determinize_size_limit(Some(BUILD_BYTES_MAX)),
            )
            .syntax(syntax::Config::new().unicode(false).utf8(false).nest_limit(NEST_MAX))
            .thompson(
                regex_automata::nfa::thompson::Config::new().utf8(false).nfa_size_limit(Some(AUTOMATON_BYTES_MAX)),
            )
            .build(expression)
            .map_err(|_| too_complex())?;
        let first = first_bytes(&automaton);
        Ok(Pattern { expression: expression.to_owned(), finder, automaton, first })
    }

    /// The expression, as it was given.
    pub fn expression(&self) -> &str {
        &self.expression
    }

    /// The next match at `from` or later, or where the text must be held back from.
    pub(crate) fn next(&self, window: &Window<'_>, from: usize) -> Next {
        let bytes = window.bytes();
        // A match that begins before this index shows in the text that is there.
        let decided = if window.is_complete() { bytes.len() } else { bytes.len().saturating_sub(REACH + 1) };
        let mut at = from;
        while at < decided {
            let Some(found) = self.finder.find_at(bytes, at).filter(|found| found.start() < decided) else { break };
            at = found.start();
            // What the finder saw as one match may be too far apart for the automaton. The starts up to its end are then
            // tried one by one, so that no text is searched twice.
            while at < found.end().min(decided) {
                match self.run(window, at) {
                    Run::None => at += 1,
                    run => return Next::found(at, run),
                }
            }
        }
        let tail = at.max(decided).max(from).min(bytes.len());
        for (offset, byte) in bytes[tail..].iter().enumerate() {
            if !self.first[usize::from(*byte)] {
                continue;
            }
            match self.run(window, tail + offset) {
                Run::None => {}
                run => return Next::found(tail + offset, run),
            }
        }
        Next::End
    }

    /// Runs the automaton from `start`.
    fn run(&self, window: &Window<'_>, start: usize) -> Run {
        let config = start::Config::new().anchored(Anchored::Yes).look_behind(window.before(start));
        match self.automaton.start_state(&config) {
            Ok(state) => self.advance(window, start, state, None),
            Err(_) => Run::None,
        }
    }

    /// Goes on with a match that was cut off at `at`.
    pub(crate) fn resume(&self, window: &Window<'_>, at: usize, tail: Tail) -> Run {
        self.advance(window, at, tail.state, Some(at))
    }

    fn advance(&self, window: &Window<'_>, start: usize, begin: StateID, known: Option<usize>) -> Run {
        let mut state = begin;
        let mut matched = known;
        let mut at = start;
        loop {
            if at - matched.unwrap_or(start) > REACH {
                return matched.map_or(Run::None, Run::Match);
            }
            let Ok(byte) = window.byte(at) else { return Run::More };
            let Some(byte) = byte else {
                let last = self.automaton.next_eoi_state(state);
                let end = if self.automaton.is_match_state(last) { Some(at) } else { matched };
                return end.map_or(Run::None, Run::Match);
            };
            let next = self.automaton.next_state(state, byte);
            // Automata of this crate report a match one byte late, so that they can look at what follows.
            if self.automaton.is_match_state(next) && at > start {
                matched = Some(at);
                if self.is_final(next) {
                    return Run::Match(at);
                }
                if at - start >= PIECE {
                    return Run::Piece(at, Tail { state });
                }
            } else if self.automaton.is_dead_state(next) || self.automaton.is_quit_state(next) {
                return matched.map_or(Run::None, Run::Match);
            }
            state = next;
            at += 1;
        }
    }

    /// Whether nothing can come of a match any more, so that no further byte need be waited for.
    fn is_final(&self, matching: StateID) -> bool {
        !self.automaton.is_match_state(self.automaton.next_eoi_state(matching))
            && (0..=u8::MAX).all(|byte| self.automaton.is_dead_state(self.automaton.next_state(matching, byte)))
    }
}

/// What a search for a pattern's next match came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Next {
    /// A match from the first index on.
    Found(usize, Run),
    /// A match may begin at this index.
    Hold(usize),
    /// No match begins in the text that is there.
    End,
}

impl Next {
    fn found(start: usize, run: Run) -> Next {
        match run {
            Run::More => Next::Hold(start),
            Run::None | Run::Match(_) | Run::Piece(..) => Next::Found(start, run),
        }
    }
}

/// Refuses what can't be matched on a stream.
fn check(expression: &str) -> Result<(), PatternError> {
    let parsed = regex_syntax::ParserBuilder::new()
        .unicode(false)
        .utf8(false)
        .nest_limit(NEST_MAX)
        .build()
        .parse(expression)
        .map_err(|error| PatternError::Invalid { expression: expression.to_owned(), reason: reason(&error) })?;
    let properties = parsed.properties();
    if properties.minimum_len().is_none_or(|length| length == 0) {
        return Err(PatternError::MatchesEmpty(expression.to_owned()));
    }
    if properties.look_set().contains_word_unicode() {
        return Err(PatternError::UnicodeBoundary(expression.to_owned()));
    }
    Ok(())
}

/// The parser's reason, without its drawing of the expression.
fn reason(error: &regex_syntax::Error) -> String {
    match error {
        regex_syntax::Error::Parse(error) => error.kind().to_string(),
        regex_syntax::Error::Translate(error) => error.kind().to_string(),
        other => other.to_string(),
    }
}

fn first_bytes(automaton: &dense::DFA<Vec<u32>>) -> [bool; 256] {
    let mut first = [false; 256];
    let before = std::iter::once(None).chain((0..=u8::MAX).map(Some));
    for look_behind in before {
        let config = start::Config::new().anchored(Anchored::Yes).look_behind(look_behind);
        let Ok(state) = automaton.start_state(&config) else { continue };
        for byte in 0..=u8::MAX {
            first[usize::from(byte)] |= !automaton.is_dead_state(automaton.next_state(state, byte));
        }
    }
    first
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_is_compiled_once() {
        let first = compiled(r"KEPT-\d+").expect("a pattern");
        assert!(Arc::ptr_eq(&first, &compiled(r"KEPT-\d+").expect("a pattern")));
        assert!(compiled("(").is_err());
    }

    #[test]
    fn the_automaton_says_whether_a_match_may_grow() {
        let pattern = Pattern::new(r"ab+\b").expect("a pattern");
        let run = |text: &str, is_complete| pattern.run(&Window::new(text.as_bytes(), is_complete), 0);
        assert_eq!(run("abb", false), Run::More);
        assert_eq!(run("abb", true), Run::Match(3));
        assert_eq!(run("abb ", false), Run::Match(3));
        assert_eq!(run("abbc", false), Run::None);
        assert_eq!(run("xab", false), Run::None);
    }

    #[test]
    fn a_match_must_come_within_reach() {
        let pattern = Pattern::new("a[^b]*b").expect("a pattern");
        let run = |length: usize| pattern.run(&Window::new(format!("a{}b", "x".repeat(length)).as_bytes(), true), 0);
        assert_eq!(run(REACH - 2), Run::Match(REACH));
        assert_eq!(run(REACH + 2), Run::None);
    }
}
