//! `$ref`: where it leads, and schemas that lead back to themselves.

use std::sync::Arc;

use super::{DEPTH_MAX, Importer, Place, SCHEMAS_MAX};
use crate::types::{Record, Type};
use crate::value::Value;

impl<'s> Importer<'s> {
    /// The type behind a reference. One that leads back to a schema that is being read is a number of a definition.
    pub(super) fn reference(&mut self, reference: &'s Value) -> Type {
        let Some(text) = reference.as_str() else { return self.refuse("`$ref` must be a string") };
        let (file, fragment) = text.split_once('#').unwrap_or((text, ""));
        let Some((file, root)) = self.file_of(file) else {
            return self.refuse(format!(
                "`$ref` to `{text}` leads to no file that is there; put the schema beside this one and name its file"
            ));
        };
        let Some((pointer, target)) = target(root, fragment) else {
            return self.refuse(format!("`$ref` to `{text}` leads nowhere"));
        };
        let place: Place = (file.clone(), pointer, self.by_letter);
        if let Some(ty) = self.done.get(&place) {
            let ty = ty.clone();
            return if self.charge(ty.weight(SCHEMAS_MAX)) { ty } else { Type::Any };
        }
        if self.open.contains(&place) {
            return Type::Defined(self.number_of(&place));
        }
        if self.open.len() > DEPTH_MAX {
            return self.refuse(format!("more than {DEPTH_MAX} references lead to each other"));
        }
        let outer = (std::mem::replace(&mut self.file, file), std::mem::replace(&mut self.root, root));
        let ty = self.within("$ref", |importer| importer.named_schema(place, target));
        (self.file, self.root) = outer;
        ty
    }

    /// Reads a schema that references can lead to.
    pub(super) fn named_schema(&mut self, place: Place, schema: &'s Value) -> Type {
        self.open.push(place.clone());
        let mut ty = self.schema(schema);
        self.open.pop();
        if let Some(number) = self.numbers.get(&place).copied() {
            let at = number as usize;
            if let Some((name, known)) = self.definitions.get_mut(at) {
                *known = Some(match ty {
                    Type::Record(record) if record.name.is_none() => {
                        Type::Record(Arc::new(Record { name: Some(name.clone()), ..(*record).clone() }))
                    }
                    other => other,
                });
            }
            self.check_guarded(number);
            ty = Type::Defined(number);
        }
        self.done.insert(place, ty.clone());
        ty
    }

    fn number_of(&mut self, place: &Place) -> u32 {
        if let Some(number) = self.numbers.get(place) {
            return *number;
        }
        let number = u32::try_from(self.definitions.len()).unwrap_or(u32::MAX);
        let (file, pointer, _) = place;
        let name = match pointer.rsplit_once('/') {
            Some((_, name)) => name,
            None => file
                .rsplit('/')
                .next()
                .and_then(|name| name.split('.').next())
                .filter(|name| !name.is_empty())
                .unwrap_or("schema"),
        };
        self.definitions.push((name.into(), None));
        self.numbers.insert(place.clone(), number);
        number
    }

    /// Refuses a definition that is itself before any of its parts is looked at.
    fn check_guarded(&mut self, number: u32) {
        let known: Vec<(Arc<str>, Type)> =
            self.definitions.iter().map(|(name, ty)| (name.clone(), ty.clone().unwrap_or(Type::Never))).collect();
        let itself = known.get(number as usize).is_some_and(|(_, ty)| ty.leads_to(number, &known, known.len()));
        if itself {
            self.refuse("the schema leads back to itself without a property or an item in between");
        }
    }

    /// The file that the first part of a reference names, with its content.
    fn file_of(&self, name: &str) -> Option<(Arc<str>, &'s Value)> {
        let own_id = self.root.get("$id").and_then(Value::as_str).map(|id| id.trim_end_matches('#'));
        if name.is_empty() || own_id == Some(name) {
            return Some((self.file.clone(), self.root));
        }
        let files = self.files?;
        if let Some(path) = crate::documents::relative(&self.file, name)
            && let Some(root) = files.get(&path)
        {
            return Some((path, root));
        }
        let with_id = |(_, root): &(&Arc<str>, &'s Value)| {
            root.get("$id").and_then(Value::as_str).is_some_and(|id| id.trim_end_matches('#') == name)
        };
        files.iter().find(with_id).map(|(path, root)| (path.clone(), root))
    }
}

/// The schema that a fragment names, with the pointer to it.
fn target<'s>(root: &'s Value, fragment: &str) -> Option<(String, &'s Value)> {
    if !fragment.is_empty() && !fragment.starts_with('/') {
        return anchored(root, fragment);
    }
    let parts = fragment.split('/').skip(1).map(|part| part.replace("~1", "/").replace("~0", "~"));
    let found = parts.into_iter().try_fold(root, |value, part| match value {
        Value::Array(items) => part.parse::<usize>().ok().and_then(|index| items.get(index)),
        other => other.get(&part),
    })?;
    Some((fragment.to_owned(), found))
}

/// The schema with an `$anchor`.
fn anchored<'s>(root: &'s Value, name: &str) -> Option<(String, &'s Value)> {
    let mut open = vec![(String::new(), root)];
    while let Some((pointer, value)) = open.pop() {
        match value {
            Value::Object(entries) => {
                if value.get("$anchor").and_then(Value::as_str) == Some(name) {
                    return Some((pointer, value));
                }
                for (key, inner) in entries.iter() {
                    let key = key.as_str().unwrap_or("").replace('~', "~0").replace('/', "~1");
                    open.push((format!("{pointer}/{key}"), inner));
                }
            }
            Value::Array(items) => {
                open.extend(items.iter().enumerate().map(|(index, inner)| (format!("{pointer}/{index}"), inner)));
            }
            _ => {}
        }
    }
    None
}
