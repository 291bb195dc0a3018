//! A value → slots.

use hpol_lang::value::Value;

use super::Declined;
use super::shape::{Choice, Form, Met, Node, NodeId, ObjectShape};
use super::work::Work;
use crate::heap::Word;

impl<'r> Work<'r> {
    /// Reads a value by a node.
    pub(super) fn value(&mut self, id: NodeId, value: &Value, depth: usize) -> Result<Word, Declined> {
        let (node, depth) = self.enter(id, depth)?;
        let word = match (&node.form, value) {
            (Form::Any, value) if node.build => self.heap.from_value(value)?,
            (Form::Any, Value::Null) => Word::NULL,
            (Form::Any, Value::Bool(value)) => Word::bool(*value),
            (Form::Any, _) => Word::ABSENT,
            (Form::Union(union), value) => {
                let (choice, before) = self.choose(union, Met::of(value));
                let chosen = match (choice, &union.tag) {
                    (Choice::Node(chosen), _) => chosen,
                    (Choice::Tagged, Some(tag)) => {
                        let text = value.get(&tag.name).and_then(Value::as_str).ok_or(Declined)?;
                        tag.node(text).ok_or(Declined)?
                    }
                    _ => return Err(Declined),
                };
                let word = self.value(chosen, value, depth + 1)?;
                self.chosen(before);
                word
            }
            (Form::Slow(ty, kept), value) => self.slow(value, ty, *kept, depth)?,
            (Form::Array(items), Value::Array(values)) => {
                let start = self.open_array();
                self.elements(node, values.iter().map(|value| (*items, value)), depth)?;
                self.close_array(node, start, values.len())?
            }
            (Form::Tuple(items), Value::Array(values)) if items.len() == values.len() => {
                let start = self.open_array();
                self.elements(node, items.iter().copied().zip(values.iter()), depth)?;
                self.close_array(node, start, values.len())?
            }
            (Form::Set(items), Value::Array(values)) => {
                let start = self.open_array();
                self.elements(node, values.iter().map(|value| (*items, value)), depth)?;
                self.close_set(node, start, Some(values.len()))?
            }
            (Form::Object(object), Value::Object(entries)) => self.object(node, object, entries.iter(), depth)?,
            (Form::Set(items), Value::Set(values)) => {
                let start = self.open_array();
                self.elements(node, values.iter().map(|value| (*items, value)), depth)?;
                self.close_set(node, start, None)?
            }
            (_, Value::Null) => self.null(node)?,
            (_, Value::Bool(value)) => self.bool(node, *value)?,
            (_, Value::Number(number)) => match number.as_i64() {
                Some(value) => self.int(node, value)?,
                None => self.number(node, number.clone())?,
            },
            (_, Value::String(text)) => self.text(node, text)?,
            (_, Value::Array(_) | Value::Object(_) | Value::Set(_)) => return Err(Declined),
        };
        self.keep(node, word);
        Ok(word)
    }

    fn elements<'v>(
        &mut self,
        node: &Node,
        items: impl Iterator<Item = (NodeId, &'v Value)>,
        depth: usize,
    ) -> Result<(), Declined> {
        for (id, value) in items {
            let word = self.value(id, value, depth + 1)?;
            self.element(node, word);
        }
        Ok(())
    }

    fn object<'v>(
        &mut self,
        node: &Node,
        object: &ObjectShape,
        entries: impl Iterator<Item = (&'v Value, &'v Value)>,
        depth: usize,
    ) -> Result<Word, Declined> {
        let mut members = self.open_object(node, object);
        // Both are in order, so the next field is the next name or a later one.
        let mut next = 0;
        for (name, value) in entries {
            let text = name.as_str();
            while let Some(field) = object.fields.get(next)
                && text.is_some_and(|text| *field.name < *text)
            {
                next += 1;
            }
            match object.fields.get(next) {
                Some(field) if text == Some(&field.name) => {
                    self.known(object, &mut members, next)?;
                    let word = self.value(field.node, value, depth + 1)?;
                    self.keep_known(node, object, &members, next, word)?;
                }
                _ => {
                    let (id, name) = match text {
                        Some(text) => self.unknown(node, object, &mut members, text)?,
                        None => self.unnamed(node, object, &mut members, name)?,
                    };
                    let word = self.value(id, value, depth + 1)?;
                    self.keep_unknown(name, word);
                }
            }
        }
        self.close_object(node, object, &members)
    }
}
