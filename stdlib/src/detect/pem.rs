//! Private keys between `-----BEGIN … PRIVATE KEY-----` and its end line.
//!
//! A key whose end line never comes is masked to the end of the text: a stream may be cut off in the middle of one.

use super::matcher::{Confidence, Hit, OpenRun, Outcome, PIECE};
use super::window::{More, Window};

const LABEL_MAX: usize = 48;
const KEY_MIN: usize = 16;
const GAP_MAX: usize = 64;
const HYPHENS: &[u8] = b"-----";
const BEGIN: &[u8] = b"BEGIN ";
const END: &[u8] = b"-----END ";

/// Where the hyphens before `at` begin, of which five count.
pub(crate) fn hyphens_start(window: &Window<'_>, at: usize, floor: usize) -> usize {
    let before = &window.bytes()[floor.max(at.saturating_sub(HYPHENS.len())).min(at)..at];
    at - before.iter().rev().take_while(|byte| **byte == b'-').count()
}

/// `at` is where `BEGIN` may stand.
pub(crate) fn evaluate(window: &Window<'_>, at: usize, floor: usize) -> Outcome {
    let start = hyphens_start(window, at, floor);
    if at - start < HYPHENS.len() || !window.has(at, BEGIN)? {
        return Ok(None);
    }
    let label = at + BEGIN.len();
    let label_end = window.run(label, LABEL_MAX, is_label)?;
    let name = &window.bytes()[label..label_end];
    if !(name.ends_with(b"PRIVATE KEY") || name.ends_with(b"PRIVATE KEY BLOCK")) || !window.has(label_end, b"-----")? {
        return Ok(None);
    }
    if !has_key(window, label_end + 5)? {
        return Ok(None);
    }
    Ok(Some(match end(window, label_end + 5, start + PIECE)? {
        Some(end) => Hit::new(start, end, Confidence::Certain),
        None => Hit::open(start, start + PIECE, OpenRun::Pem),
    }))
}

fn is_label(byte: u8) -> bool {
    byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b' '
}

/// Whether a key follows, and not a sentence about keys: a line of base64, or a header such as `Proc-Type: 4`.
fn has_key(window: &Window<'_>, index: usize) -> Result<bool, More> {
    let mut at = index;
    while at - index < GAP_MAX {
        match window.byte(at)? {
            Some(b'\\') if window.byte(at + 1)?.is_some_and(|byte| matches!(byte, b'n' | b'r' | b't')) => at += 2,
            Some(byte)
                if byte.is_ascii_whitespace() || matches!(byte, b'"' | b'\'' | b'+' | b'\\' | b'>' | b'|' | b'#') =>
            {
                at += 1
            }
            Some(_) | None => break,
        }
    }
    let end = window.run(at, KEY_MIN, |byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'='))?;
    if end - at == KEY_MIN {
        return Ok(true);
    }
    let name = window.run(at, KEY_MIN, |byte| byte.is_ascii_alphabetic() || byte == b'-')?;
    Ok(name > at && window.byte(name)? == Some(b':'))
}

/// The end of the end line, or of the text, or `None` where neither is met before `limit`.
fn end(window: &Window<'_>, from: usize, limit: usize) -> Result<Option<usize>, More> {
    // An end line that begins before the limit counts.
    let stop = limit.saturating_add(END.len() - 1);
    let seen = &window.bytes()[from..window.len().min(stop)];
    let Some(found) = memchr::memmem::find(seen, END) else {
        return if window.len() >= stop {
            Ok(None)
        } else if window.is_complete() {
            Ok(Some(window.len()))
        } else {
            Err(More)
        };
    };
    let label = from + found + END.len();
    let label_end = window.run(label, LABEL_MAX, is_label)?;
    window.run(label_end, 5, |byte| byte == b'-').map(Some)
}

/// Swallows a key that was cut off at `at`: how far, and whether it is over.
pub(crate) fn resume(window: &Window<'_>, at: usize) -> (usize, bool) {
    match end(window, at, usize::MAX) {
        Ok(Some(end)) => (end, true),
        // What may be the beginning of the end line stays.
        Ok(None) | Err(More) => {
            let bytes = window.bytes();
            let stay = memchr::memmem::find(&bytes[at..], END)
                .map_or_else(|| bytes.len().saturating_sub(END.len() - 1).max(at), |found| at + found);
            (stay, false)
        }
    }
}
