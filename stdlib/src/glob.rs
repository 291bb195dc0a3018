//! Builtins on globs: `*` and `?` stop at delimiters, `**` does not, `[a-z]`, `[!abc]` and `{this,that}` choose.

use hpol_lang::value::Value;

use crate::arguments::{Outcome, argument, failed, operand_error, type_error, type_name};
use crate::builtin::{Builtin, BuiltinError, Call, example};
use crate::heap::{Heap, View, Word};
use crate::regex::{Pattern, matches_text};

pub(crate) const TABLE: &[Builtin] = &[
    Builtin::pure(
        "glob.match",
        "(string, null | array[string], string) -> bool",
        "Whether the glob matches the whole text; the second argument lists the delimiters: `[]` means `.`, and `null` none.",
        &[
            example("glob.match(\"*.example.com\", [\".\"], \"api.example.com\")", "true"),
            example("glob.match(\"*.example.com\", [], \"a.b.example.com\")", "false"),
            example("glob.match(\"**.example.com\", [], \"a.b.example.com\")", "true"),
            example("glob.match(\"{cat,[bf]at}\", [], \"fat\")", "true"),
            example("glob.match(\"[\", [], \"a\")", "error"),
        ],
        glob_match,
    )
    .checked(check_glob),
    Builtin::pure(
        "glob.quote_meta",
        "(string) -> string",
        "The text with a backslash before every character that means something in globs.",
        &[example("glob.quote_meta(\"*.example.com\")", "`\\*.example.com`")],
        quote_meta,
    ),
];

/// Deepest nesting of `{…}`.
const DEPTH_MAX: usize = 32;

fn glob_match(call: &mut Call<'_>, arguments: &[Word]) -> Outcome {
    check_delimiters(call, arguments)?;
    let units = call.text(arguments, 1)?.len() / 4 + 1;
    call.charge(units)?;
    let (glob, stops, text) = (argument(arguments, 1), argument(arguments, 2), argument(arguments, 3));
    let Call { heap, caches, fuel, .. } = call;
    let found = caches.glob(heap, glob, stops, |cache| {
        let (pattern, delimiters) = (heap.as_str(glob).unwrap_or_default(), delimiters(heap, stops));
        cache.get_or_make(&format!("{delimiters}\n{pattern}"), || compile(pattern, &delimiters))
    });
    let found = found.map_err(failed)?;
    let Some(bytes) = heap.text_length(text) else {
        return Err(type_error(3, "string", type_name(heap, text)));
    };
    Ok(Word::bool(matches_text(heap, fuel, &found, (text, bytes))?))
}

/// The characters that globs stop at.
fn delimiters(heap: &Heap, word: Word) -> String {
    match heap.view(word) {
        View::Array([]) => ".".to_owned(),
        View::Array(items) => items.iter().filter_map(|item| heap.as_str(*item)).collect(),
        _ => String::new(),
    }
}

fn check_delimiters(call: &Call<'_>, arguments: &[Word]) -> Result<(), BuiltinError> {
    let items = match call.heap.view(argument(arguments, 2)) {
        View::Null => return Ok(()),
        View::Array(items) => items,
        _ => return Err(call.wrong(arguments, 2, "one of {array, null}")),
    };
    for item in items {
        let text = call.heap.as_str(*item).ok_or_else(|| call.wrong_element(arguments, 2, "string", *item))?;
        if text.chars().count() != 1 {
            return Err(operand_error(2, "must be array of single characters"));
        }
    }
    Ok(())
}

fn quote_meta(call: &mut Call<'_>, arguments: &[Word]) -> Outcome {
    let mut quoted = String::new();
    for c in call.text(arguments, 1)?.chars() {
        if matches!(c, '*' | '?' | '\\' | '[' | ']' | '{' | '}') {
            quoted.push('\\');
        }
        quoted.push(c);
    }
    call.make_string(&quoted)
}

/// Checks a glob that stands in a policy.
pub(crate) fn check_glob(position: usize, value: &Value) -> Result<(), String> {
    match value.as_str() {
        Some(pattern) if position == 0 => {
            compile(pattern, "").map(drop).map_err(|error| format!("invalid glob: {error}"))
        }
        _ => Ok(()),
    }
}

/// Compiles a glob; `delimiters` are single characters.
pub(crate) fn compile(pattern: &str, delimiters: &str) -> Result<Pattern, String> {
    let not_delimiter = if delimiters.is_empty() { ".".to_owned() } else { format!("[^{}]", class_text(delimiters)) };
    let mut translator = Translator { chars: pattern.chars(), out: String::from("(?s)^"), not_delimiter, depth: 0 };
    translator.run()?;
    translator.out.push('$');
    crate::regex::build(&translator.out)
}

/// Characters as they stand in a class.
fn class_text(characters: &str) -> String {
    characters.chars().map(|c| format!("\\x{{{:x}}}", u32::from(c))).collect()
}

struct Translator<'p> {
    chars: std::str::Chars<'p>,
    out: String,
    not_delimiter: String,
    depth: usize,
}

impl Translator<'_> {
    fn run(&mut self) -> Result<(), String> {
        while let Some(c) = self.chars.next() {
            match c {
                '*' if self.accept('*') => self.out.push_str(".*"),
                '*' => {
                    self.out.push_str(&self.not_delimiter);
                    self.out.push('*');
                }
                '?' => self.out.push_str(&self.not_delimiter),
                '[' => self.class()?,
                '{' => {
                    self.depth += 1;
                    if self.depth > DEPTH_MAX {
                        return Err(format!("alternatives are nested deeper than {DEPTH_MAX} levels"));
                    }
                    self.out.push_str("(?:");
                }
                ',' if self.depth > 0 => self.out.push('|'),
                '}' if self.depth > 0 => {
                    self.depth -= 1;
                    self.out.push(')');
                }
                '\\' => {
                    let c = self.chars.next().ok_or("`\\` stands before nothing")?;
                    self.literal(c);
                }
                c => self.literal(c),
            }
        }
        if self.depth > 0 { Err("`{` is not closed".to_owned()) } else { Ok(()) }
    }

    fn accept(&mut self, wanted: char) -> bool {
        let found = self.chars.as_str().starts_with(wanted);
        if found {
            self.chars.next();
        }
        found
    }

    fn literal(&mut self, c: char) {
        self.out.push_str(&::regex::escape(c.encode_utf8(&mut [0; 4])));
    }

    /// `[a-z]`, `[abc]`, and both with `!`; the opening bracket is read.
    fn class(&mut self) -> Result<(), String> {
        let open = "`[` is not closed";
        let negated = self.accept('!');
        self.out.push_str(if negated { "[^" } else { "[" });
        let mut ahead = self.chars.clone();
        let (low, hyphen) = (ahead.next().ok_or(open)?, ahead.next());
        if hyphen == Some('-') {
            let high = ahead.next().ok_or(open)?;
            if ahead.next() != Some(']') {
                return Err("a range must be closed behind its second character".to_owned());
            }
            if high < low {
                return Err(format!("range `{low}-{high}` is the wrong way round"));
            }
            self.out.push_str(&format!("{}-{}", class_text(&low.to_string()), class_text(&high.to_string())));
            self.chars = ahead;
        } else {
            let mut listed = String::new();
            loop {
                match self.chars.next().ok_or(open)? {
                    ']' => break,
                    '\\' => listed.push(self.chars.next().ok_or(open)?),
                    c => listed.push(c),
                }
            }
            if listed.is_empty() {
                return Err("`[]` lists nothing".to_owned());
            }
            self.out.push_str(&class_text(&listed));
        }
        self.out.push(']');
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn globs_stop_at_delimiters() {
        for (pattern, delimiters, text, expected) in [
            ("*.github.com", ".", "api.github.com", true),
            ("*.github.com", ".", "api.cdn.github.com", false),
            ("**.github.com", ".", "api.cdn.github.com", true),
            ("*", "", "a.b", true),
            ("foo*", "", "foo.bar\nbaz", true),
            ("?at", "f", "fat", false),
            ("?at", ".", "at", false),
            ("[!a-c]at", "", "bat", false),
            ("[!abc]at", "", "fat", true),
            ("[a^]", "", "^", true),
            ("{a,b{c,d}}x", "", "bdx", true),
            ("{a,*}", ".", "x.y", false),
            ("a\\*b", "", "a*b", true),
            ("a.b+(c)", "", "a.b+(c)", true),
            ("a,b}", "", "a,b}", true),
            ("*", "^]", "a]b", false),
        ] {
            let regex = compile(pattern, delimiters).unwrap_or_else(|error| panic!("{pattern}: {error}"));
            assert_eq!(regex.regex.is_match(text), expected, "{pattern} on {text}");
        }
    }

    #[test]
    fn bad_globs_are_refused() {
        for pattern in ["[", "[]", "[a", "[a-", "[a-b", "[a-bc]", "[c-a]", "{a", "a\\", &"{".repeat(100)] {
            assert!(compile(pattern, "").is_err(), "{pattern}");
        }
        assert!(check_glob(0, &Value::from("[")).is_err());
        assert!(check_glob(2, &Value::from("[")).is_ok());
    }
}
