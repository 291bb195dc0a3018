//! The property that everything stands on: however a stream is cut, it gives what the whole text gives.

use std::sync::Arc;

use proptest::prelude::*;

use super::super::DETECTORS;
use super::super::mask::{HOLD_BACK_MAX, MaskRule, MaskRules, StreamMasker};
use super::{Detector, Operator, all_with, check, key, mask_text, pattern, stream};

const PROSE: &str = "The harbour lay quiet, and nobody had been seen there since the ferry left; a dog slept beside the \
    gate (or so it seemed). \u{201c}We\u{2019}ll wait,\u{201d} said Zoë: the café would open again tomorrow - or the day after.";

#[test]
fn prose_flows_word_by_word() {
    let mut masker = StreamMasker::new(all_with(Operator::Redact), Arc::new(key()));
    let mut output = String::new();
    for (index, character) in PROSE.char_indices() {
        output.push_str(&masker.push(character.encode_utf8(&mut [0; 4])));
        let given = index + character.len_utf8();
        let word = PROSE[..given].rsplit([' ', '\u{201c}', '\u{2019}']).next().map_or(0, str::len);
        assert!(masker.held_back() <= word, "{} bytes held after {:?}", masker.held_back(), &PROSE[..given]);
    }
    output.push_str(&masker.finish());
    assert_eq!(output, PROSE);
}

#[test]
fn without_the_email_detector_prose_is_hardly_held_at_all() {
    let detectors: Vec<Detector> = ["credit_card", "ssn", "phone", "private_key", "url_credentials"]
        .iter()
        .filter_map(|name| Detector::named(name))
        .collect();
    let rules = Arc::new(MaskRules::new(vec![MaskRule { operator: Operator::Redact, detectors }]));
    let mut masker = StreamMasker::new(rules, Arc::new(key()));
    let mut held = 0;
    for character in PROSE.chars() {
        masker.push(character.encode_utf8(&mut [0; 4]));
        held = held.max(masker.held_back());
    }
    assert!(held <= 1, "{held} bytes were held");
}

#[test]
fn a_long_key_is_masked_while_it_is_open() {
    let body: String =
        (0..200).map(|line| format!("MIIEpAIBAAKCAQEA7xZt0pLw7RmY3vKs9QxB2nC5dFgH8jTu1aWeXy{line:04}\n")).collect();
    let text = format!("key: -----BEGIN RSA PRIVATE KEY-----\n{body}-----END RSA PRIVATE KEY----- and so on");
    check(&text, &all_with(Operator::Redact), "key: [private_key] and so on");
    // What is too long to be held back can't be hashed or shown in part.
    check(&text, &all_with(Operator::Hash), "key: [private_key] and so on");
    check(&text, &all_with(Operator::Last(4)), "key: [private_key] and so on");
    let cut = &text[..text.len() - 40];
    check(cut, &all_with(Operator::Redact), "key: [private_key]");
}

#[test]
fn a_long_token_is_masked_as_one() {
    let token = format!("eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0{}.sig{}", "aB3".repeat(3000), "xY9".repeat(500));
    check(&format!("a {token} b"), &all_with(Operator::Redact), "a [jwt] b");
    check(&format!("x://a:{} b", "p".repeat(9000)), &all_with(Operator::Drop), "x:// b");
    check(&format!("sk-ant-{} b", "aB3-".repeat(3000)), &all_with(Operator::Redact), "[api_key] b");
    let own =
        Arc::new(MaskRules::new(vec![MaskRule { operator: Operator::Redact, detectors: vec![pattern("id:.*")] }]));
    check(&format!("id:{}é\nnext", "é—".repeat(5000)), &own, "[pattern]\nnext");
}

#[test]
fn nothing_is_held_back_without_bound() {
    let rules = all_with(Operator::Hash);
    let hostile =
        ["1", "1 ", "a", "@", "a@", "eyJ", "-----BEGIN RSA PRIVATE KEY-----\nMIIEpAIBAAKCAQEA", "x://a:b", "a:", "+1("];
    for unit in hostile {
        let mut masker = StreamMasker::new(Arc::clone(&rules), Arc::new(key()));
        for _ in 0..20_000 / unit.len() {
            masker.push(unit);
            assert!(masker.held_back() <= HOLD_BACK_MAX, "{} bytes of {unit:?}", masker.held_back());
        }
    }
}

#[test]
fn bytes_may_be_cut_within_a_character() {
    let text = "naïve — mail åsa@müller.example ✓";
    let rules = all_with(Operator::Redact);
    for size in 1..5 {
        let mut masker = StreamMasker::new(Arc::clone(&rules), Arc::new(key()));
        let mut output: Vec<u8> = text.as_bytes().chunks(size).flat_map(|chunk| masker.push_bytes(chunk)).collect();
        output.extend(masker.finish_bytes());
        assert_eq!(String::from_utf8(output).expect("text"), "naïve — mail [email] ✓");
    }
}

/// Values, halves of values, and what may stand between them.
fn fragments() -> impl Strategy<Value = String> {
    let examples: Vec<&'static str> = DETECTORS
        .iter()
        .flat_map(|entry| entry.found.iter().map(|(text, _)| *text).chain(entry.not_found.iter().copied()))
        .collect();
    let values: Vec<&'static str> =
        DETECTORS.iter().flat_map(|entry| entry.found.iter().map(|(_, value)| *value)).collect();
    let cut = |text: &str, from: usize, length: usize| text.chars().skip(from).take(length).collect::<String>();
    prop_oneof![
        3 => prop::sample::select(values.clone()).prop_map(str::to_owned),
        2 => prop::sample::select(examples).prop_map(str::to_owned),
        3 => (prop::sample::select(values), 0_usize..40, 0_usize..40).prop_map(move |(value, from, length)| cut(value, from, length)),
        3 => "[ .,:;@+()/=\\-\n\"'\\[\\]_#xé—]{1,3}",
        2 => "[0-9]{1,20}",
        2 => "[a-f0-9:.]{1,12}",
        1 => "[a-zA-Z]{1,9} ",
        1 => prop::sample::select(vec!["phone ", "ssn: ", "card ", "token=", "version ", "\\n", "://", "-----BEGIN ", "eyJ", "\u{a0}"])
            .prop_map(str::to_owned),
        1 => "\\PC{0,4}",
    ]
}

fn texts() -> impl Strategy<Value = String> {
    prop::collection::vec(fragments(), 0..8).prop_map(|parts| parts.concat())
}

/// Pieces that stand apart. Where a value touches the next one, a label in its place can change what the next one is taken for.
fn texts_apart() -> impl Strategy<Value = String> {
    let gap = prop::sample::select(vec![" ", ", ", "\n", "; ", " - ", "\" \""]);
    prop::collection::vec((fragments(), gap), 0..8)
        .prop_map(|parts| parts.into_iter().map(|(part, gap)| part + gap).collect())
}

fn operators() -> impl Strategy<Value = Operator> {
    prop_oneof![
        Just(Operator::Redact),
        Just(Operator::Hash),
        Just(Operator::Drop),
        (0_u32..9).prop_map(Operator::Last),
        Just(Operator::Constant("é".to_owned())),
    ]
}

/// Some of the detectors, each with an operator of its own.
fn rule_sets() -> impl Strategy<Value = Arc<MaskRules>> {
    let own = prop::sample::select(vec![
        r"[A-Z]{2,}-?\d+",
        r"\b\d{3,5}\b",
        "[^ ]+",
        "a.*z",
        "é|—",
        "(?m)^.+$",
        r"\d\d[a-z]*?x",
        ".",
    ]);
    let named = prop::collection::vec((prop::sample::select(Detector::all()), operators()), 0..6);
    (named, prop::option::of((own, operators()))).prop_map(|(named, own)| {
        let named = named.into_iter().map(|(detector, operator)| MaskRule { operator, detectors: vec![detector] });
        let own = own.into_iter().map(|(own, operator)| MaskRule { operator, detectors: vec![pattern(own)] });
        Arc::new(MaskRules::new(named.chain(own).collect()))
    })
}

fn cut_up<'text>(text: &'text str, cuts: &[prop::sample::Index]) -> Vec<&'text str> {
    let mut places: Vec<usize> =
        cuts.iter().map(|cut| cut.index(text.len() + 1)).filter(|at| text.is_char_boundary(*at)).collect();
    places.extend([0, text.len()]);
    places.sort_unstable();
    places.windows(2).map(|pair| &text[pair[0]..pair[1]]).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_stream_gives_what_the_whole_gives(
        text in texts(),
        rules in rule_sets(),
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..12),
    ) {
        let whole = mask_text(&text, &rules, &key());
        prop_assert_eq!(stream(&cut_up(&text, &cuts), &rules), whole.as_ref());
        let characters: Vec<&str> = text.split("").collect();
        prop_assert_eq!(stream(&characters, &rules), whole.as_ref());
    }

    #[test]
    fn all_detectors_agree_on_bytes(text in texts(), noise in prop::collection::vec(any::<u8>(), 0..6), cuts in any::<[u8; 8]>()) {
        let bytes = [text.as_bytes(), &noise, text.as_bytes()].concat();
        prop_assert!(super::super::check_stream_agrees(&bytes, &cuts));
    }

    #[test]
    fn redacting_twice_changes_nothing(text in texts_apart()) {
        let rules = all_with(Operator::Redact);
        let once = mask_text(&text, &rules, &key()).into_owned();
        let twice = mask_text(&once, &rules, &key()).into_owned();
        prop_assert_eq!(twice, once);
    }

    #[test]
    fn no_value_remains(
        before in "[a-z ]{0,20}",
        (entry, index) in prop::sample::select(DETECTORS.to_vec()).prop_flat_map(|entry| (Just(entry), 0..entry.found.len())),
        after in "[a-z ]{0,20}",
    ) {
        let (text, value) = entry.found[index];
        let text = format!("{before} so. {text} {after}");
        let rules = all_with(Operator::Redact);
        let masked = mask_text(&text, &rules, &key()).into_owned();
        prop_assert!(!masked.contains(value), "{}", masked);
    }
}
