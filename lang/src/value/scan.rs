//! The tokens of JSON text, for every reader of it.

use super::{JsonError, Number};

const ONES: u64 = u64::from_le_bytes([0x01; 8]);
const HIGH_BITS: u64 = u64::from_le_bytes([0x80; 8]);
/// Digits of an integer that surely fits 64 bits.
const SURE_DIGITS: usize = 18;

/// Walks over JSON text, token by token. What it reads is checked; what stands between tokens is the caller's concern.
#[derive(Debug, Clone)]
pub struct JsonScanner<'t> {
    text: &'t str,
    at: usize,
}

/// A number of JSON text.
#[derive(Debug, Clone, Copy)]
pub enum NumberToken<'t> {
    /// A small integer.
    Int(i64),
    /// Any other, or none at all: as it is spelled.
    Spelled(&'t str),
}

impl NumberToken<'_> {
    /// The number; `None` for a spelling that is none, or one beyond the limits.
    pub fn number(self) -> Option<Number> {
        match self {
            NumberToken::Int(value) => Some(Number::from(value)),
            NumberToken::Spelled(spelling) => spelling.parse().ok(),
        }
    }

    /// Whether it is a number, without making one where that can be told.
    pub fn is_number(self) -> bool {
        match self {
            NumberToken::Int(_) => true,
            NumberToken::Spelled(spelling) => is_short_decimal(spelling) || spelling.parse::<Number>().is_ok(),
        }
    }
}

impl<'t> JsonScanner<'t> {
    /// Starts at the front of the text.
    pub fn new(text: &'t str) -> Self {
        Self { text, at: 0 }
    }

    /// How many bytes lie behind.
    #[inline]
    pub fn at(&self) -> usize {
        self.at
    }

    /// Goes to a place where it stood before.
    #[inline]
    pub fn go_to(&mut self, at: usize) {
        self.at = at;
    }

    /// The whole text.
    pub fn text(&self) -> &'t str {
        self.text
    }

    /// The bytes that lie ahead.
    #[inline]
    pub fn rest(&self) -> &'t [u8] {
        self.text.as_bytes().get(self.at..).unwrap_or(&[])
    }

    /// An error at this place.
    pub fn error(&self, message: impl Into<String>) -> JsonError {
        JsonError { message: message.into(), offset: self.at }
    }

    /// The next byte.
    #[inline]
    pub fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    /// Whether the next bytes are these; if so, they are passed.
    #[inline]
    pub fn accept_all(&mut self, bytes: &[u8]) -> bool {
        let found = self.text.as_bytes().get(self.at..).is_some_and(|rest| rest.starts_with(bytes));
        self.at += if found { bytes.len() } else { 0 };
        found
    }

    /// Whether the next byte is this one; if so, it is passed.
    #[inline]
    pub fn accept(&mut self, byte: u8) -> bool {
        let found = self.peek() == Some(byte);
        self.at += usize::from(found);
        found
    }

    /// Passes the byte, which must be the next one.
    ///
    /// # Errors
    ///
    /// The message, if it is not.
    #[inline]
    pub fn expect(&mut self, byte: u8, message: &str) -> Result<(), JsonError> {
        if self.accept(byte) { Ok(()) } else { Err(self.error(message)) }
    }

    /// Passes white space.
    #[inline]
    pub fn skip_space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    /// Passes `true`, `false` or `null`.
    ///
    /// # Errors
    ///
    /// If it is not the next word.
    #[inline]
    pub fn word(&mut self, word: &str) -> Result<(), JsonError> {
        if self.accept_all(word.as_bytes()) { Ok(()) } else { Err(self.error("expected a JSON value")) }
    }

    /// Passes what could be a number: whether it is one, the token tells.
    #[inline]
    pub fn number(&mut self) -> NumberToken<'t> {
        let bytes = self.text.as_bytes();
        let negative = self.peek() == Some(b'-');
        let first = self.at + usize::from(negative);
        let (mut end, mut value) = (first, 0_i64);
        while let Some(digit @ b'0'..=b'9') = bytes.get(end)
            && end - first < SURE_DIGITS
        {
            value = value * 10 + i64::from(digit - b'0');
            end += 1;
        }
        let leading_zero = end - first > 1 && bytes.get(first) == Some(&b'0');
        if end > first && !leading_zero && !bytes.get(end).is_some_and(|byte| is_of_number(*byte)) {
            self.at = end;
            return NumberToken::Int(if negative { -value } else { value });
        }
        let length = bytes.iter().skip(self.at).take_while(|byte| is_of_number(**byte)).count();
        let spelling = self.text.get(self.at..self.at + length).unwrap_or("");
        self.at += length;
        NumberToken::Spelled(spelling)
    }

    /// Passes a string in which nothing is escaped; the scanner stands on its opening quote, and stays there if the string is
    /// another one, or none at all, which [`JsonScanner::string`] tells.
    #[inline(always)]
    pub fn plain_string(&mut self) -> Option<&'t str> {
        let start = self.at + 1;
        let end = start + plain_length(self.text.as_bytes().get(start..)?);
        if self.text.as_bytes().get(end) != Some(&b'"') {
            return None;
        }
        let plain = self.text.get(start..end)?;
        self.at = end + 1;
        Some(plain)
    }

    /// Passes a string; the scanner stands on its opening quote. The text is part of the document where nothing in it is
    /// escaped; else it is written to the buffer, which is emptied first, and `None` is returned.
    ///
    /// # Errors
    ///
    /// Control characters, escapes that are none, and a string that is not closed.
    #[inline]
    pub fn string(&mut self, buffer: &mut String) -> Result<Option<&'t str>, JsonError> {
        if let Some(plain) = self.plain_string() {
            return Ok(Some(plain));
        }
        self.at += 1;
        let start = self.at;
        self.at += plain_length(self.text.as_bytes().get(start..).unwrap_or(&[]));
        buffer.clear();
        self.escaped(start, buffer).map(|()| None)
    }

    /// The rest of a string of which the text from `start` to here is plain.
    #[cold]
    fn escaped(&mut self, mut start: usize, buffer: &mut String) -> Result<(), JsonError> {
        loop {
            buffer.push_str(self.text.get(start..self.at).unwrap_or(""));
            match self.peek() {
                Some(b'"') => {
                    self.at += 1;
                    return Ok(());
                }
                Some(b'\\') => {
                    self.at += 1;
                    buffer.push(self.escape()?);
                }
                Some(_) => return Err(self.error("control character in a string")),
                None => return Err(self.error("string is not closed")),
            }
            start = self.at;
            self.at += plain_length(self.text.as_bytes().get(start..).unwrap_or(&[]));
        }
    }

    fn escape(&mut self) -> Result<char, JsonError> {
        let Some(byte) = self.peek() else { return Err(self.error("string is not closed")) };
        self.at += 1;
        Ok(match byte {
            b'"' | b'\\' | b'/' => char::from(byte),
            b'b' => '\u{8}',
            b'f' => '\u{c}',
            b'n' => '\n',
            b'r' => '\r',
            b't' => '\t',
            b'u' => return self.unicode_escape(),
            _ => return Err(self.error("unknown escape")),
        })
    }

    fn unicode_escape(&mut self) -> Result<char, JsonError> {
        let first = self.four_digits()?;
        if !(0xD800..0xDC00).contains(&first) {
            return char::from_u32(first).ok_or_else(|| self.error("lone surrogate in a string"));
        }
        if !self.accept_all(b"\\u") {
            return Err(self.error("lone surrogate in a string"));
        }
        let second = self.four_digits()?;
        if !(0xDC00..0xE000).contains(&second) {
            return Err(self.error("lone surrogate in a string"));
        }
        let code = 0x10000 + ((first - 0xD800) << 10) + (second - 0xDC00);
        char::from_u32(code).ok_or_else(|| self.error("lone surrogate in a string"))
    }

    fn four_digits(&mut self) -> Result<u32, JsonError> {
        let digits = self.text.get(self.at..self.at + 4).filter(|text| text.bytes().all(|b| b.is_ascii_hexdigit()));
        let code = digits.and_then(|digits| u32::from_str_radix(digits, 16).ok());
        let code = code.ok_or_else(|| self.error("expected four hexadecimal digits"))?;
        self.at += 4;
        Ok(code)
    }
}

fn is_of_number(byte: u8) -> bool {
    matches!(byte, b'0'..=b'9' | b'-' | b'+' | b'.' | b'e' | b'E')
}

/// Whether the spelling is a decimal without an exponent that is well within the limits.
fn is_short_decimal(spelling: &str) -> bool {
    let unsigned = spelling.strip_prefix('-').unwrap_or(spelling);
    let Some((whole, fraction)) = unsigned.split_once('.') else { return false };
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    spelling.len() < 64 && digits(whole) && digits(fraction) && (whole == "0" || !whole.starts_with('0'))
}

/// How many bytes stand before the next quote, backslash or control character: eight at a time. In each of the three sums
/// the lowest byte with its high bit set is a hit; above it a carry may have set others.
#[inline]
fn plain_length(bytes: &[u8]) -> usize {
    let zeros = |word: u64| word.wrapping_sub(ONES) & !word & HIGH_BITS;
    let mut at = 0;
    while let Some(eight) = bytes.get(at..).and_then(|rest| rest.first_chunk::<8>()) {
        let word = u64::from_le_bytes(*eight);
        let controls = word.wrapping_sub(ONES * 0x20) & !word & HIGH_BITS;
        let hits = controls | zeros(word ^ (ONES * u64::from(b'"'))) | zeros(word ^ (ONES * u64::from(b'\\')));
        if hits != 0 {
            return at + hits.trailing_zeros() as usize / 8;
        }
        at += 8;
    }
    let rest = bytes.get(at..).unwrap_or(&[]);
    at + rest.iter().position(|byte| matches!(byte, b'"' | b'\\' | 0..0x20)).unwrap_or(rest.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_text_ends_at_the_first_byte_that_is_not() {
        for stop in (0..=u8::MAX).filter(u8::is_ascii) {
            for before in 0..20 {
                let mut bytes = vec![b'a'; before];
                bytes.extend([stop, 0xC3, 0xA9, b'"', 0x1F, b'\\', b'x', b'x', b'x', b'x', b'x']);
                let stops = matches!(stop, b'"' | b'\\' | 0..0x20);
                assert_eq!(plain_length(&bytes), if stops { before } else { before + 3 }, "{stop} after {before}");
            }
        }
    }

    #[test]
    fn integers_are_told_from_other_spellings() {
        let token = |text| JsonScanner::new(text).number();
        for (text, value) in [("0", 0), ("-0", 0), ("12,", 12), ("-999999999999999999]", -999_999_999_999_999_999)] {
            assert!(matches!(token(text), NumberToken::Int(found) if found == value), "{text}");
        }
        for text in ["01", "-", "1.5", "1e3", "9999999999999999999", "1-", "--1", "1.", "00"] {
            assert!(matches!(token(text), NumberToken::Spelled(found) if found == text), "{text}");
            assert_eq!(token(text).is_number(), text.parse::<Number>().is_ok(), "{text}");
        }
    }
}
