//! Rules: definitions with one path are one rule, and what stands at a place in `data` must agree with what else stands there.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::{Definition, Index, Key, RuleInfo, constant_step};
use crate::ast::{Counter, DefaultRule, Expr, ExprKind, Item, ItemKind, Reference, Rule, Step};
use crate::diagnostic::Diagnostic;
use crate::source::{Profile, Span};
use crate::typed::RuleKind;

type Rules<'a> = BTreeMap<Vec<Arc<str>>, RuleInfo<'a>>;

/// Collects the rules of all modules.
pub(super) fn declare(index: &mut Index<'_>, diagnostics: &mut Vec<Diagnostic>) {
    let mut rules: Rules<'_> = BTreeMap::new();
    for (number, module) in index.modules.iter().enumerate() {
        for item in &module.items {
            match &item.kind {
                ItemKind::Rule(rule) => add_rule(index, number, item, rule, &mut rules, diagnostics),
                ItemKind::Default(default) => add_default(index, number, item, default, &mut rules, diagnostics),
                ItemKind::Counter(counter) => add_counter(index, number, item, counter, &mut rules, diagnostics),
                _ => {}
            }
        }
    }
    merge_into_objects(&mut rules);
    for rule in rules.into_values() {
        index.tree.at_mut(&rule.parts).rule = Some(index.rules.len());
        index.rules.push(rule);
    }
}

/// The path of a head, and what stands behind it.
fn split<'a>(index: &Index<'_>, module: usize, reference: &'a Reference) -> Option<(Vec<Arc<str>>, Vec<Key<'a>>)> {
    let ExprKind::Variable(name) = &reference.head.kind else { return None };
    let mut path = index.packages[index.package_of[module]].parts.clone();
    path.push(name.clone());
    let constants = reference.steps.iter().map_while(constant_step).count();
    path.extend(reference.steps.iter().take(constants).filter_map(constant_step));
    let keys = reference.steps.iter().skip(constants).map(|step| match step {
        Step::Field(name) => Key::Constant(name.text.clone(), name.span),
        Step::Index(expr) => match constant_step(step) {
            Some(text) => Key::Constant(text, expr.span),
            None => Key::Expr(expr),
        },
    });
    Some((path, keys.collect()))
}

fn add_rule<'a>(
    index: &Index<'a>,
    module: usize,
    item: &'a Item,
    rule: &'a Rule,
    rules: &mut Rules<'a>,
    diagnostics: &mut Vec<Diagnostic>,
) {
    let head = &rule.head;
    let Some((path, keys)) = split(index, module, &head.reference) else { return };
    let profile = index.modules[module].profile;
    if !name_is_free(index, module, &head.reference, diagnostics) {
        return;
    }
    let depth = u32::try_from(keys.len()).unwrap_or(u32::MAX);
    let kind = match (&head.parameters, &head.contains) {
        (Some(_), _) => RuleKind::Function,
        (None, Some(_)) if keys.is_empty() => RuleKind::Set,
        (None, _) if keys.is_empty() => RuleKind::Complete,
        (None, _) => RuleKind::Object { depth },
    };
    let new = RuleInfo {
        parts: path.clone(),
        package: index.package_of[module],
        profile,
        kind,
        parameters: head.parameters.as_ref().map_or(0, Vec::len),
        definitions: Vec::new(),
        default: None,
        counter: None,
        private: false,
        span: head.span,
        sets: head.contains.is_some() && !keys.is_empty(),
    };
    let known = rules.entry(path).or_insert_with(|| new);
    if let Some((_, counter)) = known.counter {
        diagnostics.push(counter_and_rule(counter, head.span));
        return;
    }
    let same_kind = match (known.kind, kind) {
        (RuleKind::Object { .. }, RuleKind::Object { .. }) => true,
        (known, new) => known == new,
    };
    let name = known.parts.last().cloned().unwrap_or_else(|| "".into());
    if !same_kind && !known.definitions.is_empty() {
        diagnostics.push(
            Diagnostic::error(
                "conflicting-kinds",
                head.span,
                format!("`{name}` is defined as {} and as {}", noun(known.kind), noun(kind)),
            )
            .with_related(known.span, "the other definition")
            .with_help("give one of them another name"),
        );
        return;
    }
    if !same_kind && known.default.is_some() && !matches!(kind, RuleKind::Function) {
        diagnostics.push(
            Diagnostic::error(
                "default-on-set",
                known.span,
                format!("`{name}` is {}, which always has a value", noun(kind)),
            )
            .with_related(head.span, "defined here")
            .with_help("remove the default"),
        );
        return;
    }
    let parameters = head.parameters.as_ref().map_or(0, Vec::len);
    if kind == RuleKind::Function && known.parameters != parameters {
        diagnostics.push(
            Diagnostic::error(
                "conflicting-parameters",
                head.span,
                format!(
                    "`{name}` is defined with {parameters} parameters here and with {} elsewhere",
                    known.parameters
                ),
            )
            .with_related(known.span, "the other definition")
            .with_help("give all definitions the same number of parameters"),
        );
        return;
    }
    if known.profile != profile {
        diagnostics.push(
            Diagnostic::error(
                "mixed-profiles",
                head.span,
                format!("`{name}` is defined in a `.hpol` file and in a `.rego` file"),
            )
            .with_related(known.span, "the other definition")
            .with_help("keep all definitions of a rule in files of one kind"),
        );
        return;
    }
    if let (RuleKind::Object { depth: known_depth }, RuleKind::Object { depth }) = (known.kind, kind) {
        known.kind = RuleKind::Object { depth: known_depth.max(depth) };
    }
    known.private |= item.private;
    known.sets |= head.contains.is_some() && !keys.is_empty();
    known.definitions.push(Definition { module, rule, keys });
}

fn noun(kind: RuleKind) -> &'static str {
    match kind {
        RuleKind::Complete => "a single value",
        RuleKind::Set => "a set",
        RuleKind::Object { .. } => "an object",
        RuleKind::Function => "a function",
    }
}

/// Refuses rules whose name means something else.
fn name_is_free(index: &Index<'_>, module: usize, reference: &Reference, diagnostics: &mut Vec<Diagnostic>) -> bool {
    let ExprKind::Variable(name) = &reference.head.kind else { return false };
    let span = reference.head.span;
    if matches!(&**name, "input" | "data") {
        diagnostics.push(
            Diagnostic::error("shadowed-name", span, format!("a rule can't be named `{name}`"))
                .with_help("choose another name"),
        );
        return false;
    }
    if index.modules[module].profile == Profile::Rego {
        return true;
    }
    if let Some(import) = index.imports[module].get(name) {
        diagnostics.push(
            Diagnostic::error("shadowed-name", span, format!("`{name}` is the name of an import and of a rule"))
                .with_related(import.span, "the import")
                .with_help("rename the rule, or import under another name with `as`"),
        );
        return false;
    }
    true
}

fn add_default<'a>(
    index: &Index<'a>,
    module: usize,
    item: &'a Item,
    default: &'a DefaultRule,
    rules: &mut Rules<'a>,
    diagnostics: &mut Vec<Diagnostic>,
) {
    if !name_is_free(index, module, &default.reference, diagnostics) {
        return;
    }
    let Some((path, keys)) = split(index, module, &default.reference) else { return };
    if !keys.is_empty() {
        diagnostics.push(
            Diagnostic::error(
                "bad-default",
                default.reference.span,
                "a default belongs to a whole rule, not to one of its keys",
            )
            .with_help("write the rule's name without brackets"),
        );
        return;
    }
    let kind = if default.parameters.is_some() { RuleKind::Function } else { RuleKind::Complete };
    let new = RuleInfo {
        parts: path.clone(),
        package: index.package_of[module],
        profile: index.modules[module].profile,
        kind,
        parameters: default.parameters.as_ref().map_or(0, Vec::len),
        definitions: Vec::new(),
        default: None,
        counter: None,
        private: item.private,
        span: item.span,
        sets: false,
    };
    let known = rules.entry(path).or_insert_with(|| new);
    if let Some((_, counter)) = known.counter {
        diagnostics.push(counter_and_rule(counter, item.span));
        return;
    }
    let name = known.parts.last().cloned().unwrap_or_else(|| "".into());
    if let Some((other, first)) = known.default {
        diagnostics.push(
            Diagnostic::error("duplicate-default", item.span, format!("`{name}` has two defaults"))
                .with_related(first.reference.span, if other == module { "the first" } else { "the other" })
                .with_help("keep one"),
        );
        return;
    }
    if known.kind != kind {
        let message = match known.kind {
            RuleKind::Set | RuleKind::Object { .. } => {
                format!("`{name}` is {}, which always has a value", noun(known.kind))
            }
            RuleKind::Complete | RuleKind::Function => {
                format!("`{name}` is {}, its default is for {}", noun(known.kind), noun(kind))
            }
        };
        diagnostics.push(
            Diagnostic::error("default-on-set", item.span, message)
                .with_related(known.span, "defined here")
                .with_help("remove the default, or write it like the rule"),
        );
        return;
    }
    known.default = Some((module, default));
}

/// A counter is a rule with one value, which the host knows.
fn add_counter<'a>(
    index: &Index<'a>,
    module: usize,
    item: &'a Item,
    counter: &'a Counter,
    rules: &mut Rules<'a>,
    diagnostics: &mut Vec<Diagnostic>,
) {
    let name = &counter.name;
    let head = Expr { kind: ExprKind::Variable(name.text.clone()), span: name.span };
    let reference = Reference { head, steps: Vec::new(), span: name.span };
    if !name_is_free(index, module, &reference, diagnostics) {
        return;
    }
    let mut path = index.packages[index.package_of[module]].parts.clone();
    path.push(name.text.clone());
    if let Some(known) = rules.get(&path) {
        diagnostics.push(counter_and_rule(counter, known.span));
        return;
    }
    let rule = RuleInfo {
        parts: path.clone(),
        package: index.package_of[module],
        profile: Profile::Hpol,
        kind: RuleKind::Complete,
        parameters: 0,
        definitions: Vec::new(),
        default: None,
        counter: Some((module, counter)),
        private: item.private,
        span: name.span,
        sets: false,
    };
    rules.insert(path, rule);
}

fn counter_and_rule(counter: &Counter, other: Span) -> Diagnostic {
    let message = format!("`{}` is the name of a counter and of something else", counter.name.text);
    Diagnostic::error("conflicting-kinds", counter.name.span, message)
        .with_related(other, "the other definition")
        .with_help("give one of them another name")
}

/// `p[x] := 1` beside `p.a := 2` are definitions of one object.
fn merge_into_objects(rules: &mut Rules<'_>) {
    let objects: Vec<Vec<Arc<str>>> = rules
        .iter()
        .filter(|(_, rule)| matches!(rule.kind, RuleKind::Object { .. }))
        .map(|(path, _)| path.clone())
        .collect();
    for path in objects {
        if !rules.contains_key(&path) {
            continue;
        }
        let below: Vec<Vec<Arc<str>>> = rules
            .range(path.clone()..)
            .skip(1)
            .take_while(|(other, _)| other.starts_with(&path))
            .filter(|(_, rule)| rule.kind != RuleKind::Function && rule.default.is_none())
            .map(|(other, _)| other.clone())
            .collect();
        for other in below {
            let Some(mut inner) = rules.remove(&other) else { continue };
            let Some(rule) = rules.get_mut(&path) else { continue };
            rule.sets |= inner.sets || inner.kind == RuleKind::Set;
            for definition in &mut inner.definitions {
                let span = definition.rule.head.span;
                let names = other.iter().skip(path.len()).map(|name| Key::Constant(name.clone(), span));
                definition.keys = names.chain(std::mem::take(&mut definition.keys)).collect();
            }
            let depth = inner.definitions.iter().map(|definition| definition.keys.len()).max().unwrap_or(0);
            if let RuleKind::Object { depth: known } = &mut rule.kind {
                *known = (*known).max(u32::try_from(depth).unwrap_or(u32::MAX));
            }
            rule.private |= inner.private;
            rule.definitions.append(&mut inner.definitions);
        }
    }
}

/// Refuses rules that stand where something else stands.
pub(super) fn conflicts(index: &Index<'_>, diagnostics: &mut Vec<Diagnostic>) {
    for rule in &index.rules {
        let Some(node) = index.tree.at(&rule.parts) else { continue };
        let path = rule.path();
        let below: Option<(Span, String)> = node.children.values().find_map(|child| {
            let inner = child.rules().first().map(|inner| &index.rules[*inner]);
            inner.map(|inner| (inner.span, format!("`{}` stands inside it", inner.path())))
        });
        let package = node.package.map(|package| (index.packages[package].span, format!("`{path}` is a package too")));
        if let Some((span, note)) = below.or(package) {
            diagnostics.push(
                Diagnostic::error(
                    "rule-conflict",
                    rule.span,
                    format!("`{path}` is a rule and a place for other rules"),
                )
                .with_related(span, note)
                .with_help("rename the rule or the package"),
            );
        }
        let document = index.documents.value_at(&rule.parts).is_some();
        if rule.profile == Profile::Hpol && document {
            diagnostics.push(
                Diagnostic::error("document-shadowed", rule.span, format!("`{path}` is a rule and a document"))
                    .with_help("rename the rule or the document"),
            );
        }
    }
}
