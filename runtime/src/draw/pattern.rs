//! A text that a pattern matches.

use regex_syntax::hir::{Class, Hir, HirKind};

use super::Choices;

/// Bytes of a text.
const TEXT_MAX: usize = 256;
/// How often more than the least a part is repeated.
const MORE_MAX: usize = 3;

/// A text that the pattern matches, as far as it is made of characters, choices and repetitions; `None` if the pattern
/// can't be read.
pub(super) fn matching(pattern: &str, choices: &mut Choices) -> Option<String> {
    let hir = regex_syntax::parse(pattern).ok()?;
    let mut text = String::new();
    write(&hir, choices, &mut text);
    Some(text)
}

fn write(hir: &Hir, choices: &mut Choices, text: &mut String) {
    if text.len() >= TEXT_MAX {
        return;
    }
    match hir.kind() {
        HirKind::Empty | HirKind::Look(_) => {}
        HirKind::Literal(literal) => text.push_str(&String::from_utf8_lossy(&literal.0)),
        HirKind::Class(class) => text.extend(member(class, choices)),
        HirKind::Repetition(repetition) => {
            let least = usize::try_from(repetition.min).unwrap_or(usize::MAX).min(TEXT_MAX);
            let most = repetition.max.and_then(|most| usize::try_from(most).ok()).unwrap_or(usize::MAX);
            let more = most.saturating_sub(least).min(MORE_MAX);
            let times = least + choices.below(more + 1);
            (0..times).for_each(|_| write(&repetition.sub, choices, text));
        }
        HirKind::Capture(capture) => write(&capture.sub, choices, text),
        HirKind::Concat(parts) => parts.iter().for_each(|part| write(part, choices, text)),
        HirKind::Alternation(parts) => {
            if let Some(part) = choices.one_of(parts) {
                write(part, choices, text);
            }
        }
    }
}

/// A character of a class, from the first of its ranges that holds letters or digits if there is one.
fn member(class: &Class, choices: &mut Choices) -> Option<char> {
    let ranges: Vec<(char, char)> = match class {
        Class::Unicode(class) => class.ranges().iter().map(|range| (range.start(), range.end())).collect(),
        Class::Bytes(class) => {
            class.ranges().iter().map(|range| (char::from(range.start()), char::from(range.end()))).collect()
        }
    };
    let plain = |range: &&(char, char)| range.0.is_ascii_alphanumeric() || (range.0 < 'a' && range.1 > 'a');
    let (start, end) = *ranges.iter().find(plain).or(ranges.first())?;
    let start = if start < 'a' && end > 'a' && !start.is_ascii_alphanumeric() { 'a' } else { start };
    let offset = u32::try_from(choices.below(10)).unwrap_or(0);
    char::from_u32(u32::from(start) + offset).filter(|character| *character <= end).or(Some(start))
}
