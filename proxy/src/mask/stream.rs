//! Masks a text that may be JSON, in pieces, so that JSON stays JSON.
//!
//! Arguments of function calls and structured answers are JSON documents inside a text. Masked as plain text they
//! could break (a number that becomes a word in brackets) or hide something (`\u0034111…` is a card number too). So a
//! text that begins like a JSON array or object is followed token by token: strings are decoded, masked and written
//! again, numbers that are masked become `0`, everything else passes. Where the text leaves JSON's grammar it goes on
//! as plain text from the start of the token at fault, since models write things that are not quite JSON.
//!
//! Nothing is held back but what an open match or an open number needs, so pieces come out about as they went in.

use std::fmt::Write as _;

use super::text::{PlainStream, TextMasks};

/// What a text is, which says how a mask of a whole value is carried out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TextKind {
    /// Words for people: masked as a whole it becomes one replacement.
    Prose,
    /// Arguments that a program parses: masked as a whole each of its values is replaced.
    Arguments,
}

/// Deepest nesting that is followed; deeper text goes on as plain text.
const DEPTH_MAX: usize = 128;
/// Longest number that is held back, in bytes; a longer one goes on as plain text.
const BARE_BYTES_MAX: usize = 1 << 10;

/// Masks one text in pieces.
///
/// What all pushes and the finish give, joined, is what a single push of the whole text gives, wherever it was cut.
#[derive(Debug)]
pub struct TextStream {
    masks: TextMasks,
    mode: Mode,
    /// Open arrays and objects, outermost first.
    open: Vec<Container>,
    expected: Expected,
    token: Token,
    /// The last key, masked.
    key: String,
}

#[derive(Debug)]
enum Mode {
    /// Only white space so far.
    Start,
    Json,
    Plain(Box<PlainStream>),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Container {
    Array,
    Object,
}

/// What the grammar wants next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Expected {
    Value,
    ValueOrEnd,
    Key,
    KeyOrEnd,
    Colon,
    CommaOrEnd,
    /// The document is complete.
    Nothing,
}

#[derive(Debug)]
enum Token {
    None,
    /// A number or word, and the white space behind it: only what follows shows whether it ends there.
    Bare(String, String),
    /// A string: the stream its content goes through, and an escape that is open.
    String {
        stream: Box<PlainStream>,
        is_key: bool,
        escape: Escape,
    },
}

/// An escape within a string, as far as it was read.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Escape {
    None,
    Backslash,
    /// Digits of a `\u` escape.
    Unicode(String),
    /// A first half of a pair of `\u` escapes.
    High(u32),
    HighBackslash(u32),
    HighUnicode(u32, String),
}

impl TextStream {
    /// A stream at the start of a text.
    pub fn new(masks: &TextMasks, kind: TextKind) -> Self {
        let mode = match kind {
            TextKind::Prose if masks.replaces_whole() => Mode::Plain(Box::new(masks.plain_stream())),
            TextKind::Prose | TextKind::Arguments => Mode::Start,
        };
        Self {
            masks: masks.clone(),
            mode,
            open: Vec::new(),
            expected: Expected::Value,
            token: Token::None,
            key: String::new(),
        }
    }

    /// Takes the next piece of the text; gives what may leave.
    pub fn push(&mut self, piece: &str) -> String {
        let mut out = String::with_capacity(piece.len());
        // Characters of a string go through its stream together.
        let mut run = String::new();
        let mut rest = piece.chars();
        while let Some(c) = rest.next() {
            match &mut self.mode {
                Mode::Plain(stream) => {
                    out.push_str(&stream.push(&format!("{c}{}", rest.as_str())));
                    return out;
                }
                Mode::Start => self.start(c, &mut out),
                Mode::Json => self.json(c, &mut run, &mut out),
            }
        }
        self.push_run(&mut run, &mut out);
        out
    }

    /// Gives what was held back, at the end of the text.
    pub fn finish(mut self) -> String {
        let mut out = String::new();
        match std::mem::replace(&mut self.token, Token::None) {
            Token::None => {}
            Token::Bare(text, space) => match self.mask_bare(&text) {
                Some(masked) => {
                    out.push_str(&masked);
                    out.push_str(&space);
                }
                None => self.go_plain(&(text + &space), &mut out),
            },
            // The text ends within a string: what it holds leaves masked, and stays unended.
            Token::String { stream, .. } => escape_into(&stream.finish(), &mut out),
        }
        if let Mode::Plain(stream) = self.mode {
            out.push_str(&stream.finish());
        }
        out
    }

    fn start(&mut self, c: char, out: &mut String) {
        match c {
            ' ' | '\t' | '\r' | '\n' => out.push(c),
            '{' | '[' => {
                self.mode = Mode::Json;
                self.structure(c, out);
            }
            _ => self.go_plain(c.encode_utf8(&mut [0; 4]), out),
        }
    }

    /// Goes on as plain text from here.
    fn go_plain(&mut self, text: &str, out: &mut String) {
        let mut stream = Box::new(self.masks.plain_stream());
        out.push_str(&stream.push(text));
        self.mode = Mode::Plain(stream);
    }

    fn json(&mut self, c: char, run: &mut String, out: &mut String) {
        match &mut self.token {
            Token::String { escape: Escape::None, .. } => match c {
                '"' => {
                    self.push_run(run, out);
                    self.end_string(out);
                }
                '\\' => self.set_escape(Escape::Backslash),
                _ => run.push(c),
            },
            Token::String { .. } => self.escape(c, run, out),
            Token::Bare(text, space) => match c {
                ' ' | '\t' | '\r' | '\n' => space.push(c),
                ',' | ']' | '}' => {
                    let (text, space) = (std::mem::take(text), std::mem::take(space));
                    self.token = Token::None;
                    match self.mask_bare(&text) {
                        Some(masked) => {
                            out.push_str(&masked);
                            out.push_str(&space);
                            self.structure(c, out);
                        }
                        None => self.go_plain(&format!("{text}{space}{c}"), out),
                    }
                }
                _ if space.is_empty() && text.len() < BARE_BYTES_MAX && is_bare(c) => text.push(c),
                _ => {
                    let text = format!("{text}{space}{c}");
                    self.token = Token::None;
                    self.go_plain(&text, out);
                }
            },
            Token::None => self.structure(c, out),
        }
    }

    /// Reads a character between tokens.
    fn structure(&mut self, c: char, out: &mut String) {
        let value = matches!(self.expected, Expected::Value | Expected::ValueOrEnd);
        let key = matches!(self.expected, Expected::Key | Expected::KeyOrEnd);
        match c {
            ' ' | '\t' | '\r' | '\n' => out.push(c),
            '{' | '[' if value && self.open.len() < DEPTH_MAX => {
                let (container, expected) = if c == '{' {
                    (Container::Object, Expected::KeyOrEnd)
                } else {
                    (Container::Array, Expected::ValueOrEnd)
                };
                self.open.push(container);
                self.expected = expected;
                out.push(c);
            }
            '}' if self.open.last() == Some(&Container::Object)
                && matches!(self.expected, Expected::KeyOrEnd | Expected::CommaOrEnd) =>
            {
                self.close(c, out);
            }
            ']' if self.open.last() == Some(&Container::Array)
                && matches!(self.expected, Expected::ValueOrEnd | Expected::CommaOrEnd) =>
            {
                self.close(c, out);
            }
            ',' if self.expected == Expected::CommaOrEnd => {
                let in_object = self.open.last() == Some(&Container::Object);
                self.expected = if in_object { Expected::Key } else { Expected::Value };
                out.push(c);
            }
            ':' if self.expected == Expected::Colon => {
                self.expected = Expected::Value;
                out.push(c);
            }
            '"' if value || key => {
                let stream = if key {
                    self.key.clear();
                    self.masks.key_stream()
                } else {
                    self.masks.plain_stream_after(&self.key)
                };
                self.token = Token::String { stream: Box::new(stream), is_key: key, escape: Escape::None };
                out.push(c);
            }
            _ if value && is_bare(c) => {
                self.token = Token::Bare(c.to_string(), String::new());
            }
            _ => self.go_plain(c.encode_utf8(&mut [0; 4]), out),
        }
    }

    fn close(&mut self, c: char, out: &mut String) {
        self.open.pop();
        self.expected = if self.open.is_empty() { Expected::Nothing } else { Expected::CommaOrEnd };
        out.push(c);
    }

    fn end_string(&mut self, out: &mut String) {
        if let Token::String { stream, is_key, .. } = std::mem::replace(&mut self.token, Token::None) {
            let rest = stream.finish();
            escape_into(&rest, out);
            out.push('"');
            if is_key {
                self.key.push_str(&rest);
            }
            self.expected = if is_key { Expected::Colon } else { Expected::CommaOrEnd };
        }
    }

    fn push_run(&mut self, run: &mut String, out: &mut String) {
        if let Token::String { stream, is_key, .. } = &mut self.token
            && !run.is_empty()
        {
            let masked = stream.push(run);
            escape_into(&masked, out);
            if *is_key {
                self.key.push_str(&masked);
            }
        }
        run.clear();
    }

    fn set_escape(&mut self, next: Escape) {
        if let Token::String { escape, .. } = &mut self.token {
            *escape = next;
        }
    }

    /// Reads a character within an escape.
    fn escape(&mut self, c: char, run: &mut String, out: &mut String) {
        let Token::String { escape, .. } = &mut self.token else { return };
        match std::mem::replace(escape, Escape::None) {
            Escape::None => {}
            Escape::Backslash => match c {
                'b' => run.push('\u{8}'),
                'f' => run.push('\u{c}'),
                'n' => run.push('\n'),
                'r' => run.push('\r'),
                't' => run.push('\t'),
                'u' => *escape = Escape::Unicode(String::new()),
                // An unknown escape stands for its character; JSON knows only `"`, `\` and `/` here.
                _ => run.push(c),
            },
            Escape::Unicode(mut digits) => {
                digits.push(c);
                match code_unit(&digits) {
                    None if digits.len() < 4 && c.is_ascii_hexdigit() => *escape = Escape::Unicode(digits),
                    Some(high @ 0xD800..0xDC00) => *escape = Escape::High(high),
                    Some(code) => run.push(char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER)),
                    None => {
                        run.push(char::REPLACEMENT_CHARACTER);
                        self.reread(c, run, out);
                    }
                }
            }
            Escape::High(high) if c == '\\' => *escape = Escape::HighBackslash(high),
            Escape::High(_) => {
                run.push(char::REPLACEMENT_CHARACTER);
                self.json(c, run, out);
            }
            Escape::HighBackslash(high) if c == 'u' => *escape = Escape::HighUnicode(high, String::new()),
            Escape::HighBackslash(_) => {
                run.push(char::REPLACEMENT_CHARACTER);
                *escape = Escape::Backslash;
                self.escape(c, run, out);
            }
            Escape::HighUnicode(high, mut digits) => {
                digits.push(c);
                match code_unit(&digits) {
                    None if digits.len() < 4 && c.is_ascii_hexdigit() => *escape = Escape::HighUnicode(high, digits),
                    Some(low @ 0xDC00..0xE000) => {
                        let code = 0x10000 + ((high - 0xD800) << 10) + (low - 0xDC00);
                        run.push(char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER));
                    }
                    Some(next @ 0xD800..0xDC00) => {
                        run.push(char::REPLACEMENT_CHARACTER);
                        *escape = Escape::High(next);
                    }
                    Some(code) => {
                        run.push(char::REPLACEMENT_CHARACTER);
                        run.push(char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER));
                    }
                    None => {
                        run.push(char::REPLACEMENT_CHARACTER);
                        self.reread(c, run, out);
                    }
                }
            }
        }
    }

    /// Reads the character that broke off an escape: the string goes on with it.
    fn reread(&mut self, c: char, run: &mut String, out: &mut String) {
        if c.is_ascii_hexdigit() { run.push(c) } else { self.json(c, run, out) }
    }

    /// A number or word as it may leave; `None` if it is neither.
    fn mask_bare(&mut self, text: &str) -> Option<String> {
        if matches!(text, "true" | "false" | "null") {
            self.expected = Expected::CommaOrEnd;
            return Some(text.to_owned());
        }
        text.parse::<hpol_lang::value::Number>().ok()?;
        self.expected = Expected::CommaOrEnd;
        Some(self.masks.number(&self.key, text).unwrap_or_else(|| text.to_owned()))
    }
}

fn is_bare(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '-' | '+' | '.')
}

fn code_unit(digits: &str) -> Option<u32> {
    if digits.len() != 4 || !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    u32::from_str_radix(digits, 16).ok()
}

/// Writes text as it stands between the quotes of a JSON string.
fn escape_into(text: &str, out: &mut String) {
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if u32::from(c) < 0x20 => {
                // Writing to a string cannot fail.
                let _ = write!(out, "\\u{:04x}", u32::from(c));
            }
            c => out.push(c),
        }
    }
}
