//! What an expression is called when its value is absent.

use hpol_lang::typed::{Expr, ExprKind, Local};

use super::Shared;

impl Shared<'_> {
    /// The expression as a path, such as `input.user.email` or `input.roles[i]`.
    pub(super) fn describe(&self, expr: &Expr, locals: &[Local]) -> String {
        match &expr.kind {
            ExprKind::Input => "input".into(),
            ExprKind::Local(local) => local_name(locals, local.0 as usize),
            ExprKind::Data(path) | ExprKind::Package(path, _) => {
                path.iter().fold("data".to_owned(), |text, name| member(text, name))
            }
            ExprKind::Rule(rule) => self.typed.rules[rule.0 as usize].path.to_string(),
            ExprKind::Field(base, name) => member(self.describe(base, locals), name),
            ExprKind::Index(base, key) => {
                format!("{}[{}]", self.describe(base, locals), self.describe(key, locals))
            }
            ExprKind::Constant(value) => value.to_string(),
            ExprKind::Builtin(name, _) => format!("{name}(…)"),
            ExprKind::Function(rule, _) => format!("{}(…)", self.typed.rules[rule.0 as usize].path),
            // Nothing shorter says it than the text itself.
            ExprKind::Binary(..)
            | ExprKind::Negate(_)
            | ExprKind::Membership { .. }
            | ExprKind::Array(_)
            | ExprKind::Set(_)
            | ExprKind::Object(_)
            | ExprKind::ArrayComprehension(..)
            | ExprKind::SetComprehension(..)
            | ExprKind::ObjectComprehension(..)
            | ExprKind::Template(_)
            | ExprKind::Holds(_) => self.typed.sources.text(expr.span).to_owned(),
        }
    }
}

/// Names that the checker made up stand for a loop's own variable, which is written `_`.
fn local_name(locals: &[Local], index: usize) -> String {
    match locals.get(index) {
        Some(local) if !local.name.starts_with('$') => local.name.to_string(),
        _ => "_".into(),
    }
}

fn member(base: String, name: &str) -> String {
    let plain = name.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_')
        && name.chars().all(|char| char.is_ascii_alphanumeric() || char == '_');
    if plain { format!("{base}.{name}") } else { format!("{base}[{name:?}]") }
}
