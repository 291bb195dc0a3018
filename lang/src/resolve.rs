//! Names: which packages, rules, types, imports and documents there are, and what a name in a file stands for.
//!
//! [`Index::build`] collects the declarations of all files and refuses those that contradict each other. Afterwards the
//! index answers what a reference stands for ([`Index::resolve`]) and in which order rules can be checked
//! ([`order::sort`]).

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::ast::{Counter, DefaultRule, Expr, Module, Rule, Step, TypeExpr};
use crate::diagnostic::Diagnostic;
use crate::documents::Mounted;
use crate::metadata::{self, Metadata};
use crate::source::{Profile, SourceMap, Span};
use crate::typed::RuleKind;
use crate::types::{Environment, Type};

pub(crate) mod declare;
pub(crate) mod order;
mod rules;
pub(crate) mod spelling;
pub(crate) mod types;
pub(crate) mod visit;

/// Everything that is declared, by name.
#[derive(Debug)]
pub(crate) struct Index<'a> {
    pub(crate) sources: &'a SourceMap,
    pub(crate) modules: &'a [Module],
    pub(crate) environment: &'a Environment,
    pub(crate) documents: &'a Mounted,
    /// Packages in the order of their paths.
    pub(crate) packages: Vec<Package<'a>>,
    /// Package of each module.
    pub(crate) package_of: Vec<usize>,
    /// Imports of each module.
    pub(crate) imports: Vec<BTreeMap<Arc<str>, Import>>,
    pub(crate) rules: Vec<RuleInfo<'a>>,
    /// What stands where in `data`.
    pub(crate) tree: Node,
    /// Types that each package declares or imports.
    pub(crate) types: Vec<BTreeMap<Arc<str>, Type>>,
    /// Annotations in the comments of each module.
    pub(crate) metadata: Vec<Vec<Metadata>>,
    /// Imports and rules that something uses: (module, name) and rule.
    pub(crate) used: RefCell<Used>,
}

/// What has been used, for warnings about the rest.
#[derive(Debug, Default)]
pub(crate) struct Used {
    pub(crate) imports: BTreeSet<(usize, Arc<str>)>,
    pub(crate) rules: BTreeSet<usize>,
    pub(crate) types: BTreeSet<(usize, Arc<str>)>,
}

/// A package.
#[derive(Debug)]
pub(crate) struct Package<'a> {
    pub(crate) path: Arc<str>,
    pub(crate) parts: Vec<Arc<str>>,
    pub(crate) span: Span,
    /// `input: T` with its module.
    pub(crate) input: Option<(usize, &'a TypeExpr)>,
    pub(crate) kind: Option<Arc<str>>,
    pub(crate) input_type: Type,
    /// Whether it holds tests, so that `fixture` may be used.
    pub(crate) has_tests: bool,
}

/// What an import stands for.
#[derive(Debug, Clone)]
pub(crate) struct Import {
    /// `input` or `data`.
    pub(crate) input: bool,
    /// The parts behind it.
    pub(crate) parts: Vec<Arc<str>>,
    pub(crate) span: Span,
}

/// A rule with all of its definitions.
#[derive(Debug)]
pub(crate) struct RuleInfo<'a> {
    /// Path without `data`.
    pub(crate) parts: Vec<Arc<str>>,
    pub(crate) package: usize,
    pub(crate) profile: Profile,
    pub(crate) kind: RuleKind,
    pub(crate) parameters: usize,
    pub(crate) definitions: Vec<Definition<'a>>,
    pub(crate) default: Option<(usize, &'a DefaultRule)>,
    /// The counter whose value it is, with its module; there are no definitions then.
    pub(crate) counter: Option<(usize, &'a Counter)>,
    pub(crate) private: bool,
    pub(crate) span: Span,
    /// Whether each key holds a set (`a[x] contains y`).
    pub(crate) sets: bool,
}

impl RuleInfo<'_> {
    /// The path as a reference: `data.a.b`.
    pub(crate) fn path(&self) -> Arc<str> {
        format!("data.{}", self.parts.join(".")).into()
    }
}

/// One definition of a rule.
#[derive(Debug, Clone)]
pub(crate) struct Definition<'a> {
    pub(crate) module: usize,
    pub(crate) rule: &'a Rule,
    /// What stands behind the rule's path in the head.
    pub(crate) keys: Vec<Key<'a>>,
}

/// A part of a head behind the rule's path.
#[derive(Debug, Clone)]
pub(crate) enum Key<'a> {
    Constant(Arc<str>, Span),
    Expr(&'a Expr),
}

/// A place in `data`.
#[derive(Debug, Default)]
pub(crate) struct Node {
    pub(crate) children: BTreeMap<Arc<str>, Node>,
    /// The rule that stands here.
    pub(crate) rule: Option<usize>,
    /// The package whose path this is.
    pub(crate) package: Option<usize>,
}

impl Node {
    fn at(&self, parts: &[Arc<str>]) -> Option<&Node> {
        parts.iter().try_fold(self, |node, part| node.children.get(part))
    }

    fn at_mut(&mut self, parts: &[Arc<str>]) -> &mut Node {
        parts.iter().fold(self, |node, part| node.children.entry(part.clone()).or_default())
    }

    /// Whether a rule here or below passes.
    fn has_rule(&self, passes: &dyn Fn(usize) -> bool) -> bool {
        let mut open = vec![self];
        while let Some(node) = open.pop() {
            if node.rule.is_some_and(passes) {
                return true;
            }
            // Packages below are looked at last; they hold what usually does not pass.
            open.extend(node.children.values().filter(|child| child.package.is_some()));
            open.extend(node.children.values().filter(|child| child.package.is_none()));
        }
        false
    }

    /// Rules here and below, functions included.
    pub(crate) fn rules(&self) -> Vec<usize> {
        let mut found = Vec::new();
        let mut open = vec![self];
        while let Some(node) = open.pop() {
            found.extend(node.rule);
            open.extend(node.children.values());
        }
        found.sort_unstable();
        found
    }
}

/// What a reference stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Resolved {
    pub(crate) target: Target,
    /// Names that an import puts behind the target, in front of the reference's own steps.
    pub(crate) rest: Vec<Arc<str>>,
    /// How many of the reference's steps belong to the target.
    pub(crate) taken: usize,
}

/// What stands at the start of a reference.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Target {
    /// `input`.
    Input,
    /// `session`, what is known of earlier requests (`.hpol`).
    Session,
    /// A rule.
    Rule(usize),
    /// Only base documents.
    Data(Vec<Arc<str>>),
    /// Rules stand below.
    Package(Vec<Arc<str>>),
    /// Nothing: the path as far as it leads somewhere, and the part that does not.
    Missing(Vec<Arc<str>>, Arc<str>),
}

impl<'a> Index<'a> {
    /// Collects the declarations of all modules.
    pub(crate) fn build(
        sources: &'a SourceMap,
        modules: &'a [Module],
        documents: &'a Mounted,
        environment: &'a Environment,
        diagnostics: &mut Vec<Diagnostic>,
    ) -> Self {
        let mut index = Self {
            sources,
            modules,
            environment,
            documents,
            packages: Vec::new(),
            package_of: Vec::new(),
            imports: Vec::new(),
            rules: Vec::new(),
            tree: Node::default(),
            types: Vec::new(),
            metadata: Vec::new(),
            used: RefCell::default(),
        };
        declare::packages(&mut index, diagnostics);
        for (module, package) in modules.iter().zip(&index.package_of) {
            let package = &index.packages[*package].parts;
            index.metadata.push(metadata::read(sources, module, package, diagnostics));
        }
        metadata::check_repeats(&index.metadata, diagnostics);
        declare::imports(&mut index, diagnostics);
        types::declare(&mut index, diagnostics);
        declare::inputs(&mut index, diagnostics);
        rules::declare(&mut index, diagnostics);
        rules::conflicts(&index, diagnostics);
        declare::check_imports(&index, diagnostics);
        index
    }

    /// What a name with steps behind it stands for in a module; `None` if the name is not global.
    pub(crate) fn resolve(&self, module: usize, name: &str, steps: &[Step]) -> Option<Resolved> {
        let names: Vec<Arc<str>> = steps.iter().map_while(constant_step).collect();
        self.resolve_names(module, name, &names)
    }

    /// As [`Index::resolve`], for steps that are all names.
    pub(crate) fn resolve_names(&self, module: usize, name: &str, names: &[Arc<str>]) -> Option<Resolved> {
        let prefix = match name {
            "input" => return Some(Resolved { target: Target::Input, rest: Vec::new(), taken: 0 }),
            "data" => Vec::new(),
            _ => match self.imports[module].get(name) {
                Some(import) => {
                    self.used.borrow_mut().imports.insert((module, Arc::from(name)));
                    if import.input {
                        return Some(Resolved { target: Target::Input, rest: import.parts.clone(), taken: 0 });
                    }
                    import.parts.clone()
                }
                None => match self.own_path(module, name) {
                    Some(path) => path,
                    None if name == "session" && self.modules[module].profile == Profile::Hpol => {
                        return Some(Resolved { target: Target::Session, rest: Vec::new(), taken: 0 });
                    }
                    None => return None,
                },
            },
        };
        let all: Vec<Arc<str>> = prefix.iter().chain(names).cloned().collect();
        let (target, taken) = self.resolve_data(&all);
        let rest = prefix.get(taken..).unwrap_or_default().to_vec();
        Some(Resolved { target, rest, taken: taken.saturating_sub(prefix.len()) })
    }

    /// The path of what the module's own package defines under a name.
    pub(crate) fn own_path(&self, module: usize, name: &str) -> Option<Vec<Arc<str>>> {
        let package = self.package_of[module];
        let mut parts = self.packages[package].parts.clone();
        parts.push(Arc::from(name));
        let node = self.tree.at(&parts)?;
        // A package below is not a name of this one.
        node.has_rule(&|rule| self.rules[rule].package == package).then_some(parts)
    }

    /// What a path in `data` stands for, and how many of its parts that takes.
    pub(crate) fn resolve_data(&self, path: &[Arc<str>]) -> (Target, usize) {
        let mut node = &self.tree;
        let mut document = Some(&self.documents.data);
        for (count, part) in path.iter().enumerate() {
            let taken = path.get(..=count).unwrap_or_default().to_vec();
            let below = document.and_then(|document| document.get(part));
            let Some(next) = node.children.get(part) else {
                return match below {
                    Some(_) => (Target::Data(taken), count + 1),
                    None => (Target::Missing(path[..count].to_vec(), part.clone()), count + 1),
                };
            };
            if let Some(rule) = next.rule {
                return (Target::Rule(rule), count + 1);
            }
            (node, document) = (next, below);
        }
        (Target::Package(path.to_vec()), path.len())
    }

    /// Whether `name` means something in the module without being a variable.
    pub(crate) fn is_global(&self, module: usize, name: &str) -> bool {
        self.resolve_names(module, name, &[]).is_some()
    }

    /// The node at a path in `data`.
    pub(crate) fn node(&self, parts: &[Arc<str>]) -> Option<&Node> {
        self.tree.at(parts)
    }

    /// The package with this path.
    pub(crate) fn package(&self, parts: &[Arc<str>]) -> Option<usize> {
        self.tree.at(parts).and_then(|node| node.package)
    }
}

/// Whether the step behind a package is a constant that is not a string, under which no rule stands.
pub(crate) fn names_no_rule(resolved: &Resolved, steps: &[Step]) -> bool {
    let constant = match steps.get(resolved.taken) {
        Some(Step::Index(Expr { kind: crate::ast::ExprKind::Literal { value, .. }, .. })) => value.as_str().is_none(),
        _ => false,
    };
    constant && matches!(resolved.target, Target::Package(_))
}

/// The name that a step with a constant string stands for.
pub(crate) fn constant_step(step: &Step) -> Option<Arc<str>> {
    match step {
        Step::Field(name) => Some(name.text.clone()),
        Step::Index(index) => match &index.kind {
            crate::ast::ExprKind::Literal { value: crate::value::Value::String(text), .. } => Some(text.clone()),
            _ => None,
        },
    }
}
