//! User name and password in a URL, as in `postgres://app:s3cret@db/prod`. What is found is `app:s3cret`.

use super::matcher::{Confidence, Hit, OpenRun, Outcome, PIECE};
use super::window::{More, Window};

/// `colon` is the one of `://`.
pub(crate) fn evaluate(window: &Window<'_>, colon: usize) -> Outcome {
    if !window.before(colon).is_some_and(|byte| byte.is_ascii_alphanumeric()) || !window.has(colon, b"://")? {
        return Ok(None);
    }
    let start = colon + 3;
    let mut password = None;
    let mut at_sign = None;
    let mut at = start;
    loop {
        if at - start == PIECE {
            // No host is this long: it must be credentials, so all of it goes.
            return Ok(password.map(|_| Hit::open(start, at, OpenRun::Userinfo)));
        }
        match window.byte(at)? {
            Some(b':') if password.is_none() && at_sign.is_none() => password = Some(at + 1),
            Some(b'@') => at_sign = Some(at),
            // A password with such a character in it is not a right URL, but drivers take it.
            Some(b'/' | b'?' | b'#') => match password {
                Some(begin) if at_sign.is_none() && !is_port(window, begin, at) => {}
                Some(_) | None => break,
            },
            Some(byte) if in_userinfo(byte) => {}
            Some(_) | None => break,
        }
        at += 1;
    }
    Ok(match (password, at_sign) {
        (Some(password), Some(end)) if password < end => Some(Hit::new(start, end, Confidence::Certain)),
        _ => None,
    })
}

/// Whether the stretch is a port number or nothing.
fn is_port(window: &Window<'_>, begin: usize, end: usize) -> bool {
    window.bytes()[begin..end].iter().all(u8::is_ascii_digit)
}

fn in_userinfo(byte: u8) -> bool {
    !byte.is_ascii_whitespace()
        && !byte.is_ascii_control()
        && !matches!(byte, b'"' | b'\'' | b'<' | b'>' | b'\\' | b'`' | b'[' | b']' | b'{' | b'}' | b'|')
}

/// The end of credentials that were cut off at `at`.
pub(crate) fn resume(window: &Window<'_>, at: usize) -> Result<usize, More> {
    window.run(at, usize::MAX, |byte| in_userinfo(byte) && byte != b'@')
}
