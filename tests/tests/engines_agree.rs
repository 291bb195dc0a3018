//! What must hold for every program: tried on programs and requests that are made up.

use hpol_lang::typed::Package;
use hpol_runtime::decision::{ApprovalDemand, ApprovalTerms, Mask};
use hpol_runtime::source::Files;
use hpol_runtime::{Decision, Effect, Input, Limits};
use hpol_tests::choices::Choices;
use hpol_tests::engines::Engines;
use hpol_tests::fuzz::text_agrees;
use hpol_tests::program::{MadeDecision, Program, value_of};
use proptest::prelude::*;

const REQUESTS: usize = 6;

/// Decides on requests, if the checker takes the policy.
fn decide(policy: &str, choices: &mut Choices<'_>) -> Option<Vec<Decision>> {
    let files = Files::from_memory([("made.hpol", policy)]);
    let checked = hpol_runtime::check(&files).program?;
    let package: &Package = checked.packages.first()?;
    let limits = Limits { time: std::time::Duration::from_secs(600), ..Limits::default() };
    let engines = Engines::load(&files, limits).ok()?;
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
