//! JSON Web Tokens: two or more parts of base64url with points between them, of which the first one is a JSON object.

use super::matcher::{Confidence, Hit, OpenRun, Outcome, PIECE};
use super::window::{More, Window, is_token};

const HEADER_MIN: usize = 12;
const HEADER_MAX: usize = 1024;
const PAYLOAD_MIN: usize = 8;
/// An encrypted token has five parts.
const PARTS_MAX: usize = 5;

/// `start` is where `eyJ` (base64 of `{"`) may stand.
pub(crate) fn evaluate(window: &Window<'_>, start: usize) -> Outcome {
    if !window.begins_at(start) || !window.has(start, b"eyJ")? {
        return Ok(None);
    }
    let header = window.run(start, HEADER_MAX + 1, is_token)?;
    if !(HEADER_MIN..=HEADER_MAX).contains(&(header - start)) || window.byte(header)? != Some(b'.') {
        return Ok(None);
    }
    let payload = header + 1;
    let is_signed = window.has(payload, b"eyJ")?;
    let mut end = window.run(payload, PIECE, is_token)?;
    if is_signed && end - payload < PAYLOAD_MIN {
        return Ok(None);
    }
    let mut parts = 2;
    while parts < PARTS_MAX && window.byte(end)? == Some(b'.') && end - start < PIECE {
        let after = window.run(end + 1, PIECE, is_token)?;
        // A point with nothing behind it is the one of the sentence, save between the parts of an encrypted token.
        if after == end + 1 && window.byte(after)? != Some(b'.') {
            break;
        }
        end = after;
        parts += 1;
    }
    if !is_signed && parts < PARTS_MAX {
        return Ok(None);
    }
    if end - start >= PIECE {
        return Ok(Some(Hit::open(start, start + PIECE, OpenRun::Token)));
    }
    Ok(Some(Hit::new(start, end, Confidence::Certain)))
}

/// The end of a token that was cut off at `at`.
pub(crate) fn resume(window: &Window<'_>, at: usize) -> Result<usize, More> {
    window.run(at, usize::MAX, |byte| is_token(byte) || byte == b'.')
}
