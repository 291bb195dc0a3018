//! United States social security numbers: `AAA-GG-SSSS`, without the areas, groups and serials that are never given out.

use super::context::Context;
use super::matcher::{Confidence, Hit, Outcome};
use super::window::{More, Window};

const CONTEXT: Context = Context {
    for_it: &["ssn", "ssns", "social", "socialsecurity", "ss", "itin", "tin", "taxpayer"],
    against_it: &["order", "invoice", "tracking", "phone", "call", "zip", "routing", "account"],
};

pub(crate) fn evaluate(window: &Window<'_>, start: usize) -> Outcome {
    if !window.begins_at(start) || follows_number(window, start) {
        return Ok(None);
    }
    if !digits(window, start, 3)?.is_some_and(|area| area != 0 && area != 666 && area < 900) {
        return Ok(None);
    }
    let first = window.separator(start + 3)?;
    let group_at = start + 3 + first;
    if digits(window, group_at, 2)?.is_none_or(|group| group == 0) {
        return Ok(None);
    }
    let second = window.separator(group_at + 2)?;
    let serial_at = group_at + 2 + second;
    let same = window.bytes()[start + 3..group_at] == window.bytes()[group_at + 2..serial_at];
    if !same || digits(window, serial_at, 4)?.is_none_or(|serial| serial == 0) {
        return Ok(None);
    }
    let end = serial_at + 4;
    if !window.ends_at(end)? || continues(window, end)? {
        return Ok(None);
    }
    // Nine digits in a row, or with spaces, can be anything.
    let is_clear = first > 0 && !matches!(window.byte(start + 3)?, Some(b' ' | b'.' | 0xC2));
    Ok(if is_clear {
        Some(Hit::new(start, end, Confidence::Certain))
    } else if CONTEXT.speaks_for(window, start) {
        Some(Hit::new(start, end, Confidence::Likely))
    } else {
        None
    })
}

/// The value of exactly `count` digits at `at`.
fn digits(window: &Window<'_>, at: usize, count: usize) -> Result<Option<u32>, More> {
    let mut value = 0;
    for index in at..at + count {
        match window.byte(index)? {
            Some(byte @ b'0'..=b'9') => value = value * 10 + u32::from(byte - b'0'),
            Some(_) | None => return Ok(None),
        }
    }
    Ok(Some(value))
}

/// Whether the candidate is the later part of a longer number with hyphens or points.
fn follows_number(window: &Window<'_>, start: usize) -> bool {
    matches!(window.before(start), Some(b'-' | b'.'))
        && start >= 2
        && window.before(start - 1).is_some_and(|byte| byte.is_ascii_alphanumeric())
}

fn continues(window: &Window<'_>, end: usize) -> Result<bool, More> {
    Ok(window.byte(end)? == Some(b'-') && window.byte(end + 1)?.is_some_and(|byte| byte.is_ascii_alphanumeric()))
}
