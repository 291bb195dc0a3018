//! Texts and the trees they parse to; texts with mistakes and what is said about them. One file per case.

use std::fs;
use std::path::Path;

use hpol_lang::ast::Module;
use hpol_lang::diagnostic::{self, Diagnostic};
use hpol_lang::parse::{ParseLimits, parse, parse_expression, parse_query, parse_type, parse_type_declarations};
use hpol_lang::source::{FileId, Profile, SourceMap};

fn read(path: &Path) -> (SourceMap, Option<Module>, Vec<Diagnostic>) {
    let name = path.file_name().and_then(|name| name.to_str()).expect("test files have plain names");
    let text = fs::read_to_string(path).expect("test files can be read");
    let mut sources = SourceMap::new();
    let file = sources.add(name, text);
    let (module, diagnostics) = parse(&sources, file, &ParseLimits::default());
    (sources, module, diagnostics)
}

#[test]
fn trees() {
    insta::with_settings!({ prepend_module_to_snapshot => false, omit_expression => true, snapshot_path => "trees" }, {
        insta::glob!("trees/*.{hpol,rego}", |path| {
            let (sources, module, diagnostics) = read(path);
            assert_eq!(diagnostic::render(&diagnostics, &sources, false), "", "{} has no mistakes", path.display());
            insta::assert_snapshot!(module.expect("a file without mistakes has a module").tree());
        });
    });
}

#[test]
fn mistakes() {
    insta::with_settings!({ prepend_module_to_snapshot => false, omit_expression => true, snapshot_path => "mistakes" }, {
        insta::glob!("mistakes/*.{hpol,rego}", |path| {
            let (sources, _, diagnostics) = read(path);
            assert!(!diagnostics.is_empty(), "{} has a mistake", path.display());
            let source = fs::read_to_string(path).expect("test files can be read");
            insta::assert_snapshot!(format!("{source}\n----\n{}", diagnostic::render(&diagnostics, &sources, false)));
        });
    });
}

/// Declarations without a mistake are in the module even where others have one.
#[test]
fn declarations_around_mistakes_are_kept() {
    let (_, module, diagnostics) = read(Path::new("tests/mistakes/several.hpol"));
    let tree = module.expect("the package is known").tree();
    assert_eq!(diagnostics.len(), 5);
    assert_eq!(tree, "package guard\nrule allow\n  if\n    input.a\nrule q\n  if {}\n    input.x\n");
}

/// A file of one text.
fn source(name: &str, text: &str) -> (SourceMap, FileId) {
    let mut sources = SourceMap::new();
    let file = sources.add(name, text);
    (sources, file)
}

#[test]
fn type_declarations_may_have_dots() {
    let text = "package targets.http\n\ntype http.Request = { method: string }\ntype http.Client = { ip: ip }\n";
    let (sources, file) = source("http.hpol", text);
    let (declarations, diagnostics) = parse_type_declarations(&sources, file, &ParseLimits::default());
    assert_eq!(diagnostics, []);
    let names: Vec<_> = declarations.iter().map(|declaration| &*declaration.name.text).collect();
    assert_eq!(names, ["http.Request", "http.Client"]);

    let (sources, file) = source("http.hpol", "type http.Request = int\n\nallow \"x\"\n");
    let (_, diagnostics) = parse_type_declarations(&sources, file, &ParseLimits::default());
    assert_eq!(diagnostics.iter().map(|it| it.code).collect::<Vec<_>>(), ["not-a-type"]);
}

#[test]
fn fragments() {
    let limits = ParseLimits::default();
    let (sources, file) = source("query", "x := input.a; x > 1\nnot data.b");
    let query = parse_query(&sources, file, Profile::Rego, &limits).expect("this is a query");
    assert_eq!(query.tree(), "(:= x input.a)\n(> x 1)\nnot\n  data.b\n");

    let (sources, file) = source("query", "");
    let nothing = parse_query(&sources, file, Profile::Rego, &limits).expect_err("this is no query");
    assert_eq!(nothing.len(), 1);

    let (sources, file) = source("expression", " [1, 2][0] + 3 ");
    assert!(parse_expression(&sources, file, Profile::Hpol, &limits).is_ok());
    let (sources, file) = source("expression", "1; 2");
    assert!(parse_expression(&sources, file, Profile::Hpol, &limits).is_err());

    let (sources, file) = source("type", "array[{a: int, b?: string?}] | null");
    assert!(parse_type(&sources, file, &limits).is_ok());
    let (sources, file) = source("type", "array[");
    assert!(parse_type(&sources, file, &limits).is_err());
}

#[test]
fn lines_may_end_as_on_windows() {
    let unix = "package a # here\n\np if {\n  x # there\n  y := [1,\n    2]\n}\n\n# last\nq := 1\n";
    let (sources, file) = source("a.hpol", unix);
    let (expected, diagnostics) = parse(&sources, file, &ParseLimits::default());
    assert_eq!(diagnostics, []);
    let (sources, file) = source("a.hpol", &unix.replace('\n', "\r\n"));
    let (module, diagnostics) = parse(&sources, file, &ParseLimits::default());
    assert_eq!(diagnostics, []);
    let tree = |module: Option<Module>| module.expect("a file without mistakes has a module").tree();
    assert_eq!(tree(module), tree(expected));
}

/// Cut anywhere, a file is refused or read, and findings lie within it.
#[test]
fn every_prefix_is_refused_or_read() {
    for path in ["tests/trees/everything.hpol", "tests/trees/rego.rego"] {
        let text = fs::read_to_string(path).expect("test files can be read");
        let ends = text.char_indices().map(|(at, _)| at).step_by(7);
        for end in ends {
            let (sources, file) = source(path, &text[..end]);
            let (module, diagnostics) = parse(&sources, file, &ParseLimits::default());
            assert!(module.is_some() || !diagnostics.is_empty());
            assert!(
                diagnostics
                    .iter()
                    .all(|finding| finding.span.start <= finding.span.end && finding.span.end as usize <= end)
            );
            diagnostic::render(&diagnostics, &sources, true);
        }
    }
}

#[test]
fn findings_as_data() {
    let (sources, _, diagnostics) = read(Path::new("tests/mistakes/unmatched-bracket.hpol"));
    let reports: Vec<_> = diagnostics.iter().map(|finding| finding.report(&sources)).collect();
    let data = serde_json::to_value(&reports).expect("reports are data");
    assert_eq!(data[0]["location"]["line"], 3);
    assert_eq!(data[0]["related"][0]["location"]["column"], 6);
    let (sources, _, diagnostics) = read(Path::new("tests/mistakes/not-sign.hpol"));
    let data = serde_json::to_value(diagnostics[0].report(&sources)).expect("reports are data");
    assert_eq!(data["fix"]["replacement"], "not ");
}
