//! What a text must hold for a pattern to match anywhere in it, so that most patterns need not be run on most texts.
//!
//! Of a pattern's syntax tree, parts that follow each other without anything between are put together, with every choice
//! that is small written out: `(?i)drop\s` requires one of `drop `, `drop\t`, … A pattern can require several such parts, each at
//! any place. Where nothing long enough is required, the pattern is always run.

use regex_syntax::hir::{Class, Hir, HirKind};

use crate::heap::{Fingerprint, GRAM_BYTES, Gram};

/// Choices of a part that are written out.
const CHOICES_MAX: usize = 16;
/// Bytes behind which a part is not multiplied by what follows: it tells enough as it is.
const LONG_BYTES: usize = 4;
/// Choices of one of several alternatives with parts of their own.
const ALTERNATIVES_MAX: usize = 64;
/// Bytes of a choice that are looked at.
const BYTES_MAX: usize = 12;
/// Parts that are looked at, the longest first.
const PARTS_MAX: usize = 3;
/// Deepest nesting of a pattern that is looked at.
const DEPTH_MAX: usize = 64;

/// Parts that must all stand in a text; of each, one of its choices.
#[derive(Debug)]
pub(super) struct Required {
    /// What the choices of the first part begin with, without repeats: most texts hold none of it.
    beginnings: Vec<Gram>,
    parts: Vec<Vec<Vec<Gram>>>,
}

/// Choices of bytes, with the case of ASCII letters folded.
type Choices = Vec<Vec<u8>>;

impl Required {
    /// What a pattern in the notation of the `regex` crate requires; `None` if that is nothing one could look for.
    pub(super) fn of(pattern: &str) -> Option<Self> {
        let tree = regex_syntax::parse(pattern).ok()?;
        let mut found = Found::default();
        found.walk(&tree, DEPTH_MAX);
        let mut parts = found.finish();
        parts.sort_by_key(|part| std::cmp::Reverse(shortest(part)));
        parts.truncate(PARTS_MAX);
        let grams = |choice: &Vec<u8>| Gram::all(&choice[..choice.len().min(BYTES_MAX)]).collect();
        let parts: Vec<Vec<Vec<Gram>>> = parts.iter().map(|part| part.iter().map(grams).collect()).collect();
        let mut beginnings: Vec<Gram> = parts.first()?.iter().filter_map(|choice| choice.first().copied()).collect();
        beginnings.sort_unstable();
        beginnings.dedup();
        Some(Self { beginnings, parts })
    }

    /// Of these, a text with a match holds at least one.
    pub(super) fn beginnings(&self) -> impl Iterator<Item = Gram> {
        self.beginnings.iter().copied()
    }

    /// Whether a text with this fingerprint can't have a match.
    pub(super) fn rules_out(&self, text: &Fingerprint) -> bool {
        if !self.beginnings.iter().any(|gram| text.may_hold(*gram)) {
            return true;
        }
        let may_hold = |choice: &Vec<Gram>| choice.iter().all(|gram| text.may_hold(*gram));
        !self.parts.iter().all(|part| part.iter().any(may_hold))
    }
}

fn shortest(part: &Choices) -> usize {
    part.iter().map(Vec::len).min().unwrap_or(0)
}

/// What was found of a tree.
#[derive(Debug)]
struct Found {
    /// The part that ends here: what follows next is put behind each of its choices.
    open: Choices,
    /// Parts that are complete and long enough.
    parts: Vec<Choices>,
    /// Whether everything so far is in `open`.
    whole: bool,
}

impl Default for Found {
    fn default() -> Self {
        Self { open: vec![Vec::new()], parts: Vec::new(), whole: true }
    }
}

impl Found {
    /// Ends the open part and begins another: something comes next that is not known.
    fn cut(&mut self) {
        let part = std::mem::replace(&mut self.open, vec![Vec::new()]);
        if shortest(&part) >= GRAM_BYTES {
            self.parts.push(part);
        }
        self.whole = false;
    }

    fn finish(mut self) -> Vec<Choices> {
        self.cut();
        self.parts
    }

    /// Goes on with one of these.
    fn one_of(&mut self, choices: &Choices) {
        let is_long = shortest(&self.open) >= LONG_BYTES && choices.len() > 1;
        if is_long || self.open.len() * choices.len() > CHOICES_MAX {
            self.cut();
        }
        if choices.len() > CHOICES_MAX {
            return;
        }
        let both = |left: &Vec<u8>| choices.iter().map(|right| [left.as_slice(), right].concat()).collect::<Vec<_>>();
        self.open = self.open.iter().flat_map(both).collect();
        self.open.sort();
        self.open.dedup();
    }

    fn walk(&mut self, tree: &Hir, depth: usize) {
        let Some(depth) = depth.checked_sub(1) else { return self.cut() };
        match tree.kind() {
            // What takes no room.
            HirKind::Empty | HirKind::Look(_) => {}
            HirKind::Literal(literal) => self.one_of(&vec![folded(&literal.0)]),
            HirKind::Class(class) => match characters(class) {
                Some(choices) => self.one_of(&choices),
                None => self.cut(),
            },
            HirKind::Capture(capture) => self.walk(&capture.sub, depth),
            HirKind::Concat(trees) => trees.iter().for_each(|tree| self.walk(tree, depth)),
            HirKind::Repetition(repetition) => {
                if repetition.min > 0 {
                    self.walk(&repetition.sub, depth);
                }
                if (repetition.min, repetition.max) != (1, Some(1)) {
                    self.cut();
                }
            }
            HirKind::Alternation(trees) => self.alternation(trees, depth),
        }
    }

    fn alternation(&mut self, trees: &[Hir], depth: usize) {
        let found: Vec<Found> = trees
            .iter()
            .map(|tree| {
                let mut found = Found::default();
                found.walk(tree, depth);
                found
            })
            .collect();
        let mut choices: Choices = found.iter().flat_map(|found| found.open.iter().cloned()).collect();
        choices.sort();
        choices.dedup();
        if found.iter().all(|found| found.whole) && choices.len() <= CHOICES_MAX {
            return self.one_of(&choices);
        }
        self.cut();
        // Of each alternative its best part.
        let best = found.into_iter().map(|found| found.finish().into_iter().max_by_key(shortest));
        let best: Option<Vec<Choices>> = best.collect();
        let together = best.map(|best| best.concat()).filter(|together| together.len() <= ALTERNATIVES_MAX);
        self.parts.extend(together);
    }
}

/// The characters of a class, if there are few.
fn characters(class: &Class) -> Option<Choices> {
    let mut found = Choices::new();
    match class {
        Class::Unicode(class) => {
            for range in class.ranges() {
                for character in (range.start()..=range.end()).take(CHOICES_MAX + 1) {
                    found.push(folded(character.encode_utf8(&mut [0; 4]).as_bytes()));
                }
                if found.len() > 2 * CHOICES_MAX {
                    return None;
                }
            }
        }
        Class::Bytes(class) => {
            for range in class.ranges() {
                found.extend((range.start()..=range.end()).map(|byte| folded(&[byte])));
            }
        }
    }
    found.sort();
    found.dedup();
    (1..=CHOICES_MAX / 2).contains(&found.len()).then_some(found)
}

fn folded(bytes: &[u8]) -> Vec<u8> {
    bytes.to_ascii_lowercase()
}

#[cfg(test)]
mod tests;
