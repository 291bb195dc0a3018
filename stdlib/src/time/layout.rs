//! Layouts in Go's way: text in which parts of the reference time `Mon Jan 2 15:04:05 MST 2006` (`-0700`) stand for those of
//! a time.

/// A part of a layout.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Chunk<'l> {
    /// Text that stands as it is.
    Literal(&'l str),
    /// `January`
    LongMonth,
    /// `Jan`
    Month,
    /// `1`
    NumberMonth,
    /// `01`
    ZeroMonth,
    /// `Monday`
    LongWeekday,
    /// `Mon`
    Weekday,
    /// `2`
    Day,
    /// `_2`
    SpaceDay,
    /// `02`
    ZeroDay,
    /// `__2`
    SpaceYearDay,
    /// `002`
    ZeroYearDay,
    /// `15`
    Hour,
    /// `3`
    Hour12,
    /// `03`
    ZeroHour12,
    /// `4`
    Minute,
    /// `04`
    ZeroMinute,
    /// `5`
    Second,
    /// `05`
    ZeroSecond,
    /// `2006`
    LongYear,
    /// `06`
    Year,
    /// `PM`
    Half,
    /// `pm`
    SmallHalf,
    /// `MST`
    ZoneName,
    /// `-0700` and its kin.
    Offset(Offset),
    /// `.000` or `.999`: the sign, how many digits, and whether zeros at the end stand.
    Fraction { sign: char, digits: usize, zeros: bool },
}

/// How an offset from UTC is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Offset {
    /// Whether UTC itself is `Z`.
    pub(super) z: bool,
    /// Whether colons stand between.
    pub(super) colons: bool,
    /// Whether minutes are written.
    pub(super) minutes: bool,
    /// Whether seconds are written.
    pub(super) seconds: bool,
}

/// Parts that are the same text always; of those with a common start the longer stands first.
const FIXED: &[(&str, Chunk<'static>)] = &[
    ("January", Chunk::LongMonth),
    ("Monday", Chunk::LongWeekday),
    ("MST", Chunk::ZoneName),
    ("002", Chunk::ZeroYearDay),
    ("01", Chunk::ZeroMonth),
    ("02", Chunk::ZeroDay),
    ("03", Chunk::ZeroHour12),
    ("04", Chunk::ZeroMinute),
    ("05", Chunk::ZeroSecond),
    ("06", Chunk::Year),
    ("15", Chunk::Hour),
    ("1", Chunk::NumberMonth),
    ("2006", Chunk::LongYear),
    ("2", Chunk::Day),
    ("__2", Chunk::SpaceYearDay),
    ("3", Chunk::Hour12),
    ("4", Chunk::Minute),
    ("5", Chunk::Second),
    ("PM", Chunk::Half),
    ("pm", Chunk::SmallHalf),
];

const OFFSETS: &[(&str, bool, bool, bool)] = &[
    // Text behind `-` or `Z`, colons, minutes, seconds.
    ("070000", false, true, true),
    ("07:00:00", true, true, true),
    ("0700", false, true, false),
    ("07:00", true, true, false),
    ("07", false, false, false),
];

/// Whether a layout has any part but text.
pub(super) fn has_parts(layout: &str) -> bool {
    chunks(layout).iter().any(|chunk| !matches!(chunk, Chunk::Literal(_)))
}

/// Takes a layout apart.
pub(super) fn chunks(layout: &str) -> Vec<Chunk<'_>> {
    let mut chunks = Vec::new();
    let (mut literal, mut at) = (0, 0);
    while at < layout.len() {
        let Some((length, chunk)) = part(layout, at) else {
            at += layout[at..].chars().next().map_or(1, char::len_utf8);
            continue;
        };
        if literal < at {
            chunks.push(Chunk::Literal(&layout[literal..at]));
        }
        if let Some(chunk) = chunk {
            chunks.push(chunk);
        } else {
            chunks.push(Chunk::Literal(&layout[at..at + length]));
        }
        at += length;
        literal = at;
    }
    if literal < layout.len() {
        chunks.push(Chunk::Literal(&layout[literal..]));
    }
    chunks
}

/// The part that starts at a place, with its length; `None` within for text that only looks like one.
fn part(layout: &str, at: usize) -> Option<(usize, Option<Chunk<'_>>)> {
    let rest = &layout[at..];
    if let Some((text, chunk)) = FIXED.iter().find(|(text, _)| rest.starts_with(text)) {
        return Some((text.len(), Some(*chunk)));
    }
    // A short name must not be the start of another word, such as `Monat`.
    let word_goes_on = rest.as_bytes().get(3).is_some_and(u8::is_ascii_lowercase);
    if rest.starts_with("Jan") && !word_goes_on {
        return Some((3, Some(Chunk::Month)));
    }
    if rest.starts_with("Mon") && !word_goes_on {
        return Some((3, Some(Chunk::Weekday)));
    }
    if rest.starts_with("_2006") {
        return Some((1, None));
    }
    if rest.starts_with("_2") {
        return Some((2, Some(Chunk::SpaceDay)));
    }
    if let Some(digits) = rest.strip_prefix(['-', 'Z']) {
        let z = rest.starts_with('Z');
        let (text, colons, minutes, seconds) = OFFSETS.iter().find(|(text, ..)| digits.starts_with(text))?;
        let offset = Offset { z, colons: *colons, minutes: *minutes, seconds: *seconds };
        return Some((text.len() + 1, Some(Chunk::Offset(offset))));
    }
    let after = rest.strip_prefix(['.', ','])?;
    let digit = after.chars().next().filter(|digit| matches!(digit, '0' | '9'))?;
    let digits = after.len() - after.trim_start_matches(digit).len();
    if after.as_bytes().get(digits).is_some_and(u8::is_ascii_digit) {
        return None;
    }
    let sign = if rest.starts_with('.') { '.' } else { ',' };
    Some((digits + 1, Some(Chunk::Fraction { sign, digits, zeros: digit == '0' })))
}
