//! Findings that are not wanted.

use std::collections::BTreeMap;

use crate::check::Checked;
use crate::diagnostic::Diagnostic;
use crate::source::FileId;

use super::LINTS;

/// What a comment starts with that keeps findings away.
const WORD: &str = "hpol-lint-ignore:";

/// There is no rule of a code.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("there is no lint `{code}`{}", .near.map(|near| format!("; did you mean `{near}`?")).unwrap_or_default())]
pub struct Unknown {
    /// The code.
    pub code: String,
    /// The nearest that there is.
    pub near: Option<&'static str>,
}

impl Unknown {
    pub(super) fn new(code: &str) -> Self {
        Self { code: code.to_owned(), near: crate::nearest(code, LINTS.iter().map(|lint| lint.code)) }
    }
}

/// The code as the table has it.
pub(super) fn known(code: &str) -> Option<&'static str> {
    LINTS.iter().map(|lint| lint.code).find(|known| *known == code)
}

/// Removes what comments on the same line or the one above keep away.
pub(super) fn remove_ignored(findings: &mut Vec<Diagnostic>, checked: &Checked) {
    let mut ignored: BTreeMap<(FileId, u32), Vec<&str>> = BTreeMap::new();
    for module in &checked.modules {
        for comment in &module.comments {
            let text = comment.text.trim_start_matches('#').trim_start();
            if let Some(codes) = text.strip_prefix(WORD) {
                let line = checked.sources.location(comment.span).line;
                let codes = codes.split([',', ' ']).map(str::trim).filter(|code| !code.is_empty());
                ignored.entry((module.file, line)).or_default().extend(codes);
            }
        }
    }
    findings.retain(|finding| {
        let line = checked.sources.location(finding.span).line;
        let on = |line: u32| ignored.get(&(finding.span.file, line)).is_some_and(|codes| codes.contains(&finding.code));
        let kept_away = on(line) || line > 1 && on(line - 1);
        !kept_away
    });
}
