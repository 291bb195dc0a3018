//! Words before a value that say what it is. Only words to the left count, so that a stream and the whole text agree.

use super::window::Window;

/// How far to the left words are looked for, in bytes.
const REACH: usize = 64;

/// A word against a value does not reach over this many digits: it speaks of the value that they are.
const VALUE_DIGITS: u32 = 4;

/// The words that speak for and against a kind of value.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Context {
    /// Lower-case words after which a weak match counts.
    pub(crate) for_it: &'static [&'static str],
    /// Lower-case words after which it does not, if they stand nearer to the value.
    pub(crate) against_it: &'static [&'static str],
}

impl Context {
    /// Whether the nearest telling word before `start` speaks for the value.
    pub(crate) fn speaks_for(&self, window: &Window<'_>, start: usize) -> bool {
        self.nearest(window, start) == Some(true)
    }

    /// Whether the nearest telling word before `start` speaks against the value.
    pub(crate) fn speaks_against(&self, window: &Window<'_>, start: usize) -> bool {
        self.nearest(window, start) == Some(false)
    }

    /// Whether the last word before `start`, at most three bytes away, speaks against the value.
    pub(crate) fn is_named_otherwise(&self, window: &Window<'_>, start: usize) -> bool {
        let bytes = window.bytes();
        let gap = bytes[start.saturating_sub(3)..start].iter().rev().take_while(|byte| !is_letter(**byte)).count();
        let end = start - gap;
        let begin =
            end - bytes[end.saturating_sub(REACH)..end].iter().rev().take_while(|byte| is_letter(**byte)).count();
        stands_alone(bytes, begin, end) && contains(self.against_it, &bytes[begin..end])
    }

    fn nearest(&self, window: &Window<'_>, start: usize) -> Option<bool> {
        let floor = start.saturating_sub(REACH);
        let bytes = window.bytes();
        let mut end = start;
        let mut digits = 0;
        while end > floor {
            // A label left by an earlier masking, such as `[phone]`, is not a word of the text.
            if bytes[end - 1] == b']' && follows_label(&bytes[floor..end]) {
                return None;
            }
            if !is_letter(bytes[end - 1]) {
                digits += match bytes[end - 1] {
                    b'0'..=b'9' => 1,
                    // An address.
                    b'@' => VALUE_DIGITS,
                    _ => 0,
                };
                end -= 1;
                continue;
            }
            let begin = word_start(bytes, floor, end);
            // A word that the reach cuts off is not known.
            if begin == floor && floor > 0 && is_letter(bytes[floor - 1]) {
                return None;
            }
            if stands_alone(bytes, begin, end) {
                if contains(self.for_it, &bytes[begin..end]) {
                    return Some(true);
                }
                if digits < VALUE_DIGITS && contains(self.against_it, &bytes[begin..end]) {
                    return Some(false);
                }
            }
            end = begin;
        }
        None
    }
}

fn is_letter(byte: u8) -> bool {
    byte.is_ascii_alphabetic() || byte >= 0x80
}

fn contains(words: &[&str], word: &[u8]) -> bool {
    words.iter().any(|known| known.as_bytes().eq_ignore_ascii_case(word))
}

/// Whether the letters are a word, and not a piece of a value such as a key, an address or a URL.
fn stands_alone(bytes: &[u8], begin: usize, end: usize) -> bool {
    let at = |index: usize| bytes.get(index).copied();
    let before = begin.checked_sub(1).and_then(at);
    let before_that = begin.checked_sub(2).and_then(at);
    let joins = |byte: Option<u8>| byte.is_some_and(|byte| byte.is_ascii_alphanumeric() || byte == b'@');
    match (before, at(end)) {
        (Some(b'@' | b'0'..=b'9'), _) | (_, Some(b'@' | b'0'..=b'9')) => false,
        (Some(b'.'), _) if joins(before_that) => false,
        (Some(b'/'), _) if before_that == Some(b'/') => false,
        (_, Some(b'.')) if joins(at(end + 1)) => false,
        _ => true,
    }
}

/// Where the word that ends at `end` begins. `phoneNumber` is two words, and the letter of `\n` is none.
fn word_start(bytes: &[u8], floor: usize, end: usize) -> usize {
    let mut at = end - 1;
    while at > floor && is_letter(bytes[at - 1]) {
        if bytes[at].is_ascii_uppercase() && bytes[at - 1].is_ascii_lowercase() {
            return at;
        }
        at -= 1;
    }
    let escape = matches!(bytes[at], b'n' | b'r' | b't') && at > 0 && bytes[at - 1] == b'\\';
    if escape && at + 1 < end { at + 1 } else { at }
}

fn follows_label(text: &[u8]) -> bool {
    let inner = &text[..text.len() - 1];
    let begin = inner.iter().rposition(|byte| !(byte.is_ascii_lowercase() || *byte == b'_'));
    begin.is_some_and(|open| inner[open] == b'[' && super::Kind::from_name(&inner[open + 1..]).is_some())
}

#[cfg(test)]
mod tests {
    use super::*;

    const PHONE: Context = Context { for_it: &["phone", "móvil"], against_it: &["order"] };

    fn nearest(text: &str) -> Option<bool> {
        PHONE.nearest(&Window::new(text.as_bytes(), false), text.len())
    }

    #[test]
    fn the_nearest_telling_word_decides() {
        assert_eq!(nearest("phone: "), Some(true));
        assert_eq!(nearest("my Phone number is "), Some(true));
        assert_eq!(nearest("{\"phoneNumber\":\""), Some(true));
        assert_eq!(nearest("text\\nphone "), Some(true));
        assert_eq!(nearest("móvil "), Some(true));
        assert_eq!(nearest("by phone, order "), Some(false));
        assert_eq!(nearest("order 12 "), Some(false));
        assert_eq!(nearest("phone, order 12345 "), Some(true));
        assert_eq!(nearest("mail to phone@example.com "), None);
        assert_eq!(nearest("a.phone.b "), None);
        assert_eq!(nearest("key 3phone "), None);
        assert_eq!(nearest("telephony "), None);
    }

    #[test]
    fn words_far_away_and_labels_do_not_count() {
        assert_eq!(nearest(&format!("phone {}", " ".repeat(60))), None);
        assert_eq!(nearest(&format!("xphone{}", " ".repeat(59))), None);
        assert_eq!(nearest("phone [phone] "), None);
        assert_eq!(nearest("[phone "), Some(true));
    }
}
