use std::sync::atomic::{AtomicI64, Ordering};

use super::*;

/// Counts its answers: no two are the same.
#[derive(Debug, Default)]
struct Growing(AtomicI64);

impl StateSource for Growing {
    fn counter(&self, _: &str, _: i64, _: CounterKey<'_>) -> Result<Number, StateError> {
        Ok(Number::from(self.0.fetch_add(1, Ordering::Relaxed)))
    }

    fn labels(&self, tell: &mut dyn FnMut(&str)) -> Result<(), StateError> {
        let asked = self.0.fetch_add(1, Ordering::Relaxed);
        tell(&format!("asked {asked} times"));
        if asked == 0 { Err(StateError("not today".into())) } else { Ok(()) }
    }

    fn seen(&self, _: EventKind, name: &str, _: i64) -> Result<bool, StateError> {
        Ok(name == "x")
    }
}

fn growing() -> Option<Arc<dyn StateSource>> {
    Some(Arc::new(Growing::default()))
}

/// A question about a counter with a key of its own, though the same texts may stand in the heap already.
fn of_counter(heap: &mut Heap, name: &str, window_nanoseconds: i64, key: &[Value]) -> Question {
    let name = heap.string(name).expect("fits");
    let key = heap.from_value(&Value::array(key.to_vec())).expect("fits");
    Question::Counter { name, window_nanoseconds, key }
}

fn number(state: &mut State, question: Question, heap: &Heap) -> i64 {
    match state.answer(question, heap) {
        Ok(Answer::Counter(value)) => value.as_i64().expect("small"),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_question_is_asked_once_and_noted() {
    let (mut state, mut heap) = (State::default(), Heap::default());
    let key = [Value::from("k"), Value::Null, Value::from(i64::MAX)];
    let question = of_counter(&mut heap, "a.b", 1, &key);
    assert!(matches!(state.answer(question, &heap), Err(BuiltinError::State(_))), "nobody answers");
    state.begin(growing());
    assert_eq!(number(&mut state, question, &heap), 0);
    let again = of_counter(&mut heap, "a.b", 1, &key);
    assert_eq!(number(&mut state, again, &heap), 0);
    let others = [("a.c", 1, &key[..]), ("a.b", 2, &key), ("a.b", 1, &key[..1]), ("a.b", 1, &[Value::from("l")])];
    for ((name, window, key), expected) in others.into_iter().zip(1..) {
        let other = of_counter(&mut heap, name, window, key);
        assert_eq!(number(&mut state, other, &heap), expected);
    }
    let reads = state.reads(&heap);
    let first =
        StateRead::Counter { counter: "a.b".into(), window_nanoseconds: 1, key: key.to_vec(), value: Value::from(0) };
    assert_eq!((reads.len(), reads.contains(&first)), (5, true));
    state.begin(None);
    assert!(state.reads(&heap).is_empty());
}

#[test]
fn labels_are_known_only_if_all_were_told() {
    let (mut state, mut heap) = (State::default(), Heap::default());
    state.begin(growing());
    let error = state.answer(Question::Labels, &heap).expect_err("the source fails");
    assert_eq!((error, state.reads(&heap)), (BuiltinError::State("not today".into()), vec![]));
    state.answer(Question::Labels, &heap).expect("answered");
    let set = state.labels_set(&mut heap).expect("fits");
    assert_eq!(state.labels_set(&mut heap), Ok(set));
    assert_eq!(heap.to_value(set).to_string(), r#"{"asked 1 times"}"#);
    assert_eq!(state.reads(&heap), [StateRead::Labels { labels: BTreeSet::from(["asked 1 times".into()]) }]);
}

#[test]
fn questions_are_bounded() {
    let (mut state, mut heap) = (State::default(), Heap::default());
    state.begin(growing());
    let asked = (0..).map_while(|at: i64| {
        let name = heap.string(&format!("event {at}")).ok()?;
        let question = Question::Seen { event: EventKind::Tool, name, within_nanoseconds: 1 };
        state.answer(question, &heap).is_ok().then_some(())
    });
    assert_eq!(asked.count(), 1_000);
    assert_eq!(state.reads(&heap).len(), 1_000);
}

#[test]
fn keys_are_compared_as_their_values_are() {
    let mut heap = Heap::default();
    let decimal = hpol_lang::value::parse_json("0.5", hpol_lang::value::JsonLimits::default()).expect("valid");
    let key = vec![Value::from("ann"), Value::from(1), decimal, Value::Bool(true), Value::Null];
    let word = heap.from_value(&Value::array(key.clone())).expect("fits");
    let words = CounterKey(KeyParts::Words(&heap, heap.elements(word).expect("an array")));
    for lent in [words, CounterKey::from(key.as_slice())] {
        assert_eq!(lent.to_values(), key);
        assert!(lent.is(&key));
        assert!(!lent.is(&key[1..]));
        assert!(!lent.is(&[Value::from("bob"), Value::from(1), Value::Null, Value::Bool(true), Value::Null]));
    }
}
