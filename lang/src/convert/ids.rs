//! Ids of decision rules, from what the text says of a rule.

use crate::ast::{BinaryOperator, ConditionKind, Expr, ExprKind, Rule, Step, TemplatePart};
use crate::value::Value;

use super::Converter;
use super::decision::words;

/// Words of a message that make an id.
const WORDS_MAX: usize = 6;
/// Letters of a comment that is short enough to be an id.
const COMMENT_MAX: usize = 48;

impl Converter<'_> {
    /// The id: of the metadata's title, a short comment, the message, the one condition, or a number.
    pub(super) fn id(&mut self, rule: &Rule, effect: &str, before: &str) -> String {
        let wanted = title(before)
            .or_else(|| message(rule).and_then(|message| from_message(&message)))
            .or_else(|| comment(before))
            .or_else(|| condition(rule))
            .filter(|id| !id.is_empty());
        let wanted = wanted.unwrap_or_else(|| {
            let taken = |number: &usize| self.ids.contains(&format!("{effect} {number}"));
            let number = (1..).find(|number| !taken(number)).unwrap_or(1);
            format!("{effect} {number}")
        });
        self.unique_id(&wanted).to_string()
    }
}

/// The comment lines right in front of a rule.
fn comments(before: &str) -> Vec<&str> {
    let mut lines: Vec<&str> = before.trim_end_matches([' ', '\t']).lines().rev().collect();
    if before.ends_with('\n') {
        // The text ends with the line break in front of the rule.
    } else {
        lines.clear();
    }
    let block = lines.into_iter().map(str::trim).take_while(|line| line.starts_with('#'));
    let mut block: Vec<&str> = block.map(|line| line.trim_start_matches('#').trim()).collect();
    block.reverse();
    block
}

fn title(before: &str) -> Option<String> {
    let block = comments(before);
    let metadata = block.iter().position(|line| *line == "METADATA")?;
    let title = block[metadata..].iter().find_map(|line| line.strip_prefix("title:"))?;
    Some(title.trim().trim_matches(['"', '\'']).to_owned())
}

fn comment(before: &str) -> Option<String> {
    let block = comments(before);
    let [line] = block.as_slice() else { return None };
    let line = line.trim_end_matches(['.', ':', '!']);
    let fits =
        line.chars().count() <= COMMENT_MAX && line.split_whitespace().count() > 1 && !line.contains(['"', '{', '=']);
    fits.then(|| lower_first(line))
}

/// The text of a message: `contains "text"`, `msg := "text"`, `msg := sprintf("text", …)`, a template.
fn message(rule: &Rule) -> Option<String> {
    let element = rule.head.contains.as_deref()?;
    if let Some(text) = text_of(element) {
        return Some(text);
    }
    let ExprKind::Variable(name) = &element.kind else { return None };
    rule.body.as_ref()?.conditions.iter().find_map(|condition| match &condition.kind {
        ConditionKind::Expr(Expr {
            kind: ExprKind::Binary(BinaryOperator::Assign | BinaryOperator::Unify, left, right),
            ..
        }) => {
            let same = matches!(&left.kind, ExprKind::Variable(other) if other == name);
            if same { text_of(right) } else { None }
        }
        _ => None,
    })
}

fn text_of(expr: &Expr) -> Option<String> {
    match &expr.kind {
        ExprKind::Literal { value: Value::String(text), .. } => Some(text.to_string()),
        ExprKind::Template(parts) => Some(
            parts
                .iter()
                .map(|part| match part {
                    TemplatePart::Text { value, .. } => &**value,
                    TemplatePart::Expr(_) => "%v",
                })
                .collect(),
        ),
        ExprKind::Call { function, arguments } if super::called(function) == "sprintf" => text_of(arguments.first()?),
        _ => None,
    }
}

fn from_message(message: &str) -> Option<String> {
    let kept: Vec<&str> = message
        .split_whitespace()
        .filter(|word| !word.contains('%'))
        .map(|word| word.trim_matches(|letter: char| !letter.is_alphanumeric()))
        .filter(|word| !word.is_empty())
        .take(WORDS_MAX)
        .collect();
    (!kept.is_empty()).then(|| lower_first(&kept.join(" ")))
}

/// The name of the only condition, if it is one: `allow if user_is_admin`.
fn condition(rule: &Rule) -> Option<String> {
    let body = rule.body.as_ref()?;
    let [condition] = body.conditions.as_slice() else { return None };
    let ConditionKind::Expr(expr) = &condition.kind else { return None };
    match &expr.kind {
        ExprKind::Variable(name) => Some(words(name)),
        ExprKind::Reference(reference) => match reference.steps.last()? {
            Step::Field(name) => Some(words(&name.text)),
            Step::Index(_) => None,
        },
        ExprKind::Call { function, .. } => Some(words(&function.parts.last()?.text)),
        _ => None,
    }
}

fn lower_first(text: &str) -> String {
    let mut letters = text.chars();
    let first = letters.next();
    // `URL` stays, `Users` becomes `users`.
    let next_is_upper = text.chars().nth(1).is_some_and(char::is_uppercase);
    match first {
        Some(first) if !next_is_upper => first.to_lowercase().chain(letters).collect(),
        _ => text.to_owned(),
    }
}
