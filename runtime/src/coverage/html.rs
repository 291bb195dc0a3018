//! A page of its own, without scripts or anything from elsewhere: each file with its conditions marked.

use std::fmt::Write as _;

use super::{ConditionCoverage, ConditionKind, Coverage, FileCoverage, Missing};

const HEAD: &str = r#"<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Coverage</title>
<style>
:root { color-scheme: light dark; font-family: system-ui, sans-serif; }
body { margin: 2rem auto; max-width: 72rem; padding: 0 1rem; }
table { border-collapse: collapse; }
td, th { padding: .2rem 1rem .2rem 0; text-align: left; }
pre { overflow-x: auto; line-height: 1.5; border: 1px solid #8886; border-radius: .3rem; padding: .8rem; }
.number { display: inline-block; width: 3rem; margin-right: 1rem; text-align: right; opacity: .5; user-select: none; }
mark { color: inherit; border-radius: .2rem; background: none; }
.covered { background: light-dark(#c9f0cf, #1c4a26); }
.half { background: light-dark(#ffe7a8, #5a4608); text-decoration: underline dotted; }
.never { background: light-dark(#ffc9c9, #6b1f1f); text-decoration: underline; }
</style>
</head>
<body>
<h1>Coverage</h1>
"#;

pub(super) fn render(coverage: &Coverage) -> String {
    let mut out = HEAD.to_owned();
    // Writing to a string does not fail.
    let _ = render_all(coverage, &mut out);
    out
}

fn render_all(coverage: &Coverage, out: &mut String) -> std::fmt::Result {
    writeln!(out, "<p>{}</p>", coverage.total)?;
    out.push_str("<p><mark class=\"covered\">covered</mark> <mark class=\"half\">one outcome never seen</mark> ");
    out.push_str(
        "<mark class=\"never\">never reached</mark>; point at a condition to see how often it came out how.</p>\n",
    );
    out.push_str("<table>\n<tr><th>File</th><th>Covered</th></tr>\n");
    for (number, file) in coverage.files.iter().enumerate() {
        let path = escaped(&file.path);
        writeln!(out, "<tr><td><a href=\"#file-{number}\">{path}</a></td><td>{}</td></tr>", file.share)?;
    }
    out.push_str("</table>\n");
    for (number, file) in coverage.files.iter().enumerate() {
        writeln!(out, "<h2 id=\"file-{number}\">{}</h2>", escaped(&file.path))?;
        render_file(file, out)?;
    }
    out.push_str("</body>\n</html>\n");
    Ok(())
}

/// The text line by line. A mark that goes on over the end of a line is closed there and opened again, because each line
/// starts with its number.
fn render_file(file: &FileCoverage, out: &mut String) -> std::fmt::Result {
    out.push_str("<pre>");
    let mut pending = file.conditions.iter().peekable();
    let mut open: Vec<(usize, String)> = Vec::new();
    let mut at = 0;
    for (line, text) in file.text.split_inclusive('\n').enumerate() {
        write!(out, "<span class=\"number\">{}</span>", line + 1)?;
        open.iter().for_each(|(_, tag)| out.push_str(tag));
        let end = at + text.trim_end_matches(['\n', '\r']).len();
        while at <= end {
            while open.last().is_some_and(|(close, _)| *close <= at) {
                open.pop();
                out.push_str("</mark>");
            }
            while let Some(next) = pending.next_if(|next| next.span.start as usize <= at) {
                let tag = tag(next);
                out.push_str(&tag);
                // Marks nest, as conditions do.
                let close = marked_end(next, &file.text);
                open.push((open.last().map_or(close, |(outer, _)| close.min(*outer)), tag));
            }
            let starts = pending.peek().map(|next| next.span.start as usize);
            let closes = open.last().map(|(close, _)| *close);
            let stop = [starts, closes].into_iter().flatten().filter(|stop| *stop > at).min();
            let stop = stop.unwrap_or(end).min(end);
            out.push_str(&escaped(file.text.get(at..stop).unwrap_or("")));
            if stop == end {
                break;
            }
            at = stop;
        }
        at = end.max(at);
        open.iter().for_each(|_| out.push_str("</mark>"));
        open.retain(|(close, _)| *close > at);
        out.push('\n');
        at += text.len() - text.trim_end_matches(['\n', '\r']).len();
    }
    out.push_str("</pre>\n");
    Ok(())
}

/// Of a rule without conditions only the first line is marked: the rest is its value.
fn marked_end(condition: &ConditionCoverage, text: &str) -> usize {
    let (start, end) = (condition.span.start as usize, condition.span.end as usize);
    match condition.kind {
        ConditionKind::Rule => {
            let line =
                text.get(start..end).and_then(|rule| rule.lines().next()).map_or(0, |line| line.trim_end().len());
            start + line
        }
        ConditionKind::Test | ConditionKind::Binding => end,
    }
}

fn tag(condition: &ConditionCoverage) -> String {
    let class = match condition.missing {
        None => "covered",
        Some(Missing::NeverMet | Missing::NeverNotMet) => "half",
        Some(Missing::NeverReached | Missing::NeverDecided) => "never",
    };
    let missing = condition.missing.map(|missing| format!("{}; ", missing.words())).unwrap_or_default();
    let ConditionCoverage { reached, met, not_met, .. } = condition;
    format!("<mark class=\"{class}\" title=\"{missing}reached {reached}, met {met}, not met {not_met} times\">")
}

fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for char in text.chars() {
        match char {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            _ => out.push(char),
        }
    }
    out
}
