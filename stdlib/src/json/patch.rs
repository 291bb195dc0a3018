//! `json.patch`: RFC 6902, on sets too, and with paths as arrays of keys of any type.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use hpol_lang::value::Value;

use crate::arguments::{Outcome, argument, failed, operand_error};
use crate::builtin::{BuiltinError, Call};
use crate::heap::Word;

pub(super) fn patch(call: &mut Call<'_>, arguments: &[Word]) -> Outcome {
    let (document, operations) = (argument(arguments, 1), argument(arguments, 2));
    call.array(arguments, 2)?;
    let mut document = call.value_of(document)?;
    let Value::Array(operations) = call.value_of(operations)? else {
        return Err(call.wrong(arguments, 2, "array"));
    };
    for operation in operations.iter() {
        call.charge(1)?;
        document = apply(call, document, operation)?;
    }
    Ok(call.heap.from_value(&document)?)
}

fn apply(call: &mut Call<'_>, mut document: Value, operation: &Value) -> Result<Value, BuiltinError> {
    let Value::Object(_) = operation else {
        return Err(operand_error(2, "must be array of objects"));
    };
    let attribute =
        |name: &str| operation.get(name).ok_or_else(|| failed(format!("missing required attribute `{name}`")));
    let path = path(attribute("path")?)?;
    match attribute("op")?.as_str() {
        Some("add") => add(&mut document, &path, attribute("value")?.clone())?,
        Some("remove") => {
            take(&mut document, &path)?;
        }
        Some("replace") => {
            let value = attribute("value")?.clone();
            if path.is_empty() {
                return Ok(value);
            }
            replace(&mut document, &path, value)?;
        }
        Some("move") => {
            let from = self::path(attribute("from")?)?;
            if path.len() > from.len() && path.starts_with(&from) {
                return Err(failed("a value can't be moved into itself"));
            }
            let value = take(&mut document, &from)?;
            add(&mut document, &path, value)?;
        }
        Some("copy") => {
            let from = self::path(attribute("from")?)?;
            let value = find(&document, &from)?.clone();
            // Copies of copies double the document each time: what a copy adds is bounded and charged for.
            let mut left = COPY_PARTS_MAX;
            take_parts(&value, &mut left).ok_or_else(|| failed("value to be copied is too large"))?;
            call.charge(COPY_PARTS_MAX - left)?;
            add(&mut document, &path, value)?;
        }
        Some("test") => {
            if *find(&document, &path)? != *attribute("value")? {
                return Err(failed(format!("value at `{}` is another one", shown(&path))));
            }
        }
        other => return Err(failed(format!("unknown operation `{}`", other.unwrap_or("")))),
    }
    Ok(document)
}

/// Most parts of a value that is copied.
const COPY_PARTS_MAX: usize = 1 << 20;

/// Takes the number of a value's parts away; `None` where there are more than are left.
fn take_parts(value: &Value, left: &mut usize) -> Option<()> {
    *left = left.checked_sub(1)?;
    match value {
        Value::Array(items) => items.iter().try_for_each(|item| take_parts(item, left)),
        Value::Set(items) => items.iter().try_for_each(|item| take_parts(item, left)),
        Value::Object(entries) => entries.values().try_for_each(|value| take_parts(value, left)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => Some(()),
    }
}

/// The keys of a path: an array, or text such as `/a/b~1c`.
fn path(value: &Value) -> Result<Vec<Value>, BuiltinError> {
    let text = match value {
        Value::Array(keys) => return Ok(keys.to_vec()),
        Value::String(text) => text,
        _ => return Err(failed("a path is a string or an array")),
    };
    if text.is_empty() {
        return Ok(Vec::new());
    }
    let unescaped = |key: &str| Value::from(key.replace("~1", "/").replace("~0", "~"));
    Ok(text.trim_start_matches('/').split('/').map(unescaped).collect())
}

fn shown(path: &[Value]) -> String {
    path.iter().map(|key| key.as_str().map_or_else(|| key.to_string(), str::to_owned)).collect::<Vec<_>>().join("/")
}

fn missing(key: &Value) -> BuiltinError {
    failed(format!("path does not exist: {key}"))
}

/// The place of an element, which is written in digits or as a number.
fn place(key: &Value, length: usize) -> Result<usize, BuiltinError> {
    let place = match key {
        Value::Number(number) => number.as_i64().and_then(|number| usize::try_from(number).ok()),
        Value::String(text) => {
            let plain = text.bytes().all(|byte| byte.is_ascii_digit()) && (text.len() == 1 || !text.starts_with('0'));
            if plain { text.parse().ok() } else { None }
        }
        _ => None,
    };
    place.filter(|place| *place < length).ok_or_else(|| missing(key))
}

fn find<'v>(value: &'v Value, path: &[Value]) -> Result<&'v Value, BuiltinError> {
    let Some((key, rest)) = path.split_first() else { return Ok(value) };
    let child = match value {
        Value::Object(entries) => entries.get(key),
        Value::Set(items) => items.get(key),
        Value::Array(items) => items.get(place(key, items.len())?),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => None,
    };
    find(child.ok_or_else(|| missing(key))?, rest)
}

/// Changes the collection that a path's last key belongs to.
fn change<T>(
    value: &mut Value,
    path: &[Value],
    change_last: &mut dyn FnMut(&mut Value, &Value) -> Result<T, BuiltinError>,
) -> Result<T, BuiltinError> {
    match path {
        [] => Err(failed("the path of the whole document can't be used here")),
        [last] => change_last(value, last),
        [key, rest @ ..] => match value {
            Value::Object(entries) => {
                let child = Arc::make_mut(entries).get_mut(key).ok_or_else(|| missing(key))?;
                change(child, rest, change_last)
            }
            Value::Array(items) => {
                let place = place(key, items.len())?;
                change(&mut Arc::make_mut(items)[place], rest, change_last)
            }
            Value::Set(items) => {
                let items = Arc::make_mut(items);
                let mut child = items.take(key).ok_or_else(|| missing(key))?;
                let result = change(&mut child, rest, change_last)?;
                items.insert(child);
                Ok(result)
            }
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => Err(missing(key)),
        },
    }
}

fn add(document: &mut Value, path: &[Value], value: Value) -> Result<(), BuiltinError> {
    if path.is_empty() {
        *document = value;
        return Ok(());
    }
    change(document, path, &mut |parent, key| match parent {
        Value::Object(entries) => {
            let entries: &mut BTreeMap<Value, Value> = Arc::make_mut(entries);
            entries.insert(key.clone(), value.clone());
            Ok(())
        }
        Value::Array(items) => {
            let place = match key.as_str() {
                Some("-") => items.len(),
                _ => place(key, items.len() + 1)?,
            };
            Arc::make_mut(items).insert(place, value.clone());
            Ok(())
        }
        Value::Set(items) if *key == value => {
            let items: &mut BTreeSet<Value> = Arc::make_mut(items);
            items.insert(value.clone());
            Ok(())
        }
        Value::Set(_) => Err(failed(format!("key {key} of a set is not the value to be added, {value}"))),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => Err(missing(key)),
    })
}

fn take(document: &mut Value, path: &[Value]) -> Result<Value, BuiltinError> {
    change(document, path, &mut |parent, key| match parent {
        Value::Object(entries) => Arc::make_mut(entries).remove(key).ok_or_else(|| missing(key)),
        Value::Array(items) => {
            let place = place(key, items.len())?;
            Ok(Arc::make_mut(items).remove(place))
        }
        Value::Set(items) => Arc::make_mut(items).take(key).ok_or_else(|| missing(key)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => Err(missing(key)),
    })
}

fn replace(document: &mut Value, path: &[Value], value: Value) -> Result<(), BuiltinError> {
    change(document, path, &mut |parent, key| match parent {
        Value::Array(items) => {
            let place = place(key, items.len())?;
            Arc::make_mut(items)[place] = value.clone();
            Ok(())
        }
        Value::Object(entries) => {
            *Arc::make_mut(entries).get_mut(key).ok_or_else(|| missing(key))? = value.clone();
            Ok(())
        }
        Value::Set(items) => {
            let items = Arc::make_mut(items);
            items.take(key).ok_or_else(|| missing(key))?;
            items.insert(value.clone());
            Ok(())
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => Err(missing(key)),
    })
}
