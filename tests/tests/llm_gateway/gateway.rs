//! A gateway of a test's own, and what can be asked of it.

use std::path::{Path, PathBuf};
use std::process::Command;

use hpol_proxy::admin::client::AdminClient;
use hpol_proxy::admin::{ApprovalQuery, AuditQuery, AuditRecord};
use hpol_proxy::approvals::{Answer, Approval, ApprovalState};
use hpol_proxy::config::Secret;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::net::TcpSocket;
use tokio::runtime::Runtime;

use super::oidc::{GATEWAY, Oidc};
use super::process::{Client, Service, node, python, wait_for};
use super::provider::{PROVIDER_KEY, provider};
use super::repository::{Repository, example};
use super::{http, oidc};

/// The model that everybody in the tests may use.
const MODEL: &str = "gpt-4o-mini";

/// The token of somebody who may read the audit log and reload policies.
const AUDITOR_TOKEN: &str = "auditor-3d1f7c5b9a2e";

/// The gateway. Its upstreams: `openai` (the provider), `down` (nothing listens) and `silent` (never answers).
pub(crate) struct Gateway {
    service: Service,
    address: String,
    admin_address: String,
    oidc: &'static Oidc,
    /// Drives the calls to the admin API.
    runtime: Runtime,
    /// Where the policies are.
    pub(crate) policies: Repository,
    folder: TempDir,
    /// Takes connections and never says anything.
    _silent: std::net::TcpListener,
    /// Has an address and does not listen.
    _down: TcpSocket,
}

impl Gateway {
    /// A gateway with the example policy and the shared providers.
    pub(crate) fn start() -> Self {
        Self::start_with(oidc::shared())
    }

    /// A gateway that asks this OIDC provider.
    pub(crate) fn start_with(oidc: &'static Oidc) -> Self {
        let folder = TempDir::new().expect("a temporary folder");
        let policies = Repository::new(&example());
        let silent = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
        let down = TcpSocket::new_v4().expect("a socket");
        down.bind(std::net::SocketAddr::from(([127, 0, 0, 1], 0))).expect("a free port");
        let down_address = down.local_addr().expect("an address").to_string();
        let upstream = |name: &str, address: &str| {
            let time = if name == "silent" { "1s" } else { "100s" };
            json!({
                "name": name, "kind": "openai", "path_prefix": format!("/{name}"), "strip_prefix": true,
                "base_url": format!("http://{address}"), "api_key": {"file": "provider-key"},
                "timeouts": {"connect": time, "first_byte": time},
            })
        };
        let silent_address = silent.local_addr().expect("an address").to_string();
        let config = json!({
            "listen": "127.0.0.1:0",
            "admin": {
                "listen": "127.0.0.1:0",
                "tokens": [{"user": "auditor", "roles": ["auditor", "operator"], "token": {"file": "auditor-token"}}],
                "oidc": {},
            },
            "policy": {"git": {"url": policies.path(), "poll": "1s"}},
            "upstreams": [
                upstream("openai", provider().address()),
                upstream("down", &down_address),
                upstream("silent", &silent_address),
            ],
            "identity": {"oidc": {
                "issuer": oidc.issuer(), "audience": GATEWAY, "algorithms": ["RS256"],
                "leeway": "0s", "jwks_cooldown": "0s",
            }},
            "store": {"path": "hpol.db"},
            "limits": {"body_size": "64KiB"},
            "masking": {"hash_key": {"file": "hash-key"}},
            "logging": {"level": "warn"},
        });
        let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).expect("a file is written");
        write("provider-key", PROVIDER_KEY);
        write("auditor-token", AUDITOR_TOKEN);
        write("hash-key", "a key for hashes that no test looks at");
        // JSON is YAML.
        write("hpol.yaml", &config.to_string());
        let service =
            Service::start(Command::new(hpol()).args(["proxy", "--config"]).arg(folder.path().join("hpol.yaml")));
        let line = service.line();
        let (address, admin_address) = addresses(&line).unwrap_or_else(|| panic!("`{line}` names both addresses"));
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        Self { service, address, admin_address, oidc, runtime, policies, folder, _silent: silent, _down: down }
    }

    /// Where clients connect.
    pub(crate) fn address(&self) -> &str {
        &self.address
    }

    /// A token for this gateway.
    pub(crate) fn token(&self, name: &str) -> String {
        self.oidc.token(name, GATEWAY)
    }

    /// Starts the Python client as `ada`.
    pub(crate) fn python(&self, kind: &str, prompt: &str, options: &[&str]) -> Client {
        self.python_as(&self.token("ada"), "openai", kind, prompt, options)
    }

    /// Starts the Python client with this token, over this upstream.
    pub(crate) fn python_as(&self, token: &str, upstream: &str, kind: &str, prompt: &str, options: &[&str]) -> Client {
        let mut command = Command::new(python());
        command.arg("agents_client.py").args([kind, prompt, "--model", MODEL]).args(options);
        Client::start(&mut command, &self.base_url(upstream), token)
    }

    /// Starts the JavaScript client as `ada`.
    pub(crate) fn javascript(&self, prompt: &str, options: &[&str]) -> Client {
        self.javascript_as(&self.token("ada"), "openai", prompt, options)
    }

    /// Starts the JavaScript client with this token, over this upstream.
    pub(crate) fn javascript_as(&self, token: &str, upstream: &str, prompt: &str, options: &[&str]) -> Client {
        let mut command = Command::new(node());
        command.arg("agents_client.mjs").args([prompt, "--model", MODEL]).args(options);
        Client::start(&mut command, &self.base_url(upstream), token)
    }

    fn base_url(&self, upstream: &str) -> String {
        format!("http://{}/{upstream}/v1", self.address)
    }

    /// Sends a request to Responses by hand, as JSON of `ada`.
    pub(crate) fn post(&self, body: &str) -> http::Answer {
        self.post_as(&self.token("ada"), body)
    }

    /// Sends a request to Responses by hand with this token.
    pub(crate) fn post_as(&self, token: &str, body: &str) -> http::Answer {
        let bearer = format!("Bearer {token}");
        let headers = [("authorization", bearer.as_str()), ("content-type", "application/json")];
        http::send(&self.address, "POST /openai/v1/responses HTTP/1.1", &headers, body)
    }

    fn admin(&self, token: &str) -> AdminClient {
        AdminClient::new(&format!("http://{}", self.admin_address), &Secret::new(token), None).expect("a client")
    }

    /// Records of this kind, oldest first.
    pub(crate) fn records(&self, kind: &str) -> Vec<AuditRecord> {
        let query = AuditQuery { kind: Some(kind.to_owned()), limit: Some(500), ..AuditQuery::default() };
        let mut list = self.runtime.block_on(self.admin(AUDITOR_TOKEN).audit(&query)).expect("the log is read");
        list.records.reverse();
        list.records
    }

    /// What requests came to, oldest first: `complete`, `client_gone`, or the code of an error.
    pub(crate) fn outcomes(&self) -> Vec<String> {
        let outcome = |record: &AuditRecord| record.body["outcome"].as_str().unwrap_or_default().to_owned();
        self.records("response").iter().map(outcome).collect()
    }

    /// Decisions, oldest first: the effect of each.
    pub(crate) fn effects(&self) -> Vec<String> {
        self.records("decision").into_iter().map(|record| record.effect.unwrap_or_default()).collect()
    }

    /// The approvals in a state, once there are as many.
    pub(crate) fn wait_for_approvals(&self, state: ApprovalState, count: usize) -> Vec<Approval> {
        let query = ApprovalQuery { state: Some(state), ..ApprovalQuery::default() };
        let admin = self.admin(AUDITOR_TOKEN);
        wait_for("approvals", || {
            let list = self.runtime.block_on(admin.approvals(&query)).expect("approvals are listed");
            (list.approvals.len() >= count).then_some(list.approvals)
        })
    }

    /// Answers an approval as a person.
    pub(crate) fn answer(&self, name: &str, approval: &Approval, answer: Answer) {
        let token = self.token(name);
        let answered = self.runtime.block_on(self.admin(&token).answer(&approval.id, answer, "seen"));
        answered.expect("the answer is taken");
    }

    /// What is said of the policy.
    pub(crate) fn policy(&self) -> Value {
        self.runtime.block_on(self.admin(AUDITOR_TOKEN).policy()).expect("the policy is told")
    }

    /// The metrics.
    pub(crate) fn metrics(&self) -> String {
        http::send(&self.admin_address, "GET /metrics HTTP/1.0", &[], "").body
    }

    /// Stops the gateway, and lets `hpol audit verify` check everything that it recorded.
    pub(crate) fn finish(mut self) {
        self.service.terminate();
        let store: PathBuf = self.folder.path().join("hpol.db");
        let verified =
            Command::new(hpol()).args(["audit", "verify", "--store"]).arg(store).output().expect("hpol runs");
        assert!(verified.status.success(), "{verified:?}");
    }
}

/// The addresses in the gateway's first line: `hpol listens on A and its admin API on B`.
fn addresses(line: &str) -> Option<(String, String)> {
    let (address, admin) = line.strip_prefix("hpol listens on ")?.split_once(" and its admin API on ")?;
    Some((address.to_owned(), admin.to_owned()))
}

/// The binary. Cargo builds it beside the tests, but not for them: it belongs to another package.
fn hpol() -> PathBuf {
    let test = std::env::current_exe().expect("the test has a path");
    let binary = test.parent().and_then(Path::parent).expect("target/debug").join("hpol");
    assert!(binary.exists(), "run `cargo build --package hpol-cli` or `./test` first");
    binary
}
