//! Builtins that look for one text in another, or match one with a pattern, which generated code asks for past the table of builtins.

use hpol_stdlib::heap::{Heap, Word};

use crate::context::{Context, Stop};
use crate::plan::PlaceId;

/// Bytes of text that cost a unit of work, as in the builtins themselves.
const BYTES_PER_UNIT: usize = 128;

/// One of these builtins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TextTest {
    StartsWith,
    EndsWith,
    Contains,
    AnyPrefix,
    AnySuffix,
}

impl TextTest {
    /// The one with a builtin's name.
    pub(crate) fn of(name: &str) -> Option<Self> {
        match name {
            "startswith" => Some(Self::StartsWith),
            "endswith" => Some(Self::EndsWith),
            "contains" => Some(Self::Contains),
            "strings.any_prefix_match" => Some(Self::AnyPrefix),
            "strings.any_suffix_match" => Some(Self::AnySuffix),
            _ => None,
        }
    }
}

impl Context {
    /// What such a builtin comes to; `None` where its own code must say, because `with` may replace it or an argument is not what
    /// it mostly is.
    ///
    /// # Errors
    ///
    /// [`Stop`] at the limit of fuel.
    pub(crate) fn text_test(
        &mut self,
        test: TextTest,
        text: Word,
        part: Word,
        place: PlaceId,
    ) -> Result<Option<bool>, Stop> {
        if self.intercepts() {
            return Ok(None);
        }
        let Some(work) = work(&self.heap, test, text, part) else { return Ok(None) };
        self.charge(1 + u64::try_from(work).unwrap_or(u64::MAX), place)?;
        Ok(holds(&self.heap, test, text, part))
    }
}

impl Context {
    /// Whether a pattern of the program matches a text; `None` where the builtin's own code must say: `with` may replace it, the pattern
    /// was not asked for before, little fuel is left, or it is time to look at the clock.
    pub(crate) fn regex_match(&mut self, [pattern, text]: [Word; 2]) -> Option<bool> {
        if self.intercepts() {
            return None;
        }
        let Context { heap, caches, hot, .. } = self;
        let known = caches.known_match(heap, pattern, text)?;
        let left = hot.fuel.checked_sub(known.units().checked_add(1)?)?;
        if left <= hot.poll_at {
            return None;
        }
        hot.fuel = left;
        Some(known.holds(heap))
    }
}

/// How much more than a unit of work it is.
fn work(heap: &Heap, test: TextTest, text: Word, part: Word) -> Option<usize> {
    match test {
        TextTest::StartsWith | TextTest::EndsWith => Some(0),
        TextTest::Contains => Some(heap.text_bytes(text)?.len() / BYTES_PER_UNIT),
        TextTest::AnyPrefix | TextTest::AnySuffix => Some(heap.elements(part)?.len()),
    }
}

/// Whether it holds; `None` if an argument is no text, or no collection of texts.
fn holds(heap: &Heap, test: TextTest, text: Word, part: Word) -> Option<bool> {
    // Of valid UTF-8, bytes begin and end as characters do.
    match test {
        TextTest::StartsWith => Some(heap.text_bytes(text)?.starts_with(heap.text_bytes(part)?)),
        TextTest::EndsWith => Some(heap.text_bytes(text)?.ends_with(heap.text_bytes(part)?)),
        TextTest::Contains => Some(heap.as_str(text)?.contains(heap.as_str(part)?)),
        // Most differ in one byte already, which is sooner looked at than all.
        TextTest::AnyPrefix => any(heap, text, part, |text, part| {
            (part.is_empty() || part.first() == text.first()) && text.starts_with(part)
        }),
        TextTest::AnySuffix => {
            any(heap, text, part, |text, part| (part.is_empty() || part.last() == text.last()) && text.ends_with(part))
        }
    }
}

/// Whether a text matches any of some texts. All of them must be texts, also those behind the first that matches.
fn any(heap: &Heap, text: Word, parts: Word, matches: impl Fn(&[u8], &[u8]) -> bool) -> Option<bool> {
    let text = heap.text_bytes(text)?;
    let mut found = false;
    for part in heap.elements(parts)? {
        found |= matches(text, heap.text_bytes(*part)?);
    }
    Some(found)
}
