//! Arrays and objects that come part by part.

use super::{
    Around, At, Form, KEEP, Member, Members, Node, ObjectShape, PASS, Serialize, Stop, Word, Work, fill, fill_some,
    member, ser, write_key,
};

/// An array that is being read.
#[derive(Debug)]
pub(super) struct Items<'f, 'r> {
    pub(super) work: &'f mut Work<'r>,
    pub(super) node: &'r Node,
    pub(super) inner: At,
    pub(super) start: usize,
    pub(super) count: usize,
    pub(super) around: Option<Around<'r>>,
}

/// An object that is being read.
#[derive(Debug)]
pub(super) struct Fields<'f, 'r> {
    pub(super) work: &'f mut Work<'r>,
    pub(super) node: &'r Node,
    pub(super) object: &'r ObjectShape,
    pub(super) members: Members,
    pub(super) inner: At,
    /// The field that was read last, of those that have a number.
    pub(super) last: Option<usize>,
    /// Whether the name of the entry of a map that comes next stands in the scratch memory.
    pub(super) has_key: bool,
    pub(super) around: Option<Around<'r>>,
}

impl Items<'_, '_> {
    fn item<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Stop> {
        let node = match &self.node.form {
            Form::Array(items) | Form::Set(items) => *items,
            Form::Tuple(items) => *items.get(self.count).ok_or(Stop::Declined)?,
            Form::Any if self.node.build => KEEP,
            Form::Any => PASS,
            _ => return Err(Stop::Declined),
        };
        let word = fill_some(self.work, At { node, ..self.inner }, value)?;
        self.work.element(self.node, word);
        self.count += 1;
        Ok(())
    }

    fn finish(self) -> Result<Option<Word>, Stop> {
        let word = match &self.node.form {
            Form::Any | Form::Array(_) => self.work.close_array(self.node, self.start, self.count)?,
            Form::Tuple(items) if items.len() == self.count => {
                self.work.close_array(self.node, self.start, self.count)?
            }
            Form::Set(_) => self.work.close_set(self.node, self.start, Some(self.count))?,
            _ => return Err(Stop::Declined),
        };
        match self.around {
            Some(around) => around.finish(self.work, word),
            None => Ok(Some(word)),
        }
    }
}

impl Fields<'_, '_> {
    /// A field of a struct, which is absent where its value is none.
    fn field<T: Serialize + ?Sized>(&mut self, name: &str, value: &T) -> Result<(), Stop> {
        // Fields come in the same order each time.
        let guess = self.object.guess(self.last);
        let found = match self.object.fields.get(guess) {
            Some(field) if *field.name == *name => Some(guess),
            _ => {
                let found = self.object.find(name);
                found.into_iter().for_each(|at| self.object.came(self.last, at));
                found
            }
        };
        let node = match found.and_then(|at| self.object.fields.get(at)) {
            Some(field) => field.node,
            // Whether a field that is absent would be one of the type does not matter.
            None => self.object.rest.unwrap_or(PASS),
        };
        self.last = found.or(self.last);
        if let Some(word) = fill(self.work, At { node, ..self.inner }, value)? {
            let (_, member) = member(self.work, self.node, self.object, &mut self.members, name, found)?;
            self.keep(member, word)?;
        }
        Ok(())
    }

    fn keep(&mut self, member: Member, word: Word) -> Result<(), Stop> {
        match member {
            Member::Known(at) => self.work.keep_known(self.node, self.object, &self.members, at, word)?,
            Member::Other(name) => self.work.keep_unknown(name, word),
        }
        Ok(())
    }

    fn finish(self) -> Result<Option<Word>, Stop> {
        let word = self.work.close_object(self.node, self.object, &self.members)?;
        match self.around {
            Some(around) => around.finish(self.work, word),
            None => Ok(Some(word)),
        }
    }
}

impl ser::SerializeSeq for Items<'_, '_> {
    type Ok = Option<Word>;
    type Error = Stop;

    fn serialize_element<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Stop> {
        self.item(value)
    }

    fn end(self) -> Result<Option<Word>, Stop> {
        self.finish()
    }
}

impl ser::SerializeTuple for Items<'_, '_> {
    type Ok = Option<Word>;
    type Error = Stop;

    fn serialize_element<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Stop> {
        self.item(value)
    }

    fn end(self) -> Result<Option<Word>, Stop> {
        self.finish()
    }
}

impl ser::SerializeTupleStruct for Items<'_, '_> {
    type Ok = Option<Word>;
    type Error = Stop;

    fn serialize_field<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Stop> {
        self.item(value)
    }

    fn end(self) -> Result<Option<Word>, Stop> {
        self.finish()
    }
}

impl ser::SerializeTupleVariant for Items<'_, '_> {
    type Ok = Option<Word>;
    type Error = Stop;

    fn serialize_field<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Stop> {
        self.item(value)
    }

    fn end(self) -> Result<Option<Word>, Stop> {
        self.finish()
    }
}

impl ser::SerializeMap for Fields<'_, '_> {
    type Ok = Option<Word>;
    type Error = Stop;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), Stop> {
        write_key(key, &mut self.work.scratch.key).map_err(|_| Stop::Declined)?;
        self.has_key = true;
        Ok(())
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Stop> {
        if !std::mem::take(&mut self.has_key) {
            return Err(Stop::Declined);
        }
        // What is read now may have keys of its own.
        let name = std::mem::take(&mut self.work.scratch.key);
        let found = self.object.find(&name);
        let noted = member(self.work, self.node, self.object, &mut self.members, &name, found);
        self.work.scratch.key = name;
        let (node, member) = noted?;
        let word = fill_some(self.work, At { node, ..self.inner }, value)?;
        self.keep(member, word)
    }

    fn end(self) -> Result<Option<Word>, Stop> {
        self.finish()
    }
}

impl ser::SerializeStruct for Fields<'_, '_> {
    type Ok = Option<Word>;
    type Error = Stop;

    fn serialize_field<T: Serialize + ?Sized>(&mut self, key: &'static str, value: &T) -> Result<(), Stop> {
        self.field(key, value)
    }

    fn end(self) -> Result<Option<Word>, Stop> {
        self.finish()
    }
}

impl ser::SerializeStructVariant for Fields<'_, '_> {
    type Ok = Option<Word>;
    type Error = Stop;

    fn serialize_field<T: Serialize + ?Sized>(&mut self, key: &'static str, value: &T) -> Result<(), Stop> {
        self.field(key, value)
    }

    fn end(self) -> Result<Option<Word>, Stop> {
        self.finish()
    }
}
