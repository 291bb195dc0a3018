//! `regex.globs_match`: whether two simple patterns have a non-empty text in common.

use crate::arguments::{Outcome, failed};
use crate::builtin::Call;
use crate::heap::Word;

/// A pattern's part: characters, and how often they may stand.
#[derive(Debug, Clone)]
struct Part {
    /// Ranges of characters, both ends included; `None` for any.
    ranges: Option<Vec<(char, char)>>,
    /// Whether it may be left out.
    optional: bool,
    /// Whether it may be repeated.
    repeated: bool,
}

pub(super) fn globs_match(call: &mut Call<'_>, arguments: &[Word]) -> Outcome {
    let left = parse(call.text(arguments, 1)?).map_err(failed)?;
    let right = parse(call.text(arguments, 2)?).map_err(failed)?;
    call.charge(left.len().saturating_mul(right.len()).saturating_add(1))?;
    Ok(Word::bool(intersect(&left, &right)))
}

fn parse(pattern: &str) -> Result<Vec<Part>, String> {
    let mut parts: Vec<Part> = Vec::new();
    let mut chars = pattern.chars();
    let mut counted = true;
    while let Some(c) = chars.next() {
        let ranges = match c {
            '*' | '+' => {
                let last = parts.last_mut().filter(|_| !counted);
                let last = last.ok_or_else(|| format!("`{c}` stands behind nothing in `{pattern}`"))?;
                (last.optional, last.repeated) = (c == '*', true);
                counted = true;
                continue;
            }
            '.' => None,
            '[' => Some(class(&mut chars).ok_or_else(|| format!("bad class in `{pattern}`"))?),
            '\\' => {
                let c = chars.next().ok_or_else(|| format!("`\\` stands before nothing in `{pattern}`"))?;
                Some(vec![(c, c)])
            }
            c => Some(vec![(c, c)]),
        };
        parts.push(Part { ranges, optional: false, repeated: false });
        counted = false;
    }
    Ok(parts)
}

/// The ranges of a class; its opening bracket is read.
fn class(chars: &mut std::str::Chars<'_>) -> Option<Vec<(char, char)>> {
    let mut ranges = Vec::new();
    loop {
        let mut low = chars.next()?;
        match low {
            ']' => return Some(ranges),
            '\\' => low = chars.next()?,
            _ => {}
        }
        let mut ahead = chars.clone();
        if ahead.next() == Some('-') && ahead.next().is_some_and(|next| next != ']') {
            chars.next();
            let high = match chars.next()? {
                '\\' => chars.next()?,
                high => high,
            };
            if high < low {
                return None;
            }
            ranges.push((low, high));
        } else {
            ranges.push((low, low));
        }
    }
}

/// Walks both patterns at once. A state is a place in each, and whether a character was taken on the way there; at a part
/// that may be repeated, taking one may stay there.
fn intersect(left: &[Part], right: &[Part]) -> bool {
    let width = right.len() + 1;
    let mut seen = vec![[false; 2]; (left.len() + 1) * width];
    let mut open = vec![(0, 0, false)];
    while let Some((l, r, taken)) = open.pop() {
        let known = &mut seen[l * width + r][usize::from(taken)];
        if *known {
            continue;
        }
        *known = true;
        if l == left.len() && r == right.len() && taken {
            return true;
        }
        let (left_part, right_part) = (left.get(l), right.get(r));
        if left_part.is_some_and(|part| part.optional) {
            open.push((l + 1, r, taken));
        }
        if right_part.is_some_and(|part| part.optional) {
            open.push((l, r + 1, taken));
        }
        let (Some(left_part), Some(right_part)) = (left_part, right_part) else { continue };
        if !overlap(left_part, right_part) {
            continue;
        }
        open.push((l + 1, r + 1, true));
        if left_part.repeated {
            open.push((l, r + 1, true));
        }
        if right_part.repeated {
            open.push((l + 1, r, true));
        }
    }
    false
}

fn overlap(left: &Part, right: &Part) -> bool {
    match (&left.ranges, &right.ranges) {
        (Some(left), Some(right)) => left
            .iter()
            .any(|(low, high)| right.iter().any(|(other_low, other_high)| low <= other_high && other_low <= high)),
        (Some(ranges), None) | (None, Some(ranges)) => !ranges.is_empty(),
        (None, None) => true,
    }
}
