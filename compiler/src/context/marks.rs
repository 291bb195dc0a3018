//! The mark of absence: the list of what was found absent.

use std::mem::offset_of;
use std::ops::Range;

use hpol_stdlib::heap::Word;
use rustc_hash::FxHashMap;

use crate::plan::SiteId;

use super::Context;

/// How many absences are kept; a list this long helps nobody.
const MARKS_MAX: usize = 4_096;

/// What was found absent since the decision rule began, in order. The mark is set if there is anything.
///
/// The list is looked at in windows: a memoised function sees none of the absences before it, so that what it leaves
/// does not depend on who asked first.
#[derive(Debug)]
pub(super) struct Marks {
    list: Vec<SiteId>,
    /// How long the list is, as a word, for generated code.
    length: Word,
    /// Where the window starts.
    window: usize,
    /// Where each site was last put; may be out of date, so it is checked against the list.
    last: Vec<u32>,
}

/// The marks that memoised functions left, by the functions' slots. Its memory is kept.
#[derive(Debug, Default)]
pub(super) struct MemoMarks {
    /// Where each function's stand in `sites`.
    places: FxHashMap<u32, Range<usize>>,
    sites: Vec<SiteId>,
}

impl MemoMarks {
    #[inline]
    pub(super) fn clear(&mut self) {
        // Emptying a table costs something even where nothing is in it.
        if !self.places.is_empty() {
            self.places.clear();
            self.sites.clear();
        }
    }

    pub(super) fn keep(&mut self, slot: u32, left: &[SiteId]) {
        let start = self.sites.len();
        self.sites.extend_from_slice(left);
        self.places.insert(slot, start..self.sites.len());
    }

    pub(super) fn of(&self, slot: u32) -> &[SiteId] {
        self.places.get(&slot).and_then(|place| self.sites.get(place.clone())).unwrap_or_default()
    }
}

impl Default for Marks {
    fn default() -> Self {
        Self { list: Vec::new(), length: length_word(0), window: 0, last: Vec::new() }
    }
}

/// The length of a list of marks, which is far below any limit of words.
fn length_word(length: usize) -> Word {
    i64::try_from(length).ok().and_then(Word::from_small_int).unwrap_or(Word::ABSENT)
}

impl Marks {
    #[inline]
    pub(super) fn begin(&mut self, sites: usize) {
        self.clear();
        if self.last.len() != sites {
            self.last.resize(sites, 0);
        }
    }

    #[inline]
    pub(super) fn clear(&mut self) {
        self.list.clear();
        self.length = length_word(0);
        self.window = 0;
    }

    pub(super) fn add(&mut self, site: SiteId) {
        let last = self.last.get(site.index()).map_or(0, |at| *at as usize);
        let known = last >= self.window && self.list.get(last) == Some(&site);
        let full = self.list.len() >= MARKS_MAX && self.list.len() > self.window;
        if known || full {
            return;
        }
        if let (Some(last), Ok(at)) = (self.last.get_mut(site.index()), u32::try_from(self.list.len())) {
            *last = at;
        }
        self.list.push(site);
        self.length = length_word(self.list.len());
    }

    #[inline]
    pub(super) fn length(&self) -> usize {
        self.list.len()
    }

    #[inline]
    pub(super) fn truncate(&mut self, length: usize) {
        self.list.truncate(length.max(self.window));
        self.length = length_word(self.list.len());
    }

    /// Starts a window and returns where the one before started.
    #[inline]
    pub(super) fn open_window(&mut self) -> usize {
        std::mem::replace(&mut self.window, self.list.len())
    }

    #[inline]
    pub(super) fn close_window(&mut self, before: usize) {
        self.window = before;
    }

    /// What the window holds.
    #[inline]
    pub(super) fn in_window(&self) -> &[SiteId] {
        &self.list[self.window.min(self.list.len())..]
    }
}

impl Context {
    /// Where the length of the list of absences stands, as a word, in bytes from the start of a context.
    pub(crate) const MARKS_OFFSET: usize = offset_of!(Context, marks) + offset_of!(Marks, length);

    /// How long the list of absences is, for [`Context::mark_restore`].
    pub fn mark_save(&self) -> usize {
        self.marks.length()
    }

    /// Takes back the absences since [`Context::mark_save`].
    pub fn mark_restore(&mut self, saved: usize) {
        self.marks.truncate(saved);
    }

    /// Runs `work` in an empty state of the mark and returns what it marked, without repeats; the mark is then as before.
    pub(crate) fn marked_by<T>(&mut self, work: impl FnOnce(&mut Self) -> T) -> (T, Vec<SiteId>) {
        let mut absent = Vec::new();
        let window = self.open_window();
        let result = work(self);
        self.close_window(window, Some(&mut absent));
        (result, absent)
    }

    /// Starts a window in which nothing is marked; it ends by [`Context::close_window`].
    #[inline]
    pub(crate) fn open_window(&mut self) -> Window {
        Window { start: self.marks.length(), before: self.marks.open_window() }
    }

    /// Ends a window, adds what was marked in it to `absent`, without repeats, and leaves the mark as before. Whether anything was.
    #[inline]
    pub(crate) fn close_window(&mut self, window: Window, absent: Option<&mut Vec<SiteId>>) -> bool {
        // A stop can leave windows open that were started within.
        self.marks.window = window.start;
        let found = !self.marks.in_window().is_empty();
        if found {
            self.tell(absent);
            self.marks.truncate(window.start);
        }
        self.marks.close_window(window.before);
        found
    }

    #[cold]
    fn tell(&self, absent: Option<&mut Vec<SiteId>>) {
        let Some(absent) = absent else { return };
        for site in self.marks.in_window() {
            if !absent.contains(site) {
                absent.push(*site);
            }
        }
    }
}

/// A stretch in which what is marked is looked at for itself.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Window {
    /// Where it starts.
    start: usize,
    /// Where the one around it starts.
    before: usize,
}
