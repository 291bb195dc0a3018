//! Approvals from asking to use, with a real store.

use futures_util::future::join_all;
use hpol_runtime::decision::Decision;
use serde_json::json;

use super::*;
use crate::record::{self, AuditWriter, Filter};
use crate::testing::{ManualClock, TestStore, approve, group, identity, user};

const MINUTE: Duration = Duration::from_secs(60);

/// Approvals over a store, with a clock that stands still.
struct Fixture {
    test: TestStore,
    clock: ManualClock,
    approvals: Approvals,
    log: AuditLog,
    _writer: AuditWriter,
}

impl Fixture {
    async fn new() -> Self {
        Self::with(ApprovalsConfig::default()).await
    }

    async fn with(config: ApprovalsConfig) -> Self {
        let test = TestStore::open().await;
        let clock = ManualClock::new();
        let metrics = Metrics::new();
        let (log, writer) = AuditLog::start(&test.store, &metrics, clock.clock());
        let approvals = Approvals::start(&config, &test.store, &log, &metrics, clock.clock());
        Self { test, clock, approvals, log, _writer: writer }
    }

    async fn ask(&self, who: &str, decision: &Decision, request: u8) -> Result<Ticket, ApprovalError> {
        let ask = Ask {
            identity: &identity(who),
            decision,
            request_hash: [request; 32],
            request_id: "r-1",
            summary: json!({"path": "/v1/responses"}),
        };
        self.approvals.request(&ask).await
    }

    async fn open(&self, decision: &Decision) -> Ticket {
        self.ask("agent", decision, 1).await.expect("there is room")
    }

    async fn answer(&self, ticket: &Ticket, who: &Person, answer: Answer) -> Result<ApprovalState, ApprovalError> {
        Ok(self.approvals.answer(&ticket.id, who, answer, "because").await?.state)
    }

    /// The kinds of all records, oldest first.
    async fn records(&self) -> Vec<String> {
        record::verify(&self.test.store, None).await.expect("the chain is whole");
        let page = record::list(&self.test.store, &Filter::default()).await.expect("readable");
        page.entries.into_iter().rev().map(|entry| entry.kind).collect()
    }
}

fn person(name: &str, groups: &[&str]) -> Person {
    Person {
        name: name.to_owned(),
        issuer: "admin".to_owned(),
        groups: groups.iter().map(|group| (*group).to_owned()).collect(),
    }
}

/// One approval by anyone in `sec`, within five minutes.
fn by_sec(quorum: u32) -> Decision {
    approve(&[(&[group("sec")], quorum)], 5 * MINUTE)
}

#[tokio::test]
async fn a_grant_wakes_the_request_and_is_used_once() {
    let fixture = Fixture::new().await;
    let ticket = fixture.open(&by_sec(1)).await;
    assert_eq!((ticket.state, ticket.opened), (ApprovalState::Pending, true));
    let waiting = tokio::spawn({
        let (approvals, id) = (fixture.approvals.clone(), ticket.id.clone());
        async move { approvals.wait(&id).await }
    });
    let state = fixture.answer(&ticket, &person("ada", &["sec"]), Answer::Grant).await;
    assert_eq!(state, Ok(ApprovalState::Granted));
    assert_eq!(waiting.await.expect("no panic"), Ok(Outcome::Granted));
    assert_eq!(fixture.approvals.claim(&ticket, "r-1").await, Ok(()));
    let again = fixture.approvals.claim(&ticket, "r-2").await;
    assert_eq!(again, Err(ApprovalError::NotGranted(ApprovalState::Used)));
    assert_eq!(fixture.approvals.wait(&ticket.id).await, Ok(Outcome::Used));
    assert_eq!(fixture.records().await, ["approval_opened", "approval_answered", "approval_used"]);
    // The same request asks anew.
    let next = fixture.open(&by_sec(1)).await;
    assert!(next.opened && next.id != ticket.id);
    assert_eq!(fixture.approvals.shared.waiters.len(), 0, "nobody waits any more");
}

#[tokio::test]
async fn a_retry_finds_the_approval_that_is_open() {
    let fixture = Fixture::new().await;
    let decision = by_sec(1);
    let ticket = fixture.open(&decision).await;
    let retry = fixture.open(&decision).await;
    assert_eq!((&retry.id, retry.opened), (&ticket.id, false));
    // Anything else asks on its own: another identity, request, policy or demand.
    let mut policy = by_sec(1);
    policy.policy_hash = "other".into();
    for (who, decision, request) in
        [("bot", &decision, 1), ("agent", &decision, 2), ("agent", &policy, 1), ("agent", &by_sec(2), 1)]
    {
        let other = fixture.ask(who, decision, request).await.expect("there is room");
        assert!(other.opened && other.id != ticket.id);
    }
    // The client gave up; the grant comes; its retry finds it.
    fixture.answer(&ticket, &person("ada", &["sec"]), Answer::Grant).await.expect("taken");
    let retry = fixture.open(&decision).await;
    assert_eq!((&retry.id, retry.state), (&ticket.id, ApprovalState::Granted));
    assert_eq!(fixture.approvals.claim(&retry, "r-9").await, Ok(()));
}

#[tokio::test]
async fn many_requests_at_once_open_one_approval() {
    let fixture = Fixture::new().await;
    let decision = by_sec(1);
    let tickets = join_all((0..20).map(|_| fixture.ask("agent", &decision, 1))).await;
    let tickets: Vec<_> = tickets.into_iter().collect::<Result<_, _>>().expect("there is room");
    assert_eq!(tickets.iter().filter(|ticket| ticket.opened).count(), 1);
    assert!(tickets.iter().all(|ticket| ticket.id == tickets[0].id));
    fixture.answer(&tickets[0], &person("ada", &["sec"]), Answer::Grant).await.expect("taken");
    let claims = join_all(tickets.iter().map(|ticket| fixture.approvals.claim(ticket, "r"))).await;
    assert_eq!(claims.iter().filter(|claim| claim.is_ok()).count(), 1, "a grant lets one request through");
}

#[tokio::test]
async fn a_refusal_is_final_until_the_deadline() {
    let fixture = Fixture::new().await;
    let ticket = fixture.open(&by_sec(2)).await;
    fixture.answer(&ticket, &person("ada", &["sec"]), Answer::Grant).await.expect("taken");
    let state = fixture.answer(&ticket, &person("bob", &["sec"]), Answer::Refuse).await;
    assert_eq!(state, Ok(ApprovalState::Refused));
    let late = fixture.answer(&ticket, &person("eve", &["sec"]), Answer::Grant).await;
    assert_eq!(late, Err(ApprovalError::NotPending(ApprovalState::Refused)));
    let refused = Outcome::Refused { by: "bob".to_owned(), comment: "because".to_owned() };
    assert_eq!(fixture.approvals.wait(&ticket.id).await, Ok(refused));
    assert_eq!(fixture.approvals.claim(&ticket, "r-1").await, Err(ApprovalError::NotGranted(ApprovalState::Refused)));
    // Asking again at once gets the same answer; approvers are not asked twice.
    let retry = fixture.open(&by_sec(2)).await;
    assert_eq!((&retry.id, retry.state), (&ticket.id, ApprovalState::Refused));
    fixture.clock.advance(6 * MINUTE);
    assert!(fixture.open(&by_sec(2)).await.opened);
}

#[tokio::test]
async fn only_those_whom_the_policy_names_answer_and_each_once() {
    let fixture = Fixture::new().await;
    let decision = approve(&[(&[group("sec"), user("cto"), user("agent")], 2)], 5 * MINUTE);
    let ticket = fixture.open(&decision).await;
    let answer =
        async |name: &str, groups: &[&str]| fixture.answer(&ticket, &person(name, groups), Answer::Grant).await;
    // The one who asks may not, whatever the groups say and whoever vouches for the name.
    assert_eq!(answer("agent", &["sec"]).await, Err(ApprovalError::OwnRequest));
    assert_eq!(answer("eve", &["sales"]).await, Err(ApprovalError::NotAnApprover));
    assert_eq!(answer("sec", &[]).await, Err(ApprovalError::NotAnApprover));
    assert_eq!(answer("ada", &["sec"]).await, Ok(ApprovalState::Pending));
    assert_eq!(answer("ada", &["sec"]).await, Err(ApprovalError::AlreadyAnswered));
    assert_eq!(answer("cto", &[]).await, Ok(ApprovalState::Granted));
    let missing = fixture.approvals.answer("a-none", &person("ada", &["sec"]), Answer::Grant, "").await;
    assert_eq!(missing, Err(ApprovalError::NotFound));
    assert_eq!(fixture.records().await.len(), 3, "what was turned away changed nothing");
}

#[tokio::test]
async fn answers_at_the_same_moment_are_all_counted() {
    let fixture = Fixture::new().await;
    let ticket = fixture.open(&by_sec(8)).await;
    let people: Vec<_> = (0..8).map(|number| person(&format!("p{number}"), &["sec"])).collect();
    let states = join_all(people.iter().map(|person| fixture.answer(&ticket, person, Answer::Grant))).await;
    let states: Vec<_> = states.into_iter().collect::<Result<_, _>>().expect("all are taken");
    assert_eq!(states.iter().filter(|state| **state == ApprovalState::Granted).count(), 1);
    assert_eq!(fixture.approvals.get(&ticket.id).await.expect("there").votes.len(), 8);
}

#[tokio::test]
async fn no_answer_in_time_is_a_refusal() {
    let fixture = Fixture::new().await;
    let ticket = fixture.open(&by_sec(1)).await;
    fixture.clock.advance(5 * MINUTE);
    let late = fixture.answer(&ticket, &person("ada", &["sec"]), Answer::Grant).await;
    assert_eq!(late, Err(ApprovalError::NotPending(ApprovalState::Expired)));
    assert_eq!(fixture.approvals.wait(&ticket.id).await, Ok(Outcome::Expired));
    assert_eq!(fixture.records().await, ["approval_opened", "approval_expired"]);
}

#[tokio::test]
async fn a_waiting_request_is_refused_at_the_deadline() {
    // The real clock, and a deadline that is near: what waits is woken by it.
    let test = TestStore::open().await;
    let metrics = Metrics::new();
    let (log, _writer) = AuditLog::start(&test.store, &metrics, Clock::system());
    let config = ApprovalsConfig::default();
    let approvals = Approvals::start(&config, &test.store, &log, &metrics, Clock::system());
    let decision = approve(&[(&[group("sec")], 1)], Duration::from_millis(30));
    let identity = identity("agent");
    let ask =
        Ask { identity: &identity, decision: &decision, request_hash: [1; 32], request_id: "r-1", summary: json!({}) };
    let ticket = approvals.request(&ask).await.expect("there is room");
    assert_eq!(approvals.wait(&ticket.id).await, Ok(Outcome::Expired));
}

#[tokio::test]
async fn a_grant_that_is_not_used_runs_out() {
    let fixture = Fixture::new().await;
    let ticket = fixture.open(&by_sec(1)).await;
    fixture.answer(&ticket, &person("ada", &["sec"]), Answer::Grant).await.expect("taken");
    fixture.clock.advance(5 * MINUTE);
    let claim = fixture.approvals.claim(&ticket, "r-1").await;
    assert_eq!(claim, Err(ApprovalError::NotGranted(ApprovalState::Expired)));
    assert!(fixture.open(&by_sec(1)).await.opened);
}

#[tokio::test]
async fn a_deadline_that_passes_while_the_gateway_is_down_is_a_refusal() {
    let fixture = Fixture::new().await;
    let pending = fixture.open(&by_sec(1)).await;
    let lives = fixture.ask("agent", &approve(&[(&[group("sec")], 1)], 60 * MINUTE), 2).await.expect("there is room");
    let Fixture { test, clock, approvals, log, _writer } = fixture;
    drop((approvals, log));
    clock.advance(10 * MINUTE);
    let metrics = Metrics::new();
    let (log, _writer) = AuditLog::start(&test.store, &metrics, clock.clock());
    let approvals = Approvals::start(&ApprovalsConfig::default(), &test.store, &log, &metrics, clock.clock());
    assert_eq!(approvals.wait(&pending.id).await, Ok(Outcome::Expired));
    let state = approvals.answer(&lives.id, &person("ada", &["sec"]), Answer::Grant, "").await.map(|found| found.state);
    assert_eq!(state, Ok(ApprovalState::Granted), "what has time left goes on");
}

/// Approvals that nobody waits for are ended too, so that lists and records are true.
#[tokio::test]
async fn forgotten_approvals_end_by_themselves() {
    let test = TestStore::open().await;
    let metrics = Metrics::new();
    let (log, _writer) = AuditLog::start(&test.store, &metrics, Clock::system());
    let approvals = Approvals::start(&ApprovalsConfig::default(), &test.store, &log, &metrics, Clock::system());
    let decision = approve(&[(&[group("sec")], 1)], Duration::from_millis(20));
    let identity = identity("agent");
    let ask =
        Ask { identity: &identity, decision: &decision, request_hash: [1; 32], request_id: "r", summary: json!({}) };
    let ticket = approvals.request(&ask).await.expect("there is room");
    // Only listens for the change; does not look at the clock itself.
    let mut waiter = approvals.shared.waiters.wait_for(&ticket.id);
    if approvals.get(&ticket.id).await.expect("there").state == ApprovalState::Pending {
        waiter.changed().await;
    }
    assert_eq!(approvals.get(&ticket.id).await.expect("there").state, ApprovalState::Expired);
}

#[tokio::test]
async fn the_number_of_waiting_approvals_is_limited() {
    let config = ApprovalsConfig { max_pending: 3, max_pending_per_identity: 2, ..ApprovalsConfig::default() };
    let fixture = Fixture::with(config).await;
    let decision = by_sec(1);
    let ticket = fixture.open(&decision).await;
    fixture.ask("agent", &decision, 2).await.expect("the second of two");
    assert_eq!(fixture.ask("agent", &decision, 3).await, Err(ApprovalError::TooMany));
    fixture.ask("bot", &decision, 1).await.expect("the third of three");
    assert_eq!(fixture.ask("other", &decision, 1).await, Err(ApprovalError::TooMany));
    assert_eq!(fixture.open(&decision).await.id, ticket.id, "a retry needs no room");
    fixture.answer(&ticket, &person("ada", &["sec"]), Answer::Refuse).await.expect("taken");
    fixture.ask("agent", &decision, 3).await.expect("there is room again");
}

#[tokio::test]
async fn terms_that_nobody_can_meet_are_refused_at_once() {
    let fixture = Fixture::new().await;
    let mut decision = by_sec(1);
    decision.approval = None;
    for decision in [decision, approve(&[], MINUTE), approve(&[(&[group("sec")], 1), (&[], 1)], MINUTE)] {
        assert_eq!(fixture.ask("agent", &decision, 1).await, Err(ApprovalError::NobodyMayAnswer));
    }
}

#[tokio::test]
async fn time_is_held_to_what_the_configuration_allows() {
    let fixture = Fixture::with(ApprovalsConfig { max_within: MINUTE, ..ApprovalsConfig::default() }).await;
    let ticket = fixture.open(&approve(&[(&[group("sec")], 1)], 60 * MINUTE)).await;
    assert_eq!(ticket.deadline, fixture.clock.clock().now().plus(MINUTE));
}

#[tokio::test]
async fn pages_hold_every_approval_once() {
    let fixture = Fixture::new().await;
    for request in 0..7 {
        fixture.ask("agent", &by_sec(1), request).await.expect("there is room");
    }
    let (mut seen, mut before) = (Vec::new(), None);
    loop {
        let page = fixture.approvals.list(Some(ApprovalState::Pending), before.as_ref(), 3).await.expect("readable");
        seen.extend(page.approvals.into_iter().map(|approval| approval.details.request_hash));
        before = page.next;
        if before.is_none() {
            break;
        }
    }
    seen.sort_unstable();
    assert_eq!(seen, (0..7u8).map(|request| hex::encode([request; 32])).collect::<Vec<_>>());
    assert_eq!(fixture.approvals.list(Some(ApprovalState::Used), None, 3).await.expect("readable").approvals, []);
}

/// What cannot be recorded does not happen.
#[tokio::test]
async fn a_locked_store_grants_nothing() {
    let test = TestStore::open_with(|config| config.busy_timeout = Duration::from_millis(20)).await;
    let metrics = Metrics::new();
    let clock = ManualClock::new();
    let (log, writer) = AuditLog::start(&test.store, &metrics, clock.clock());
    let approvals = Approvals::start(&ApprovalsConfig::default(), &test.store, &log, &metrics, clock.clock());
    let fixture = Fixture { test, clock, approvals, log, _writer: writer };
    let ticket = fixture.open(&by_sec(1)).await;
    let mut other = fixture.test.store.connect().await.expect("opens");
    sqlx::raw_sql("BEGIN EXCLUSIVE").execute(&mut other).await.expect("nobody else writes");
    let refused = fixture.answer(&ticket, &person("ada", &["sec"]), Answer::Grant).await;
    assert_eq!(refused, Err(ApprovalError::Store(crate::store::StoreError::Locked)));
    sqlx::raw_sql("ROLLBACK").execute(&mut other).await.expect("ends");
    assert_eq!(fixture.approvals.get(&ticket.id).await.expect("there").state, ApprovalState::Pending);
    let state = fixture.answer(&ticket, &person("ada", &["sec"]), Answer::Grant).await;
    assert_eq!(state, Ok(ApprovalState::Granted));
}

#[tokio::test]
async fn nothing_is_left_running_when_approvals_go() {
    let Fixture { approvals, log, _writer, .. } = Fixture::new().await;
    drop((approvals, log));
    // The writer ends only when the task that ends approvals has let go of the log.
    _writer.finish().await;
}
