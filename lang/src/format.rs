//! The canonical layout of a file: `hpol fmt`.
//!
//! The text is made anew from the tree; comments are put back where they stood. Lists and bodies stay on one line if they
//! were written so and fit, and lists that begin on a new line keep one element per line. Formatting what was formatted changes nothing.

use crate::ast::{Comment, Expr, Item, ItemKind, Module};
use crate::source::{SourceMap, Span};

mod comments;
mod condition;
mod decision;
mod doc;
mod expr;
mod list;
mod rule;
mod types;

use comments::Comments;
use doc::Doc;

/// Columns a line may have.
const WIDTH: usize = 100;

/// The text of `module` in the canonical layout. The module must have parsed without errors from the text in `sources`.
pub fn format(sources: &SourceMap, module: &Module) -> String {
    let text = &*sources.file(module.file).text;
    let mut writer = Writer { text, comments: Comments::new(text, &module.comments) };
    let doc = writer.module(module);
    doc::layout(&doc, WIDTH)
}

/// Writes the tree while it takes comments from their list.
struct Writer<'a> {
    text: &'a str,
    comments: Comments<'a>,
}

/// Which kind of line a declaration is; kinds are set apart by an empty line.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Section {
    Package,
    Head,
    Rest,
}

impl<'a> Writer<'a> {
    fn module(&mut self, module: &Module) -> Doc {
        let mut docs = Vec::new();
        let mut before: Option<(Section, bool)> = None;
        let package = module.package.span;
        // An edition may stand before the package.
        let first = module.items.iter().take_while(|item| item.span.start < package.start).count();
        let (early, late) = module.items.split_at(first);
        for item in early {
            self.declaration(&mut docs, &mut before, item);
        }
        let start = self.word_before(package.start, "package");
        let span = Span { start, ..package };
        self.entry(&mut docs, &mut before, Section::Package, span, |_| {
            Doc::text(format!("package {}", module.package))
        });
        for item in late {
            self.declaration(&mut docs, &mut before, item);
        }
        let rest = self.comments.before(u32::MAX);
        if let Some(first) = rest.first() {
            docs.push(if self.comments.blank_before(first.span.start) { Doc::BlankLine } else { Doc::HardLine });
        }
        docs.extend(self.comments.lines(&rest, true));
        Doc::Sequence(docs)
    }

    fn declaration(&mut self, docs: &mut Vec<Doc>, before: &mut Option<(Section, bool)>, item: &Item) {
        let section = match item.kind {
            ItemKind::Import(_) | ItemKind::ImportSchema(_) | ItemKind::Input(_) | ItemKind::Edition(_) => {
                Section::Head
            }
            _ => Section::Rest,
        };
        self.entry(docs, before, section, item.span, |writer| writer.item(item));
    }

    /// Writes a declaration with its comments, and sets it apart from the one before it: by an empty line if one was there, if
    /// the two are of different kinds, or if one of them has several lines.
    fn entry(
        &mut self,
        docs: &mut Vec<Doc>,
        before: &mut Option<(Section, bool)>,
        section: Section,
        span: Span,
        build: impl FnOnce(&mut Self) -> Doc,
    ) {
        let mut comments = self.comments.before(span.start);
        let own_blank = self.comments.blank_before(span.start);
        let begins = comments.first().map_or(span.start, |first| first.span.start);
        let blank = self.comments.blank_before(begins);
        let doc = build(self);
        comments.extend(self.comments.before(span.end));
        let long = doc::layout(&doc, WIDTH).trim_end().contains('\n');
        if let Some((earlier, earlier_long)) = *before {
            let apart = blank || earlier != section || long || earlier_long;
            docs.push(if apart { Doc::BlankLine } else { Doc::HardLine });
        }
        docs.extend(self.comments.lines(&comments, true));
        if own_blank && !comments.is_empty() {
            docs.push(Doc::BlankLine);
        }
        docs.push(doc);
        docs.extend(self.trailing(span.end));
        docs.push(Doc::HardLine);
        *before = Some((section, long));
    }

    /// The comment behind `end` on the same line.
    fn trailing(&mut self, end: u32) -> Vec<Doc> {
        match self.comments.behind(end) {
            Some(comment) => vec![Doc::text(format!(" {}", comment.text)), Doc::Break],
            None => Vec::new(),
        }
    }

    fn item(&mut self, item: &Item) -> Doc {
        let mut docs = Vec::new();
        for annotation in &item.annotations {
            let value = annotation
                .value
                .as_ref()
                .map_or(Doc::text(""), |value| Doc::Sequence(vec!["(".into(), self.expr(value), ")".into()]));
            docs.extend([Doc::text(format!("@{}", annotation.name.text)), value]);
            docs.extend(self.trailing(annotation.span.end));
            docs.push(Doc::HardLine);
        }
        if item.private {
            docs.push("private ".into());
        }
        docs.push(self.item_kind(item));
        Doc::Sequence(docs)
    }

    fn item_kind(&mut self, item: &Item) -> Doc {
        match &item.kind {
            ItemKind::Edition(edition) => Doc::text(format!("edition {edition}")),
            ItemKind::Input(ty) => Doc::Sequence(vec!["input: ".into(), self.type_expr(ty)]),
            ItemKind::Import(import) => {
                let alias = import.alias.as_ref().map_or(String::new(), |alias| format!(" as {}", alias.text));
                Doc::text(format!("import {}{alias}", import.path))
            }
            ItemKind::ImportSchema(schema) => {
                Doc::text(format!("import schema {} as {}", self.source(schema.file_span), schema.name.text))
            }
            ItemKind::Type(ty) => {
                Doc::Sequence(vec![Doc::text(format!("type {} = ", ty.name.text)), self.type_expr(&ty.value)])
            }
            ItemKind::Counter(counter) => self.counter(counter),
            ItemKind::Rule(rule) => self.rule(rule),
            ItemKind::Default(default) => self.default_rule(default),
            ItemKind::Decision(rule) => self.decision(rule),
            ItemKind::EmitLabel(emit) => self.emit_label(emit),
            ItemKind::Test(test) => self.test(test),
            ItemKind::Property(property) => self.property(property),
        }
    }

    /// The text at `span` as it was written.
    fn source(&self, span: Span) -> &'a str {
        self.text.get(span.start as usize..span.end as usize).unwrap_or("")
    }

    /// A part of the text that is kept as it was written, its comments within.
    fn verbatim(&mut self, expr: &Expr) -> Doc {
        self.comments.skip(expr.span);
        Doc::text(self.source(expr.span))
    }

    /// Where `word` starts that stands before `at`.
    fn word_before(&self, at: u32, word: &str) -> u32 {
        let before = self.text.get(..at as usize).unwrap_or("");
        before.rfind(word).and_then(|start| u32::try_from(start).ok()).unwrap_or(at)
    }
}

/// A comment behind which a node follows.
type Taken<'a> = Vec<&'a Comment>;
