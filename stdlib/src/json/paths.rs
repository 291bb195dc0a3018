//! `json.filter` and `json.remove`.

use std::collections::BTreeMap;

use hpol_lang::value::Value;

use crate::arguments::{Outcome, argument, operand_error, type_name};
use crate::builtin::{BuiltinError, Call};
use crate::heap::{Heap, HeapError, View, Word};

/// Paths merged by their beginnings. A path that ends makes a leaf, within which others count no more.
enum Tree {
    Leaf,
    Node(BTreeMap<Value, Tree>),
}

pub(super) fn filter(call: &mut Call<'_>, arguments: &[Word]) -> Outcome {
    let tree = read(call, arguments)?;
    Ok(keep(call.heap, argument(arguments, 1), &tree)?)
}

pub(super) fn remove(call: &mut Call<'_>, arguments: &[Word]) -> Outcome {
    let tree = read(call, arguments)?;
    match drop_paths(call.heap, argument(arguments, 1), Some(&tree))? {
        Some(word) => Ok(word),
        None => Ok(call.heap.object(Vec::new())?),
    }
}

/// Checks the arguments and reads the paths.
fn read(call: &mut Call<'_>, arguments: &[Word]) -> Result<Tree, BuiltinError> {
    call.object(arguments, 1)?;
    call.charge_value(argument(arguments, 1))?;
    call.charge_value(argument(arguments, 2))?;
    let mut tree = Tree::Node(BTreeMap::new());
    for path in call.elements(arguments, 2)? {
        let segments = match call.heap.view(*path) {
            View::String(text) => segments(text),
            View::Array(items) => items.iter().map(|item| call.heap.to_value(*item)).collect(),
            _ => {
                let got = type_name(call.heap, *path);
                let expected = "one of {set, array} containing string paths or array of path segments";
                return Err(operand_error(2, &format!("must be {expected} but got {got}")));
            }
        };
        if !segments.is_empty() {
            tree.insert(segments);
        }
    }
    Ok(tree)
}

/// The keys of a path such as `a/b~1c`.
fn segments(path: &str) -> Vec<Value> {
    if path.is_empty() {
        return Vec::new();
    }
    let unescaped = |segment: &str| Value::from(segment.replace("~1", "/").replace("~0", "~"));
    path.trim_start_matches('/').split('/').map(unescaped).collect()
}

impl Tree {
    fn insert(&mut self, segments: Vec<Value>) {
        let mut tree = self;
        let mut segments = segments.into_iter().peekable();
        while let Some(segment) = segments.next() {
            let Tree::Node(children) = tree else { return };
            if segments.peek().is_none() {
                children.insert(segment, Tree::Leaf);
                return;
            }
            tree = children.entry(segment).or_insert_with(|| Tree::Node(BTreeMap::new()));
        }
    }

    fn child(&self, key: &Value) -> Option<&Tree> {
        match self {
            Tree::Leaf => None,
            Tree::Node(children) => children.get(key),
        }
    }

    /// Places in arrays are written as text.
    fn child_at(&self, place: usize) -> Option<&Tree> {
        self.child(&Value::from(place.to_string()))
    }
}

/// What the tree names of a value.
fn keep(heap: &mut Heap, word: Word, tree: &Tree) -> Result<Word, HeapError> {
    if let Tree::Leaf = tree {
        return Ok(word);
    }
    match heap.view(word) {
        View::Array(items) => {
            let (items, mut kept) = (items.to_vec(), Vec::new());
            for (place, item) in items.into_iter().enumerate() {
                if let Some(tree) = tree.child_at(place) {
                    kept.push(keep(heap, item, tree)?);
                }
            }
            heap.array(&kept)
        }
        View::Set(items) => {
            let (items, mut kept) = (items.to_vec(), Vec::new());
            for item in items {
                if let Some(tree) = tree.child(&heap.to_value(item)) {
                    kept.push(keep(heap, item, tree)?);
                }
            }
            heap.set(kept)
        }
        View::Object(..) => {
            let mut kept = Vec::new();
            for (key, value) in entries(heap, word) {
                if let Some(tree) = tree.child(&heap.to_value(key)) {
                    kept.push((key, keep(heap, value, tree)?));
                }
            }
            heap.object(kept)
        }
        _ => Ok(word),
    }
}

/// A value without what the tree names; `None` where that is all of it.
fn drop_paths(heap: &mut Heap, word: Word, tree: Option<&Tree>) -> Result<Option<Word>, HeapError> {
    let tree = match tree {
        None => return Ok(Some(word)),
        Some(Tree::Leaf) => return Ok(None),
        Some(tree) => tree,
    };
    Ok(Some(match heap.view(word) {
        View::Array(items) => {
            let (items, mut left) = (items.to_vec(), Vec::new());
            for (place, item) in items.into_iter().enumerate() {
                left.extend(drop_paths(heap, item, tree.child_at(place))?);
            }
            heap.array(&left)?
        }
        View::Set(items) => {
            let (items, mut left) = (items.to_vec(), Vec::new());
            for item in items {
                left.extend(drop_paths(heap, item, tree.child(&heap.to_value(item)))?);
            }
            heap.set(left)?
        }
        View::Object(..) => {
            let mut left = Vec::new();
            for (key, value) in entries(heap, word) {
                if let Some(value) = drop_paths(heap, value, tree.child(&heap.to_value(key)))? {
                    left.push((key, value));
                }
            }
            heap.object(left)?
        }
        _ => word,
    }))
}

fn entries(heap: &Heap, word: Word) -> Vec<(Word, Word)> {
    match heap.view(word) {
        View::Object(keys, values) => keys.iter().copied().zip(values.iter().copied()).collect(),
        _ => Vec::new(),
    }
}
