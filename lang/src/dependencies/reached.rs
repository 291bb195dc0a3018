//! A part of the graph, as people and programs read it.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use serde::Serialize;

use super::{Graph, Node, NodeKind};

/// Levels of the tree that are written; below, nodes are still in the other forms.
const LEVELS_MAX: usize = 64;

/// What some nodes depend on, directly or not.
#[derive(Debug)]
pub struct Reached<'g> {
    graph: &'g Graph,
    roots: Vec<usize>,
    reached: BTreeSet<usize>,
}

/// A dependency as data: names of nodes with what they are.
#[derive(Debug, Serialize)]
struct Edge<'g> {
    from: Named<'g>,
    to: Named<'g>,
}

#[derive(Debug, Serialize)]
struct Named<'g> {
    kind: NodeKind,
    name: &'g str,
}

#[derive(Debug, Serialize)]
struct Data<'g> {
    roots: Vec<Named<'g>>,
    nodes: Vec<&'g Node>,
    edges: Vec<Edge<'g>>,
}

impl<'g> Reached<'g> {
    pub(super) fn new(graph: &'g Graph, roots: &[usize]) -> Self {
        let mut reached = BTreeSet::new();
        let mut open = roots.to_vec();
        while let Some(node) = open.pop() {
            if reached.insert(node) {
                open.extend(&graph.edges[node]);
            }
        }
        Self { graph, roots: roots.to_vec(), reached }
    }

    /// The nodes, in the order of kind and name.
    pub fn nodes(&self) -> Vec<&'g Node> {
        let mut nodes: Vec<&Node> = self.reached.iter().map(|node| &self.graph.nodes[*node]).collect();
        nodes.sort_by(|a, b| (a.kind, &a.name).cmp(&(b.kind, &b.name)));
        nodes
    }

    /// As a tree for people. What a node depends on is written where the node stands first; later it is marked with `*`.
    pub fn tree(&self) -> String {
        let mut out = String::new();
        let mut written = BTreeSet::new();
        for root in &self.roots {
            self.branch(*root, "", "", 0, &mut written, &mut out);
        }
        out
    }

    fn branch(
        &self,
        node: usize,
        first: &str,
        rest: &str,
        level: usize,
        written: &mut BTreeSet<usize>,
        out: &mut String,
    ) {
        let shown = &self.graph.nodes[node];
        let what = match shown.kind {
            NodeKind::Package => "package ",
            NodeKind::Builtin => "builtin ",
            NodeKind::Document => "document ",
            NodeKind::Schema => "schema ",
            NodeKind::Decision | NodeKind::Rule | NodeKind::Test | NodeKind::Data | NodeKind::Input => "",
        };
        let location = shown.location.as_ref().map_or(String::new(), |location| format!("  {location}"));
        let targets = &self.graph.edges[node];
        let again = !written.insert(node) && !targets.is_empty();
        let mark = if again { " *" } else { "" };
        let _ = writeln!(out, "{first}{what}{}{location}{mark}", shown.name);
        if again || level >= LEVELS_MAX {
            return;
        }
        for (index, target) in targets.iter().enumerate() {
            let (branch, below) =
                if index + 1 < targets.len() { ("├── ", "│   ") } else { ("└── ", "    ") };
            self.branch(*target, &format!("{rest}{branch}"), &format!("{rest}{below}"), level + 1, written, out);
        }
    }

    /// As a graph in the language of Graphviz.
    pub fn dot(&self) -> String {
        let mut out = String::from("digraph dependencies {\n  rankdir=LR;\n  node [shape=box];\n");
        for node in &self.reached {
            let shown = &self.graph.nodes[*node];
            let shape = match shown.kind {
                NodeKind::Package => ", shape=folder",
                NodeKind::Decision => ", style=bold",
                NodeKind::Rule | NodeKind::Test => "",
                NodeKind::Data | NodeKind::Input => ", shape=ellipse",
                NodeKind::Document | NodeKind::Schema => ", shape=note",
                NodeKind::Builtin => ", shape=plaintext",
            };
            let _ = writeln!(out, "  n{node} [label={}{shape}];", quoted(&shown.name));
        }
        for (from, to) in self.edges() {
            let _ = writeln!(out, "  n{from} -> n{to};");
        }
        out.push_str("}\n");
        out
    }

    fn edges(&self) -> impl Iterator<Item = (usize, usize)> {
        self.reached.iter().flat_map(|from| self.graph.edges[*from].iter().map(|to| (*from, *to)))
    }

    fn named(&self, node: usize) -> Named<'g> {
        let node = &self.graph.nodes[node];
        Named { kind: node.kind, name: &node.name }
    }
}

/// A text as Graphviz reads it.
fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

/// `{"roots": […], "nodes": […], "edges": [{"from": …, "to": …}]}`.
impl Serialize for Reached<'_> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let edges = self.edges().map(|(from, to)| Edge { from: self.named(from), to: self.named(to) });
        let roots = self.roots.iter().map(|root| self.named(*root)).collect();
        Data { roots, nodes: self.nodes(), edges: edges.collect() }.serialize(serializer)
    }
}
