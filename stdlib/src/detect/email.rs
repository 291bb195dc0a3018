//! E-mail addresses. The `@` is looked for; the local part is read to its left, the domain to its right.

use super::matcher::{Confidence, Hit, Outcome};
use super::window::{More, Window};

const LOCAL_MAX: usize = 64;
const DOMAIN_MAX: usize = 253;
const LABEL_MAX: usize = 63;
/// How far to the left of a local part a URL's `://` is looked for.
const USERINFO_MAX: usize = 96;

pub(crate) fn evaluate(window: &Window<'_>, at_sign: usize, floor: usize) -> Outcome {
    let start = local_start(window, at_sign, floor);
    if start == at_sign || is_userinfo(window, start, floor) {
        return Ok(None);
    }
    Ok(domain_end(window, at_sign + 1)?.map(|end| Hit::new(start, end, Confidence::Certain)))
}

/// Where the local part that ends before `end` begins; `end` where there is none.
pub(crate) fn local_start(window: &Window<'_>, end: usize, floor: usize) -> usize {
    let bytes = window.bytes();
    let lowest = floor.max(end.saturating_sub(LOCAL_MAX));
    let mut start = end;
    while start > lowest {
        start -= match bytes[start - 1] {
            byte if is_local(byte) => 1,
            0x80..=0xBF if start >= lowest + 2 && is_letter_lead(bytes[start - 2]) => 2,
            _ => break,
        };
    }
    if start < end && start > 0 && window.is_escape_letter(start) {
        start += 1;
    }
    // Marks around an address are not part of it.
    while start < end && matches!(bytes[start], b'.' | b'\'' | b'*' | b'~' | b'-' | b'!' | b'#' | b'$' | b'%') {
        start += 1;
    }
    start
}

fn is_local(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
        || matches!(byte, b'.' | b'_' | b'-' | b'+' | b'%' | b'!' | b'#' | b'$' | b'\'' | b'*' | b'~' | b'^')
}

/// The first byte of a Latin, Greek or Cyrillic letter outside ASCII.
fn is_letter_lead(byte: u8) -> bool {
    (0xC3..=0xD4).contains(&byte)
}

/// `user:pass@host` in a URL is a credential and has its own detector.
fn is_userinfo(window: &Window<'_>, start: usize, floor: usize) -> bool {
    if window.before(start) != Some(b':') {
        return false;
    }
    let bytes = window.bytes();
    let lowest = floor.max(start.saturating_sub(USERINFO_MAX));
    let stretch = &bytes[lowest..start];
    let begin = stretch.iter().rposition(|byte| matches!(byte, b'/' | b' ' | b'\n' | b'\t' | b'"' | b'@'));
    begin.is_some_and(|slash| stretch[..=slash].ends_with(b"://"))
}

/// The end of the longest domain at `start`: labels with points between them, of which the last one is of letters only.
fn domain_end(window: &Window<'_>, start: usize) -> Result<Option<usize>, More> {
    let mut label = start;
    let mut end = None;
    loop {
        let after = label_end(window, label)?;
        if after == label || after - start > DOMAIN_MAX {
            return Ok(end);
        }
        if label > start {
            end = top_end(&window.bytes()[label..after]).map(|length| label + length).or(end);
        }
        if window.byte(after)? != Some(b'.') {
            return Ok(end);
        }
        label = after + 1;
    }
}

/// The length of the top-level domain that a label is or, up to a hyphen, begins with.
fn top_end(label: &[u8]) -> Option<usize> {
    if label.starts_with(b"xn--") {
        return Some(label.len());
    }
    let letters = label.iter().take_while(|byte| byte.is_ascii_alphabetic()).count();
    (letters >= 2 && matches!(label.get(letters), None | Some(b'-' | b'_'))).then_some(letters)
}

/// The end of the label at `start`, without hyphens at its end.
fn label_end(window: &Window<'_>, start: usize) -> Result<usize, More> {
    let mut at = start;
    let mut end = start;
    while at - start < LABEL_MAX {
        match window.byte(at)? {
            Some(byte) if byte.is_ascii_alphanumeric() => {
                at += 1;
                end = at;
            }
            Some(byte) if is_letter_lead(byte) && window.byte(at + 1)?.is_some() => {
                at += 2;
                end = at;
            }
            Some(b'-' | b'_') if at > start => at += 1,
            Some(_) | None => break,
        }
    }
    Ok(end)
}
