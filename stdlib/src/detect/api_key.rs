//! Keys and tokens of providers, by prefix, alphabet, length and entropy.

use std::sync::LazyLock;

use rustc_hash::FxHashMap;

use super::api_key_shapes::{Alphabet, KeyShape, SHAPES};
use super::matcher::{Confidence, Hit, OpenRun, Outcome, PIECE};
use super::window::{Window, entropy, is_token};

/// `start` is the beginning of a word.
pub(crate) fn evaluate_prefix(window: &Window<'_>, start: usize) -> Outcome {
    let (Some(first), Some(second)) = (window.byte(start)?, window.byte(start + 1)?) else { return Ok(None) };
    for shape in BY_PAIR.get(&[first, second]).map_or(&[][..], Vec::as_slice) {
        if !window.has(start, shape.prefix.as_bytes())? {
            continue;
        }
        if let Some(hit) = match_shape(window, start, shape)? {
            return Ok(Some(hit));
        }
    }
    Ok(None)
}

/// The shapes by the first two bytes of their prefix, in the table's order.
static BY_PAIR: LazyLock<FxHashMap<[u8; 2], Vec<&KeyShape>>> = LazyLock::new(|| {
    let mut shapes: FxHashMap<[u8; 2], Vec<&KeyShape>> = FxHashMap::default();
    for (pair, shape) in prefix_pairs().zip(SHAPES) {
        shapes.entry(pair).or_default().push(shape);
    }
    shapes
});

/// The two bytes that each prefix begins with.
pub(crate) fn prefix_pairs() -> impl Iterator<Item = [u8; 2]> {
    SHAPES.iter().map(|shape| [shape.prefix.as_bytes()[0], shape.prefix.as_bytes()[1]])
}

fn match_shape(window: &Window<'_>, start: usize, shape: &KeyShape) -> Outcome {
    let body = start + shape.prefix.len();
    let mut end = window.run(body, PIECE, shape.alphabet.class())?;
    if end - body == PIECE {
        return Ok(Some(Hit::open(start, end, OpenRun::Secret)));
    }
    // The point or hyphen of the sentence.
    while end > body && matches!(window.bytes()[end - 1], b'.' | b'-') {
        end -= 1;
    }
    let length = end - body;
    if length < shape.min || length > shape.max || !window.ends_at(end)? {
        return Ok(None);
    }
    let text = &window.bytes()[body..end];
    if entropy(text) < shape.alphabet.entropy_min(length) || !is_mixed(text, shape) {
        return Ok(None);
    }
    Ok(Some(Hit::new(start, end, Confidence::Certain)))
}

/// A generic prefix such as `sk-` also begins words with hyphens: the key must have an unbroken stretch with a digit in it.
fn is_mixed(text: &[u8], shape: &KeyShape) -> bool {
    !shape.is_generic
        || text.split(|byte| !byte.is_ascii_alphanumeric()).any(|part| {
            part.len() >= 16 && part.iter().any(u8::is_ascii_digit) && part.iter().any(u8::is_ascii_alphabetic)
        })
}

impl Alphabet {
    pub(crate) fn class(self) -> fn(u8) -> bool {
        match self {
            Alphabet::Hex => |byte| byte.is_ascii_hexdigit(),
            Alphabet::Upper => |byte| byte.is_ascii_uppercase() || byte.is_ascii_digit(),
            Alphabet::Alphanumeric => |byte| byte.is_ascii_alphanumeric(),
            Alphabet::Token => is_token,
            Alphabet::Pointed => |byte| is_token(byte) || byte == b'.',
            Alphabet::Base64 => is_secret,
        }
    }

    /// Below this many bits a character, the text is a placeholder such as `xxxxxxxx`.
    fn entropy_min(self, length: usize) -> f64 {
        match (self, length) {
            (_, ..16) => 2.0,
            (Alphabet::Hex, _) => 2.3,
            (_, 16..24) => 2.5,
            _ => 2.8,
        }
    }
}

/// Characters of base64 and of most passwords in configuration files.
pub(crate) fn is_secret(byte: u8) -> bool {
    is_token(byte) || matches!(byte, b'+' | b'/' | b'=' | b'.' | b'~')
}

/// Client secrets of Microsoft Entra: three characters, `8Q~`, and 31 to 34 more.
pub(crate) fn evaluate_infix(window: &Window<'_>, start: usize) -> Outcome {
    let class = |byte| is_token(byte) || matches!(byte, b'.' | b'~');
    // The three characters before the mark are looked at only where the mark can still follow.
    for offset in 0..3 {
        if !window.byte(start + offset)?.is_some_and(class) {
            return Ok(None);
        }
    }
    if !window.has(start + 3, b"8Q~")? && !window.has(start + 3, b"7Q~")? {
        return Ok(None);
    }
    let body = start + 6;
    let mut end = window.run(body, 36, class)?;
    while end > body && matches!(window.bytes()[end - 1], b'.' | b'-') {
        end -= 1;
    }
    let is_key = (31..=34).contains(&(end - body)) && entropy(&window.bytes()[body..end]) > 3.0;
    Ok(is_key.then(|| Hit::new(start, end, Confidence::Certain)))
}

/// Telegram bots: the bot's number, a colon, and 35 characters of which the first two are `AA`.
pub(crate) fn evaluate_telegram(window: &Window<'_>, start: usize) -> Outcome {
    let colon = window.run(start, 11, |byte| byte.is_ascii_digit())?;
    if !(8..=10).contains(&(colon - start)) || !window.begins_at(start) || !window.has(colon, b":AA")? {
        return Ok(None);
    }
    let end = window.run(colon + 1, 35, is_token)?;
    let goes_on = window.byte(end)?.is_some_and(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    let is_key = end - colon == 36 && !goes_on && entropy(&window.bytes()[colon + 1..end]) > 3.0;
    Ok(is_key.then(|| Hit::new(start, end, Confidence::Certain)))
}

#[cfg(test)]
mod tests {
    use super::super::window::More;
    use super::*;

    #[test]
    fn longer_prefixes_come_first() {
        for (index, shape) in SHAPES.iter().enumerate() {
            let shadowed = SHAPES[index + 1..]
                .iter()
                .find(|later| later.prefix.starts_with(shape.prefix) && later.prefix != shape.prefix);
            assert!(shadowed.is_none(), "`{}` hides `{}`", shape.prefix, shadowed.map_or("", |later| later.prefix));
            assert!(shape.min <= shape.max && shape.max < PIECE, "{}", shape.prefix);
        }
    }

    #[test]
    fn short_words_are_not_waited_for_long() {
        let open = Window::new(b"house", false);
        assert_eq!(evaluate_prefix(&open, 0), Ok(None));
        assert_eq!(evaluate_infix(&open, 0), Ok(None));
        assert_eq!(evaluate_infix(&Window::new(b"abc", false), 0), Err(More));
    }
}
