use super::*;
use hpol_lang::value::{JsonLimits, parse_json};
use proptest::prelude::*;

fn json(text: &str) -> Value {
    parse_json(text, JsonLimits::default()).expect("valid JSON")
}

#[test]
fn values_survive_the_way_in_and_out() {
    let text = r#"{"a": [1, -7, 2.50, 123456789012345678901234567890, 2305843009213693952], "b": {"c": null, "d": [true, false]}, "e": "ü"}"#;
    let value = json(text);
    let mut heap = Heap::default();
    let word = heap.from_value(&value).expect("fits");
    assert_eq!(heap.to_value(word), value);
}

#[test]
fn order_and_equality_agree_with_values() {
    let values: Vec<Value> = [
        "null",
        "false",
        "true",
        "-1",
        "0",
        "0.5",
        "1",
        "99999999999999999999",
        "\"\"",
        "\"a\"",
        "\"b\"",
        "[]",
        "[1]",
        "[1,2]",
        "[2]",
        "{}",
        "{\"a\":1}",
        "{\"a\":2}",
        "{\"b\":0}",
    ]
    .into_iter()
    .map(json)
    .chain([Value::set([]), Value::set([json("1"), json("2")])])
    .collect();
    let mut heap = Heap::default();
    let words: Vec<Word> = values.iter().map(|value| heap.from_value(value).expect("fits")).collect();
    for (left, left_word) in values.iter().zip(&words) {
        for (right, right_word) in values.iter().zip(&words) {
            let copy = heap.from_value(right).expect("fits");
            assert_eq!(left.cmp(right), heap.compare(*left_word, copy), "{left} and {right}");
            assert_eq!(left == right, heap.equal(*left_word, copy), "{left} and {right}");
            assert_eq!(left == right, heap.equal(*left_word, *right_word), "{left} and {right}");
        }
    }
}

#[test]
fn frozen_words_are_read_through_any_heap_over_them() {
    let mut builder = Heap::for_freezing();
    let value = json(r#"{"roles": ["dba", "dev"]}"#);
    let frozen_word = builder.from_value(&value).expect("fits");
    let frozen = builder.into_frozen();
    let mut heap = Heap::new(frozen, 1 << 20);
    let local = heap.from_value(&value).expect("fits");
    assert!(heap.equal(frozen_word, local));
    assert_eq!(
        heap.as_str(heap.index(heap.field(frozen_word, "roles"), Word::from_small_int(1).expect("small"))),
        Some("dev")
    );
}

#[test]
fn memory_depth_and_weight_are_bounded() {
    let mut heap = Heap::new(Arc::default(), 1_000);
    assert_eq!(heap.string(&"x".repeat(2_000)), Err(HeapError::Memory));
    let mut heap = Heap::default();
    let mut word = Word::NULL;
    let error = loop {
        match heap.array(&[word, word]) {
            Ok(next) => word = next,
            Err(error) => break error,
        }
    };
    assert_eq!(error, HeapError::Weight);
    let mut word = Word::NULL;
    let error = loop {
        match heap.array(&[word]) {
            Ok(next) => word = next,
            Err(error) => break error,
        }
    };
    assert_eq!(error, HeapError::Depth);
}

#[test]
fn sets_and_objects_drop_repeats() {
    let mut heap = Heap::default();
    let (one, two) = (heap.int(1).expect("fits"), heap.int(2).expect("fits"));
    let set = heap.set(vec![two, one, two]).expect("fits");
    assert_eq!(heap.to_value(set).to_string(), "{1, 2}");
    let object = heap.object(vec![(one, two), (one, one)]).expect("fits");
    assert_eq!(heap.to_value(object).to_string(), "{1: 1}");
}

#[test]
fn strings_weigh_by_their_length() {
    let mut heap = Heap::default();
    let short = heap.string("ada").expect("small");
    let mut value = heap.string(&"x".repeat(1 << 20)).expect("fits");
    assert_eq!(heap.weight(short), 1);
    assert!(heap.weight(value) > 1 << 14);
    // Doubling a value costs nothing, writing it out would.
    let error = (0..20).find_map(|_| {
        let doubled = heap.array(&[value, value]);
        doubled.map(|doubled| value = doubled).err()
    });
    assert_eq!(error, Some(HeapError::Weight));
}

/// Values of few different parts, so that many are equal; collections small and large enough for a table.
fn values() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::Bool),
        (-3_i64..40).prop_map(Value::from),
        Just(Value::from(i64::MAX)),
        Just(json("0.5")),
        "[a-d]{0,2}".prop_map(Value::from),
        (0_u32..40).prop_map(|number| Value::from(format!("name {number}").as_str())),
    ];
    leaf.prop_recursive(3, 64, 24, |inner| {
        let items = || prop::collection::vec(inner.clone(), 0..24);
        prop_oneof![
            items().prop_map(Value::array),
            items().prop_map(Value::set),
            prop::collection::vec((inner.clone(), inner.clone()), 0..24).prop_map(Value::object),
        ]
    })
}

/// All values within one, itself included.
fn parts<'v>(value: &'v Value, found: &mut Vec<&'v Value>) {
    found.push(value);
    match value {
        Value::Array(items) => items.iter().for_each(|item| parts(item, found)),
        Value::Set(items) => items.iter().for_each(|item| parts(item, found)),
        Value::Object(entries) => entries.iter().for_each(|(key, value)| {
            parts(key, found);
            parts(value, found);
        }),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// What [`Heap::index`] must find.
fn member_of(base: &Value, key: &Value) -> Option<Value> {
    match base {
        Value::Object(entries) => entries.get(key).cloned(),
        Value::Set(items) => items.contains(key).then(|| key.clone()),
        Value::Array(items) => {
            let Value::Number(number) = key else { return None };
            items.get(usize::try_from(number.as_i64()?).ok()?).cloned()
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => None,
    }
}

fn is_within(base: &Value, value: &Value) -> Option<bool> {
    match base {
        Value::Object(entries) => Some(entries.values().any(|member| member == value)),
        Value::Set(items) => Some(items.contains(value)),
        Value::Array(items) => Some(items.contains(value)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => None,
    }
}

proptest! {
    #[test]
    fn words_are_canonical_and_found_as_their_values_are(frozen in values(), local in values()) {
        let mut builder = Heap::for_freezing();
        let (mut of_frozen, mut of_local) = (Vec::new(), Vec::new());
        parts(&frozen, &mut of_frozen);
        parts(&local, &mut of_local);
        let mut words = Vec::new();
        for value in &of_frozen {
            words.push((*value, builder.from_value(value).expect("fits")));
        }
        let mut heap = Heap::new(builder.into_frozen(), usize::MAX);
        for value in of_local.iter().chain(&of_frozen) {
            words.push((*value, heap.from_value(value).expect("fits")));
        }
        for (value, word) in &words {
            if let Value::String(text) = value {
                let known = of_frozen.iter().any(|other| other == value);
                prop_assert_eq!(word.is_frozen_string(), known, "{}", text);
                prop_assert_eq!(heap.frozen().interned(text), known.then_some(*word));
            }
        }
        for (left, left_word) in &words {
            prop_assert_eq!(&&heap.to_value(*left_word), left);
            for (right, right_word) in &words {
                let equal = left == right;
                prop_assert_eq!(heap.equal(*left_word, *right_word), equal, "{} and {}", left, right);
                prop_assert_eq!(heap.compare(*left_word, *right_word), left.cmp(right));
                if left_word.is_canonical() || right_word.is_canonical() {
                    prop_assert_eq!(left_word == right_word, equal, "{} and {}", left, right);
                }
                let member = heap.index(*left_word, *right_word);
                let member = (!member.is_absent()).then(|| heap.to_value(member));
                prop_assert_eq!(&member, &member_of(left, right), "{} of {}", right, left);
                if let (Value::Object(_), Value::String(name)) = (left, right) {
                    let field = heap.field(*left_word, name);
                    prop_assert_eq!((!field.is_absent()).then(|| heap.to_value(field)), member);
                }
                prop_assert_eq!(heap.contains(*left_word, *right_word), is_within(left, right));
            }
        }
    }
}

/// What documents take when they are frozen, with the tables by which they are looked up, as a multiple of their text.
fn growth(document: &str) -> f64 {
    let mut builder = Heap::for_freezing();
    builder.from_value(&json(document)).expect("fits");
    let bytes = builder.into_frozen().bytes_used();
    bytes as f64 / document.len() as f64
}

#[test]
fn frozen_documents_take_little_more_than_their_text() {
    let list = |make: fn(usize) -> String| (0..10_000).map(make).collect::<Vec<_>>().join(",");
    let grants = list(|at| {
        format!(
            r#"{{"action":"action-{}","resource":"db/table-{}","effect":"allow","level":{}}}"#,
            at % 20,
            at % 300,
            at % 7
        )
    });
    let unique =
        list(|at| format!(r#"{{"id":"grant-{at}","action":"action-{}","resource":"db/table-{at}"}}"#, at % 20));
    let users = list(|at| format!(r#""user-{at}":{{"roles":["role-{}","role-{}"],"active":true}}"#, at % 50, at % 70));
    let names = list(|at| format!(r#""somebody-{at}@example.com""#));
    let numbers = list(|at| format!("{at}"));
    let documents = [
        ("grants", format!("[{grants}]"), 1.4),
        ("grants with names of their own", format!("[{unique}]"), 2.5),
        ("users by name", format!("{{{users}}}"), 2.5),
        ("a list of names", format!("[{names}]"), 3.0),
        ("a list of numbers", format!("[{numbers}]"), 3.0),
    ];
    let measured = documents.iter().map(|(name, text, most)| (*name, growth(text), *most));
    let measured: Vec<_> = measured.collect();
    assert!(measured.iter().all(|(_, growth, most)| growth <= most), "{measured:?}");
}

#[test]
fn parts_of_strings_are_those_of_their_text() {
    let mut builder = Heap::for_freezing();
    let frozen_word = builder.string("/tenants/acme").expect("fits");
    let acme = builder.string("acme").expect("fits");
    let mut heap = Heap::new(builder.into_frozen(), 1 << 20);
    let local = heap.string("/users/acme/ada").expect("fits");
    let text_bytes = heap.mark();
    for (word, range, expected) in [
        (local, 0..6, "/users"),
        (local, 7..11, "acme"),
        (local, 12..15, "ada"),
        (frozen_word, 1..8, "tenants"),
        (local, 3..3, ""),
    ] {
        let part = heap.part(word, range).expect("fits");
        assert_eq!(heap.as_str(part), Some(expected));
        assert_eq!(heap.part(part, 0..expected.len()), Ok(part), "the whole is itself");
    }
    assert_eq!(heap.part(local, 7..11), Ok(acme), "what stands in the frozen region is that word");
    assert_eq!(heap.part(Word::NULL, 0..1), Ok(Word::ABSENT));
    heap.truncate(text_bytes);
    assert_eq!(heap.as_str(local), Some("/users/acme/ada"));
}

#[test]
fn buffers_are_kept_but_not_the_largest() {
    let mut heap = Heap::default();
    let mut text = heap.take_text();
    text.push_str("written");
    let written = heap.string_from(text).expect("fits");
    assert_eq!(heap.as_str(written), Some("written"));
    let text = heap.take_text();
    assert!(text.is_empty() && text.capacity() >= 7);
    assert_eq!(heap.take_text().capacity(), 0, "it is in use");
    heap.give_back_text(text);
    heap.give_back_text("x".repeat(2 << 20));
    assert!(heap.take_text().capacity() < 1 << 20);
    let mut words = heap.take_words();
    words.extend([Word::TRUE, Word::NULL, Word::TRUE]);
    let set = heap.set(words).expect("fits");
    assert_eq!(heap.to_value(set).to_string(), "{null, true}");
    assert!(heap.take_words().capacity() >= 3);
}
