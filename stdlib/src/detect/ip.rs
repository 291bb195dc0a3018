//! Addresses of the Internet Protocol, version 4 (`192.0.2.7`) and version 6 (`2001:db8::7`).

use std::net::Ipv6Addr;

use super::context::Context;
use super::matcher::{Confidence, Hit, Outcome};
use super::window::{More, Window};

/// The longest text of a version 6 address, with a version 4 address at its end.
const V6_MAX: usize = 45;

/// `version 1.2.3.4` is not an address.
const V4_CONTEXT: Context = Context {
    for_it: &[],
    against_it: &["version", "ver", "v", "release", "revision", "build", "section", "oid", "firmware", "chapter"],
};

const V6_CONTEXT: Context =
    Context { for_it: &["ip", "ips", "ipv", "address", "addr", "host", "server", "client", "peer"], against_it: &[] };

pub(crate) fn evaluate_v4(window: &Window<'_>, start: usize) -> Outcome {
    if !window.begins_at(start) || follows_part(window, start) {
        return Ok(None);
    }
    let mut at = start;
    for part in 0..4 {
        if part > 0 {
            if window.byte(at)? != Some(b'.') {
                return Ok(None);
            }
            at += 1;
        }
        match octet_end(window, at)? {
            Some(end) => at = end,
            None => return Ok(None),
        }
    }
    let has_fifth_part =
        window.byte(at)? == Some(b'.') && window.byte(at + 1)?.is_some_and(|byte| byte.is_ascii_digit());
    if !window.ends_at(at)? || has_fifth_part || V4_CONTEXT.is_named_otherwise(window, start) {
        return Ok(None);
    }
    Ok(Some(Hit::new(start, at, Confidence::Certain)))
}

/// Whether the candidate is the later part of something with points, such as `1.2.3.4.5`.
fn follows_part(window: &Window<'_>, start: usize) -> bool {
    window.before(start) == Some(b'.')
        && start >= 2
        && window.before(start - 1).is_some_and(|byte| byte.is_ascii_alphanumeric())
}

fn octet_end(window: &Window<'_>, start: usize) -> Result<Option<usize>, More> {
    let end = window.run(start, 4, |byte| byte.is_ascii_digit())?;
    let digits = &window.bytes()[start..end];
    let is_octet = match digits {
        [_] => true,
        [first, _] | [first, _, _] if *first != b'0' => {
            digits.iter().fold(0_u32, |value, digit| value * 10 + u32::from(*digit - b'0')) <= 255
        }
        _ => false,
    };
    Ok(is_octet.then_some(end))
}

/// Where the run of hexadecimal digits before `end` begins, if it can be the first group of an address.
pub(crate) fn v6_start(window: &Window<'_>, end: usize, floor: usize) -> usize {
    let bytes = window.bytes();
    let lowest = floor.max(end.saturating_sub(5));
    let mut start = end;
    while start > lowest && bytes[start - 1].is_ascii_hexdigit() {
        start -= 1;
    }
    if start < end && window.is_escape_letter(start) {
        start += 1;
    }
    if end - start > 4 { end } else { start }
}

/// `colon` is the first one of a candidate.
pub(crate) fn evaluate_v6(window: &Window<'_>, colon: usize, floor: usize) -> Outcome {
    let start = v6_start(window, colon, floor);
    let is_inner = window.before(start).is_some_and(|byte| matches!(byte, b':' | b'.') || byte >= 0x80);
    if is_inner || !window.begins_at(start) {
        return Ok(None);
    }
    // A look at the byte after the colon spares most text the rest.
    match window.byte(colon + 1)? {
        Some(byte) if byte == b':' || (byte.is_ascii_hexdigit() && start < colon) => {}
        Some(_) | None => return Ok(None),
    }
    let run = window.run(start, V6_MAX + 1, |byte| byte.is_ascii_hexdigit() || matches!(byte, b':' | b'.'))?;
    if run - start > V6_MAX || !window.ends_at(run)? {
        return Ok(None);
    }
    let mut end = run;
    loop {
        let Ok(text) = str::from_utf8(&window.bytes()[start..end]) else { return Ok(None) };
        if text.parse::<Ipv6Addr>().is_ok() {
            let hit = is_telling(text).then_some(Confidence::Certain);
            let by_context = || (text.len() > 2 && V6_CONTEXT.speaks_for(window, start)).then_some(Confidence::Likely);
            return Ok(hit.or_else(by_context).map(|confidence| Hit::new(start, end, confidence)));
        }
        // The point or colon of the sentence.
        match window.before(end) {
            Some(b'.' | b':') if end > start + 2 => end -= 1,
            Some(_) | None => return Ok(None),
        }
    }
}

/// Whether the text is more than `a::b`, which a program may mean otherwise.
fn is_telling(text: &str) -> bool {
    let groups = text.split(':').filter(|group| !group.is_empty()).count();
    let has_digit = text.bytes().any(|byte| byte.is_ascii_digit());
    let starts_global = text.starts_with(['2', '3']) && text.find(':') == Some(4);
    let starts_local = ["fe80:", "fc", "fd", "ff0"].iter().any(|prefix| {
        text.get(..prefix.len()).is_some_and(|head| head.eq_ignore_ascii_case(prefix)) && text.find(':') == Some(4)
    });
    has_digit && (groups >= 3 || starts_global || starts_local || text.contains('.') || text == "::1")
}
