//! Where a part of a JSON document stands in its text.

/// A step into a document.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Step<'s> {
    /// A field of an object.
    Name(&'s str),
    /// An item of an array.
    Index(usize),
}

/// The bytes of a part of a document, or of the innermost part around it that is there. The text is known to be JSON.
pub(crate) fn place_of<'s>(text: &str, steps: impl IntoIterator<Item = Step<'s>>) -> (usize, usize) {
    let mut reader = Reader { text: text.as_bytes(), at: 0 };
    reader.space();
    let mut start = reader.at;
    for step in steps {
        let found = match step {
            Step::Name(name) => reader.field(text, name),
            Step::Index(index) => reader.item(index),
        };
        if !found {
            reader.at = start;
            break;
        }
        start = reader.at;
    }
    reader.value();
    // A part of several lines is shown by its first bracket.
    let whole = text.get(start..reader.at).unwrap_or("");
    let end = if whole.contains('\n') { start + 1 } else { reader.at };
    (start, end.min(text.len()))
}

struct Reader<'t> {
    text: &'t [u8],
    at: usize,
}

impl Reader<'_> {
    fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    fn space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r' | b',' | b':')) {
            self.at += 1;
        }
    }

    /// Goes behind a string, whose quote it stands at.
    fn string(&mut self) {
        self.at += 1;
        while let Some(byte) = self.peek() {
            self.at += if byte == b'\\' { 2 } else { 1 };
            if byte == b'"' {
                return;
            }
        }
    }

    /// Goes behind a value.
    fn value(&mut self) {
        let mut depth = 0_usize;
        while let Some(byte) = self.peek() {
            match byte {
                b'"' => self.string(),
                b'[' | b'{' => {
                    depth += 1;
                    self.at += 1;
                }
                b']' | b'}' if depth == 0 => return,
                b']' | b'}' => {
                    depth -= 1;
                    self.at += 1;
                }
                b',' | b' ' | b'\t' | b'\n' | b'\r' if depth == 0 => return,
                _ => self.at += 1,
            }
            if depth == 0 && matches!(byte, b'"' | b']' | b'}') {
                return;
            }
        }
    }

    /// Goes to the value of a field; `false` if there is none.
    fn field(&mut self, text: &str, name: &str) -> bool {
        if self.peek() != Some(b'{') {
            return false;
        }
        self.at += 1;
        loop {
            self.space();
            if self.peek() != Some(b'"') {
                return false;
            }
            let start = self.at;
            self.string();
            let key = text.get(start..self.at).and_then(|key| serde_json::from_str::<String>(key).ok());
            self.space();
            if key.as_deref() == Some(name) {
                return true;
            }
            self.value();
        }
    }

    /// Goes to an item; `false` if there is none.
    fn item(&mut self, index: usize) -> bool {
        if self.peek() != Some(b'[') {
            return false;
        }
        self.at += 1;
        for _ in 0..index {
            self.space();
            let before = self.at;
            self.value();
            if self.at == before {
                return false;
            }
        }
        self.space();
        !matches!(self.peek(), None | Some(b']'))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_found() {
        let text = "{\"a\": [1, {\"b\\\"\": \"x]\"}, [ ]],\n \"c\": {\"d\": null}, \"e\": {\n}}";
        let found = |steps: &[Step<'_>]| {
            let (start, end) = place_of(text, steps.iter().copied());
            text.get(start..end).map(str::to_owned)
        };
        let at = |steps: &[Step<'_>], expected: &str| assert_eq!(found(steps).as_deref(), Some(expected), "{steps:?}");
        at(&[], "{");
        at(&[Step::Name("a"), Step::Index(0)], "1");
        at(&[Step::Name("a"), Step::Index(1), Step::Name("b\"")], "\"x]\"");
        at(&[Step::Name("a"), Step::Index(2)], "[ ]");
        at(&[Step::Name("a"), Step::Index(2), Step::Index(0)], "[ ]");
        at(&[Step::Name("a"), Step::Index(7)], "[1, {\"b\\\"\": \"x]\"}, [ ]]");
        at(&[Step::Name("c"), Step::Name("d")], "null");
        at(&[Step::Name("c"), Step::Name("none")], "{\"d\": null}");
        at(&[Step::Name("e")], "{");
    }
}
