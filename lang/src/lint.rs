//! Lints: what is allowed but hardly ever meant, in both profiles.
//!
//! A rule of the linter looks at the untyped tree, so that a policy which does not check yet is linted all the same. What the
//! checker refuses or warns of is not said again here. A comment `# hpol-lint-ignore: code` on the same line or the
//! one above keeps a finding away.
//!
//! ```
//! use hpol_lang::lint::{LintOptions, lint};
//! use hpol_lang::load::{LoadLimits, PolicyFile, load};
//! use hpol_lang::types::Environment;
//!
//! let files = [PolicyFile::new("a.rego", "package a\n\nallow if input.roles[_] != \"admin\"\n")];
//! let environment = Environment::default();
//! let checked = load(&files, &environment, &LoadLimits::default());
//! let found = lint(&checked, &environment, &LintOptions::default());
//! assert_eq!(found.iter().map(|found| found.code).collect::<Vec<_>>(), ["not-equals-in-loop"]);
//! ```

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::ast::{Item, ItemKind, Module, Rule};
use crate::check::Checked;
use crate::diagnostic::{self, Diagnostic};
use crate::source::{SourceMap, Span};
use crate::types::Environment;

mod calls;
mod conditions;
mod ignore;
mod loops;
mod metadata;
mod names;
mod rules;
pub(crate) mod walk;

pub use ignore::Unknown;

/// How many findings are kept.
const FINDINGS_MAX: usize = 1_000;

/// A rule of the linter.
#[derive(Debug, Clone, Copy)]
pub struct Lint {
    /// Its code, as it stands in brackets behind `warning`.
    pub code: &'static str,
    /// When it is found.
    pub meaning: &'static str,
    /// Why it is no good, and what to do.
    pub reason: &'static str,
    /// What is found, in a policy.
    pub bad: &'static str,
    check: fn(&Policy<'_>, &mut Findings),
}

/// All rules, in the order of their codes.
pub const LINTS: &[Lint] = &[
    metadata::ANNOTATION_WITHOUT_METADATA,
    rules::ARGUMENT_ALWAYS_WILDCARD,
    conditions::CONSTANT_CONDITION,
    calls::DEPRECATED_BUILTIN,
    rules::DUPLICATE_RULE,
    conditions::IF_OBJECT_LITERAL,
    names::IMPORT_SHADOWS_BUILTIN,
    names::IMPORT_SHADOWS_RULE,
    conditions::IMPOSSIBLE_NOT,
    rules::INCONSISTENT_ARGS,
    metadata::INTERNAL_ENTRYPOINT,
    metadata::INVALID_METADATA_ATTRIBUTE,
    names::LEAKED_INTERNAL_REFERENCE,
    loops::NOT_EQUALS_IN_LOOP,
    conditions::REDUNDANT_EXISTENCE_CHECK,
    loops::REDUNDANT_LOOP_COUNT,
    rules::RULE_ASSIGNS_DEFAULT,
    names::RULE_SHADOWS_BUILTIN,
    calls::SPRINTF_ARGUMENTS_MISMATCH,
    calls::TIME_NOW_NS_TWICE,
    loops::TOP_LEVEL_ITERATION,
    calls::UNASSIGNED_RETURN_VALUE,
    loops::UNUSED_OUTPUT_VARIABLE,
    names::VAR_SHADOWS_BUILTIN,
    rules::ZERO_ARITY_FUNCTION,
];

/// Which findings are wanted.
#[derive(Debug, Clone, Default)]
pub struct LintOptions {
    /// Codes that are not looked for.
    pub ignored: BTreeSet<&'static str>,
    /// If there are any: the only codes that are looked for.
    pub only: BTreeSet<&'static str>,
}

impl LintOptions {
    /// Options from codes as a person gives them.
    ///
    /// # Errors
    ///
    /// [`Unknown`] if there is no rule of a code.
    pub fn new<'t>(
        ignored: impl IntoIterator<Item = &'t str>,
        only: impl IntoIterator<Item = &'t str>,
    ) -> Result<Self, Unknown> {
        let known = |code: &str| ignore::known(code).ok_or_else(|| Unknown::new(code));
        Ok(Self {
            ignored: ignored.into_iter().map(known).collect::<Result<_, _>>()?,
            only: only.into_iter().map(known).collect::<Result<_, _>>()?,
        })
    }
}

/// What the linter finds, sorted by place.
pub fn lint(checked: &Checked, environment: &Environment, options: &LintOptions) -> Vec<Diagnostic> {
    let policy = Policy::new(checked, environment);
    let mut findings = Findings::default();
    for rule in LINTS {
        if !options.ignored.contains(rule.code) && (options.only.is_empty() || options.only.contains(rule.code)) {
            findings.code = rule.code;
            (rule.check)(&policy, &mut findings);
        }
    }
    let mut found = findings.found;
    // One place is not blamed twice for one thing, unless the linter knows how to mend it.
    let told: BTreeSet<Span> = checked.diagnostics.iter().map(|found| found.span).collect();
    found.retain(|finding| finding.fix.is_some() || !told.contains(&finding.span));
    ignore::remove_ignored(&mut found, checked);
    diagnostic::sort(&mut found);
    found.truncate(FINDINGS_MAX);
    found
}

/// The list of rules as a page for people.
pub fn page() -> String {
    let mut page = String::from(
        "# Lints\n\nWhat `hpol lint` finds in `.hpol` and `.rego` files: things that are allowed, but hardly ever meant. \
         What `hpol check` refuses or warns of is not repeated. A comment `# hpol-lint-ignore: code` on the same line or \
         the one above, with several codes separated by commas, keeps a finding away; `--ignore CODE` does so everywhere.\n\n\
         This page is made from the table in `lang/src/lint.rs`; its examples run as tests.\n",
    );
    for lint in LINTS {
        page.push_str(&format!(
            "\n## {}\n\n{}: {}\n\n```rego\n{}```\n",
            lint.code,
            sentence(lint.meaning),
            lint.reason,
            lint.bad
        ));
    }
    page
}

fn sentence(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}

/// The definitions of a package's rules, each with its file, by the first part of the name.
type Rules<'c> = BTreeMap<Arc<str>, Vec<(&'c Module, &'c Rule)>>;

/// What the rules look at.
struct Policy<'c> {
    sources: &'c SourceMap,
    modules: &'c [Module],
    environment: &'c Environment,
    /// By package: its rules by the first part of their name.
    rules: BTreeMap<String, Rules<'c>>,
}

impl<'c> Policy<'c> {
    fn new(checked: &'c Checked, environment: &'c Environment) -> Self {
        let mut rules: BTreeMap<String, Rules<'_>> = BTreeMap::new();
        for module in &checked.modules {
            let package = rules.entry(module.package.to_string()).or_default();
            for item in &module.items {
                if let ItemKind::Rule(rule) = &item.kind
                    && let Some(name) = walk::name(&rule.head.reference.head)
                {
                    package.entry(name.clone()).or_default().push((module, rule));
                }
            }
        }
        Self { sources: &checked.sources, modules: &checked.modules, environment, rules }
    }

    /// Every declaration with its file.
    fn items(&self) -> impl Iterator<Item = (&'c Module, &'c Item)> {
        self.modules.iter().flat_map(|module| module.items.iter().map(move |item| (module, item)))
    }

    /// The definitions of a rule of a package.
    fn definitions(&self, package: &str, name: &str) -> &[(&'c Module, &'c Rule)] {
        self.rules.get(package).and_then(|rules| rules.get(name)).map_or(&[], Vec::as_slice)
    }

    /// Whether a name is that of a builtin, or of a domain of builtins.
    fn is_builtin(&self, name: &str) -> bool {
        let in_domain = |known: &str| known.strip_prefix(name).is_some_and(|rest| rest.starts_with('.'));
        self.environment.builtins.keys().any(|known| **known == *name || in_domain(known))
    }

    /// The text of a place, without what stands between its words.
    fn text(&self, span: Span) -> String {
        self.sources.text(span).split_whitespace().collect::<Vec<_>>().join(" ")
    }
}

/// What was found so far.
#[derive(Default)]
struct Findings {
    code: &'static str,
    found: Vec<Diagnostic>,
}

impl Findings {
    fn add(&mut self, span: Span, message: impl Into<String>, help: impl Into<String>) {
        let finding = Diagnostic::warning(self.code, span, message).with_help(help);
        self.push(finding);
    }

    fn push(&mut self, finding: Diagnostic) {
        // A hostile program must not fill the memory with messages.
        if self.found.len() < FINDINGS_MAX * 2 {
            self.found.push(finding);
        }
    }
}

#[cfg(test)]
mod tests;
