//! The text a matcher looks at, of which the end may not have arrived yet.
//!
//! Matchers ask for bytes with [`Window::byte`]. Where the answer depends on bytes that are still to come they get [`More`]
//! and hand it up with `?`, so a matcher reads as if it had the whole text and is right on a stream all the same.

/// The answer depends on text that has not arrived.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct More;

/// A piece of text with its left context.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Window<'a> {
    bytes: &'a [u8],
    complete: bool,
}

/// How far to the left a matcher may look, in bytes. What was released stays in the buffer for this long.
pub(crate) const LOOK_BEHIND: usize = 192;

impl<'a> Window<'a> {
    /// `complete` says that no text follows.
    pub(crate) fn new(bytes: &'a [u8], complete: bool) -> Window<'a> {
        Window { bytes, complete }
    }

    pub(crate) fn len(&self) -> usize {
        self.bytes.len()
    }

    pub(crate) fn is_complete(&self) -> bool {
        self.complete
    }

    pub(crate) fn bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// The byte at `index`, or `None` at the end of the text.
    pub(crate) fn byte(&self, index: usize) -> Result<Option<u8>, More> {
        match self.bytes.get(index) {
            Some(&byte) => Ok(Some(byte)),
            None if self.complete => Ok(None),
            None => Err(More),
        }
    }

    /// The byte before `index`, or `None` at the beginning of the text.
    pub(crate) fn before(&self, index: usize) -> Option<u8> {
        index.checked_sub(1).and_then(|at| self.bytes.get(at)).copied()
    }

    /// Whether `literal` stands at `index`.
    pub(crate) fn has(&self, index: usize, literal: &[u8]) -> Result<bool, More> {
        for (offset, expected) in literal.iter().enumerate() {
            if self.byte(index + offset)? != Some(*expected) {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// The index after the bytes from `index` on that `class` holds, and at most `limit` of them.
    pub(crate) fn run(&self, index: usize, limit: usize, class: fn(u8) -> bool) -> Result<usize, More> {
        let mut at = index;
        while at - index < limit {
            match self.byte(at)? {
                Some(byte) if class(byte) => at += 1,
                Some(_) | None => break,
            }
        }
        Ok(at)
    }

    /// Whether a value may begin at `index`: no letter or digit stands before it. The letter of an escape such as `\n`, as
    /// JSON inside a JSON string has it, does not count as one.
    pub(crate) fn begins_at(&self, index: usize) -> bool {
        match self.before(index) {
            Some(byte) if byte.is_ascii_alphanumeric() => self.is_escape_letter(index - 1),
            Some(_) | None => true,
        }
    }

    /// Whether the byte at `index` is the letter of an escape such as `\n`.
    pub(crate) fn is_escape_letter(&self, index: usize) -> bool {
        matches!(self.bytes.get(index), Some(b'n' | b'r' | b't' | b'b' | b'f')) && self.before(index) == Some(b'\\')
    }

    /// Whether a value may end at `index`: no letter or digit follows.
    pub(crate) fn ends_at(&self, index: usize) -> Result<bool, More> {
        Ok(!self.byte(index)?.is_some_and(|byte| byte.is_ascii_alphanumeric()))
    }

    /// The length of the separator at `index`, as people and models write one inside a number: a space, a hyphen, a point,
    /// or their typographic forms. 0 where there is none.
    pub(crate) fn separator(&self, index: usize) -> Result<usize, More> {
        Ok(match self.byte(index)? {
            Some(b' ' | b'-' | b'.') => 1,
            // U+00A0, the no-break space.
            Some(0xC2) if self.byte(index + 1)? == Some(0xA0) => 2,
            Some(0xE2) if self.byte(index + 1)? == Some(0x80) => match self.byte(index + 2)? {
                // U+2007 to U+200B are spaces, U+2010 to U+2015 hyphens and dashes, U+202F the narrow no-break space.
                Some(0x87..=0x8B | 0x90..=0x95 | 0xAF) => 3,
                Some(_) | None => 0,
            },
            // U+2212, the minus sign.
            Some(0xE2) if self.byte(index + 1)? == Some(0x88) && self.byte(index + 2)? == Some(0x92) => 3,
            Some(_) | None => 0,
        })
    }
}

/// Letters, digits, `-` and `_`: the alphabet of base64url and of most keys.
pub(crate) fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_')
}

/// Shannon entropy in bits per byte.
pub(crate) fn entropy(bytes: &[u8]) -> f64 {
    let mut counts = [0_u32; 256];
    for &byte in bytes {
        counts[usize::from(byte)] += 1;
    }
    let total = f64::from(u32::try_from(bytes.len()).unwrap_or(u32::MAX));
    counts
        .iter()
        .filter(|&&count| count > 0)
        .map(|&count| {
            let share = f64::from(count) / total;
            -share * share.log2()
        })
        .sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_open_end_asks_for_more() {
        let open = Window::new(b"12", false);
        assert_eq!(open.byte(2), Err(More));
        assert_eq!(open.run(0, 9, |byte| byte.is_ascii_digit()), Err(More));
        assert_eq!(open.run(0, 2, |byte| byte.is_ascii_digit()), Ok(2));
        assert_eq!(open.has(1, b"3x"), Ok(false));
        assert_eq!(open.has(1, b"2x"), Err(More));
        assert_eq!(Window::new(b"12", true).byte(2), Ok(None));
    }

    #[test]
    fn separators_in_their_typographic_forms() {
        for text in [" ", "-", ".", "\u{a0}", "\u{2011}", "\u{202f}", "\u{2212}"] {
            assert_eq!(Window::new(text.as_bytes(), true).separator(0), Ok(text.len()), "{text:?}");
        }
        assert_eq!(Window::new("é".as_bytes(), true).separator(0), Ok(0));
    }

    #[test]
    fn entropy_tells_placeholders_from_keys() {
        assert!(entropy(b"xxxxxxxxxxxxxxxx") < 0.1);
        assert!(entropy(b"q8Zt0pLw7RmY3vKs") > 3.9);
    }
}
