//! `regex.template_match`: plain text with patterns between delimiters.

use crate::arguments::{Outcome, failed, operand_error};
use crate::builtin::{BuiltinError, Call};
use crate::heap::Word;

use super::{compile, syntax};

pub(super) fn template_match(call: &mut Call<'_>, arguments: &[Word]) -> Outcome {
    let (start, end) = (delimiter(call, arguments, 3)?, delimiter(call, arguments, 4)?);
    let template = call.text(arguments, 1)?;
    let pattern = to_pattern(template, start, end).map_err(failed)?;
    let bytes = call.text(arguments, 2)?.len();
    call.charge(pattern.len() / 4 + 1)?;
    let compiled = call.caches.regexes.get_or_make(&pattern, || compile(&pattern)).map_err(failed)?;
    call.charge(compiled.fuel(bytes))?;
    Ok(Word::bool(compiled.regex.is_match(call.text(arguments, 2)?)))
}

fn delimiter(call: &Call<'_>, arguments: &[Word], position: usize) -> Result<char, BuiltinError> {
    let mut chars = call.text(arguments, position)?.chars();
    match (chars.next(), chars.next()) {
        (Some(delimiter), None) => Ok(delimiter),
        _ => Err(operand_error(position, "must be a single character")),
    }
}

/// The pattern of a template; delimiters within a pattern stand in pairs.
fn to_pattern(template: &str, start: char, end: char) -> Result<String, String> {
    let unbalanced = || format!("unbalanced braces in `{template}`");
    let mut pattern = String::from("^");
    let (mut depth, mut from) = (0_usize, 0);
    for (at, c) in template.char_indices() {
        if c == start {
            if depth == 0 {
                pattern.push_str(&::regex::escape(&template[from..at]));
                from = at + c.len_utf8();
            }
            depth += 1;
        } else if c == end {
            depth = depth.checked_sub(1).ok_or_else(unbalanced)?;
            if depth == 0 {
                // Each part is a pattern of its own: one that only the others complete is refused.
                syntax::translate(&template[from..at])?;
                pattern.push_str(&format!("({})", &template[from..at]));
                from = at + c.len_utf8();
            }
        }
    }
    if depth > 0 {
        return Err(unbalanced());
    }
    pattern.push_str(&::regex::escape(&template[from..]));
    pattern.push('$');
    Ok(pattern)
}
