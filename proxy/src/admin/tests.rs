//! The admin API over real sockets, called with its own client.

use std::net::Ipv4Addr;
use std::path::Path;
use std::time::Duration;

use hpol_runtime::{Effect, Engine, EngineOptions};
use http_body_util::{BodyExt, Full};
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::client::{AdminClient, ClientError};
use super::*;
use crate::approvals::{Answer, ApprovalState, Ask};
use crate::config::{
    AdminConfig, AdminToken, ApprovalsConfig, Role, Secret, SecretSource, SessionsConfig, TlsConfig, server_tls,
};
use crate::identity::Authenticator;
use crate::record::{Record, RecordKind};
use crate::testing::{TestStore, approve, group, identity};

/// An engine whose policy is loaded by nobody: the API shows exactly that.
struct NoPolicy(Engine);

impl PolicyControl for NoPolicy {
    fn status(&self) -> Status {
        self.0.status()
    }

    fn reload(&self) -> BoxFuture<'_, Status> {
        Box::pin(async { self.0.status() })
    }
}

struct Fixture {
    test: TestStore,
    address: String,
    approvals: Approvals,
    history: History,
    log: AuditLog,
    shutdown: CancellationToken,
    server: tokio::task::JoinHandle<()>,
}

impl Fixture {
    async fn start() -> Self {
        Self::start_with(None).await
    }

    async fn start_with(tls: Option<TlsConfig>) -> Self {
        let test = TestStore::open().await;
        let metrics = Metrics::new();
        let (log, _writer) = AuditLog::start(&test.store, &metrics, Clock::system());
        let approvals = Approvals::start(&ApprovalsConfig::default(), &test.store, &log, &metrics, Clock::system());
        let token = |user: &str, groups: &[&str], roles: &[Role]| {
            let path = test.folder.path().join(user);
            std::fs::write(&path, token_of(user)).expect("written");
            AdminToken {
                user: user.to_owned(),
                groups: groups.iter().map(|group| (*group).to_owned()).collect(),
                roles: roles.to_vec(),
                token: SecretSource::File(path),
            }
        };
        let config = AdminConfig {
            tokens: vec![
                token("ada", &["sec"], &[]),
                token("bob", &["sales"], &[]),
                token("aud", &[], &[Role::Auditor]),
                token("ops", &[], &[Role::Operator]),
                token("agent", &["sec"], &[]),
            ],
            ..AdminConfig::default()
        };
        let shutdown = CancellationToken::new();
        let history = History::load(&SessionsConfig::default(), &test.store, Clock::system().now()).await;
        let history = history.expect("a store");
        let state = AdminState {
            authenticator: AdminAuthenticator::new(&config, &Authenticator::Anonymous).expect("readable tokens"),
            approvals: approvals.clone(),
            history: history.clone(),
            log: log.clone(),
            store: test.store.clone(),
            policy: Arc::new(NoPolicy(Engine::new(EngineOptions::default()))),
            metrics,
            clock: Clock::system(),
            shutdown: shutdown.clone(),
        };
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a free port");
        let scheme = if tls.is_some() { "https" } else { "http" };
        let address = format!("{scheme}://{}", listener.local_addr().expect("bound"));
        let tls = tls.map(|tls| server_tls(&tls).expect("certificate and key fit"));
        let server = tokio::spawn(serve(listener, tls, router(state), shutdown.clone()));
        Self { test, address, approvals, history, log, shutdown, server }
    }

    fn client(&self, user: &str) -> AdminClient {
        AdminClient::new(&self.address, &Secret::new(token_of(user)), None).expect("a valid address")
    }

    /// Opens an approval for anyone in `sec`, asked by `agent`.
    async fn open(&self, request: u8) -> String {
        let decision = approve(&[(&[group("sec")], 1)], Duration::from_secs(300));
        let ask = Ask {
            identity: &identity("agent"),
            decision: &decision,
            request_hash: [request; 32],
            request_id: "r-1",
            summary: json!({"model": "gpt-5"}),
        };
        self.approvals.request(&ask).await.expect("there is room").id
    }

    /// Status and body of a call without the client.
    async fn raw(&self, method: &str, path: &str, token: Option<&str>, body: &str) -> (u16, String) {
        let client = Client::builder(TokioExecutor::new()).build_http::<Full<bytes::Bytes>>();
        let mut request = http::Request::builder().method(method).uri(format!("{}{path}", self.address));
        if let Some(token) = token {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        let request = request.body(Full::new(body.to_owned().into())).expect("a valid request");
        let response = client.request(request).await.expect("an answer");
        let status = response.status().as_u16();
        let bytes = response.into_body().collect().await.expect("a body").to_bytes();
        (status, String::from_utf8(bytes.to_vec()).expect("text"))
    }
}

fn token_of(user: &str) -> String {
    format!("token-of-{user}-0123456789")
}

/// Status and code of a failed call.
fn failure<T: std::fmt::Debug>(result: Result<T, ClientError>) -> (u16, String) {
    match result {
        Err(ClientError::Api { status, code, .. }) => (status.as_u16(), code),
        other => panic!("the API should refuse, not {other:?}"),
    }
}

fn code(status: u16, code: &str) -> (u16, String) {
    (status, code.to_owned())
}

#[tokio::test]
async fn approvals_are_listed_shown_and_answered() {
    let fixture = Fixture::start().await;
    let (first, second) = (fixture.open(1).await, fixture.open(2).await);
    let ada = fixture.client("ada");
    let me = ada.who_am_i().await.expect("known");
    assert_eq!((me.name.as_str(), me.groups.as_slice()), ("ada", &["sec".to_owned()][..]));
    let pending = ApprovalQuery { state: Some(ApprovalState::Pending), ..ApprovalQuery::default() };
    let list = ada.approvals(&pending).await.expect("listed");
    assert_eq!(list.approvals.iter().map(|approval| &approval.id).collect::<Vec<_>>(), [&second, &first]);
    let shown = ada.approval(&first).await.expect("shown");
    assert_eq!(shown.details.summary, json!({"model": "gpt-5"}));
    let granted = ada.answer(&first, Answer::Grant, "looked at it").await.expect("taken");
    assert_eq!((granted.state, granted.votes[0].comment.as_str()), (ApprovalState::Granted, "looked at it"));
    let refused = ada.answer(&second, Answer::Refuse, "").await.expect("taken");
    assert_eq!(refused.state, ApprovalState::Refused);
    assert_eq!(failure(ada.answer(&second, Answer::Grant, "").await), code(409, "approval_already_answered"));
    assert_eq!(ada.approvals(&pending).await.expect("listed").approvals, []);
}

#[tokio::test]
async fn approvals_are_seen_and_answered_only_by_those_concerned() {
    let fixture = Fixture::start().await;
    let id = fixture.open(1).await;
    let all = ApprovalQuery::default();
    // Not concerned: it does not exist.
    let bob = fixture.client("bob");
    assert_eq!(bob.approvals(&all).await.expect("listed").approvals, []);
    assert_eq!(failure(bob.approval(&id).await), code(404, "approval_not_found"));
    assert_eq!(failure(bob.answer(&id, Answer::Grant, "").await), code(404, "approval_not_found"));
    // The one who asks sees it, and may not answer it.
    let agent = fixture.client("agent");
    assert_eq!(agent.approval(&id).await.expect("shown").id, id);
    assert_eq!(failure(agent.answer(&id, Answer::Grant, "").await), code(403, "approval_own_request"));
    // An auditor sees it, and may not answer it.
    let auditor = fixture.client("aud");
    assert_eq!(auditor.approvals(&all).await.expect("listed").approvals.len(), 1);
    assert_eq!(failure(auditor.answer(&id, Answer::Refuse, "").await), code(403, "approval_not_approver"));
    for id in ["a-none", "..", "a/b", ""] {
        assert_eq!(failure(fixture.client("ada").approval(id).await), code(404, "approval_not_found"));
    }
}

#[tokio::test]
async fn pages_follow_each_other() {
    let fixture = Fixture::start().await;
    for request in 0..5 {
        fixture.open(request).await;
    }
    let ada = fixture.client("ada");
    let (mut query, mut seen) = (ApprovalQuery { limit: Some(2), ..ApprovalQuery::default() }, 0);
    loop {
        let page = ada.approvals(&query).await.expect("listed");
        seen += page.approvals.len();
        query.before = page.next;
        if query.before.is_none() {
            break;
        }
    }
    assert_eq!(seen, 5);
    query.before = Some("nonsense".to_owned());
    assert_eq!(failure(ada.approvals(&query).await), code(400, "bad_request"));
}

#[tokio::test]
async fn the_audit_log_is_for_auditors() {
    let fixture = Fixture::start().await;
    let mut record = Record::new(RecordKind::Decision, json!({"model": "gpt-5"})).of_request("r 1&x", Some("ada"));
    record.effect = Some(Effect::Deny);
    fixture.log.append(record).await.expect("written");
    fixture.log.append(Record::new(RecordKind::Startup, json!({}))).await.expect("written");
    let auditor = fixture.client("aud");
    let query = AuditQuery {
        effect: Some("deny".to_owned()),
        request_id: Some("r 1&x".to_owned()),
        since: Some("2020-01-01T00:00:00Z".parse().expect("a time")),
        ..AuditQuery::default()
    };
    let list = auditor.audit(&query).await.expect("listed");
    assert_eq!(list.records.len(), 1);
    assert_eq!(list.records[0].body, json!({"model": "gpt-5"}));
    assert_eq!(auditor.audit_record(1).await.expect("shown"), list.records[0]);
    let head = auditor.audit_head().await.expect("shown");
    assert_eq!((head.sequence, head.hash), (2, auditor.audit_record(2).await.expect("shown").hash));
    assert_eq!(failure(auditor.audit_record(99).await), code(404, "record_not_found"));
    let wrong = AuditQuery { effect: Some("maybe".to_owned()), ..AuditQuery::default() };
    assert_eq!(failure(auditor.audit(&wrong).await), code(400, "bad_request"));
    for user in ["ada", "ops"] {
        assert_eq!(failure(fixture.client(user).audit(&query).await), code(403, "role_missing"));
        assert_eq!(failure(fixture.client(user).audit_record(1).await), code(403, "role_missing"));
        assert_eq!(failure(fixture.client(user).audit_head().await), code(403, "role_missing"));
    }
}

#[tokio::test]
async fn the_policy_is_shown_and_reloaded_by_operators() {
    let fixture = Fixture::start().await;
    let status = fixture.client("ops").policy().await.expect("shown");
    assert_eq!(status.get("generation"), Some(&json!(0)));
    fixture.client("ops").reload_policy().await.expect("reloaded");
    assert_eq!(failure(fixture.client("ada").reload_policy().await), code(403, "role_missing"));
    assert_eq!(failure(fixture.client("aud").reload_policy().await), code(403, "role_missing"));
    let reloads = fixture.client("aud").audit(&AuditQuery::default()).await.expect("listed").records;
    assert_eq!((reloads.len(), reloads[0].kind.as_str()), (1, "policy_reload"));
    assert_eq!(reloads[0].identity.as_deref(), Some("ops"));
}

#[tokio::test]
async fn nothing_is_told_to_strangers() {
    let fixture = Fixture::start().await;
    let id = fixture.open(1).await;
    let paths = [
        ("GET", "/v1/whoami".to_owned()),
        ("GET", "/v1/approvals".to_owned()),
        ("GET", format!("/v1/approvals/{id}")),
        ("POST", format!("/v1/approvals/{id}/grant")),
        ("POST", format!("/v1/approvals/{id}/refuse")),
        ("GET", "/v1/audit".to_owned()),
        ("GET", "/v1/audit/1".to_owned()),
        ("GET", "/v1/audit/head".to_owned()),
        ("GET", "/v1/policy".to_owned()),
        ("POST", "/v1/policy/reload".to_owned()),
    ];
    for (method, path) in &paths {
        for (token, expected) in [(None, "token_missing"), (Some("wrong"), "token_unknown")] {
            let (status, body) = fixture.raw(method, path, token, "").await;
            let body: ErrorEnvelope = serde_json::from_str(&body).expect("an error in JSON");
            assert_eq!((status, body.error.code.as_str()), (401, expected), "{method} {path}");
        }
    }
}

#[tokio::test]
async fn bad_calls_get_errors_in_json() {
    let fixture = Fixture::start().await;
    let id = fixture.open(1).await;
    let grant = format!("/v1/approvals/{id}/grant");
    let large = format!("{{\"comment\": \"{}\"}}", "x".repeat(20_000));
    for (method, path, body, status, code) in [
        ("GET", "/", "", 404, "not_found"),
        ("GET", "/v1/nothing", "", 404, "not_found"),
        ("DELETE", "/v1/audit", "", 405, "method_not_allowed"),
        ("GET", "/v1/audit/first", "", 400, "bad_request"),
        ("GET", "/v1/audit?limit=many", "", 400, "bad_request"),
        ("GET", "/v1/audit?surprise=1", "", 400, "bad_request"),
        ("GET", "/v1/audit?since=yesterday", "", 400, "bad_request"),
        ("GET", "/v1/approvals?state=asleep", "", 400, "bad_request"),
        ("POST", &grant, "{", 400, "bad_request"),
        ("POST", &grant, r#"{"comment": 7}"#, 400, "bad_request"),
        ("POST", &grant, r#"{"komment": "x"}"#, 400, "bad_request"),
        ("POST", &grant, &large, 413, "body_unreadable"),
    ] {
        let user = if path.starts_with("/v1/audit") { "aud" } else { "ada" };
        let (found, text) = fixture.raw(method, path, Some(&token_of(user)), body).await;
        let envelope: ErrorEnvelope = serde_json::from_str(&text).expect("an error in JSON");
        assert_eq!((found, envelope.error.code.as_str()), (status, code), "{method} {path}: {text}");
    }
    assert_eq!(fixture.approvals.get(&id).await.expect("there").state, ApprovalState::Pending);
    // A head that is too large is not read to its end.
    let mut stream = TcpStream::connect(fixture.address.trim_start_matches("http://")).await.expect("accepted");
    let head = format!("GET /healthz HTTP/1.1\r\nhost: x\r\nconnection: close\r\nx: {}\r\n\r\n", "y".repeat(300_000));
    // The server may close before it has read everything.
    let _ = stream.write_all(head.as_bytes()).await;
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer).await;
    assert!(!String::from_utf8_lossy(&answer).contains("200 OK"));
    assert_eq!(fixture.raw("GET", "/healthz", None, "").await.0, 200);
}

#[tokio::test]
async fn health_readiness_and_metrics_need_no_token() {
    let fixture = Fixture::start().await;
    fixture.open(1).await;
    assert_eq!(fixture.raw("GET", "/healthz", None, "").await, (200, r#"{"alive":true}"#.to_owned()));
    let readiness = fixture.client("ada").readiness().await.expect("an answer");
    assert!(!readiness.ready);
    assert_eq!(
        readiness.problems.iter().map(|problem| problem.code.as_str()).collect::<Vec<_>>(),
        ["policy_not_loaded"]
    );
    let (status, text) = fixture.raw("GET", "/metrics", None, "").await;
    assert_eq!(status, 200);
    for line in ["hpol_approvals_pending 1", "hpol_approvals_total{reason=\"opened\"} 1", "# EOF"] {
        assert!(text.lines().any(|found| found == line), "`{line}` is not in:\n{text}");
    }
}

#[tokio::test]
async fn a_stopping_gateway_ends_its_admin_api() {
    let fixture = Fixture::start().await;
    let client = fixture.client("ada");
    client.who_am_i().await.expect("known");
    fixture.shutdown.cancel();
    fixture.server.await.expect("no panic");
    let gone = client.who_am_i().await.expect_err("nobody listens");
    assert!(matches!(gone, ClientError::Unreachable { .. }), "{gone}");
    assert!(fixture.test.folder.path().exists());
}

#[tokio::test]
async fn the_api_speaks_tls() {
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/config/testdata");
    let tls = TlsConfig { certificate: data.join("server.pem"), key: data.join("server.key") };
    let fixture = Fixture::start_with(Some(tls)).await;
    let token = Secret::new(token_of("ada"));
    let trusting = AdminClient::new(&fixture.address, &token, Some(&data.join("ca.pem"))).expect("valid");
    assert_eq!(trusting.who_am_i().await.expect("known").name, "ada");
    // A client that does not trust the authority sends no token.
    let other = AdminClient::new(&fixture.address, &token, None).expect("valid");
    assert!(matches!(other.who_am_i().await, Err(ClientError::Unreachable { .. })));
    let plain = fixture.address.replace("https", "http");
    let plain = AdminClient::new(&plain, &token, None).expect("valid");
    assert!(matches!(plain.who_am_i().await, Err(ClientError::Unreachable { .. })));
    trusting.who_am_i().await.expect("the listener lives on");
}

#[test]
fn addresses_of_the_client_are_checked() {
    let new = |address: &str, token: &str| AdminClient::new(address, &Secret::new(token), None).map(|_| ());
    assert!(new("http://127.0.0.1:8401", "t").is_ok());
    assert!(new("https://hpol.example.com/admin", "t").is_ok());
    for address in ["127.0.0.1:8401", "ftp://x", "", "http://"] {
        assert!(matches!(new(address, "t"), Err(ClientError::Address(_))), "{address}");
    }
    assert!(matches!(new("http://x", "a\nb"), Err(ClientError::Token)));
}

#[tokio::test]
async fn labels_are_listed_and_taken_by_operators_and_never_from_oneself() {
    let fixture = Fixture::start().await;
    let now = Clock::system().now();
    // The sessions of an agent and of the operator, each with a label.
    for subject in ["agent", "ops"] {
        let issuer = fixture.client("ops").who_am_i().await.expect("known").issuer;
        let session = fixture.history.session(&issuer, subject, &http::HeaderMap::new());
        let outputs = vec![None];
        let brought = crate::history::Brought { outputs, ..crate::history::Brought::default() };
        let view = fixture.history.view(&session, &brought, now);
        let decision = approve(&[], Duration::ZERO);
        let reservation = view.reserve(&fixture.history.turn(), &decision).expect("room");
        let record = Record::new(RecordKind::Decision, json!({}));
        let rows = crate::history::Keep(reservation.rows());
        fixture.log.append_with(record, rows).await.expect("written");
        reservation.keep();
    }
    assert_eq!(failure(fixture.client("ada").sessions(&SessionQuery::default()).await), code(403, "role_missing"));
    let page = SessionQuery { limit: Some(1), after: None };
    let first = fixture.client("aud").sessions(&page).await.expect("listed");
    let rest = SessionQuery { after: first.next.clone(), limit: None };
    let rest = fixture.client("ops").sessions(&rest).await.expect("listed");
    let (agent, own) = (&first.sessions[0], &rest.sessions[0]);
    assert!(agent.session.ends_with(" agent") && own.session.ends_with(" ops"), "{first:?} {rest:?}");
    let label = &agent.labels[0].label;
    assert_eq!(label, crate::history::UNSEEN_TOOL_OUTPUT);
    let unlabel = |user: &'static str, session: String, label: String| {
        let client = fixture.client(user);
        async move { client.unlabel(&session, &label, "looked at it").await }
    };
    assert_eq!(failure(unlabel("aud", agent.session.clone(), label.clone()).await), code(403, "role_missing"));
    assert_eq!(failure(unlabel("ops", own.session.clone(), label.clone()).await), code(403, "own_session"));
    assert_eq!(failure(unlabel("ops", agent.session.clone(), "other".into()).await), code(404, "label_not_found"));
    unlabel("ops", agent.session.clone(), label.clone()).await.expect("taken");
    let left = fixture.client("ops").sessions(&SessionQuery::default()).await.expect("listed");
    assert_eq!(left.sessions.len(), 1);
    let kept = History::load(&SessionsConfig::default(), &fixture.test.store, now).await.expect("a store");
    assert_eq!(kept.labelled(None, 10), left.sessions);
}
