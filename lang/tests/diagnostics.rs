//! Every case in `tests/diagnostics` is a policy with a mistake; its snapshot shows what is said about it.

#[path = "support/files.rs"]
mod files;
mod support;

use hpol_lang::diagnostic::render;
use hpol_lang::load::{LoadLimits, load};
use hpol_lang::value::{JsonLimits, Value, parse_json};

/// JSON is YAML; the reader itself belongs to the library of builtins.
fn read_yaml(text: &str, limits: JsonLimits) -> Result<Value, String> {
    parse_json(text, limits).map_err(|error| error.message)
}

#[test]
fn mistakes() {
    insta::with_settings!({ prepend_module_to_snapshot => false, omit_expression => true, snapshot_path => "diagnostics" }, {
        insta::glob!("diagnostics/*.hpol", |path| {
            let text = std::fs::read_to_string(path).expect("the case can be read");
            let mut environment = support::environment();
            // The cases are named after the code; this one wants a host that does not allow everything.
            if path.ends_with("builtin_not_allowed.hpol") {
                environment.refused.insert("walk".into(), "`capabilities.json` denies `walk`".into());
            }
            environment.read_yaml = Some(read_yaml);
            let checked = load(&files::files(&text), &environment, &LoadLimits::default());
            insta::assert_snapshot!(render(&checked.diagnostics, &checked.sources, false));
        });
    });
}
