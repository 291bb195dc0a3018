//! The page of the grammar, made from the grammar.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::path::Path;

use pest_meta::ast::{Expr, Rule};
use pest_meta::parser::{self, consume_rules};

const HEAD: &str = "\
# Grammar

What may stand where, for both profiles. This page is made from `lang/src/grammar.pest`. Space and comments may stand between any two words; a line break ends a declaration or a
condition unless a bracket is open or an operator follows. Some of what the grammar takes is refused afterwards with a message that says why: what only the other profile has, for example.

`a?` may be left out, `a*` stands any number of times, `a+` at least once; words of the language stand in quotes.

| word | what |
|---|---|
| `identifier` | a letter or `_`, then letters, digits and `_` |
| `variable` | an identifier that is no word of the language |
| `number` | `12`, `1.5`, `2e3` |
| `duration` | numbers with the units `ns`, `us` or `µs`, `ms`, `s`, `m`, `h`, `d`, `w`, as in `1h30m`; only in `.hpol` |
| `string` | text in double quotes, with JSON's escapes |
| `raw_string` | text between backticks, as it is |
| `separator` | `;` or the end of the line |
";

/// Choices that are longer stand on a line each.
const LINE: usize = 150;

/// Rules that are only looked ahead for, or read for the sake of a message.
const UNSEEN: [&str; 2] = ["clause_word", "old_body"];

/// Sections that say how text is cut into words; the table above says that better.
const LEXICAL: [&str; 3] = ["space", "entry points", "words"];

#[test]
fn the_page_is_that_of_the_grammar() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let grammar = std::fs::read_to_string(root.join("src/grammar.pest")).expect("the grammar");
    let made = page(&grammar);
    let path = root.join("../docs/grammar.md");
    if std::env::var_os("HPOL_UPDATE_DOCS").is_some() {
        std::fs::write(&path, &made).expect("the page can be written");
    }
    let page = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(page == made, "docs/grammar.md is not what the grammar says; run the tests with HPOL_UPDATE_DOCS=1");
}

fn page(grammar: &str) -> String {
    let pairs = parser::parse(parser::Rule::grammar_rules, grammar).expect("the grammar reads");
    let rules = consume_rules(pairs).expect("the grammar is one");
    let by_name: HashMap<&str, &Rule> = rules.iter().map(|rule| (rule.name.as_str(), rule)).collect();
    let sections = sections(grammar);
    let mut page = String::from(HEAD);
    let mut section = "";
    for rule in &rules {
        let Some(title) = sections.get(rule.name.as_str()) else { continue };
        let lexical = LEXICAL.contains(title) && rule.name != "file";
        if lexical || name(&rule.name) != rule.name || UNSEEN.contains(&rule.name.as_str()) {
            continue;
        }
        let Some(shown) = simplify(&rule.expr, &by_name) else { continue };
        // Shown where they are used.
        if matches!(shown, Shown::Text(_)) {
            continue;
        }
        if *title != section {
            if !section.is_empty() {
                page.push_str("```\n");
            }
            section = title;
            let title = if section == "entry points" { "a file" } else { section };
            let (first, rest) = title.split_at(1);
            write!(page, "\n## {}{rest}\n\n```text\n", first.to_uppercase()).expect("text grows");
        }
        let line = format!("{} = {}", name(&rule.name), shown.text(0));
        match &shown {
            Shown::Choice(options) if line.len() > LINE => {
                let options: Vec<String> = options.iter().map(|option| format!("  | {}", option.text(1))).collect();
                writeln!(page, "{} =\n{}", rule.name, options.join("\n")).expect("text grows");
            }
            _ => writeln!(page, "{line}").expect("text grows"),
        }
    }
    page.push_str("```\n");
    page
}

/// The section that each rule stands in.
fn sections(grammar: &str) -> HashMap<&str, &str> {
    let mut sections = HashMap::new();
    let mut section = "";
    for line in grammar.lines() {
        if let Some(title) = line.strip_prefix("// ---- ") {
            section = title.trim_end_matches('-').trim();
        } else if let Some((name, _)) = line.split_once('=')
            && !name.starts_with([' ', '/'])
        {
            sections.insert(name.trim(), section);
        }
    }
    sections
}

/// What is left of an expression without space and look-ahead.
#[derive(PartialEq)]
enum Shown {
    Text(String),
    Name(String),
    Sequence(Vec<Shown>),
    Choice(Vec<Shown>),
    Repeated(Box<Shown>, char),
}

impl Shown {
    /// With brackets where it binds less than what is around it: 0 nothing, 1 a choice, 2 a sequence, 3 a repetition.
    fn text(&self, around: u8) -> String {
        let join = |parts: &[Shown], with: &str, own: u8| {
            let joined = parts.iter().map(|part| part.text(own)).collect::<Vec<_>>().join(with);
            if around > own { format!("({joined})") } else { joined }
        };
        match self {
            Shown::Text(text) if text.contains('"') => format!("'{text}'"),
            Shown::Text(text) => format!("\"{text}\""),
            Shown::Name(name) => name.clone(),
            Shown::Sequence(parts) => join(parts, " ", 2),
            Shown::Choice(parts) => join(parts, " | ", 1),
            Shown::Repeated(part, sign) => format!("{}{sign}", part.text(3)),
        }
    }
}

/// The name under which a rule is shown: what begins a bracket differs from what stands elsewhere only in how it ends.
fn name(rule: &str) -> &str {
    rule.strip_prefix("first_").unwrap_or(rule)
}

/// `None` where nothing is left to show.
fn simplify(expr: &Expr, rules: &HashMap<&str, &Rule>) -> Option<Shown> {
    match expr {
        Expr::Str(text) | Expr::Insens(text) => Some(Shown::Text(text.replace("\\\"", "\""))),
        Expr::Ident(ident) => match ident.as_str() {
            "gap" | "space" | "blank" | "old_body" | "SOI" | "EOI" => None,
            "number" | "string" | "raw_string" | "identifier" | "variable" | "duration" | "separator" => {
                Some(Shown::Name(ident.clone()))
            }
            _ => match rules.get(ident.as_str()).and_then(|rule| word(&rule.expr)) {
                Some(text) => Some(Shown::Text(text.to_owned())),
                None => Some(Shown::Name(name(ident).to_owned())),
            },
        },
        Expr::Seq(first, second) => {
            let mut parts = Vec::new();
            for part in [first, second] {
                match simplify(part, rules) {
                    Some(Shown::Sequence(more)) => parts.extend(more),
                    Some(part) => parts.push(part),
                    None => {}
                }
            }
            if parts.len() > 1 { Some(Shown::Sequence(parts)) } else { parts.pop() }
        }
        Expr::Choice(first, second) => {
            let mut options = Vec::new();
            for option in [first, second] {
                match simplify(option, rules) {
                    Some(Shown::Choice(more)) => options.extend(more),
                    Some(option) if !options.contains(&option) => options.push(option),
                    _ => {}
                }
            }
            if options.len() > 1 { Some(Shown::Choice(options)) } else { options.pop() }
        }
        Expr::Opt(inner) => repeated(inner, '?', rules),
        Expr::Rep(inner) => repeated(inner, '*', rules),
        Expr::RepOnce(inner) => repeated(inner, '+', rules),
        _ => None,
    }
}

/// The text of a rule that is one word with what may not follow it.
fn word(expr: &Expr) -> Option<&str> {
    match expr {
        Expr::Str(text) => Some(text),
        Expr::Seq(first, rest) if looks_ahead(rest) => word(first),
        _ => None,
    }
}

fn looks_ahead(expr: &Expr) -> bool {
    match expr {
        Expr::Seq(first, rest) => looks_ahead(first) && looks_ahead(rest),
        expr => matches!(expr, Expr::NegPred(_) | Expr::PosPred(_)),
    }
}

fn repeated(inner: &Expr, sign: char, rules: &HashMap<&str, &Rule>) -> Option<Shown> {
    Some(Shown::Repeated(Box::new(simplify(inner, rules)?), sign))
}
