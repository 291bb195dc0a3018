//! A small layout engine: text with places where a line may end. A group stands on one line if it fits there, otherwise its
//! line ends are real.

/// Text that is not yet laid out.
#[derive(Debug, Clone)]
pub(super) enum Doc {
    /// Text as it is; it may hold line ends of its own, as raw strings do.
    Text(String),
    /// One behind the other.
    Sequence(Vec<Doc>),
    /// A space, or the end of a line.
    Line,
    /// Nothing, or the end of a line.
    SoftLine,
    /// The end of a line in any case.
    HardLine,
    /// An empty line, if nothing empty stands there already.
    BlankLine,
    /// Nothing, but the groups around it do not stand on one line.
    Break,
    /// One text where the group is on one line, another where it is not.
    Either(&'static str, &'static str),
    /// Lines within are indented by one step more.
    Nest(Box<Doc>),
    /// The same, but only where the group is not on one line.
    NestBroken(Box<Doc>),
    /// Brackets at the end of a group, which may have several lines where the rest of the group is on one.
    Tail(Box<Doc>),
    /// On one line, if it fits and nothing in it must end a line.
    Group { inner: Box<Doc>, broken: bool },
}

/// Columns of one step.
const INDENT: usize = 2;

impl Doc {
    pub(super) fn text(text: impl Into<String>) -> Doc {
        Doc::Text(text.into())
    }

    pub(super) fn group(self) -> Doc {
        let broken = self.ends_lines();
        Doc::Group { inner: Box::new(self), broken }
    }

    /// Whether it can't stand on one line.
    fn ends_lines(&self) -> bool {
        match self {
            Doc::HardLine | Doc::BlankLine | Doc::Break => true,
            Doc::Sequence(docs) => docs.iter().any(Doc::ends_lines),
            Doc::Nest(inner) | Doc::NestBroken(inner) => inner.ends_lines(),
            Doc::Group { broken, .. } => *broken,
            Doc::Text(_) | Doc::Line | Doc::SoftLine | Doc::Either(..) | Doc::Tail(_) => false,
        }
    }

    pub(super) fn nest(self) -> Doc {
        Doc::Nest(Box::new(self))
    }

    /// Puts `between` between documents.
    pub(super) fn join(docs: impl IntoIterator<Item = Doc>, between: &Doc) -> Doc {
        let mut joined = Vec::new();
        for doc in docs {
            if !joined.is_empty() {
                joined.push(between.clone());
            }
            joined.push(doc);
        }
        Doc::Sequence(joined)
    }
}

impl From<&str> for Doc {
    fn from(text: &str) -> Self {
        Doc::text(text)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mode {
    Flat,
    Broken,
}

type Command<'d> = (usize, Mode, &'d Doc);

/// Lays out `doc` within `width` columns where it can be done.
pub(super) fn layout(doc: &Doc, width: usize) -> String {
    let mut out = String::new();
    let mut column = 0;
    // Columns that the next text is moved by, if it is the first of its line.
    let mut margin = 0;
    let mut commands: Vec<Command<'_>> = vec![(0, Mode::Broken, doc)];
    while let Some((indent, mode, doc)) = commands.pop() {
        match doc {
            Doc::Text(text) => {
                if out.ends_with('\n') || out.is_empty() {
                    out.push_str(&" ".repeat(margin));
                }
                out.push_str(text);
                column = match text.rfind('\n') {
                    Some(at) => text[at + 1..].chars().count(),
                    None => column + text.chars().count(),
                };
            }
            Doc::Sequence(docs) => commands.extend(docs.iter().rev().map(|doc| (indent, mode, doc))),
            Doc::Line if mode == Mode::Flat => {
                out.push(' ');
                column += 1;
            }
            Doc::SoftLine if mode == Mode::Flat => {}
            Doc::Line | Doc::SoftLine | Doc::HardLine => {
                end_line(&mut out);
                (column, margin) = (indent, indent);
            }
            Doc::BlankLine => {
                end_line(&mut out);
                if !out.is_empty() && !out.ends_with("\n\n") {
                    out.push('\n');
                }
                (column, margin) = (indent, indent);
            }
            Doc::Break => {}
            Doc::Either(flat, broken) => {
                let text = if mode == Mode::Flat { flat } else { broken };
                out.push_str(text);
                column += text.len();
            }
            Doc::Nest(inner) => commands.push((indent + INDENT, mode, inner)),
            Doc::NestBroken(inner) => {
                let step = if mode == Mode::Broken { INDENT } else { 0 };
                commands.push((indent + step, mode, inner));
            }
            Doc::Tail(inner) => commands.push((indent, Mode::Broken, inner)),
            Doc::Group { inner, broken } => {
                let flat = mode == Mode::Flat || (!broken && fits(inner, &commands, width.saturating_sub(column)));
                commands.push((indent, if flat { Mode::Flat } else { Mode::Broken }, inner));
            }
        }
    }
    end_line(&mut out);
    out
}

/// Ends the current line, unless that has just been done.
fn end_line(out: &mut String) {
    let kept = out.trim_end_matches([' ', '\t']).len();
    out.truncate(kept);
    if !out.is_empty() && !out.ends_with('\n') {
        out.push('\n');
    }
}

/// Whether `doc` on one line, and what must stand behind it on the same line, fits into `room` columns.
fn fits(doc: &Doc, rest: &[Command<'_>], room: usize) -> bool {
    let mut room = room;
    let mut commands: Vec<(Mode, &Doc)> = vec![(Mode::Flat, doc)];
    let mut after = rest.iter().rev();
    loop {
        let Some((mode, doc)) = commands.pop() else {
            let Some((_, mode, doc)) = after.next() else { return true };
            commands.push((*mode, doc));
            continue;
        };
        let width = match doc {
            Doc::Text(text) => {
                if let Some(line) = text.split_once('\n') {
                    return line.0.chars().count() <= room;
                }
                text.chars().count()
            }
            Doc::Sequence(docs) => {
                commands.extend(docs.iter().rev().map(|doc| (mode, doc)));
                0
            }
            Doc::Tail(inner) => {
                commands.push((Mode::Broken, inner));
                0
            }
            Doc::Nest(inner) | Doc::NestBroken(inner) | Doc::Group { inner, .. } => {
                commands.push((mode, inner));
                0
            }
            Doc::Line | Doc::SoftLine if mode == Mode::Broken => return true,
            Doc::Line => 1,
            Doc::SoftLine => 0,
            // Such a line end stands behind the group; within it there is none.
            Doc::HardLine | Doc::BlankLine => return true,
            Doc::Break => 0,
            Doc::Either(flat, broken) => {
                if mode == Mode::Flat {
                    flat.len()
                } else {
                    broken.len()
                }
            }
        };
        if width > room {
            return false;
        }
        room -= width;
    }
}
