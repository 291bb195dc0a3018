//! What the readers do, by example. That they agree with the reference on everything is held by `hpol-tests`.

use std::collections::BTreeMap;

use hpol_lang::types::{Definitions, Field, Record, Type, validate};
use hpol_lang::value::{JsonLimits, Value, to_value};
use serde::Serialize;

use super::*;

fn record<const N: usize>(fields: [(&str, Type, bool); N]) -> Type {
    let fields = fields.into_iter().map(|(name, ty, optional)| (name.into(), Field { ty, optional })).collect();
    Type::Record(Record { name: None, fields, open: false, rest: None }.into())
}

fn literal(text: &str) -> Type {
    Type::Literal(Value::from(text))
}

/// A request with most of what types can say.
fn request() -> Type {
    let user = record([("name", Type::String, false), ("groups", Type::set(Type::String), true)]);
    let item = record([("name", Type::String, false), ("size", Type::Int, true)]);
    let action = Type::union([
        record([("type", literal("read"), false), ("path", Type::String, false)]),
        record([("type", literal("move"), false), ("to", Type::String, false)]),
    ]);
    record([
        ("user", user, false),
        ("action", action, true),
        ("items", Type::array(item), true),
        ("at", Type::Time, true),
        ("labels", Type::map(Type::String), true),
        ("note", Type::union([Type::String, Type::Null]), true),
        ("extra", Type::Any, true),
    ])
}

const TEXT: &str = r#"{
    "extra": {"a": [1, 2.50, {"b": null}]},
    "user": {"name": "ada", "groups": ["red", "blue", "red"]},
    "items": [{"name": "x", "size": 3}, {"size": 4, "name": "y\n"}],
    "action": {"path": "/tmp", "type": "read"},
    "at": "1970-01-01T00:00:01Z",
    "note": null
}"#;

/// What the slots hold, as JSON.
fn slots<const N: usize>(
    paths: [&str; N],
    read: impl FnOnce(&mut Reader, &Shape, &mut Heap, &mut Vec<Word>) -> Result<(), Declined>,
) -> Result<Vec<String>, Declined> {
    let mut projection = Projection::default();
    for (slot, path) in paths.into_iter().enumerate() {
        let place = projection.at(path.split('.').filter(|name| !name.is_empty()));
        place.slot = u32::try_from(slot).ok();
        place.whole = true;
    }
    let shape = Shape::new(&request(), &projection);
    let (mut reader, mut heap, mut slots) = (Reader::default(), Heap::default(), Vec::new());
    read(&mut reader, &shape, &mut heap, &mut slots)?;
    Ok(slots
        .iter()
        .map(|word| if word.is_absent() { "absent".into() } else { heap.to_value(*word).to_string() })
        .collect())
}

fn from_text<const N: usize>(text: &str, paths: [&str; N]) -> Result<Vec<String>, Declined> {
    slots(paths, |reader, shape, heap, slots| reader.read_json(text, shape, JsonLimits::default(), heap, slots))
}

#[test]
fn slots_hold_what_stands_at_their_paths() {
    let paths = ["user.name", "user.groups", "items", "action.to", "action", "at", "note", "labels", "extra.a"];
    let found = from_text(TEXT, paths).expect("the text is right");
    assert_eq!(
        found,
        [
            r#""ada""#,
            r#"{"blue", "red"}"#,
            r#"[{"name": "x", "size": 3}, {"name": "y\n", "size": 4}]"#,
            "absent",
            r#"{"path": "/tmp", "type": "read"}"#,
            "1000000000",
            "null",
            "absent",
            r#"[1, 2.5, {"b": null}]"#,
        ]
    );
    let value = parse(TEXT);
    let from_value = slots(paths, |reader, shape, heap, slots| reader.read_value(&value, shape, heap, slots));
    assert_eq!(from_value, Ok(found));
}

fn parse(text: &str) -> Value {
    hpol_lang::value::parse_json(text, JsonLimits::default()).expect("the text is JSON")
}

#[test]
fn a_value_has_only_the_parts_that_are_named() {
    let mut projection = Projection::default();
    projection.at(["user"]).slot = Some(0);
    projection.at(["user", "name"]);
    projection.at(["items"]).slot = Some(1);
    let mut elements = Projection::default();
    elements.at(["size"]);
    projection.at(["items"]).elements = Some(Box::new(elements));
    let shape = Shape::new(&request(), &projection);
    let (mut reader, mut heap, mut slots) = (Reader::default(), Heap::default(), Vec::new());
    let read = reader.read_json(TEXT, &shape, JsonLimits::default(), &mut heap, &mut slots);
    assert_eq!(read, Ok(()));
    let found: Vec<String> = slots.iter().map(|word| heap.to_value(*word).to_string()).collect();
    assert_eq!(found, [r#"{"name": "ada"}"#, r#"[{"size": 3}, {"size": 4}]"#]);
}

#[test]
fn what_is_passed_over_is_checked() {
    for (from, to) in [
        (r#""note": null"#, r#""note": 1"#),
        (r#""note": null"#, r#""note": null, "note": null"#),
        (r#""note": null"#, r#""other": null"#),
        (r#"{"b": null}"#, r#"{"b": null, "\u0062": 1}"#),
        (r#"{"b": null}"#, r#"{"b": nul}"#),
        ("2.50", "2."),
        ("2.50", "1e5000"),
        (r#""type": "read""#, r#""type": "move""#),
        (r#""type": "read""#, r#""type": "none""#),
        (r#""name": "x", "#, ""),
        ("1970-01-01T", "1970-02-30T"),
        ("/tmp", "\u{1}"),
        ("/tmp", r"\ud800"),
    ] {
        let text = TEXT.replacen(from, to, 1);
        assert_ne!(text, TEXT, "{from}");
        assert_eq!(from_text(&text, ["user.name"]), Err(Declined), "{to}");
    }
    assert!(from_text(TEXT, ["user.name"]).is_ok());
    assert_eq!(from_text(&format!("{TEXT} 1"), ["user.name"]), Err(Declined));
}

#[test]
fn limits_are_those_of_the_reference() {
    let mut projection = Projection::default();
    projection.at(["a"]).slot = Some(0);
    let shape = Shape::new(&Type::Any, &projection);
    let (mut reader, mut heap, mut slots) = (Reader::default(), Heap::default(), Vec::new());
    let mut read = |text: &str, limits| reader.read_json(text, &shape, limits, &mut heap, &mut slots);
    let nested = |levels: usize| format!("{}{}", "[".repeat(levels), "]".repeat(levels));
    assert_eq!(read(&nested(128), JsonLimits::default()), Ok(()));
    assert_eq!(read(&nested(129), JsonLimits::default()), Err(Declined));
    assert_eq!(read("{}", JsonLimits { bytes_max: 1, ..JsonLimits::default() }), Err(Declined));
    // However much a host allows, the stack is enough.
    assert_eq!(read(&nested(100_000), JsonLimits { depth_max: usize::MAX, ..JsonLimits::default() }), Err(Declined));
}

#[test]
fn a_name_that_needs_escapes_is_taken_only_as_text() {
    let shape = Shape::new(&record([("a\"b", Type::Int, false)]), &Projection::default());
    let read = |text: &str| {
        let (mut heap, mut slots) = (Heap::default(), Vec::new());
        Reader::default().read_json(text, &shape, JsonLimits::default(), &mut heap, &mut slots)
    };
    assert_eq!(read(r#"{"a\"b": 1}"#), Ok(()));
    for text in ["{\0: 1}", "{\0:          1}", r#"{"a"b": 1}"#, "{: 1}"] {
        assert_eq!(read(text), Err(Declined), "{text:?}");
    }
}

#[test]
fn many_names_are_told_apart() {
    let fields = (0..200).map(|at| (format!("field{at}").into(), Field { ty: Type::Int, optional: false })).collect();
    let ty = Type::Record(Record { name: None, fields, open: true, rest: None }.into());
    let mut projection = Projection::whole(0);
    projection.at(["field199"]).slot = Some(1);
    let shape = Shape::new(&ty, &projection);
    let (mut reader, mut heap, mut slots) = (Reader::default(), Heap::default(), Vec::new());
    let mut read = |text: &str| {
        let read = reader.read_json(text, &shape, JsonLimits::default(), &mut heap, &mut slots);
        read.map(|()| slots.iter().map(|word| heap.to_value(*word)).collect::<Vec<_>>())
    };
    let members: Vec<String> = (0..200).rev().map(|at| format!("\"field{at}\":{at}")).collect();
    let text = format!("{{{},\"more\":1}}", members.join(","));
    let value = parse(&text);
    assert_eq!(read(&text), Ok(vec![value, Value::from(199)]));
    for repeated in ["\"field3\":3", "\"field150\":150", "\"more\":1"] {
        assert_eq!(read(&text.replacen('{', &format!("{{{repeated},"), 1)), Err(Declined), "{repeated}");
    }
    assert_eq!(read(&text.replacen("\"field7\":7,", "", 1)), Err(Declined));
}

#[test]
fn types_that_contain_themselves_are_read() {
    let links = Type::array(Type::Defined(0));
    let tree = record([("name", Type::String, false), ("inner", links, true)]);
    let ty = Type::Recursive(Definitions { types: vec![("Tree".into(), tree)] }.into(), 0);
    let shape = Shape::new(&ty, &Projection::whole(0));
    let (mut reader, mut heap, mut slots) = (Reader::default(), Heap::default(), Vec::new());
    let mut read = |text: &str| reader.read_json(text, &shape, JsonLimits::default(), &mut heap, &mut slots);
    assert_eq!(read(r#"{"name": "a", "inner": [{"name": "b", "inner": [{"name": "c"}]}]}"#), Ok(()));
    assert_eq!(read(r#"{"name": "a", "inner": [{"name": "b", "inner": [{"name": 1}]}]}"#), Err(Declined));
}

#[derive(Serialize)]
struct Typed<'r> {
    user: User<'r>,
    action: Option<Action<'r>>,
    items: Vec<(char, f64)>,
    labels: BTreeMap<u8, Option<i128>>,
    state: State,
}

#[derive(Serialize)]
struct User<'r> {
    name: &'r str,
    team: Option<&'r str>,
}

#[derive(Serialize)]
#[serde(tag = "type", rename_all = "lowercase")]
enum Action<'r> {
    Read { path: &'r str },
}

#[derive(Serialize)]
enum State {
    Open,
    Waiting { since: u64 },
    Moved(u8, u8),
    Named(&'static str),
}

#[test]
fn rust_values_are_read_as_the_reference_reads_them() {
    let user = record([("name", Type::String, false), ("team", Type::String, true)]);
    let action = record([("type", literal("read"), false), ("path", Type::String, false)]);
    let other = record([("type", literal("move"), false), ("to", Type::String, false)]);
    let state = record([
        ("Waiting", record([("since", Type::Decimal, false)]), true),
        ("Moved", Type::Tuple([Type::Int, Type::Int].into()), true),
        ("Named", Type::String, true),
    ]);
    let ty = record([
        ("user", user, false),
        ("action", Type::union([action, other]), true),
        ("items", Type::array(Type::Tuple([Type::String, Type::Decimal].into())), false),
        ("labels", Type::map(Type::union([Type::Decimal, Type::Null])), false),
        ("state", Type::union([literal("Open"), Type::Null, state]), false),
    ]);
    let mut projection = Projection::default();
    for (slot, path) in (0..).zip(["user", "action", "items", "labels", "state"]) {
        *projection.at([path]) = Projection::whole(slot);
    }
    let shape = Shape::new(&ty, &projection);
    let (mut reader, mut heap, mut slots) = (Reader::default(), Heap::default(), Vec::new());
    let states = [State::Open, State::Waiting { since: u64::MAX }, State::Moved(1, 2), State::Named("x")];
    for state in states {
        let action = matches!(state, State::Open).then_some(Action::Read { path: "/tmp" });
        let labels = BTreeMap::from([(1, Some(i128::MAX)), (2, None)]);
        let user = User { name: "ada", team: None };
        let typed = Typed { user, action, items: vec![('x', 0.5), ('é', 3.0)], labels, state };
        let read = reader.read_typed(&typed, &shape, &mut heap, &mut slots);
        let reference = to_value(&typed).expect("it is a value");
        let reference = validate(&reference, &ty).expect("it has the type");
        assert_eq!(read, Ok(()), "{reference}");
        let names = ["user", "action", "items", "labels", "state"];
        for (word, name) in slots.iter().zip(names) {
            let found = (!word.is_absent()).then(|| heap.to_value(*word));
            assert_eq!(found.as_ref(), reference.get(name), "{name} of {reference}");
        }
    }
}

#[test]
fn what_is_none_is_null_where_it_is_no_field() {
    let shape = Shape::new(&Type::array(Type::union([Type::Int, Type::Null])), &Projection::whole(0));
    let (mut reader, mut heap, mut slots) = (Reader::default(), Heap::default(), Vec::new());
    assert_eq!(reader.read_typed(&[Some(1), None], &shape, &mut heap, &mut slots), Ok(()));
    assert_eq!(slots.first().map(|word| heap.to_value(*word).to_string()), Some("[1, null]".into()));
    let shape = Shape::new(&Type::array(Type::Int), &Projection::whole(0));
    assert_eq!(reader.read_typed(&[Some(1), None], &shape, &mut heap, &mut slots), Err(Declined));
    assert_eq!(reader.read_typed(&f64::NAN, &shape, &mut heap, &mut slots), Err(Declined));
}
