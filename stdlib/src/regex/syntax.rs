//! From RE2's notation to that of the `regex` crate.
//!
//! Both agree on most patterns, but some mean different things in the two: `\d`, `\w`, `\s` and `\b` know only ASCII in RE2,
//! classes have no `&&` and no nested classes there, a brace that counts nothing is plain text, and `\Q…\E` quotes. What
//! only the crate knows (`(?x)`, `\<`, `\u…`) is refused, as RE2 does, or is the plain character.

/// Largest count in `{n,m}`.
const COUNT_MAX: u32 = 1_000;

const CLASS_NAMES: &[&str] = &[
    "alnum", "alpha", "ascii", "blank", "cntrl", "digit", "graph", "lower", "print", "punct", "space", "upper", "word",
    "xdigit",
];

const DIGITS: &str = "0-9";
const WORD: &str = "0-9A-Za-z_";
const SPACE: &str = "\\t\\n\\f\\r ";

/// The pattern in the crate's notation.
pub(super) fn translate(pattern: &str) -> Result<String, String> {
    let mut translator =
        Translator { rest: pattern, out: String::with_capacity(pattern.len() + 16), last: Last::Other };
    while let Some(c) = translator.next() {
        translator.item(c)?;
    }
    Ok(translator.out)
}

struct Translator<'p> {
    rest: &'p str,
    out: String,
    last: Last,
}

/// What stands before the place that is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Last {
    Other,
    Repetition,
    LazyRepetition,
}

impl Translator<'_> {
    fn next(&mut self) -> Option<char> {
        let mut chars = self.rest.chars();
        let c = chars.next()?;
        self.rest = chars.as_str();
        Some(c)
    }

    fn item(&mut self, c: char) -> Result<(), String> {
        let before = std::mem::replace(&mut self.last, Last::Other);
        match c {
            '\\' => self.escape(),
            '[' => self.class(),
            '{' => self.count(before),
            '(' if self.rest.starts_with('?') => self.group(),
            '*' | '+' | '?' => {
                self.last = match (before, c) {
                    (Last::Other, _) => Last::Repetition,
                    (Last::Repetition, '?') => Last::LazyRepetition,
                    _ => return Err(format!("invalid nested repetition operator `{c}`")),
                };
                self.out.push(c);
                Ok(())
            }
            _ => {
                self.out.push(c);
                Ok(())
            }
        }
    }

    /// An escape outside of classes.
    fn escape(&mut self) -> Result<(), String> {
        let Some(c) = self.next() else { return Err("trailing backslash".to_owned()) };
        match c {
            'Q' => {
                let (quoted, rest) = self.rest.split_once("\\E").unwrap_or((self.rest, ""));
                self.out.push_str(&::regex::escape(quoted));
                self.rest = rest;
            }
            'd' => self.push_all(&["[", DIGITS, "]"]),
            'D' => self.push_all(&["[^", DIGITS, "]"]),
            'w' => self.push_all(&["[", WORD, "]"]),
            'W' => self.push_all(&["[^", WORD, "]"]),
            's' => self.push_all(&["[", SPACE, "]"]),
            'S' => self.push_all(&["[^", SPACE, "]"]),
            'b' => self.out.push_str("(?-u:\\b)"),
            'B' => self.out.push_str("(?-u:\\B)"),
            'A' | 'z' => self.out.extend(['\\', c]),
            _ => self.common_escape(c)?,
        }
        Ok(())
    }

    /// An escape that means the same within and without classes.
    fn common_escape(&mut self, c: char) -> Result<(), String> {
        match c {
            'a' | 'f' | 't' | 'n' | 'r' | 'v' => self.out.extend(['\\', c]),
            'x' | 'p' | 'P' => {
                self.out.extend(['\\', c]);
                let braced = self.rest.starts_with('{').then(|| self.rest.find('}')).flatten();
                let (argument, rest) = self.rest.split_at(braced.map_or(0, |end| end + 1));
                self.out.push_str(argument);
                self.rest = rest;
            }
            '0'..='7' => {
                let digits = self.rest.len() - self.rest.trim_start_matches(|c| matches!(c, '0'..='7')).len();
                if c != '0' && digits == 0 {
                    return Err(format!("invalid escape sequence `\\{c}`"));
                }
                let (octal, rest) = self.rest.split_at(digits.min(2));
                let code = u32::from_str_radix(&format!("{c}{octal}"), 8).unwrap_or(0);
                self.out.push_str(&format!("\\x{{{code:x}}}"));
                self.rest = rest;
            }
            '<' | '>' => self.out.push(c),
            c if c.is_ascii_punctuation() => self.out.extend(['\\', c]),
            c => return Err(format!("invalid escape sequence `\\{c}`")),
        }
        Ok(())
    }

    /// A class; its opening bracket is read.
    fn class(&mut self) -> Result<(), String> {
        self.out.push('[');
        if let Some(rest) = self.rest.strip_prefix('^') {
            self.out.push('^');
            self.rest = rest;
        }
        let mut first = true;
        loop {
            let Some(c) = self.next() else { return Err("missing closing ]".to_owned()) };
            match c {
                ']' if !first => break,
                '[' if self.rest.starts_with(':') && self.rest[1..].contains(":]") => self.named_class()?,
                '\\' => self.class_escape()?,
                '[' | ']' | '&' | '~' | '^' => self.out.extend(['\\', c]),
                // Two hyphens would be the crate's difference of classes.
                '-' if self.out.ends_with('-') && !self.out.ends_with("\\-") => self.out.push_str("\\-"),
                c => self.out.push(c),
            }
            first = false;
        }
        self.out.push(']');
        Ok(())
    }

    /// `[:alpha:]` within a class; its bracket is read.
    fn named_class(&mut self) -> Result<(), String> {
        let end = self.rest.find(":]").unwrap_or(0) + 2;
        let (name, rest) = self.rest.split_at(end);
        let plain = name[1..name.len() - 2].trim_start_matches('^');
        if !CLASS_NAMES.contains(&plain) {
            return Err(format!("invalid character class range `[{name}`"));
        }
        self.push_all(&["[", name]);
        self.rest = rest;
        Ok(())
    }

    fn class_escape(&mut self) -> Result<(), String> {
        let Some(c) = self.next() else { return Err("missing closing ]".to_owned()) };
        match c {
            'd' => self.out.push_str(DIGITS),
            'D' => self.push_all(&["[^", DIGITS, "]"]),
            'w' => self.out.push_str(WORD),
            'W' => self.push_all(&["[^", WORD, "]"]),
            's' => self.out.push_str(SPACE),
            'S' => self.push_all(&["[^", SPACE, "]"]),
            _ => self.common_escape(c)?,
        }
        Ok(())
    }

    /// A brace: a count such as `{2,3}`, else plain text.
    fn count(&mut self, before: Last) -> Result<(), String> {
        let bounds = self.rest.split_once('}').map_or("", |(bounds, _)| bounds);
        let (low, high) = bounds.split_once(',').unwrap_or((bounds, ""));
        let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        if low.is_empty() || !digits(low) || !digits(high) {
            self.out.push_str("\\{");
            return Ok(());
        }
        let too_large = |text: &str| !text.is_empty() && text.parse::<u32>().map_or(true, |count| count > COUNT_MAX);
        if too_large(low) || too_large(high) {
            return Err(format!("invalid repeat count `{{{bounds}}}`"));
        }
        if before != Last::Other {
            return Err(format!("invalid nested repetition operator `{{{bounds}}}`"));
        }
        self.last = Last::Repetition;
        self.push_all(&["{", bounds, "}"]);
        self.rest = &self.rest[bounds.len() + 1..];
        Ok(())
    }

    /// `(?…`: a name, or flags that RE2 knows too.
    fn group(&mut self) -> Result<(), String> {
        let inner = &self.rest[1..];
        if !inner.starts_with("P<") && !inner.starts_with('<') {
            let flags = inner.split([')', ':']).next().unwrap_or("");
            if !flags.bytes().all(|byte| matches!(byte, b'i' | b'm' | b's' | b'U' | b'-')) {
                return Err(format!("invalid or unsupported syntax `(?{}`", inner.chars().take(8).collect::<String>()));
            }
        }
        self.out.push('(');
        Ok(())
    }

    fn push_all(&mut self, parts: &[&str]) {
        parts.iter().for_each(|part| self.out.push_str(part));
    }
}
