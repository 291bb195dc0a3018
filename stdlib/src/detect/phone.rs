//! Telephone numbers.
//!
//! A number in international form is judged by the world's numbering plans. A national one counts if it has
//! the North American form with its separators, or if a word before it speaks of a telephone.

use super::context::Context;
use super::matcher::{Confidence, Hit, Outcome};
use super::numbering;
use super::window::{More, Window};

/// Digits of the longest international number, and two for the `00` it may begin with.
const DIGITS_MAX: usize = 17;
const NATIONAL_MIN: usize = 7;
const NATIONAL_MAX: usize = 12;
const INTERNATIONAL_MIN: usize = 8;
const INTERNATIONAL_MAX: usize = 15;

const CONTEXT: Context = Context {
    for_it: &[
        "phone",
        "phones",
        "telephone",
        "tel",
        "tél",
        "mobile",
        "mob",
        "cell",
        "cellphone",
        "cellular",
        "fax",
        "call",
        "calls",
        "calling",
        "called",
        "dial",
        "ring",
        "sms",
        "whatsapp",
        "voicemail",
        "hotline",
        "helpline",
        "landline",
        "handset",
        "desk",
        "office",
        "contact",
        "reach",
        "answering",
        "messages",
        "message",
        "texting",
        "telefon",
        "telefono",
        "teléfono",
        "telefone",
        "téléphone",
        "móvil",
        "movil",
        "celular",
        "handy",
        "portable",
        "mobil",
        "mobiltelefon",
        "puhelin",
        "rufnummer",
    ],
    against_it: &[
        "order",
        "invoice",
        "account",
        "iban",
        "card",
        "ssn",
        "id",
        "ids",
        "uuid",
        "zip",
        "postcode",
        "code",
        "reference",
        "ref",
        "case",
        "ticket",
        "version",
        "amount",
        "total",
        "price",
        "year",
        "pin",
        "port",
        "serial",
        "tracking",
        "license",
        "licence",
        "timestamp",
        "date",
        "time",
        "passport",
        "isbn",
        "ean",
        "sku",
        "error",
        "line",
        "row",
        "rows",
        "bytes",
        "routing",
    ],
};

/// Words that are told from others at their first letters, so that little text is waited for.
const NAMES_AFTER: [&[u8]; 8] = [b"office", b"fax", b"mobile", b"cell", b"phone", b"landline", b"tel", b"whatsapp"];

/// A number as it is written.
struct Written {
    plus: bool,
    parenthesis: bool,
    digits: [u8; DIGITS_MAX],
    /// For each group: its digits, the digits up to its end, and the index after it with its closing parenthesis.
    groups: [Group; DIGITS_MAX],
    count: usize,
    /// Whether digits follow that do not fit.
    is_cut: bool,
    /// Whether a separator other than a space stands between the groups.
    has_mark: bool,
}

#[derive(Debug, Clone, Copy, Default)]
struct Group {
    size: usize,
    digits: usize,
    end: usize,
    /// Whether something else than a space stands before it.
    follows_mark: bool,
}

pub(crate) fn evaluate(window: &Window<'_>, start: usize) -> Outcome {
    if !can_begin(window, start) {
        return Ok(None);
    }
    let Some(number) = read(window, start)? else { return Ok(None) };
    if number.plus {
        return international(window, start, &number);
    }
    if let Some(hit) = north_american(window, start, &number)? {
        return Ok(Some(hit));
    }
    if number.digits.starts_with(b"00")
        && number.groups[0].size >= 2
        && let Some(end) = valid_end(&number, 2)
    {
        return Ok(Some(Hit::new(start, end, Confidence::Certain)));
    }
    national(window, start, &number)
}

/// Not inside a word or a longer number.
fn can_begin(window: &Window<'_>, start: usize) -> bool {
    // A plus sign or a parenthesis begins a number wherever it stands.
    match window.bytes()[start] {
        b'+' => return window.before(start) != Some(b'+'),
        b'(' => return true,
        _ => {}
    }
    if !window.begins_at(start) {
        return false;
    }
    match window.before(start) {
        Some(b'+' | b'_' | b'@' | b'$' | b'#') => false,
        Some(b'-' | b'.' | b'/' | b',' | b':') => {
            !(start >= 2 && window.before(start - 1).is_some_and(|byte| byte.is_ascii_digit()))
        }
        Some(_) | None => true,
    }
}

fn read(window: &Window<'_>, start: usize) -> Result<Option<Written>, More> {
    let mut number = Written {
        plus: window.byte(start)? == Some(b'+'),
        parenthesis: false,
        digits: [0; DIGITS_MAX],
        groups: [Group::default(); DIGITS_MAX],
        count: 0,
        is_cut: false,
        has_mark: false,
    };
    let mut at = start + usize::from(number.plus);
    let mut is_inside = false;
    let mut digits = 0;
    loop {
        let gap = if number.count == 0 { opening(window, at)? } else { gap(window, at, is_inside)? };
        let Some(gap) = gap else { break };
        let group_at = at + gap.length;
        let end = window.run(group_at, DIGITS_MAX + 1, |byte| byte.is_ascii_digit())?;
        let size = end - group_at;
        if size == 0 {
            break;
        }
        if digits + size > DIGITS_MAX {
            number.is_cut = gap.has_mark || number.count == 0;
            break;
        }
        is_inside = gap.opens || (is_inside && !gap.closes);
        let closes_here = is_inside && window.byte(end)? == Some(b')');
        // A parenthesis that is opened and not closed after the group is not the number's.
        if is_inside && !closes_here {
            break;
        }
        let group_end = end + usize::from(closes_here);
        // A group that runs into a word is not the number's.
        if !closes_here && !is_end(window, group_end)? {
            break;
        }
        number.digits[digits..digits + size].copy_from_slice(&window.bytes()[group_at..end]);
        digits += size;
        number.groups[number.count] = Group { size, digits, end: group_end, follows_mark: gap.has_mark };
        number.has_mark |= number.count > 0 && gap.has_mark;
        number.parenthesis |= gap.opens;
        number.count += 1;
        at = end;
    }
    Ok((number.count > 0).then_some(number))
}

/// What stands between two groups.
struct Gap {
    length: usize,
    opens: bool,
    closes: bool,
    has_mark: bool,
}

fn opening(window: &Window<'_>, at: usize) -> Result<Option<Gap>, More> {
    let opens = window.byte(at)? == Some(b'(');
    Ok(Some(Gap { length: usize::from(opens), opens, closes: false, has_mark: false }))
}

/// What separates two groups at `at`: a parenthesis that closes, one separator, a parenthesis that opens.
fn gap(window: &Window<'_>, at: usize, is_inside: bool) -> Result<Option<Gap>, More> {
    let mut gap = Gap { length: 0, opens: false, closes: false, has_mark: false };
    if is_inside && window.byte(at)? == Some(b')') {
        gap.closes = true;
        gap.length += 1;
    }
    let index = at + gap.length;
    let separator = window.separator(index)?.max(usize::from(window.byte(index)? == Some(b'/')));
    gap.has_mark = separator > 0 && !matches!(window.byte(index)?, Some(b' ' | 0xC2));
    gap.length += separator;
    if window.byte(at + gap.length)? == Some(b'(') {
        gap.opens = true;
        gap.length += 1;
    }
    let is_gap = gap.length > 0 && window.byte(at + gap.length)?.is_some_and(|byte| byte.is_ascii_digit());
    Ok(is_gap.then_some(gap))
}

/// Whether the number ends at `end`: no letter or digit follows, save an extension.
fn is_end(window: &Window<'_>, end: usize) -> Result<bool, More> {
    Ok(window.ends_at(end)? || extension_end(window, end)? > end)
}

/// The end of an extension such as `x123` or ` ext. 123`, or `end`.
fn extension_end(window: &Window<'_>, end: usize) -> Result<usize, More> {
    let word = window.run(end, 1, |byte| byte == b' ')?;
    for name in [b"extension".as_slice(), b"ext.", b"ext", b"x"] {
        if !window.has(word, name)? {
            continue;
        }
        let digits = window.run(word + name.len(), 1, |byte| byte == b' ')?;
        let after = window.run(digits, 7, |byte| byte.is_ascii_digit())?;
        if (1..=6).contains(&(after - digits)) && window.ends_at(after)? {
            return Ok(after);
        }
    }
    Ok(end)
}

fn with_extension(window: &Window<'_>, start: usize, end: usize, confidence: Confidence) -> Outcome {
    Ok(Some(Hit::new(start, extension_end(window, end)?, confidence)))
}

fn international(window: &Window<'_>, start: usize, number: &Written) -> Outcome {
    if let Some(end) = valid_end(number, 0) {
        return with_extension(window, start, end, Confidence::Certain);
    }
    let last = number.groups[number.count - 1];
    let fits =
        (INTERNATIONAL_MIN..=INTERNATIONAL_MAX).contains(&last.digits) && !number.is_cut && number.digits[0] != b'0';
    if fits && (number.count >= 3 || CONTEXT.speaks_for(window, start)) {
        return with_extension(window, start, last.end, Confidence::Likely);
    }
    Ok(None)
}

/// The end of the longest row of groups that is a valid international number, without its first `skip` digits.
fn valid_end(number: &Written, skip: usize) -> Option<usize> {
    let groups = &number.groups[..number.count];
    groups.iter().enumerate().rev().find_map(|(last, group)| {
        let mut digits = [0; DIGITS_MAX];
        let mut count = 0;
        for part in &groups[..=last] {
            // `+46 (0)8 …` has a digit that is dialled at home only.
            let is_home_zero =
                part.size == 1 && part.digits > 1 && number.digits[part.digits - 1] == b'0' && number.parenthesis;
            if !is_home_zero && part.digits > skip {
                let from = skip.max(part.digits - part.size);
                let size = part.digits - from;
                digits[count..count + size].copy_from_slice(&number.digits[from..part.digits]);
                count += size;
            }
        }
        let fits = (INTERNATIONAL_MIN..=INTERNATIONAL_MAX).contains(&count);
        (fits && numbering::is_valid(&digits[..count])).then_some(group.end)
    })
}

/// `(212) 555-0123`, `212-555-0123`, `1-212-555-0123`, `212.555.0123`.
fn north_american(window: &Window<'_>, start: usize, number: &Written) -> Outcome {
    let sizes: Vec<usize> = number.groups[..number.count].iter().map(|group| group.size).collect();
    let skip = match sizes.as_slice() {
        [3, 3, 4, ..] => 0,
        [1, 3, 3, 4, ..] if number.digits[0] == b'1' => 1,
        _ => return Ok(None),
    };
    // A further group right behind it makes it something else.
    let goes_on = number.count > skip + 3 && number.groups[skip + 3].follows_mark;
    if !(number.has_mark || number.parenthesis) || goes_on {
        return Ok(None);
    }
    let last = number.groups[skip + 2];
    let digits = &number.digits[skip..last.digits];
    if digits.iter().all(|digit| *digit == digits[0]) {
        return Ok(None);
    }
    with_extension(window, start, last.end, Confidence::Certain)
}

fn national(window: &Window<'_>, start: usize, number: &Written) -> Outcome {
    let groups = &number.groups[..number.count];
    let Some(last) = groups.iter().rev().find(|group| group.digits <= NATIONAL_MAX) else { return Ok(None) };
    let is_whole = last.digits == groups[groups.len() - 1].digits && !number.is_cut;
    // A number of one group that does not fit is not cut down to one that does.
    if last.digits < NATIONAL_MIN || (!is_whole && number.has_mark) || is_date_or_other(number, last) {
        return Ok(None);
    }
    let is_named = CONTEXT.speaks_for(window, start)
        || (!CONTEXT.speaks_against(window, start) && is_named_after(window, last.end)?);
    if !is_named {
        return Ok(None);
    }
    with_extension(window, start, last.end, Confidence::Likely)
}

/// Whether a word right behind the number says what it is, as in `467 3395 (office)` on a business card.
fn is_named_after(window: &Window<'_>, end: usize) -> Result<bool, More> {
    let word = window.run(end, 3, |byte| matches!(byte, b' ' | b'-' | b'(' | b'/'))?;
    for name in NAMES_AFTER {
        let mut length = 0;
        while length < name.len()
            && window.byte(word + length)?.is_some_and(|byte| byte.eq_ignore_ascii_case(&name[length]))
        {
            length += 1;
        }
        if length == name.len() {
            let after = window.byte(word + length)?;
            return Ok(word > end
                && !after.is_some_and(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'@' | b'.' | b':')));
        }
    }
    Ok(false)
}

/// Dates, social security numbers and IP addresses have forms of their own.
fn is_date_or_other(number: &Written, last: &Group) -> bool {
    let count = number.groups[..number.count].iter().take_while(|group| group.digits <= last.digits).count();
    let sizes: Vec<usize> = number.groups[..count].iter().map(|group| group.size).collect();
    number.has_mark && matches!(sizes.as_slice(), [4, 2, 2] | [2, 2, 4] | [3, 2, 4] | [4, 2, 2, 2, ..])
}
