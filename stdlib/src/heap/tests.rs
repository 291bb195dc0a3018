use super::*;
use hpol_lang::value::{JsonLimits, parse_json};

fn json(text: &str) -> Value {
    parse_json(text, JsonLimits::default()).expect("valid JSON")
}

#[test]
fn values_survive_the_way_in_and_out() {
    let text = r#"{"a": [1, -7, 2.50, 123456789012345678901234567890, 1152921504606846976], "b": {"c": null, "d": [true, false]}, "e": "ü"}"#;
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
