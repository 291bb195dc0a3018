use hpol_runtime::source::Files;
use hpol_runtime::state::{StateRead, labels_of};
use hpol_runtime::{Effect, Engine, EngineOptions, Input};

use super::*;

const POLICY: &str = r#"
package guard
input: Call
type Call = {user: string}
counter calls = count() per input.user window 1h
allow "first" if calls < 1
emit label "called"
"#;

fn history(config: SessionsConfig) -> History {
    History { shared: Arc::new(Shared { memory: Mutex::default(), turn: Mutex::default(), config }) }
}

fn engine(policy: &str) -> Engine {
    let engine = Engine::new(EngineOptions::default());
    engine.load(&Files::from_memory([("guard.hpol", policy)])).expect("a good policy");
    engine
}

fn view(history: &History, seconds: i64) -> Arc<View> {
    let now = Timestamp::from_nanoseconds(seconds * 1_000_000_000);
    Arc::new(history.view(&"test ann".into(), &Brought::default(), now))
}

fn decide(engine: &Engine, view: &Arc<View>) -> Decision {
    let input = Input::from_json("Call", r#"{"user": "ann"}"#).expect("JSON");
    engine.decide(&input.with_state(view.clone()))
}

#[test]
fn of_two_decisions_at_a_time_one_is_made_again() {
    let (history, engine) = (history(SessionsConfig::default()), engine(POLICY));
    let views = [view(&history, 1_000_000), view(&history, 1_000_000)];
    let decisions = [decide(&engine, &views[0]), decide(&engine, &views[1])];
    assert!(decisions.iter().all(|decision| decision.effect == Effect::Allow));
    let first = views[0].reserve(&history.turn(), &decisions[0]).expect("nothing changed");
    assert_eq!(views[1].reserve(&history.turn(), &decisions[1]).err(), Some(NotReserved::Changed));
    assert_eq!(decide(&engine, &views[1]).effect, Effect::Deny);
    // A record that can't be written takes the reservation back.
    drop(first);
    let again = decide(&engine, &views[1]);
    assert_eq!(again.effect, Effect::Allow);
    views[1].reserve(&history.turn(), &again).expect("nothing changed").keep();
    assert_eq!(decide(&engine, &views[0]).effect, Effect::Deny);
    // After its window a request does not count any more.
    assert_eq!(decide(&engine, &view(&history, 1_003_700)).effect, Effect::Allow);
    assert_eq!(history.labelled(None, 10)[0].labels[0].label, "called");
}

#[test]
fn a_label_that_another_request_gave_too_is_not_taken_back() {
    let policy = "package guard\ninput: Call\ntype Call = {user: string}\nallow \"all\"\nemit label \"called\"\n";
    let (history, engine) = (history(SessionsConfig::default()), engine(policy));
    let views = [view(&history, 1_000_000), view(&history, 1_000_000)];
    let first = views[0].reserve(&history.turn(), &decide(&engine, &views[0])).expect("there is room");
    views[1].reserve(&history.turn(), &decide(&engine, &views[1])).expect("there is room").keep();
    drop(first);
    assert_eq!(labels_of(&*views[0]), Ok(BTreeSet::from([Arc::from("called")])));
}

#[test]
fn many_at_a_time_get_no_more_than_the_limit() {
    let (history, engine) = (history(SessionsConfig::default()), engine(&POLICY.replace("< 1", "< 20")));
    let passed: usize = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..8)
            .map(|_| {
                scope.spawn(|| {
                    let mut passed = 0;
                    for _ in 0..50 {
                        let view = view(&history, 1_000_000);
                        let decision = decide(&engine, &view);
                        if decision.effect == Effect::Deny {
                            continue;
                        }
                        let turn = history.turn();
                        if let Ok(reservation) = view.reserve(&turn, &decision) {
                            reservation.keep();
                            passed += 1;
                        }
                    }
                    passed
                })
            })
            .collect();
        threads.into_iter().map(|thread| thread.join().expect("no panic")).sum()
    });
    assert_eq!(passed, 20);
}

#[test]
fn there_is_no_room_beyond_the_limits() {
    let history = history(SessionsConfig { max_counters: 1, max_sessions: 2, header: None });
    let engine = engine(POLICY);
    let first = view(&history, 1_000_000);
    first.reserve(&history.turn(), &decide(&engine, &first)).expect("room for one").keep();
    let input = Input::from_json("Call", r#"{"user": "bo"}"#).expect("JSON");
    let other = view(&history, 1_000_100);
    let decision = engine.decide(&input.clone().with_state(other.clone()));
    assert_eq!(other.reserve(&history.turn(), &decision).err(), Some(NotReserved::Full("counters")));
    // What does not count any more makes room.
    let later = view(&history, 1_010_000);
    let decision = engine.decide(&input.with_state(later.clone()));
    later.reserve(&history.turn(), &decision).expect("there is room again").keep();
}

#[test]
fn outputs_of_calls_that_nobody_made_label_the_session() {
    let history = history(SessionsConfig::default());
    let session: Arc<str> = "test ann".into();
    let now = Timestamp::from_nanoseconds(5_000_000_000);
    let brought = |id: Option<&str>| Brought {
        outputs: vec![id.map(str::to_owned)],
        tools: vec!["get_inbox".to_owned()],
        ..Brought::default()
    };
    history.note_calls(&session, &[("call_1".to_owned(), "fetch_url".to_owned())], now);
    let known = history.view(&session, &brought(Some("call_1")), now);
    assert_eq!(labels_of(&known), Ok(BTreeSet::new()));
    // A tool that the model called, and one that the request tells of.
    for (tool, seen) in [("fetch_url", true), ("get_inbox", true), ("other", false)] {
        assert_eq!(known.seen(EventKind::Tool, tool, 1_000_000_000), Ok(seen), "{tool}");
    }
    for id in [Some("call_2"), None] {
        let unknown = history.view(&session, &brought(id), now);
        assert_eq!(labels_of(&unknown), Ok(BTreeSet::from([Arc::from(UNSEEN_TOOL_OUTPUT)])), "{id:?}");
        assert!(unknown.still_holds(&StateRead::Labels { labels: BTreeSet::from([Arc::from(UNSEEN_TOOL_OUTPUT)]) }));
    }
}

#[test]
fn sessions_are_told_apart_by_subject_and_by_the_header_that_is_configured() {
    let mut headers = http::HeaderMap::new();
    headers.insert("x-conversation", http::HeaderValue::from_static("seven"));
    let by_subject = history(SessionsConfig::default());
    assert_eq!(&*by_subject.session("iss", "ann", &headers), "iss ann");
    let by_header = history(SessionsConfig { header: Some("x-conversation".to_owned()), ..SessionsConfig::default() });
    assert_eq!(&*by_header.session("iss", "ann", &headers), "iss ann seven");
    assert_eq!(&*by_header.session("iss", "ann", &http::HeaderMap::new()), "iss ann");
    assert_eq!(&*by_header.session("iss", "ann b", &http::HeaderMap::new()), "iss ann%20b");
}
