use proptest::prelude::*;

use hpol_lang::source::Location;

use super::*;
use crate::decision::{Direction, Operator};

fn rule(effect: Effect, id: &str, outcome: RuleOutcome) -> RuleMatch {
    RuleMatch {
        effect,
        id: id.into(),
        package: "guard".into(),
        location: Location { file: "guard.hpol".into(), line: 1, column: 1 },
        outcome,
        reason: None,
        witnesses: Vec::new(),
        annotations: BTreeMap::new(),
    }
}

fn plain(effect: Effect, id: &str) -> Finding {
    Finding { rule: rule(effect, id, RuleOutcome::Matched), asks: Asks::Nothing }
}

fn mask(id: &str, selector: Selector, kind: OperatorKind, detectors: &[&str]) -> Finding {
    let detectors = detectors.iter().map(|name| DetectorUse::Named((*name).into())).collect();
    let mask = Mask { ids: vec![id.into()], selector, operator: Operator { kind, detectors } };
    Finding { rule: rule(Effect::Mask, id, RuleOutcome::Matched), asks: Asks::Mask(mask) }
}

fn approval(id: &str, groups: &[&str], quorum: u32, seconds: u64) -> Finding {
    let approvers = groups.iter().map(|name| Approver::Group((*name).into())).collect();
    let demand = ApprovalDemand { id: id.into(), approvers, quorum };
    let asks = Asks::Approval(demand, Duration::from_secs(seconds));
    Finding { rule: rule(Effect::Approve, id, RuleOutcome::Matched), asks }
}

fn decide(counting: Vec<Finding>) -> Decision {
    let policy = PolicyName { revision: "r".into(), policy_hash: "h".into() };
    combine(Findings { counting, ..Findings::default() }, &policy)
}

const TEXT: Selector = Selector::Text { direction: Direction::Any };

#[test]
fn nothing_is_allowed_without_an_allow() {
    for findings in [vec![], vec![mask("m", TEXT, OperatorKind::Drop, &[])], vec![approval("a", &["ops"], 1, 60)]] {
        let decision = decide(findings);
        assert_eq!(decision.effect, Effect::Deny);
        assert_eq!(decision.reasons, ["no rule allows this request"]);
        assert!(decision.rules.is_empty() && decision.masks.is_empty() && decision.approval.is_none());
    }
}

#[test]
fn a_deny_beats_everything_and_stands_alone() {
    let mut denied = plain(Effect::Deny, "no");
    denied.rule.reason = Some("because".to_owned());
    let decision = decide(vec![
        plain(Effect::Allow, "yes"),
        mask("m", TEXT, OperatorKind::Drop, &[]),
        approval("a", &["ops"], 1, 60),
        denied,
        plain(Effect::Deny, "silent"),
    ]);
    assert_eq!(decision.effect, Effect::Deny);
    let ids: Vec<&str> = decision.rules.iter().map(|rule| &*rule.id).collect();
    assert_eq!(ids, ["no", "silent"]);
    assert_eq!(decision.reasons, ["because", "rule `silent` denies it"]);
}

#[test]
fn masks_on_the_same_values_join_to_the_stronger() {
    let column = Selector::Column { table: "customers".into(), column: "email".into() };
    let decision = decide(vec![
        plain(Effect::Allow, "yes"),
        mask("last", TEXT, OperatorKind::Last(4), &["iban", "credit_card"]),
        mask("hash", TEXT, OperatorKind::Hash, &["credit_card", "iban"]),
        mask("column", column.clone(), OperatorKind::Redact, &[]),
        mask("other", TEXT, OperatorKind::Last(2), &["iban"]),
    ]);
    assert_eq!(decision.effect, Effect::Mask);
    let masks: Vec<(Vec<&str>, &OperatorKind)> =
        decision.masks.iter().map(|mask| (mask.ids.iter().map(|id| &**id).collect(), &mask.operator.kind)).collect();
    assert_eq!(
        masks,
        [
            (vec!["column"], &OperatorKind::Redact),
            (vec!["hash", "last"], &OperatorKind::Hash),
            (vec!["other"], &OperatorKind::Last(2)),
        ]
    );
}

#[test]
fn approvals_keep_every_demand_and_the_shortest_time() {
    let decision = decide(vec![
        plain(Effect::Allow, "yes"),
        mask("m", TEXT, OperatorKind::Drop, &[]),
        approval("a", &["ops", "dba"], 1, 600),
        approval("b", &["dba", "ops"], 2, 900),
        approval("c", &["security"], 1, 60),
    ]);
    assert_eq!(decision.effect, Effect::Approve);
    let terms = decision.approval.expect("an approval is asked for");
    let demands: Vec<(&str, u32)> = terms.demands.iter().map(|demand| (&*demand.id, demand.quorum)).collect();
    assert_eq!(demands, [("b", 2), ("c", 1)]);
    assert_eq!(terms.within, Duration::from_secs(60));
    assert_eq!(decision.masks.len(), 1);
}

#[test]
fn what_could_not_be_carried_through_grants_nothing() {
    let policy = PolicyName { revision: "r".into(), policy_hash: "h".into() };
    let error = EvaluationError { code: "limit_fuel".into(), message: "too much work".to_owned(), location: None };
    let findings = Findings {
        counting: vec![plain(Effect::Allow, "yes")],
        errors: vec![error],
        incomplete: true,
        ..Findings::default()
    };
    let decision = combine(findings, &policy);
    assert_eq!((decision.effect, decision.reasons), (Effect::Deny, vec!["too much work".to_owned()]));
}

fn findings() -> impl Strategy<Value = Finding> {
    let id = "[a-c]";
    let kind = prop_oneof![
        Just(OperatorKind::Drop),
        "[xy]".prop_map(|text| OperatorKind::Constant(text.into())),
        Just(OperatorKind::Redact),
        Just(OperatorKind::Hash),
        (1_u32..4).prop_map(OperatorKind::Last),
    ];
    let detectors = prop::sample::subsequence(vec!["iban", "email"], 0..=2);
    let groups = prop::sample::subsequence(vec!["ops", "dba"], 1..=2);
    prop_oneof![
        id.prop_map(|id| plain(Effect::Allow, &id)),
        id.prop_map(|id| plain(Effect::Deny, &id)),
        (id, kind, detectors).prop_map(|(id, kind, detectors)| mask(&id, TEXT, kind, &detectors)),
        (id, groups, 1_u32..4, 1_u64..5).prop_map(|(id, groups, quorum, time)| approval(&id, &groups, quorum, time)),
    ]
}

/// Whether everything that `narrow` lets pass `wide` lets pass too, under no more conditions.
fn is_no_wider(narrow: &Decision, wide: &Decision) -> bool {
    if narrow.effect == Effect::Deny {
        return true;
    }
    let masked = wide.masks.iter().all(|mask| {
        let same =
            |other: &&Mask| other.selector == mask.selector && other.operator.detectors == mask.operator.detectors;
        narrow.masks.iter().find(same).is_some_and(|other| other.operator.kind <= mask.operator.kind)
    });
    let approved = wide.approval.as_ref().is_none_or(|terms| {
        narrow.approval.as_ref().is_some_and(|other| {
            let kept = |demand: &ApprovalDemand| {
                other.demands.iter().any(|kept| kept.approvers == demand.approvers && kept.quorum >= demand.quorum)
            };
            other.within <= terms.within && terms.demands.iter().all(kept)
        })
    });
    narrow.effect <= wide.effect && masked && approved
}

proptest! {
    #[test]
    fn another_protecting_rule_never_widens(counting in prop::collection::vec(findings(), 0..8), more in findings()) {
        prop_assume!(more.rule.effect != Effect::Allow);
        let before = decide(counting.clone());
        let after = decide(counting.into_iter().chain([more]).collect());
        prop_assert!(is_no_wider(&after, &before), "{before:#?} was widened to {after:#?}");
    }

    #[test]
    fn the_order_of_rules_does_not_matter(
        (counting, shuffled) in prop::collection::vec(findings(), 0..8)
            .prop_flat_map(|counting| (Just(counting.clone()), Just(counting).prop_shuffle()))
    ) {
        // The same id twice in a package is refused, so that rules always differ in it.
        let mut seen = std::collections::BTreeSet::new();
        prop_assume!(counting.iter().all(|finding| seen.insert((finding.rule.effect, finding.rule.id.clone()))));
        prop_assert_eq!(decide(counting), decide(shuffled));
    }
}
