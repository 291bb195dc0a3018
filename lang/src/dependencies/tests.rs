use super::*;
use crate::load::{LoadLimits, PolicyFile, load};
use crate::types::Environment;

const GUARD: &str = r#"package guard

import data.roles
import data.team.people

admins contains person.name if {
  some person in people.all
  person.level > limit
}

limit := 3

allowed(name) if name in admins

may_read if {
  some tool in input.tools
  tool.kind == "read"
  [first, _] := input.pair
  allowed(first.name)
  not input.user[roles.key].blocked
}

unrelated if input.other
"#;

fn graph(files: &[(&str, &str)]) -> Graph {
    let files: Vec<PolicyFile> = files.iter().map(|(path, text)| PolicyFile::new(*path, text)).collect();
    let checked = load(&files, &Environment::default(), &LoadLimits::default());
    assert!(!checked.has_errors(), "{:?}", checked.diagnostics);
    Graph::of(&checked, files.iter().map(|file| &*file.path)).expect("a program")
}

fn guard() -> Graph {
    graph(&[
        ("guard.rego", GUARD),
        ("roles.json", r#"{"key": "name"}"#),
        ("team/people.json", r#"{"all": [{"name": "ada", "level": 4}]}"#),
        ("team/people.schema.json", r#"{"type": "object", "additionalProperties": true}"#),
    ])
}

#[test]
fn dependencies_are_followed_to_files_and_paths() {
    let graph = guard();
    insta::assert_snapshot!("tree", graph.reached_from(&graph.find("data.guard.may_read")).tree());
    insta::assert_snapshot!("dot", graph.reached_from(&graph.find("data.guard.unrelated")).dot());
}

#[test]
fn a_package_has_all_that_it_declares() {
    let graph = guard();
    assert_eq!(graph.find("guard"), graph.find("data.guard"));
    assert_eq!(graph.find("guard"), graph.packages());
    let reached = graph.reached_from(&graph.packages());
    let names: Vec<&str> = reached.nodes().iter().map(|node| &*node.name).collect();
    assert!(names.contains(&"data.guard.unrelated") && names.contains(&"input.other"), "{names:?}");
    let data = serde_json::to_value(&reached).expect("JSON");
    assert_eq!(data["roots"], serde_json::json!([{ "kind": "package", "name": "guard" }]));
}

#[test]
fn turned_round_it_says_what_uses_a_thing() {
    let graph = guard();
    let reversed = graph.reversed();
    insta::assert_snapshot!("reversed", reversed.reached_from(&reversed.find("team/people.json")).tree());
}

#[test]
fn slips_are_known() {
    let graph = guard();
    assert!(graph.find("data.guard.may_raed").is_empty());
    assert_eq!(graph.nearest("data.guard.may_raed"), Some("data.guard.may_read"));
}

#[test]
fn chains_of_rules_are_cut_in_the_tree_only() {
    let mut text = String::from("package chain\n\nr0 := input.x\n");
    for rule in 1..200 {
        text.push_str(&format!("r{rule} := r{}\n", rule - 1));
    }
    let graph = graph(&[("chain.rego", &text)]);
    let reached = graph.reached_from(&graph.find("data.chain.r199"));
    assert_eq!(reached.nodes().len(), 201);
    assert!(reached.tree().lines().count() < 100);
}
