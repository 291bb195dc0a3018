//! Builtins on graphs, given as objects from nodes to arrays or sets of their neighbours, and on nested values.

use crate::arguments::{Outcome, argument};
use crate::builtin::{Builtin, BuiltinError, Call, example};
use crate::heap::{View, Word};

pub(crate) const TABLE: &[Builtin] = &[
    Builtin::pure(
        "graph.reachable",
        "(map[any, any], array[any] | set[any]) -> set[any]",
        "The nodes of the graph that can be reached from some of them, these included.",
        &[example(
            "graph.reachable({\"a\": [\"b\"], \"b\": [\"c\"], \"c\": [], \"d\": [\"a\"]}, {\"b\"})",
            "{\"b\", \"c\"}",
        )],
        reachable,
    ),
    Builtin::pure(
        "graph.reachable_paths",
        "(map[any, any], array[any] | set[any]) -> set[array[any]]",
        "The longest paths from some nodes, each without a node twice.",
        &[
            example(
                "graph.reachable_paths({\"a\": [\"b\", \"c\"], \"b\": [\"c\"], \"c\": []}, [\"a\"])",
                "{[\"a\", \"b\", \"c\"], [\"a\", \"c\"]}",
            ),
            example("graph.reachable_paths({\"a\": [\"b\"], \"b\": [\"a\"]}, [\"a\"])", "{[\"a\", \"b\"]}"),
        ],
        reachable_paths,
    ),
    Builtin::pure(
        "walk",
        "(any) -> array[[array[any], any]]",
        "Every value within a value with the path to it, the value itself first. In Rego `walk(x, [path, value])` goes through them.",
        &[example("walk({\"a\": [5]})", "[[[], {\"a\": [5]}], [[\"a\"], [5]], [[\"a\", 0], 5]]")],
        walk,
    ),
];

/// The starting nodes.
fn initial(call: &Call<'_>, arguments: &[Word]) -> Result<Vec<Word>, BuiltinError> {
    call.object(arguments, 1)?;
    Ok(call
        .heap
        .elements(argument(arguments, 2))
        .ok_or_else(|| call.wrong(arguments, 2, "one of {array, set}"))?
        .to_vec())
}

/// The neighbours of a node: none where what stands there is no collection.
fn neighbours(call: &Call<'_>, edges: Word) -> Vec<Word> {
    call.heap.elements(edges).map(<[Word]>::to_vec).unwrap_or_default()
}

fn reachable(call: &mut Call<'_>, arguments: &[Word]) -> Outcome {
    let mut open = initial(call, arguments)?;
    let graph = argument(arguments, 1);
    let (keys, _) = call.object(arguments, 1)?;
    let mut reached = vec![false; keys.len()];
    let mut nodes = Vec::new();
    while let Some(node) = open.pop() {
        call.charge(1)?;
        let (keys, _) = call.object(arguments, 1)?;
        let Ok(place) = keys.binary_search_by(|key| call.heap.compare(*key, node)) else { continue };
        if std::mem::replace(&mut reached[place], true) {
            continue;
        }
        nodes.push(node);
        let next = neighbours(call, call.heap.index(graph, node));
        call.charge(next.len())?;
        open.extend(next);
    }
    Ok(call.heap.set(nodes)?)
}

fn reachable_paths(call: &mut Call<'_>, arguments: &[Word]) -> Outcome {
    let graph = argument(arguments, 1);
    let mut paths = Vec::new();
    // Paths under way; each that cannot go on is a result.
    let mut open: Vec<Vec<Word>> = Vec::new();
    for root in initial(call, arguments)? {
        if !call.heap.index(graph, root).is_absent() {
            open.push(vec![root]);
        }
    }
    while let Some(path) = open.pop() {
        // The number of paths can grow exponentially with the graph: the fuel is what ends it.
        call.charge(path.len())?;
        let edges = path.last().map_or(Word::ABSENT, |node| call.heap.index(graph, *node));
        let next = neighbours(call, edges);
        let mut ends = next.is_empty();
        for neighbour in next {
            call.charge(path.len())?;
            let known = path.iter().any(|node| call.heap.equal(*node, neighbour));
            if known || call.heap.index(graph, neighbour).is_absent() {
                ends = true;
            } else {
                open.push([path.as_slice(), &[neighbour]].concat());
            }
        }
        if ends {
            paths.push(call.heap.array(&path)?);
        }
    }
    Ok(call.heap.set(paths)?)
}

fn walk(call: &mut Call<'_>, arguments: &[Word]) -> Outcome {
    let mut entries = Vec::new();
    visit(call, argument(arguments, 1), &mut Vec::new(), &mut entries)?;
    Ok(call.heap.array(&entries)?)
}

/// Values are nested within a bound, and so is this.
fn visit(call: &mut Call<'_>, value: Word, path: &mut Vec<Word>, entries: &mut Vec<Word>) -> Result<(), BuiltinError> {
    call.charge(path.len() + 1)?;
    let path_word = call.heap.array(path)?;
    entries.push(call.heap.array(&[path_word, value])?);
    let children: Vec<(Word, Word)> = match call.heap.view(value) {
        View::Object(keys, values) => keys.iter().copied().zip(values.iter().copied()).collect(),
        View::Set(items) => items.iter().map(|item| (*item, *item)).collect(),
        View::Array(items) => {
            let items = items.to_vec();
            let places =
                (0_i64..).take(items.len()).map(|place| call.heap.int(place)).collect::<Result<Vec<_>, _>>()?;
            places.into_iter().zip(items).collect()
        }
        _ => Vec::new(),
    };
    for (key, child) in children {
        path.push(key);
        visit(call, child, path, entries)?;
        path.pop();
    }
    Ok(())
}
