//! Findings for code scanning services and CI: SARIF 2.1.0, and the annotations of GitHub's runners.

use std::fmt::Write as _;

use serde_json::{Value, json};

use super::{DiagnosticReport, Severity};
use crate::source::Location;

/// Findings as a SARIF log. `rules` has code and meaning of everything that was looked for; `folder` is the policy root as
/// seen from the root of the repository, empty if they are the same.
pub fn sarif<'r>(
    findings: &[DiagnosticReport],
    rules: impl IntoIterator<Item = (&'r str, &'r str)>,
    folder: &str,
) -> Value {
    let rules: Vec<(&str, &str)> = rules.into_iter().collect();
    let described = rules.iter().map(|(code, meaning)| json!({ "id": code, "shortDescription": { "text": meaning } }));
    let results = findings.iter().map(|finding| result(finding, &rules, folder));
    json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": {
                "name": "hpol",
                "version": env!("CARGO_PKG_VERSION"),
                "rules": described.collect::<Vec<_>>(),
            } },
            "columnKind": "unicodeCodePoints",
            "results": results.collect::<Vec<_>>(),
        }],
    })
}

fn result(finding: &DiagnosticReport, rules: &[(&str, &str)], folder: &str) -> Value {
    let text = match &finding.help {
        Some(help) => format!("{}; {help}", finding.message),
        None => finding.message.clone(),
    };
    let mut result = json!({
        "ruleId": finding.code,
        "level": level(finding.severity),
        "message": { "text": text },
        "locations": [{ "physicalLocation": physical(&finding.location, &finding.end, folder) }],
    });
    if let Some(index) = rules.iter().position(|(code, _)| *code == finding.code) {
        result["ruleIndex"] = json!(index);
    }
    if !finding.related.is_empty() {
        let related = finding.related.iter().map(|related| {
            let place = physical(&related.location, &related.end, folder);
            json!({ "physicalLocation": place, "message": { "text": related.message } })
        });
        result["relatedLocations"] = related.collect();
    }
    if let Some(fix) = &finding.fix {
        let file = json!({ "uri": uri(&fix.location.file, folder) });
        let replacement = json!({
            "deletedRegion": region(&fix.location, &fix.end),
            "insertedContent": { "text": *fix.replacement },
        });
        let change = json!({ "artifactLocation": file, "replacements": [replacement] });
        let description = finding.help.as_deref().unwrap_or("write this instead");
        result["fixes"] = json!([{ "description": { "text": description }, "artifactChanges": [change] }]);
    }
    result
}

fn level(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
    }
}

fn physical(start: &Location, end: &Location, folder: &str) -> Value {
    json!({ "artifactLocation": { "uri": uri(&start.file, folder) }, "region": region(start, end) })
}

fn region(start: &Location, end: &Location) -> Value {
    json!({
        "startLine": start.line, "startColumn": start.column,
        "endLine": end.line, "endColumn": end.column,
    })
}

/// A path as a relative reference: what has a meaning in one is written as `%` with two digits.
fn uri(file: &str, folder: &str) -> String {
    let mut out = String::new();
    for byte in below(folder, file).bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte) {
            out.push(char::from(byte));
        } else {
            let _ = write!(out, "%{byte:02X}");
        }
    }
    out
}

fn below(folder: &str, file: &str) -> String {
    match folder.trim_end_matches('/') {
        "" | "." => file.to_owned(),
        folder => format!("{}/{file}", folder.strip_prefix("./").unwrap_or(folder)),
    }
}

/// Findings as workflow commands, a line each, which GitHub shows at the line of a change. `folder` is as for [`sarif`].
pub fn github(findings: &[DiagnosticReport], folder: &str) -> String {
    let mut out = String::new();
    for finding in findings {
        let help = finding.help.as_ref().map(|help| format!("\n{help}")).unwrap_or_default();
        let _ = writeln!(
            out,
            "::{} file={},line={},col={},endLine={},endColumn={},title={}::{}",
            level(finding.severity),
            property(&below(folder, &finding.location.file)),
            finding.location.line,
            finding.location.column,
            finding.end.line,
            finding.end.column,
            property(finding.code),
            data(&format!("{}{help}", finding.message)),
        );
    }
    out
}

fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostic::Diagnostic;
    use crate::source::{SourceMap, Span};

    fn reports() -> Vec<DiagnosticReport> {
        let mut sources = SourceMap::new();
        let file = sources.add("a b/gücke.hpol", "package p\n\nallow if re_match(\"a\", input.b)\n");
        let span = Span::new(file, 20, 28);
        // A code of its own, which no finding of the checker has.
        let code = "old-name";
        let finding = Diagnostic::warning(code, span, "`re_match`, 100% old")
            .with_help("use\nanother")
            .with_related(Span::new(file, 11, 16), "in this rule")
            .with_fix(span, "regex.match");
        vec![finding.report(&sources)]
    }

    #[test]
    fn findings_are_told_to_services() {
        let log = sarif(&reports(), [("new-name", "a name is new"), ("old-name", "a name is old")], "./policies/");
        let result = &log["runs"][0]["results"][0];
        assert_eq!(result["ruleIndex"], 1);
        let place = &result["locations"][0]["physicalLocation"];
        assert_eq!(place["artifactLocation"]["uri"], "policies/a%20b/g%C3%BCcke.hpol");
        let region = json!({ "startLine": 3, "startColumn": 10, "endLine": 3, "endColumn": 18 });
        assert_eq!(place["region"], region);
        let replacement = &result["fixes"][0]["artifactChanges"][0]["replacements"][0];
        assert_eq!(*replacement, json!({ "deletedRegion": region, "insertedContent": { "text": "regex.match" } }));
        assert_eq!(result["relatedLocations"][0]["message"]["text"], "in this rule");
    }

    #[test]
    fn texts_do_not_break_out_of_an_annotation() {
        assert_eq!(
            github(&reports(), "."),
            "::warning file=a b/gücke.hpol,line=3,col=10,endLine=3,endColumn=18,title=old-name::`re_match`, 100%25 old%0Ause%0Aanother\n"
        );
    }
}
