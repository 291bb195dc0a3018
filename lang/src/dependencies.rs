//! What depends on what: packages, rules, decision rules and tests on rules, documents, schemas, paths of the input and
//! builtins.
//!
//! ```
//! use hpol_lang::dependencies::Graph;
//! use hpol_lang::load::{LoadLimits, PolicyFile, load};
//! use hpol_lang::types::Environment;
//!
//! let files = [PolicyFile::new("team.rego", "package team\n\nadmin if input.user.role == \"admin\"\n")];
//! let checked = load(&files, &Environment::default(), &LoadLimits::default());
//! let graph = Graph::of(&checked, files.iter().map(|file| &*file.path)).expect("no errors");
//! let rule = graph.find("data.team.admin");
//! assert_eq!(graph.reached_from(&rule).tree(), "data.team.admin  team.rego:3:1\n└── input.user.role\n");
//! ```

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde::Serialize;

use crate::ast::{ItemKind, Module};
use crate::check::Checked;
use crate::documents::{mount_point, relative, schema_of};
use crate::source::{Location, Span};
use crate::typed::{Program, RuleId};

mod reached;
pub mod uses;

pub use reached::Reached;
use uses::Uses;

/// What a node of the graph is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum NodeKind {
    /// A package with all that it declares, but for tests.
    Package,
    /// A decision rule.
    Decision,
    /// A rule or function.
    Rule,
    /// A test.
    Test,
    /// A path in `data` that no rule stands at.
    Data,
    /// A file with a document.
    Document,
    /// A file with a schema.
    Schema,
    /// A path in the input.
    Input,
    /// A builtin.
    Builtin,
}

/// Something that depends, or is depended on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Node {
    /// What it is.
    pub kind: NodeKind,
    /// Its name: a path, a file, or a package with the effect and id of a decision rule.
    pub name: Arc<str>,
    /// Where it is declared, if it is declared in a policy.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub location: Option<Location>,
    /// Id of a decision rule, by which it is found too.
    #[serde(skip)]
    id: Option<Arc<str>>,
}

/// All dependencies of a policy.
#[derive(Debug, Clone, Default)]
pub struct Graph {
    pub(crate) nodes: Vec<Node>,
    /// By node: what it depends on, in the order of kind and name.
    pub(crate) edges: Vec<Vec<usize>>,
}

impl Graph {
    /// The dependencies of a policy whose files have these paths; `None` if it has errors.
    pub fn of<'f>(checked: &'f Checked, files: impl IntoIterator<Item = &'f str>) -> Option<Self> {
        let program = checked.program.as_ref()?;
        let files: BTreeSet<&str> = files.into_iter().collect();
        let documents = files.iter().filter_map(|file| Some((mount_point(file)?, *file))).collect();
        let builder = Builder { checked, program, files, documents, graph: Self::default(), known: BTreeMap::new() };
        Some(builder.build())
    }

    /// The nodes that a person means by a text: a package (`team` or `data.team`), a rule (`data.team.admin`), the id of a
    /// decision rule, a path in data or input, a builtin, or a file.
    pub fn find(&self, text: &str) -> Vec<usize> {
        let by = |matches: &dyn Fn(&Node) -> bool| -> Vec<usize> {
            self.nodes.iter().enumerate().filter(|(_, node)| matches(node)).map(|(index, _)| index).collect()
        };
        let package = text.strip_prefix("data.").unwrap_or(text);
        let packages = by(&|node| node.kind == NodeKind::Package && &*node.name == package);
        if !packages.is_empty() {
            return packages;
        }
        by(&|node| &*node.name == text || node.id.as_deref() == Some(text))
    }

    /// The name that is nearest to a text that [`Graph::find`] does not know.
    pub fn nearest(&self, text: &str) -> Option<&str> {
        crate::nearest(text, self.nodes.iter().flat_map(|node| [Some(&*node.name), node.id.as_deref()]).flatten())
    }

    /// All packages.
    pub fn packages(&self) -> Vec<usize> {
        let packages = self.nodes.iter().enumerate().filter(|(_, node)| node.kind == NodeKind::Package);
        packages.map(|(index, _)| index).collect()
    }

    /// The graph with every dependency turned round: what uses what.
    #[must_use]
    pub fn reversed(&self) -> Self {
        let mut edges = vec![Vec::new(); self.nodes.len()];
        for (from, targets) in self.edges.iter().enumerate() {
            targets.iter().for_each(|to| edges[*to].push(from));
        }
        let mut graph = Self { nodes: self.nodes.clone(), edges };
        graph.sort();
        graph
    }

    /// What is reached from some nodes, with them.
    pub fn reached_from(&self, roots: &[usize]) -> Reached<'_> {
        Reached::new(self, roots)
    }

    fn sort(&mut self) {
        let nodes = &self.nodes;
        for targets in &mut self.edges {
            targets.sort_by(|a, b| (nodes[*a].kind, &nodes[*a].name).cmp(&(nodes[*b].kind, &nodes[*b].name)));
            targets.dedup();
        }
    }
}

/// Where a file is mounted, such as `data.team.people`; `None` for one that is no document.
pub fn document_path(file: &str) -> Option<String> {
    let parts = mount_point(file)?;
    Some(uses::data_path(&parts).to_string())
}

/// The path of a file that another one names, relative to the policy root.
pub fn resolve_path(from: &str, file: &str) -> Arc<str> {
    relative(from, file).unwrap_or_else(|| file.into())
}

struct Builder<'p> {
    checked: &'p Checked,
    program: &'p Program,
    /// Paths of all files.
    files: BTreeSet<&'p str>,
    /// Documents by where they are mounted.
    documents: Vec<(Vec<Arc<str>>, &'p str)>,
    graph: Graph,
    known: BTreeMap<(NodeKind, Arc<str>), usize>,
}

impl Builder<'_> {
    fn build(mut self) -> Graph {
        let program = self.program;
        let packages: Vec<usize> =
            program.packages.iter().map(|package| self.node(NodeKind::Package, &package.path, None)).collect();
        for rule in &program.rules {
            let node = self.node(NodeKind::Rule, &rule.path, Some(rule.span));
            let owner = uses::package_of(program, &rule.parts);
            owner.iter().for_each(|owner| self.edge(packages[*owner], node));
            let uses = Uses::of_rule(rule, program);
            self.edges(node, &uses);
        }
        for decision in &program.decisions {
            let Some(package) = program.packages.get(decision.package as usize) else { continue };
            let name = format!("{} {} {:?}", package.path, decision.effect.word(), decision.id);
            let node = self.node(NodeKind::Decision, &name, Some(decision.span));
            self.graph.nodes[node].id = Some(decision.id.clone());
            self.edge(packages[decision.package as usize], node);
            self.edges(node, &Uses::of_decision(decision, program));
        }
        for counter in &program.counters {
            let rule = &program.rules[counter.rule.0 as usize];
            let node = self.node(NodeKind::Rule, &rule.path, Some(rule.span));
            self.edges(node, &Uses::of_counter(counter, program));
        }
        for label in &program.labels {
            let Some(package) = program.packages.get(label.package as usize) else { continue };
            let name = format!("{} emit label {:?}", package.path, label.label);
            let node = self.node(NodeKind::Decision, &name, Some(label.span));
            self.edge(packages[label.package as usize], node);
            self.edges(node, &Uses::of_label(label, program));
        }
        for test in &program.tests {
            let node = self.node(NodeKind::Test, &format!("{} test {:?}", test.package, test.name), Some(test.span));
            self.edges(node, &Uses::of_test(test, program));
        }
        self.checked.modules.iter().for_each(|module| self.schemas(module));
        self.graph.sort();
        self.graph
    }

    /// The schemas that a file imports belong to its package.
    fn schemas(&mut self, module: &Module) {
        let package = self.node(NodeKind::Package, &module.package.to_string(), None);
        let from = self.checked.sources.file(module.file).path.clone();
        for item in &module.items {
            if let ItemKind::ImportSchema(schema) = &item.kind {
                let path = resolve_path(&from, &schema.file);
                let node = self.node(NodeKind::Schema, &path, None);
                self.edge(package, node);
            }
        }
    }

    fn edges(&mut self, from: usize, uses: &Uses) {
        for RuleId(rule) in &uses.rules {
            let rule = &self.program.rules[*rule as usize];
            let to = self.node(NodeKind::Rule, &rule.path, Some(rule.span));
            self.edge(from, to);
        }
        for package in &uses.packages {
            let path = self.program.packages[*package as usize].path.clone();
            let to = self.node(NodeKind::Package, &path, None);
            self.edge(from, to);
        }
        for path in &uses.input {
            let to = self.node(NodeKind::Input, path, None);
            self.edge(from, to);
        }
        for path in &uses.data {
            let to = self.data(path);
            self.edge(from, to);
        }
        for name in &uses.builtins {
            let to = self.node(NodeKind::Builtin, name, None);
            self.edge(from, to);
        }
    }

    /// A path in the documents, with the files that it leads to and their schemas.
    fn data(&mut self, path: &Arc<str>) -> usize {
        let node = self.node(NodeKind::Data, path, None);
        let names: Vec<&str> = path.split(['.', '[']).skip(1).collect();
        let meets = |mounted: &[Arc<str>]| mounted.iter().zip(&names).all(|(mounted, name)| &**mounted == *name);
        let documents = self.documents.iter().filter(|(mounted, _)| meets(mounted));
        let documents: Vec<&str> = documents.map(|(_, file)| *file).collect();
        for file in documents {
            let document = self.node(NodeKind::Document, file, None);
            self.edge(node, document);
            let schema = schema_of(file);
            if self.files.contains(schema.as_str()) {
                let schema = self.node(NodeKind::Schema, &schema, None);
                self.edge(document, schema);
            }
        }
        node
    }

    fn node(&mut self, kind: NodeKind, name: &str, span: Option<Span>) -> usize {
        let key = (kind, Arc::from(name));
        if let Some(index) = self.known.get(&key) {
            return *index;
        }
        let location = span.map(|span| self.program.sources.location(span));
        self.graph.nodes.push(Node { kind, name: key.1.clone(), location, id: None });
        self.graph.edges.push(Vec::new());
        self.known.insert(key, self.graph.nodes.len() - 1);
        self.graph.nodes.len() - 1
    }

    fn edge(&mut self, from: usize, to: usize) {
        self.graph.edges[from].push(to);
    }
}

#[cfg(test)]
mod tests;
