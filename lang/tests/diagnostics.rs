//! Every case in `tests/diagnostics` is a policy with a mistake; its snapshot shows what is said about it.

#[path = "support/files.rs"]
mod files;
mod support;

use hpol_lang::diagnostic::render;
use hpol_lang::load::{LoadLimits, load};

#[test]
fn mistakes() {
    insta::with_settings!({ prepend_module_to_snapshot => false, omit_expression => true, snapshot_path => "diagnostics" }, {
        insta::glob!("diagnostics/*.hpol", |path| {
            let text = std::fs::read_to_string(path).expect("the case can be read");
            let checked = load(&files::files(&text), &support::environment(), &LoadLimits::default());
            insta::assert_snapshot!(render(&checked.diagnostics, &checked.sources, false));
        });
    });
}
