//! Properties of the count, against the rule said another way: try everyone and count.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;
use crate::clock::Timestamp;

const NAMES: [&str; 5] = ["agent", "ada", "bob", "cyd", "dan"];
const GROUPS: [&str; 3] = ["sec", "ops", "all"];

fn approver() -> impl Strategy<Value = Approver> {
    prop_oneof![
        prop::sample::select(&GROUPS[..]).prop_map(|name| Approver::Group(name.to_owned())),
        prop::sample::select(&NAMES[..]).prop_map(|name| Approver::User(name.to_owned())),
    ]
}

fn demands() -> impl Strategy<Value = Vec<Demand>> {
    let demand = (prop::collection::vec(approver(), 0..3), 0u32..4).prop_map(|(approvers, quorum)| Demand {
        id: "d".to_owned(),
        approvers,
        quorum,
    });
    prop::collection::vec(demand, 0..3)
}

fn votes() -> impl Strategy<Value = Vec<Vote>> {
    let vote =
        (prop::sample::select(&NAMES[..]), prop::sample::subsequence(&GROUPS[..], 0..=3), prop::bool::weighted(0.85))
            .prop_map(|(person, groups, grant)| Vote {
                person: person.to_owned(),
                issuer: "admin".to_owned(),
                groups: groups.into_iter().map(str::to_owned).collect(),
                answer: if grant { Answer::Grant } else { Answer::Refuse },
                comment: String::new(),
                time: Timestamp::from_nanoseconds(0),
            });
    prop::collection::vec(vote, 0..7)
}

proptest! {
    #[test]
    fn a_grant_has_a_quorum_of_different_people_for_each_demand(demands in demands(), votes in votes()) {
        let granted = tally(&demands, "agent", &votes) == Tally::Granted;
        let enough = demands.iter().all(|demand| {
            let people: BTreeSet<_> = votes
                .iter()
                .filter(|vote| vote.answer == Answer::Grant && vote.person != "agent")
                .filter(|vote| {
                    demand.approvers.contains(&Approver::User(vote.person.clone()))
                        || vote.groups.iter().any(|group| demand.approvers.contains(&Approver::Group(group.clone())))
                })
                .map(|vote| &vote.person)
                .collect();
            !people.is_empty() && people.len() >= usize::try_from(demand.quorum).expect("small")
        });
        let refused = tally(&demands, "agent", &votes) == Tally::Refused;
        prop_assert_eq!(granted, !demands.is_empty() && enough && !refused);
    }

    #[test]
    fn the_one_who_asks_counts_for_nothing(demands in demands(), votes in votes()) {
        let others: Vec<_> = votes.iter().filter(|vote| vote.person != "agent").cloned().collect();
        prop_assert_eq!(tally(&demands, "agent", &votes), tally(&demands, "agent", &others));
    }

    #[test]
    fn saying_it_twice_counts_once(demands in demands(), votes in votes()) {
        let twice: Vec<_> = votes.iter().chain(&votes).cloned().collect();
        prop_assert_eq!(tally(&demands, "agent", &votes), tally(&demands, "agent", &twice));
    }

    #[test]
    fn the_order_does_not_matter(demands in demands(), votes in votes()) {
        let reversed: Vec<_> = votes.iter().rev().cloned().collect();
        prop_assert_eq!(tally(&demands, "agent", &votes), tally(&demands, "agent", &reversed));
    }

    #[test]
    fn a_further_demand_never_grants(demands in demands(), more in demands(), votes in votes()) {
        prop_assume!(!demands.is_empty());
        let all: Vec<_> = demands.iter().chain(&more).cloned().collect();
        if tally(&all, "agent", &votes) == Tally::Granted {
            prop_assert_eq!(tally(&demands, "agent", &votes), Tally::Granted);
        }
    }

    #[test]
    fn those_who_may_not_answer_refuse_nothing(demands in demands(), votes in votes()) {
        let stranger = Vote {
            person: "stranger".to_owned(),
            issuer: "admin".to_owned(),
            groups: vec!["none".to_owned()],
            answer: Answer::Refuse,
            comment: String::new(),
            time: Timestamp::from_nanoseconds(0),
        };
        let with: Vec<_> = votes.iter().cloned().chain([stranger]).collect();
        prop_assert_eq!(tally(&demands, "agent", &votes), tally(&demands, "agent", &with));
    }
}
