//! What must hold for every program: tried on programs and requests that are made up.

use std::collections::BTreeSet;

use hpol_lang::format::format;
use hpol_lang::parse::{ParseLimits, parse};
use hpol_lang::source::SourceMap;
use hpol_lang::typed::Package;
use hpol_runtime::decision::{ApprovalDemand, ApprovalTerms, Mask};
use hpol_runtime::source::Files;
use hpol_runtime::{Decision, Effect, Input, Limits, Pass};
use hpol_tests::choices::Choices;
use hpol_tests::engines::Engines;
use hpol_tests::fuzz::{peer_agrees, text_agrees};
use hpol_tests::program::{MadeDecision, Program, value_of};
use proptest::prelude::*;
use proptest::test_runner::RngSeed;

const REQUESTS: usize = 6;

/// Decides on requests, if the checker takes the policy.
fn decide(policy: &str, choices: &mut Choices<'_>) -> Option<Vec<Decision>> {
    decide_by(&Files::from_memory([("made.hpol", policy)]), choices)
}

fn decide_by(files: &Files, choices: &mut Choices<'_>) -> Option<Vec<Decision>> {
    let checked = hpol_runtime::check(files).program?;
    let package: &Package = checked.packages.first()?;
    let limits = Limits { time: std::time::Duration::from_secs(600), ..Limits::default() };
    let engines = Engines::load_without(files, limits, Pass::Share).ok()?;
    let kind = package.input_kind.clone()?;
    let mut decide = || engines.decide(&Input::new(&kind, value_of(&package.input, choices)).at(0));
    Some((0..REQUESTS).map(|_| decide()).collect())
}

/// Whether `narrow` lets no more pass than `wide`.
fn is_no_wider(narrow: &Decision, wide: &Decision) -> bool {
    let masked = |mask: &Mask| {
        narrow.masks.iter().any(|other| {
            other.selector == mask.selector
                && other.operator.detectors == mask.operator.detectors
                && other.operator.kind <= mask.operator.kind
        })
    };
    let demanded = |terms: &ApprovalTerms, demand: &ApprovalDemand| {
        terms.demands.iter().any(|other| other.approvers == demand.approvers && other.quorum >= demand.quorum)
    };
    let approved = |wide: &ApprovalTerms| {
        narrow.approval.as_ref().is_some_and(|narrow| {
            narrow.within <= wide.within && wide.demands.iter().all(|demand| demanded(narrow, demand))
        })
    };
    narrow.effect == Effect::Deny
        || (narrow.effect <= wide.effect
            && wide.masks.iter().all(masked)
            && wide.approval.as_ref().is_none_or(approved))
}

/// What a decision says, apart from where it stands in the text.
fn said(decision: &Decision) -> impl PartialEq + std::fmt::Debug {
    let rules: BTreeSet<String> = decision
        .rules
        .iter()
        .map(|rule| format!("{:?} {} {:?} {:?} {:?}", rule.effect, rule.id, rule.outcome, rule.reason, rule.witnesses))
        .collect();
    let absent: BTreeSet<String> = decision.absent.iter().map(|absent| absent.path.to_string()).collect();
    // Which of several errors comes first may differ, not that there is one.
    let fails = !decision.errors.is_empty();
    (decision.effect, rules, absent, decision.masks.clone(), decision.approval.clone(), fails)
}

fn formatted(policy: &str) -> String {
    let mut sources = SourceMap::new();
    let file = sources.add("made.hpol", policy);
    let (module, _) = parse(&sources, file, &ParseLimits::default());
    format(&sources, &module.expect("the checker has read it"))
}

proptest! {
    // Always the same programs: regorus has defects of its own, of which others would find more each time.
    #![proptest_config(ProptestConfig {
        cases: 64,
        failure_persistence: None,
        max_global_rejects: 4096,
        rng_seed: RngSeed::Fixed(1),
        ..ProptestConfig::default()
    })]

    #[test]
    fn regorus_agrees(data in prop::collection::vec(any::<u8>(), 20..240)) {
        prop_assume!(peer_agrees(&Program::chosen(&mut Choices::new(&data)).library(), &data));
    }
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 64,
        failure_persistence: None,
        max_global_rejects: 4096,
        ..ProptestConfig::default()
    })]

    #[test]
    fn the_engines_agree(data in prop::collection::vec(any::<u8>(), 20..240)) {
        let program = Program::chosen(&mut Choices::new(&data));
        text_agrees("made.rego", &program.library(), &data);
        prop_assume!(text_agrees("made.hpol", &program.policy(), &data));
    }

    #[test]
    fn the_order_of_rules_and_files_does_not_matter(
        data in prop::collection::vec(any::<u8>(), 20..240),
        order in prop::collection::vec(any::<u8>(), 20..40),
        requests in prop::collection::vec(any::<u8>(), 60..120),
    ) {
        let program = Program::chosen(&mut Choices::new(&data));
        let written = decide(&program.policy(), &mut Choices::new(&requests));
        prop_assume!(written.is_some());
        let [first, second] = program.rearranged(&mut Choices::new(&order));
        let files = Files::from_memory([("b.hpol", &first), ("a.hpol", &second)]);
        let rearranged = decide_by(&files, &mut Choices::new(&requests));
        prop_assert!(rearranged.is_some(), "refused in another order:\n{first}\n---\n{second}");
        for (left, right) in written.iter().flatten().zip(rearranged.iter().flatten()) {
            prop_assert_eq!(said(left), said(right), "{}\n---\n{}", first, second);
        }
    }

    #[test]
    fn formatting_keeps_the_meaning(
        data in prop::collection::vec(any::<u8>(), 20..240),
        requests in prop::collection::vec(any::<u8>(), 60..120),
    ) {
        let policy = Program::chosen(&mut Choices::new(&data)).policy();
        let written = decide(&policy, &mut Choices::new(&requests));
        prop_assume!(written.is_some());
        let formatted = decide(&formatted(&policy), &mut Choices::new(&requests)).expect("a formatted policy is taken");
        for (left, right) in written.iter().flatten().zip(&formatted) {
            prop_assert_eq!(said(left), said(right), "{}", policy);
        }
    }

    #[test]
    fn another_protecting_rule_never_widens(
        data in prop::collection::vec(any::<u8>(), 20..240),
        requests in prop::collection::vec(any::<u8>(), 60..120),
    ) {
        let program = Program::chosen(&mut Choices::new(&data));
        let protecting = program.decisions.iter().rposition(|decision| decision.effect != "allow");
        prop_assume!(protecting.is_some());
        let mut fewer: Vec<MadeDecision> = program.decisions.clone();
        fewer.remove(protecting.unwrap_or_default());
        let wide = decide(&program.policy_of(&fewer), &mut Choices::new(&requests));
        let narrow = decide(&program.policy(), &mut Choices::new(&requests));
        prop_assume!(wide.is_some() && narrow.is_some());
        for (narrow, wide) in narrow.iter().flatten().zip(wide.iter().flatten()) {
            prop_assert!(is_no_wider(narrow, wide), "{}\n{wide:#?} was widened to {narrow:#?}", program.policy());
        }
    }
}
