//! What an approve asks for.

use super::Checker;
use super::body::bare;
use super::call::full_name;
use super::decision::{Clauses, literal_integer, literal_texts};
use crate::ast::{DecisionRule, Expr, ExprKind};
use crate::diagnostic::Diagnostic;
use crate::typed::{Approval, Approver};

/// Time for approvers unless the rule says another.
const WITHIN_DEFAULT: i64 = 300_000_000_000;
/// Longest time for approvers: 30 days.
const WITHIN_MAX: i64 = 30 * 86_400_000_000_000;
/// Most people who can be asked to agree.
const QUORUM_MAX: i64 = 100;

impl Checker<'_, '_> {
    pub(super) fn approval(&mut self, rule: &DecisionRule, clauses: &Clauses<'_>) -> Option<Approval> {
        let Some(by) = clauses.by else {
            self.missing_clause(rule, "who may approve", "add `by group(\"name\")` behind the id");
            return None;
        };
        let approvers = self.approvers(by)?;
        let quorum = match clauses.quorum {
            None => 1,
            Some(expr) => match literal_integer(expr) {
                Some(quorum @ 1..=QUORUM_MAX) => quorum,
                _ => {
                    let message = format!("`quorum` is a whole number from 1 to {QUORUM_MAX}");
                    self.report(
                        Diagnostic::error("bad-quorum", expr.span, message).with_help("say how many people must agree"),
                    );
                    1
                }
            },
        };
        let users = approvers.iter().filter(|approver| matches!(approver, Approver::User(_))).count();
        if users == approvers.len() && i64::try_from(users).is_ok_and(|users| users < quorum) {
            let message = format!("{quorum} people must agree, but only {users} may");
            self.report(
                Diagnostic::error("quorum-unreachable", clauses.quorum.unwrap_or(by).span, message)
                    .with_help("name more people or a group, or lower the quorum"),
            );
        }
        let within = match clauses.within.map(|expr| (expr, &bare(expr).kind)) {
            None => WITHIN_DEFAULT,
            Some((_, ExprKind::Duration { nanoseconds, .. })) if (1..=WITHIN_MAX).contains(nanoseconds) => *nanoseconds,
            Some((expr, _)) => {
                self.report(
                    Diagnostic::error("bad-within", expr.span, "`within` is a duration of at most 30 days")
                        .with_help("write it like `within 15m`"),
                );
                WITHIN_DEFAULT
            }
        };
        let quorum = u32::try_from(quorum).unwrap_or(1);
        Some(Approval { approvers, quorum, within_nanoseconds: within })
    }

    pub(super) fn approvers(&mut self, by: &Expr) -> Option<Vec<Approver>> {
        let items: Vec<&Expr> = match &bare(by).kind {
            ExprKind::Array(items) | ExprKind::Set(items) => items.iter().collect(),
            _ => vec![by],
        };
        let mut approvers = Vec::new();
        for item in &items {
            let approver = match &bare(item).kind {
                ExprKind::Call { function, arguments } => {
                    match (&*full_name(function), literal_texts(arguments).as_deref()) {
                        ("group", Some([name])) if !name.is_empty() => Some(Approver::Group(name.clone())),
                        ("user", Some([name])) if !name.is_empty() => Some(Approver::User(name.clone())),
                        _ => None,
                    }
                }
                _ => None,
            };
            match approver {
                Some(approver) if approvers.contains(&approver) => self.report(
                    Diagnostic::error("bad-approver", item.span, "this approver stands twice")
                        .with_help("remove one of them"),
                ),
                Some(approver) => approvers.push(approver),
                None => {
                    self.report(
                        Diagnostic::error(
                            "bad-approver",
                            item.span,
                            "an approver is a group or a user with a fixed name",
                        )
                        .with_help("write `group(\"name\")`, `user(\"name\")`, or a list of these"),
                    );
                    return None;
                }
            }
        }
        if approvers.is_empty() {
            self.report(
                Diagnostic::error("bad-approver", by.span, "nobody may approve").with_help("name a group or a user"),
            );
            return None;
        }
        Some(approvers)
    }
}
