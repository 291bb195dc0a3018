//! JSON text → slots, in one pass.

use hpol_lang::value::{JsonLimits, JsonScanner, NumberToken, parse_json};

use super::Declined;
use super::shape::{Choice, Form, KEEP, Met, Node, NodeId, ObjectShape, PASS, Tag};
use super::work::Work;
use crate::heap::Word;

/// Reads a document.
pub(super) fn read(text: &str, limits: JsonLimits, work: &mut Work<'_>) -> Result<(), Declined> {
    let root = work.shape.root;
    let mut json = Json { scanner: JsonScanner::new(text), depth_left: limits.depth_max, work };
    json.scanner.skip_space();
    json.value(root, 0)?;
    json.scanner.skip_space();
    if json.scanner.at() < text.len() { Err(Declined) } else { Ok(()) }
}

#[derive(Debug)]
struct Json<'t, 'w, 'r> {
    scanner: JsonScanner<'t>,
    depth_left: usize,
    work: &'w mut Work<'r>,
}

impl<'r> Json<'_, '_, 'r> {
    /// Reads a value by a node; the scanner stands on its first byte.
    fn value(&mut self, id: NodeId, depth: usize) -> Result<Word, Declined> {
        let (node, depth) = self.work.enter(id, depth)?;
        self.entered(node, depth)
    }

    /// As [`Json::value`], for what is a text most often, which is read on the spot.
    #[inline(always)]
    fn member(&mut self, id: NodeId, depth: usize) -> Result<Word, Declined> {
        let (node, depth) = self.work.enter(id, depth)?;
        if node.takes_all_text()
            && self.scanner.peek() == Some(b'"')
            && let Some(text) = self.scanner.plain_string()
        {
            let word = self.work.same_text(node, text)?;
            self.work.keep(node, word);
            return Ok(word);
        }
        self.entered(node, depth)
    }

    /// Reads a value by a node of which the depth is known.
    fn entered(&mut self, node: &'r Node, depth: usize) -> Result<Word, Declined> {
        let word = match self.scanner.peek() {
            _ if let Form::Union(union) = &node.form => {
                let (choice, before) = self.work.choose(union, self.met()?);
                let chosen = match (choice, &union.tag) {
                    (Choice::Node(chosen), _) => chosen,
                    (Choice::Tagged, Some(tag)) => self.tagged(tag)?,
                    _ => return Err(Declined),
                };
                let word = self.value(chosen, depth + 1)?;
                self.work.chosen(before);
                word
            }
            _ if let Form::Slow(..) = &node.form => self.slow(node, depth)?,
            Some(b'"') => self.text(node)?,
            Some(b'{') => self.object(node, depth)?,
            Some(b'[') => self.array(node, depth)?,
            Some(b'-' | b'0'..=b'9') => self.number(node)?,
            Some(b't') => {
                self.word("true")?;
                self.work.bool(node, true)?
            }
            Some(b'f') => {
                self.word("false")?;
                self.work.bool(node, false)?
            }
            Some(b'n') => {
                self.word("null")?;
                self.work.null(node)?
            }
            _ => return Err(Declined),
        };
        self.work.keep(node, word);
        Ok(word)
    }

    fn met(&self) -> Result<Met, Declined> {
        Ok(match self.scanner.peek() {
            Some(b'"') => Met::String,
            Some(b'{') => Met::Object,
            Some(b'[') => Met::Array,
            Some(b'-' | b'0'..=b'9') => Met::Number,
            Some(b't' | b'f') => Met::Bool,
            Some(b'n') => Met::Null,
            _ => return Err(Declined),
        })
    }

    fn word(&mut self, word: &str) -> Result<(), Declined> {
        self.scanner.word(word).map_err(|_| Declined)
    }

    #[inline]
    fn text(&mut self, node: &Node) -> Result<Word, Declined> {
        match self.scanner.plain_string() {
            Some(text) => self.work.text(node, text),
            None => self.other_text(node),
        }
    }

    /// A text with escapes, or none at all.
    #[cold]
    fn other_text(&mut self, node: &Node) -> Result<Word, Declined> {
        match self.scanner.string(&mut self.work.scratch.text).map_err(|_| Declined)? {
            Some(text) => self.work.text(node, text),
            None => self.work.escaped_text(node),
        }
    }

    fn number(&mut self, node: &Node) -> Result<Word, Declined> {
        match self.scanner.number() {
            NumberToken::Int(value) => self.work.int(node, value),
            token if !node.build && node.demands.is_empty() && matches!(node.form, Form::Any | Form::Decimal) => {
                if token.is_number() {
                    Ok(Word::ABSENT)
                } else {
                    Err(Declined)
                }
            }
            token => self.work.number(node, token.number().ok_or(Declined)?),
        }
    }

    /// A value that the reference reads and checks.
    fn slow(&mut self, node: &Node, depth: usize) -> Result<Word, Declined> {
        let Form::Slow(ty, kept) = &node.form else { return Err(Declined) };
        let start = self.scanner.at();
        self.value(PASS, 0)?;
        let text = self.scanner.text().get(start..self.scanner.at()).ok_or(Declined)?;
        let limits = JsonLimits { bytes_max: usize::MAX, depth_max: self.depth_left };
        let value = parse_json(text, limits).map_err(|_| Declined)?;
        self.work.slow(&value, ty, *kept, depth)
    }

    /// Goes one level down; the scanner stands on the bracket, and then on what follows it.
    fn open(&mut self) -> Result<(), Declined> {
        self.depth_left = self.depth_left.checked_sub(1).ok_or(Declined)?;
        self.scanner.go_to(self.scanner.at() + 1);
        self.scanner.skip_space();
        Ok(())
    }

    /// Whether the collection goes on: behind a value stand a comma or the closing bracket.
    #[inline]
    fn goes_on(&mut self, close: u8) -> Result<bool, Declined> {
        if !self.scanner.accept(b',') {
            self.scanner.skip_space();
            if !self.scanner.accept(b',') {
                return if self.scanner.accept(close) { Ok(false) } else { Err(Declined) };
            }
        }
        self.scanner.skip_space();
        Ok(true)
    }

    fn array(&mut self, node: &Node, depth: usize) -> Result<Word, Declined> {
        self.open()?;
        let start = self.work.open_array();
        let mut count = 0;
        let mut more = !self.scanner.accept(b']');
        while more {
            let items = match &node.form {
                Form::Array(items) | Form::Set(items) => *items,
                Form::Tuple(items) => *items.get(count).ok_or(Declined)?,
                Form::Any if node.build => KEEP,
                Form::Any => PASS,
                _ => return Err(Declined),
            };
            let word = self.value(items, depth + 1)?;
            self.work.element(node, word);
            count += 1;
            more = self.goes_on(b']')?;
        }
        self.depth_left += 1;
        match &node.form {
            Form::Any | Form::Array(_) => self.work.close_array(node, start, count),
            Form::Tuple(items) if items.len() == count => self.work.close_array(node, start, count),
            Form::Set(_) => self.work.close_set(node, start, Some(count)),
            _ => Err(Declined),
        }
    }

    fn object(&mut self, node: &Node, depth: usize) -> Result<Word, Declined> {
        let shape = self.work.shape;
        let object = match &node.form {
            Form::Object(object) => &**object,
            Form::Any if node.build => &shape.kept,
            Form::Any => &shape.passed,
            _ => return Err(Declined),
        };
        self.open()?;
        let mut members = self.work.open_object(node, object);
        let (mut last, mut more) = (None, !self.scanner.accept(b'}'));
        while more {
            match self.field(object, last)? {
                Key::Known(at) => {
                    let field = object.fields.get(at).ok_or(Declined)?;
                    self.work.known(object, &mut members, at)?;
                    let word = self.member(field.node, depth + 1)?;
                    self.work.keep_known(node, object, &members, at, word)?;
                    last = Some(at);
                }
                key => {
                    let (id, name) = match key {
                        Key::Plain(name) => self.work.unknown(node, object, &mut members, name)?,
                        _ => self.work.escaped_unknown(node, object, &mut members)?,
                    };
                    let word = self.value(id, depth + 1)?;
                    self.work.keep_unknown(name, word);
                }
            }
            more = self.goes_on(b'}')?;
        }
        self.depth_left += 1;
        self.work.close_object(node, object, &members)
    }

    fn colon(&mut self) -> Result<(), Declined> {
        self.scanner.skip_space();
        if !self.scanner.accept(b':') {
            return Err(Declined);
        }
        self.scanner.skip_space();
        Ok(())
    }
}

/// The name of a field.
enum Key<'t> {
    /// One of the shape.
    Known(usize),
    /// Another one.
    Plain(&'t str),
    /// Another one, which stands in the scratch memory.
    Escaped,
}

impl<'t> Json<'t, '_, '_> {
    /// The next name, and its colon: most often the one that came after the last one before.
    #[inline]
    fn field(&mut self, object: &ObjectShape, last: Option<usize>) -> Result<Key<'t>, Declined> {
        let guess = object.guess(last);
        if let Some(field) = object.fields.get(guess)
            && field.written.begins(self.scanner.rest())
        {
            self.scanner.go_to(self.scanner.at() + field.written.length());
            self.scanner.skip_space();
            return Ok(Key::Known(guess));
        }
        let key = self.other_field(object, last)?;
        self.colon()?;
        Ok(key)
    }

    /// The next name, which was not expected.
    fn other_field(&mut self, object: &ObjectShape, last: Option<usize>) -> Result<Key<'t>, Declined> {
        if self.scanner.peek() != Some(b'"') {
            return Err(Declined);
        }
        let plain = self.scanner.string(&mut self.work.scratch.text).map_err(|_| Declined)?;
        if object.fields.is_empty() {
            return Ok(plain.map_or(Key::Escaped, Key::Plain));
        }
        match (object.find(plain.unwrap_or(&self.work.scratch.text)), plain) {
            (Some(at), _) => {
                object.came(last, at);
                Ok(Key::Known(at))
            }
            (None, Some(name)) => Ok(Key::Plain(name)),
            (None, None) => Ok(Key::Escaped),
        }
    }

    /// Which type the tag tells. The scanner stands on the object, and does so again afterwards; what is looked at here is
    /// read once more, and checked then.
    fn tagged(&mut self, tag: &Tag) -> Result<NodeId, Declined> {
        let start = self.scanner.at();
        let depth_left = self.depth_left;
        self.open()?;
        let mut more = !self.scanner.accept(b'}');
        while more {
            if self.scanner.peek() != Some(b'"') {
                return Err(Declined);
            }
            let plain = self.scanner.string(&mut self.work.scratch.text).map_err(|_| Declined)?;
            let found = plain.unwrap_or(&self.work.scratch.text) == &*tag.name;
            self.colon()?;
            if found {
                if self.scanner.peek() != Some(b'"') {
                    return Err(Declined);
                }
                let plain = self.scanner.string(&mut self.work.scratch.text).map_err(|_| Declined)?;
                let chosen = tag.node(plain.unwrap_or(&self.work.scratch.text)).ok_or(Declined)?;
                self.scanner.go_to(start);
                self.depth_left = depth_left;
                return Ok(chosen);
            }
            self.value(PASS, 0)?;
            more = self.goes_on(b'}')?;
        }
        Err(Declined)
    }
}
