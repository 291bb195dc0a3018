//! The mark of absence: the list of what was found absent.

use crate::plan::SiteId;

use super::Context;

/// How many absences are kept; a list this long helps nobody.
const MARKS_MAX: usize = 4_096;

/// What was found absent since the decision rule began, in order. The mark is set if there is anything.
///
/// The list is looked at in windows: a memoised function sees none of the absences before it, so that what it leaves
/// does not depend on who asked first.
#[derive(Debug, Default)]
pub(super) struct Marks {
    list: Vec<SiteId>,
    /// Where the window starts.
    window: usize,
    /// Where each site was last put; may be out of date, so it is checked against the list.
    last: Vec<u32>,
}

impl Marks {
    pub(super) fn begin(&mut self, sites: usize) {
        self.clear();
        self.last.resize(sites, 0);
    }

    pub(super) fn clear(&mut self) {
        self.list.clear();
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
    }

    pub(super) fn length(&self) -> usize {
        self.list.len()
    }

    pub(super) fn truncate(&mut self, length: usize) {
        self.list.truncate(length.max(self.window));
    }

    /// Starts a window and returns where the one before started.
    pub(super) fn open_window(&mut self) -> usize {
        std::mem::replace(&mut self.window, self.list.len())
    }

    pub(super) fn close_window(&mut self, before: usize) {
        self.window = before;
    }

    /// What the window holds.
    pub(super) fn in_window(&self) -> &[SiteId] {
        &self.list[self.window.min(self.list.len())..]
    }
}

impl Context {
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
        let (start, before) = (self.marks.length(), self.marks.open_window());
        let result = work(self);
        let mut absent: Vec<SiteId> = Vec::new();
        // A stop can leave windows open that were started within.
        self.marks.window = start;
        for site in self.marks.in_window() {
            if !absent.contains(site) {
                absent.push(*site);
            }
        }
        self.marks.truncate(start);
        self.marks.close_window(before);
        (result, absent)
    }
}
