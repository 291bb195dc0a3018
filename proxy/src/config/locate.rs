//! Finds the line of a setting in the text of a configuration.
//!
//! The typed configuration knows nothing of lines. So that a problem found after parsing can still point at one, the
//! text is read a second time into a plain tree that keeps positions, and the setting's path is walked in it.

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_saphyr::Spanned;

/// A YAML document with the position of each node.
#[derive(Debug)]
pub(super) struct Tree(Option<Spanned<Node>>);

#[derive(Debug)]
enum Node {
    Scalar,
    Sequence(Vec<Spanned<Node>>),
    Mapping(Vec<(String, Spanned<Node>)>),
}

impl Tree {
    /// Reads a text that was already taken as a configuration.
    pub(super) fn read(text: &str, options: serde_saphyr::Options) -> Self {
        Self(serde_saphyr::from_str_with_options(text, options).ok())
    }

    /// Line and column of a setting such as `upstreams[1].base_url`, or of the nearest setting around it that exists.
    pub(super) fn position(&self, setting: &str) -> Option<(u64, u64)> {
        let mut node = self.0.as_ref()?;
        let mut found = None;
        for step in setting.split(['.', '[']) {
            let next = match &node.value {
                Node::Mapping(entries) => entries.iter().find(|(key, _)| key == step).map(|(_, value)| value),
                Node::Sequence(items) => {
                    step.trim_end_matches(']').parse::<usize>().ok().and_then(|index| items.get(index))
                }
                Node::Scalar => None,
            };
            let Some(next) = next else { break };
            node = next;
            found = Some((node.referenced.line(), node.referenced.column()));
        }
        found
    }
}

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(NodeVisitor)
    }
}

struct NodeVisitor;

impl<'de> Visitor<'de> for NodeVisitor {
    type Value = Node;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("any YAML value")
    }

    fn visit_bool<E>(self, _: bool) -> Result<Node, E> {
        Ok(Node::Scalar)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Node, E> {
        Ok(Node::Scalar)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Node, E> {
        Ok(Node::Scalar)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Node, E> {
        Ok(Node::Scalar)
    }

    fn visit_str<E>(self, _: &str) -> Result<Node, E> {
        Ok(Node::Scalar)
    }

    fn visit_unit<E>(self) -> Result<Node, E> {
        Ok(Node::Scalar)
    }

    fn visit_none<E>(self) -> Result<Node, E> {
        Ok(Node::Scalar)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Node, D::Error> {
        Node::deserialize(deserializer)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Node, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = access.next_element()? {
            items.push(item);
        }
        Ok(Node::Sequence(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Node, A::Error> {
        let mut entries = Vec::new();
        while let Some(entry) = access.next_entry()? {
            entries.push(entry);
        }
        Ok(Node::Mapping(entries))
    }
}
