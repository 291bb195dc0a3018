//! Runs the examples of the table, and checks masks on fixed texts.

use super::super::{Confidence, DETECTORS, Detector, Kind, Scanner};
use super::{Operator, all_with, check, key, mask_text, pattern, stream};
use crate::detect::mask::{MaskRule, MaskRules};

#[test]
fn the_table_says_what_is_found() {
    let mut wrong = Vec::new();
    for entry in DETECTORS {
        let scanner = Scanner::new(vec![Detector::named(entry.name()).expect("a detector")]);
        for (text, value) in entry.found {
            let found: Vec<&str> = scanner.find(text).into_iter().map(|finding| &text[finding.range]).collect();
            if found != [*value] {
                wrong.push(format!("{}: {text:?}: wanted {value:?}, found {found:?}", entry.name()));
            }
        }
        for text in entry.not_found {
            let found: Vec<&str> = scanner.find(text).into_iter().map(|finding| &text[finding.range]).collect();
            if !found.is_empty() {
                wrong.push(format!("{}: {text:?}: wanted nothing, found {found:?}", entry.name()));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_kind_but_patterns_is_in_the_table() {
    let in_table: Vec<Kind> = DETECTORS.iter().map(|entry| entry.kind).collect();
    for kind in Kind::ALL {
        assert_eq!(in_table.contains(&kind), kind != Kind::Pattern, "{kind:?}");
    }
    assert!(Detector::named("pattern").is_none());
    assert!(Detector::named("shoe_size").is_none());
}

#[test]
fn the_table_streams_as_it_stands() {
    let rules = all_with(Operator::Redact);
    for entry in DETECTORS {
        let texts = entry.found.iter().map(|(text, _)| *text).chain(entry.not_found.iter().copied());
        for text in texts {
            let whole = mask_text(text, &rules, &key());
            for (cut, _) in text.char_indices() {
                assert_eq!(stream(&[&text[..cut], &text[cut..]], &rules), whole, "{text:?} cut at {cut}");
            }
            check(text, &rules, &whole);
        }
    }
}

#[test]
fn findings_do_not_overlap() {
    let scanner = Scanner::new(Detector::all());
    let found = scanner
        .find("api_key=Zt0pLw7RmY3vKs9QxB2n-4111111111111111 mail ann@example.com from 192.0.2.7, call 555-123-4567");
    let kinds: Vec<Kind> = found.iter().map(|finding| finding.kind).collect();
    assert_eq!(kinds, [Kind::CreditCard, Kind::Email, Kind::Ip, Kind::Phone]);
    assert!(found.windows(2).all(|pair| pair[0].range.end <= pair[1].range.start));
    assert_eq!(found[0].confidence, Confidence::Certain);
    assert!(scanner.contains("ann@example.com"));
    assert!(!scanner.contains("ann at example"));
}

#[test]
fn each_operator() {
    let text = "card 4111-1111-1111-1111, mail ann@example.com";
    check(text, &all_with(Operator::Redact), "card [credit_card], mail [email]");
    check(text, &all_with(Operator::Last(4)), "card ****-****-****-1111, mail ***@*******.com");
    check(text, &all_with(Operator::Constant("…".to_owned())), "card …, mail …");
    check(text, &all_with(Operator::Drop), "card , mail ");
    let hashed = format!("card {}, mail {}", key().hash(b"4111-1111-1111-1111"), key().hash(b"ann@example.com"));
    check(text, &all_with(Operator::Hash), &hashed);
}

#[test]
fn the_stronger_operator_wins_where_findings_overlap() {
    let rules = |email, own| {
        let rule = |operator, detector| MaskRule { operator, detectors: vec![detector] };
        let named = Detector::named("email").expect("a detector");
        std::sync::Arc::new(MaskRules::new(vec![rule(email, named), rule(own, pattern(r"[a-z]+\.com .*!"))]))
    };
    let text = "to ann@example.com at once! now";
    check(text, &rules(Operator::Redact, Operator::Last(3)), "to [email] now");
    check(text, &rules(Operator::Redact, Operator::Drop), "to  now");
    check(text, &rules(Operator::Hash, Operator::Redact), "to [pattern] now");
    check(text, &rules(Operator::Redact, Operator::Redact), "to [email] now");
    check(text, &rules(Operator::Last(2), Operator::Last(6)), "to ***@*******.*** ** ***e! now");
}

#[test]
fn a_rule_without_detectors_masks_the_whole_text() {
    let rules = |operators: Vec<Operator>| {
        let rule = |operator| MaskRule { operator, detectors: Vec::new() };
        std::sync::Arc::new(MaskRules::new(operators.into_iter().map(rule).collect()))
    };
    check("a secret", &rules(vec![Operator::Redact]), "[redacted]");
    check("a secret", &rules(vec![Operator::Last(3), Operator::Hash]), &key().hash(b"a secret"));
    check("a secret", &rules(vec![Operator::Last(3)]), "* ***ret");
    check("ret", &rules(vec![Operator::Last(3)]), "***");
    check("a secret", &rules(vec![Operator::Drop]), "");
    check("", &rules(vec![Operator::Redact]), "");
    let email = MaskRule { operator: Operator::Redact, detectors: vec![Detector::named("email").expect("a detector")] };
    let mixed = MaskRules::new(vec![MaskRule { operator: Operator::Last(26), detectors: Vec::new() }, email]);
    check("of ann@example.com and of nobody else here", &mixed.into(), "** [****l] and of nobody else here");
}

#[test]
fn own_patterns() {
    let rules = |expression| {
        std::sync::Arc::new(MaskRules::new(vec![MaskRule {
            operator: Operator::Redact,
            detectors: vec![pattern(expression)],
        }]))
    };
    check("see EMP-12 and EMP-7.", &rules(r"EMP-\d+"), "see [pattern] and [pattern].");
    check("see EMP-123456 x", &rules(r"\bEMP-\d{6}\b"), "see [pattern] x");
    check("see EMP-1234567", &rules(r"\bEMP-\d{6}\b"), "see EMP-1234567");
    check("abab", &rules("ab$"), "ab[pattern]");
    check("abab", &rules("^ab"), "[pattern]ab");
    check("a\nab\n", &rules("(?m)^ab$"), "a\n[pattern]\n");
    check("foobarbaz foobar foo", &rules("foobarbaz|foo"), "[pattern] [pattern]bar [pattern]");
    check("aé—z aéz", &rules("a.z"), "aé—z aéz");
    check("aéz", &rules("é."), "a[pattern]");
    check("Ünï", &rules(r"(?u:\w+)"), "[pattern]");
    check("x = aaaa;", &rules("a+?"), "x = [pattern][pattern][pattern][pattern];");
}

#[test]
fn a_pattern_that_can_not_work_is_refused() {
    let refuse = |expression: &str| Detector::pattern(expression).expect_err("a refusal").to_string();
    assert_eq!(
        refuse("a*"),
        "`a*` matches the empty text, so it would match everywhere; require at least one character"
    );
    assert_eq!(refuse("(a"), "`(a` is not a regular expression: unclosed group");
    assert_eq!(refuse(r"(?u)\bx"), r"`(?u)\bx` asks for a Unicode word boundary; write `(?-u:\b)`");
    assert_eq!(
        refuse(r"(a[ab]{1,400}b[ab]{1,400}){1,400}"),
        "`(a[ab]{1,400}b[ab]{1,400}){1,400}` is too complex; use fewer or smaller counted repeats, such as `{1,20}`"
    );
    assert_eq!(refuse(&"a".repeat(5000)), "the pattern has 5000 bytes; at most 4096 are allowed");
    assert!(refuse(&"(".repeat(1000)).contains("not a regular expression"));
}
