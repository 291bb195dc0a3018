//! Source files and places in them.
//!
//! A [`Span`] is small and `Copy`: a file's number and a range of bytes. A [`SourceMap`] turns it back into a
//! path, a line and a column when a person or a decision needs them.

use std::sync::Arc;

use serde::Serialize;

/// Number of a file within its [`SourceMap`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct FileId(pub u32);

/// A range of bytes in one file; `end` is exclusive.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct Span {
    /// The file.
    pub file: FileId,
    /// First byte.
    pub start: u32,
    /// One past the last byte.
    pub end: u32,
}

impl Span {
    /// A span of `file` from `start` up to, not including, `end`, in bytes.
    pub const fn new(file: FileId, start: u32, end: u32) -> Self {
        Self { file, start, end }
    }

    /// The smallest span that covers `self` and `other`, which stand in the same file.
    pub fn to(self, other: Span) -> Self {
        Self { file: self.file, start: self.start.min(other.start), end: self.end.max(other.end) }
    }
}

/// Which language a file is written in, by its extension.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Profile {
    /// `.hpol`: typed, with decision rules.
    Hpol,
    /// `.rego`: plain Rego v1 over values of type `any`.
    Rego,
}

/// One source file.
#[derive(Debug, Clone)]
pub struct SourceFile {
    /// Path relative to the policy root, with `/` between parts.
    pub path: Arc<str>,
    /// The text.
    pub text: Arc<str>,
    /// Its language.
    pub profile: Profile,
    /// Byte offset of the start of each line.
    line_starts: Arc<[u32]>,
}

/// A place that people read: path, line and column, both from 1; the column counts characters.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct Location {
    /// Path relative to the policy root.
    pub file: Arc<str>,
    /// Line, from 1.
    pub line: u32,
    /// Column in characters, from 1.
    pub column: u32,
}

impl std::fmt::Display for Location {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}:{}", self.file, self.line, self.column)
    }
}

/// All files of one policy, in the order they were added.
#[derive(Debug, Clone, Default)]
pub struct SourceMap {
    files: Vec<SourceFile>,
}

impl SourceMap {
    /// An empty map.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a file and returns its number.
    pub fn add(&mut self, path: impl Into<Arc<str>>, text: impl Into<Arc<str>>) -> FileId {
        let (path, text) = (path.into(), text.into());
        let profile = if path.ends_with(".rego") { Profile::Rego } else { Profile::Hpol };
        let starts = std::iter::once(0).chain(text.match_indices('\n').map(|(at, _)| offset(at + 1)));
        let line_starts = starts.collect();
        self.files.push(SourceFile { path, text, profile, line_starts });
        FileId(offset(self.files.len() - 1))
    }

    /// The file with this number.
    ///
    /// # Panics
    ///
    /// If `id` comes from another map.
    pub fn file(&self, id: FileId) -> &SourceFile {
        &self.files[id.0 as usize]
    }

    /// Every file with its number.
    pub fn files(&self) -> impl Iterator<Item = (FileId, &SourceFile)> {
        self.files.iter().enumerate().map(|(index, file)| (FileId(offset(index)), file))
    }

    /// The text that `span` covers.
    pub fn text(&self, span: Span) -> &str {
        self.file(span.file).text.get(span.start as usize..span.end as usize).unwrap_or("")
    }

    /// Where `span` starts.
    pub fn location(&self, span: Span) -> Location {
        let file = self.file(span.file);
        let line = file.line_starts.partition_point(|start| *start <= span.start).max(1);
        let line_start = file.line_starts[line - 1] as usize;
        let before = file.text.get(line_start..span.start as usize).unwrap_or("");
        Location { file: file.path.clone(), line: offset(line), column: offset(before.chars().count() + 1) }
    }
}

/// Offsets fit 32 bits because the parser refuses files larger than its limit before anything else.
fn offset(value: usize) -> u32 {
    u32::try_from(value).unwrap_or(u32::MAX)
}
