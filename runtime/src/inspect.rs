//! What a policy consists of: packages with what they declare and read, documents, schemas, and how large it becomes.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use hpol_compiler::jit;
use hpol_compiler::{Options, compile};
use hpol_lang::ast::ItemKind;
use hpol_lang::check::Checked;
use hpol_lang::dependencies::uses::{Uses, package_of};
use hpol_lang::dependencies::{document_path, resolve_path};
use hpol_lang::source::{Location, Profile};
use hpol_lang::typed::{Program, RuleKind};
use hpol_lang::value::Value;
use serde::Serialize;

use crate::decision::Effect;
use crate::evaluate::effect;
use crate::guard::with_deep_stack;
use crate::source::Files;

mod text;

/// What a policy consists of. Its text, by [`fmt::Display`], is for people.
#[derive(Debug, Clone, Serialize)]
pub struct Inspection {
    /// Revision of the files.
    pub revision: Arc<str>,
    /// SHA-256 of the files, in hexadecimal.
    pub policy_hash: Arc<str>,
    /// Packages in the order of their paths.
    pub packages: Vec<PackageInspection>,
    /// Documents in the order of their files.
    pub documents: Vec<DocumentInspection>,
    /// Files with schemas.
    pub schemas: Vec<Arc<str>>,
    /// How large it is once it is compiled.
    pub size: Size,
}

/// A package.
#[derive(Debug, Clone, Default, Serialize)]
pub struct PackageInspection {
    /// Its path without `data.`.
    pub path: Arc<str>,
    /// Name of the kind of request it decides; `None` for a library.
    pub input_kind: Option<Arc<str>>,
    /// The files it stands in.
    pub files: Vec<Arc<str>>,
    /// Decision rules in the order of effect and id.
    pub decisions: Vec<DecisionInspection>,
    /// Rules and functions in the order of their paths.
    pub rules: Vec<RuleInspection>,
    /// Tests in the order of the text.
    pub tests: Vec<TestInspection>,
    /// Schema files that it imports.
    pub schemas: Vec<Arc<str>>,
    /// Paths in the input that its rules read; `[_]` is any element.
    pub input_paths: Vec<Arc<str>>,
    /// Paths in documents that its rules read.
    pub data_paths: Vec<Arc<str>>,
    /// Builtins that its rules call.
    pub builtins: Vec<Arc<str>>,
}

/// A decision rule.
#[derive(Debug, Clone, Serialize)]
pub struct DecisionInspection {
    /// Which of the four.
    pub effect: Effect,
    /// Its id.
    pub id: Arc<str>,
    /// Where it stands.
    pub location: Location,
    /// Names and values of its annotations.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub annotations: Vec<(Arc<str>, Value)>,
}

/// A rule or function.
#[derive(Debug, Clone, Serialize)]
pub struct RuleInspection {
    /// Its path.
    pub path: Arc<str>,
    /// Its first definition.
    pub location: Location,
    /// Its language.
    pub language: Profile,
    /// `value`, `set`, `object` or `function`.
    pub kind: &'static str,
    /// Number of parameters of a function.
    pub parameters: u32,
    /// Type of its value.
    #[serde(rename = "type")]
    pub ty: String,
}

/// A test.
#[derive(Debug, Clone, Serialize)]
pub struct TestInspection {
    /// Its name.
    pub name: Arc<str>,
    /// Where it stands.
    pub location: Location,
}

/// A document.
#[derive(Debug, Clone, Serialize)]
pub struct DocumentInspection {
    /// Its file.
    pub file: Arc<str>,
    /// Where it is mounted, such as `data.roles`.
    pub path: String,
    /// The schema beside it.
    pub schema: Option<Arc<str>>,
    /// Size of the file.
    pub bytes: usize,
}

/// How large a policy is once it is compiled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Size {
    /// Functions of the plan: rules, decision rules, steps of tests.
    pub functions: usize,
    /// Statements of the plan.
    pub statements: usize,
    /// Bytes of constants and documents.
    pub constant_bytes: usize,
    /// Bytes of machine code; `None` where none can be made.
    pub machine_code_bytes: Option<usize>,
}

/// Looks at a policy that was checked; `None` if it has errors or can't be compiled.
pub fn inspect(checked: &Checked, files: &Files) -> Option<Inspection> {
    let typed = checked.program.as_ref()?;
    let documents: Vec<DocumentInspection> =
        files.iter().filter_map(|(path, bytes)| document(files, path, bytes)).collect();
    let schemas = files.iter().map(|(path, _)| path).filter(|path| path.ends_with(".schema.json"));
    Some(Inspection {
        revision: files.revision().clone(),
        policy_hash: files.hash().clone(),
        packages: packages(checked, typed),
        documents,
        schemas: schemas.cloned().collect(),
        size: with_deep_stack(|| size(typed)).ok().flatten()?,
    })
}

fn document(files: &Files, path: &Arc<str>, bytes: &[u8]) -> Option<DocumentInspection> {
    if !path.ends_with(".json") {
        return None;
    }
    let mounted = document_path(path)?;
    let schema = format!("{}.schema.json", path.strip_suffix(".json")?);
    let schema = files.get(&schema).map(|_| schema.into());
    Some(DocumentInspection { file: path.clone(), path: mounted, schema, bytes: bytes.len() })
}

fn size(typed: &Program) -> Option<Size> {
    let plan = Arc::new(compile(typed, &Options::default()).ok()?);
    let mut statements = 0;
    plan.functions.iter().for_each(|function| function.body.each_statement(&mut |_| statements += 1));
    Some(Size {
        functions: plan.functions.len(),
        statements,
        constant_bytes: plan.frozen.bytes_used(),
        machine_code_bytes: jit::compile(&plan).ok().map(|code| code.bytes()),
    })
}

fn packages(checked: &Checked, typed: &Program) -> Vec<PackageInspection> {
    let mut packages: Vec<PackageInspection> = typed.packages.iter().map(PackageInspection::new).collect();
    let mut uses = vec![Uses::default(); packages.len()];
    for rule in &typed.rules {
        let Some(owner) = package_of(typed, &rule.parts) else { continue };
        uses[owner].join(&Uses::of_rule(rule, typed));
        let is_test = rule.profile == Profile::Rego && rule.parts.last().is_some_and(|name| name.starts_with("test_"));
        let location = typed.sources.location(rule.span);
        if is_test {
            packages[owner]
                .tests
                .push(TestInspection { name: rule.parts.last().cloned().unwrap_or_default(), location });
            continue;
        }
        let kind = match rule.kind {
            RuleKind::Complete => "value",
            RuleKind::Set => "set",
            RuleKind::Object { .. } => "object",
            RuleKind::Function => "function",
        };
        packages[owner].rules.push(RuleInspection {
            path: rule.path.clone(),
            location,
            language: rule.profile,
            kind,
            parameters: rule.parameters,
            ty: rule.ty.to_string(),
        });
    }
    for rule in &typed.decisions {
        let owner = rule.package as usize;
        uses[owner].join(&Uses::of_decision(rule, typed));
        packages[owner].decisions.push(DecisionInspection {
            effect: effect(rule.effect),
            id: rule.id.clone(),
            location: typed.sources.location(rule.span),
            annotations: rule.annotations.clone(),
        });
    }
    for test in &typed.tests {
        let location = typed.sources.location(test.span);
        let owner = packages.iter_mut().find(|package| package.path == test.package);
        owner.into_iter().for_each(|owner| {
            owner.tests.push(TestInspection { name: test.name.clone(), location: location.clone() });
        });
    }
    for (package, uses) in packages.iter_mut().zip(uses) {
        package.rules.sort_by(|a, b| a.path.cmp(&b.path));
        package.tests.sort_by(|a, b| a.location.cmp(&b.location));
        package.input_paths = uses.input.into_iter().collect();
        package.data_paths = uses.data.into_iter().collect();
        package.builtins = uses.builtins.into_iter().collect();
        sources(checked, package);
    }
    packages
}

impl PackageInspection {
    fn new(package: &hpol_lang::typed::Package) -> Self {
        Self { path: package.path.clone(), input_kind: package.input_kind.clone(), ..Self::default() }
    }
}

/// The files of a package, and the schemas that they import.
fn sources(checked: &Checked, package: &mut PackageInspection) {
    let (mut files, mut schemas) = (BTreeSet::new(), BTreeSet::new());
    for module in &checked.modules {
        if *module.package.to_string() != *package.path {
            continue;
        }
        let file = checked.sources.file(module.file).path.clone();
        for item in &module.items {
            if let ItemKind::ImportSchema(schema) = &item.kind {
                schemas.insert(resolve_path(&file, &schema.file));
            }
        }
        files.insert(file);
    }
    package.files = files.into_iter().collect();
    package.schemas = schemas.into_iter().collect();
}

impl fmt::Display for Inspection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        text::write(self, f)
    }
}
