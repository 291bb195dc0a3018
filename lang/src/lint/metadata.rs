//! Metadata in comments: a block of YAML behind `# METADATA`.

use crate::ast::{Comment, ItemKind, Module};
use crate::source::Span;

use super::walk::name;
use super::{Findings, Lint, Policy};

pub(super) const ANNOTATION_WITHOUT_METADATA: Lint = Lint {
    code: "annotation-without-metadata",
    meaning: "a comment looks like metadata, but `# METADATA` does not stand above it",
    reason: "without that line it is a comment like any other, which no tool reads",
    bad: "package p\n\n# description: who may read\nallow if input.reader\n",
    check: annotation_without_metadata,
};

pub(super) const INTERNAL_ENTRYPOINT: Lint = Lint {
    code: "internal-entrypoint",
    meaning: "a rule whose name starts with `_` is declared an entrypoint",
    reason: "the underscore says that it is meant for its own package, an entrypoint is meant for the outside",
    bad: "package p\n\n# METADATA\n# entrypoint: true\n_allow if input.reader\n",
    check: internal_entrypoint,
};

pub(super) const INVALID_METADATA_ATTRIBUTE: Lint = Lint {
    code: "invalid-metadata-attribute",
    meaning: "metadata has an attribute that does not exist",
    reason: "no tool reads it; what is your own belongs under `custom`",
    bad: "package p\n\n# METADATA\n# title: Readers\n# severity: high\nallow if input.reader\n",
    check: invalid_metadata_attribute,
};

/// The attributes that metadata has.
const ATTRIBUTES: &[&str] = &[
    "authors",
    "compile",
    "custom",
    "description",
    "entrypoint",
    "organizations",
    "related_resources",
    "schemas",
    "scope",
    "title",
];

/// Comments on lines of their own that follow each other.
struct Block<'m> {
    comments: Vec<&'m Comment>,
    /// The line behind the last one.
    next: u32,
}

impl Block<'_> {
    fn is_metadata(&self) -> bool {
        self.comments.first().is_some_and(|first| content(first).trim() == "METADATA")
    }
}

fn content(comment: &Comment) -> &str {
    comment.text.strip_prefix('#').unwrap_or(&comment.text)
}

/// The attribute that a comment starts: a name right behind `# ` with a colon.
fn attribute(comment: &Comment) -> Option<&str> {
    let (name, _) = content(comment).strip_prefix(' ')?.split_once(':')?;
    crate::ast::is_identifier(name).then_some(name)
}

fn blocks<'m>(policy: &Policy<'_>, module: &'m Module) -> Vec<Block<'m>> {
    let mut blocks: Vec<Block<'_>> = Vec::new();
    let text = &policy.sources.file(module.file).text;
    for comment in &module.comments {
        let line = policy.sources.location(comment.span).line;
        let before = text.get(..comment.span.start as usize).unwrap_or("");
        let alone = before.rsplit('\n').next().is_none_or(|before| before.trim().is_empty());
        match blocks.last_mut().filter(|block| block.next == line && alone) {
            Some(block) => {
                block.comments.push(comment);
                block.next = line + 1;
            }
            None if alone => blocks.push(Block { comments: vec![comment], next: line + 1 }),
            None => {}
        }
    }
    blocks
}

fn annotation_without_metadata(policy: &Policy<'_>, findings: &mut Findings) {
    for module in policy.modules {
        for block in blocks(policy, module).iter().filter(|block| !block.is_metadata()) {
            let Some(first) = block.comments.first() else { continue };
            if attribute(first).is_some_and(|name| ATTRIBUTES.contains(&name)) {
                findings.add(
                    first.span,
                    "this looks like metadata, but no tool reads it",
                    "write `# METADATA` on a line above it",
                );
            }
        }
    }
}

fn invalid_metadata_attribute(policy: &Policy<'_>, findings: &mut Findings) {
    for module in policy.modules {
        for block in blocks(policy, module).iter().filter(|block| block.is_metadata()) {
            for comment in block.comments.iter().skip(1) {
                let Some(name) = attribute(comment).filter(|name| !ATTRIBUTES.contains(name)) else { continue };
                let help = match crate::nearest(name, ATTRIBUTES.iter().copied()) {
                    Some(near) => format!("did you mean `{near}`?"),
                    None => "put it under `custom`".to_owned(),
                };
                findings.add(comment.span, format!("metadata has no attribute `{name}`"), help);
            }
        }
    }
}

fn internal_entrypoint(policy: &Policy<'_>, findings: &mut Findings) {
    for module in policy.modules {
        for block in blocks(policy, module).iter().filter(|block| block.is_metadata()) {
            let entry = block.comments.iter().any(|comment| content(comment).trim() == "entrypoint: true");
            let Some((rule, span)) = rule_on_line(policy, module, block.next).filter(|_| entry) else { continue };
            if rule.starts_with('_') {
                let message = format!("`{rule}` is declared an entrypoint and meant for its own package");
                findings.add(span, message, "take the underscore away, or the `entrypoint`");
            }
        }
    }
}

fn rule_on_line<'m>(policy: &Policy<'_>, module: &'m Module, line: u32) -> Option<(&'m str, Span)> {
    module.items.iter().find_map(|item| match &item.kind {
        ItemKind::Rule(rule) if policy.sources.location(rule.span).line == line => {
            Some((&**name(&rule.head.reference.head)?, rule.head.span))
        }
        _ => None,
    })
}
