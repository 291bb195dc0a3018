//! What policies become: each case's typed tree, in which names are resolved and iteration is explicit.

#[path = "support/files.rs"]
mod files;
mod support;

use hpol_lang::diagnostic::{Severity, render};
use hpol_lang::load::{LoadLimits, load};

#[test]
fn typed() {
    insta::with_settings!({ prepend_module_to_snapshot => false, omit_expression => true, snapshot_path => "typed" }, {
        insta::glob!("typed/*.hpol", |path| {
            let text = std::fs::read_to_string(path).expect("the case can be read");
            let mut checked = load(&files::files(&text), &support::environment(), &LoadLimits::default());
            checked.diagnostics.retain(|found| found.severity == Severity::Error);
            let errors = render(&checked.diagnostics, &checked.sources, false);
            let program = checked.program.map_or(String::new(), |program| program.to_string());
            insta::assert_snapshot!(format!("{text}\n=====\n{errors}{program}"));
        });
    });
}
