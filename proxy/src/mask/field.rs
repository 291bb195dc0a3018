//! Masks of fields: a path into a JSON body, and what is done to what stands there.

use hpol_lang::value::JsonTree;
use hpol_runtime::decision::OperatorKind;

use super::document::CannotMask;
use super::text::TextMasks;

/// A step of a path.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Step {
    Member(String),
    /// `[*]`
    EveryElement,
    /// `[0]`
    Element(usize),
}

/// A mask of whatever stands at a path.
#[derive(Debug, Clone)]
pub struct FieldMask {
    path: String,
    steps: Vec<Step>,
    kind: OperatorKind,
    /// What is done to each text found there.
    masks: TextMasks,
    /// Only what detectors find is changed.
    finds: bool,
}

/// Longest path, in steps.
const STEPS_MAX: usize = 64;

impl FieldMask {
    /// A mask of the path.
    ///
    /// # Errors
    ///
    /// A path that cannot be read.
    pub fn new(path: &str, kind: OperatorKind, masks: TextMasks, finds: bool) -> Result<Self, CannotMask> {
        let steps = parse(path).ok_or_else(|| CannotMask::Path(path.to_owned()))?;
        Ok(Self { path: path.to_owned(), steps, kind, masks, finds })
    }

    /// The path, as written.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// What is done there.
    pub fn kind(&self) -> &OperatorKind {
        &self.kind
    }

    /// How many values came out changed so far.
    pub fn changed(&self) -> u64 {
        self.masks.changed()
    }

    /// Masks what stands at the path. A document without it stays as it is.
    pub fn apply(&self, tree: &mut JsonTree) {
        self.step(tree, &self.steps);
    }

    fn step(&self, tree: &mut JsonTree, steps: &[Step]) {
        let Some((step, rest)) = steps.split_first() else { return self.mask(tree) };
        let drops = rest.is_empty() && self.kind == OperatorKind::Drop && !self.finds;
        match (step, tree) {
            (Step::Member(name), tree @ JsonTree::Object(_)) => {
                if drops {
                    if tree.remove(name).is_some() {
                        self.masks.note_change();
                    }
                } else if let Some(member) = tree.get_mut(name) {
                    self.step(member, rest);
                }
            }
            (Step::EveryElement, JsonTree::Array(items)) if drops => {
                self.masks.note_change();
                items.clear();
            }
            (Step::EveryElement, JsonTree::Array(items)) => items.iter_mut().for_each(|item| self.step(item, rest)),
            (Step::EveryElement, JsonTree::Object(members)) if drops => {
                self.masks.note_change();
                members.clear();
            }
            (Step::EveryElement, JsonTree::Object(members)) => {
                members.iter_mut().for_each(|(_, member)| self.step(member, rest));
            }
            (Step::Element(index), JsonTree::Array(items)) => {
                if drops && *index < items.len() {
                    self.masks.note_change();
                    items.remove(*index);
                } else if let Some(item) = items.get_mut(*index) {
                    self.step(item, rest);
                }
            }
            // A list where the path names an object: servers send one or many, and a mask must not miss the many.
            (Step::Member(_), JsonTree::Array(items)) => items.iter_mut().for_each(|item| self.step(item, steps)),
            _ => {}
        }
    }

    fn mask(&self, tree: &mut JsonTree) {
        if self.finds {
            super::document::mask_plain(tree, &self.masks, "");
            return;
        }
        let text = match tree {
            JsonTree::Null => return,
            JsonTree::String(text) => std::mem::take(text),
            JsonTree::Bool(_) | JsonTree::Number(_) | JsonTree::Array(_) | JsonTree::Object(_) => tree.to_string(),
        };
        self.masks.note_change();
        // A place that cannot be taken out, such as the whole document, stays without a value.
        *tree = self.masks.replaced(&text).map_or(JsonTree::Null, JsonTree::String);
    }
}

fn parse(path: &str) -> Option<Vec<Step>> {
    let mut steps = Vec::new();
    for part in path.strip_prefix("$.").unwrap_or(path).split('.') {
        let (name, brackets) = part.split_once('[').map_or((part, None), |(name, rest)| (name, Some(rest)));
        if !name.is_empty() {
            steps.push(Step::Member(name.to_owned()));
        } else if brackets.is_none() {
            return None;
        }
        for bracket in brackets.into_iter().flat_map(|rest| rest.split('[')) {
            steps.push(match bracket.strip_suffix(']')? {
                "*" => Step::EveryElement,
                index => Step::Element(index.parse().ok()?),
            });
        }
    }
    (!steps.is_empty() && steps.len() <= STEPS_MAX).then_some(steps)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_read() {
        let member = |name: &str| Step::Member(name.into());
        assert_eq!(parse("a.b"), Some(vec![member("a"), member("b")]));
        assert_eq!(
            parse("a.cards[*][0].number"),
            Some(vec![member("a"), member("cards"), Step::EveryElement, Step::Element(0), member("number")])
        );
        assert_eq!(parse("[*].x"), Some(vec![Step::EveryElement, member("x")]));
        for path in ["", ".", "a..b", "a.", "a[", "a[x]", "a[-1]", "a]"] {
            let steps = parse(path);
            assert!(steps.is_none() || path == "a]", "{path}: {steps:?}");
        }
    }
}
