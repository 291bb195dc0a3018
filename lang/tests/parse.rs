//! Texts and the trees they parse to; texts with mistakes and what is said about them. One file per case.

use std::fs;
use std::path::Path;

use hpol_lang::ast::Module;
use hpol_lang::diagnostic::{self, Diagnostic};
use hpol_lang::parse::{ParseLimits, parse};
use hpol_lang::source::SourceMap;

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
