//! The requests of the demo, and what is said about each.

use std::time::Duration;

use anyhow::Context as _;
use hpol_proxy::admin::client::AdminClient;
use hpol_proxy::admin::{ApprovalQuery, AuditQuery, AuditRecord};
use hpol_proxy::approvals::{Answer as Reply, ApprovalState};
use serde_json::{Value, json};

use super::client::{Answer, Client};
use super::repository::Repository;
use super::upstream::Upstream;
use crate::terminal;

/// Who asks whom.
pub(super) struct Story {
    pub(super) client: Client,
    /// Token of an analyst.
    pub(super) ada: String,
    /// The admin API as somebody on call sees it.
    pub(super) olga: AdminClient,
    /// The admin API as an auditor who also runs the gateway sees it.
    pub(super) auditor: AdminClient,
    pub(super) upstream: Upstream,
    pub(super) repository: Repository,
    /// Outcomes that were not as announced.
    pub(super) surprises: u32,
}

/// What is announced about a request.
struct Announced {
    effect: &'static str,
    status: u16,
    /// A text that the answer must have.
    has: &'static str,
    /// A text that it must not have.
    has_not: &'static str,
}

const CALLS: &str = "/v1/responses";

/// How often, and how long apart, the demo looks whether an approval waits.
const LOOKS: u32 = 400;
const LOOK_INTERVAL: Duration = Duration::from_millis(25);

impl Story {
    /// Sends every request.
    pub(super) async fn tell(&mut self) -> anyhow::Result<()> {
        self.heading("Allow", "ada asks which models there are");
        let answer = self.client.ask(&self.ada, "/v1/models", None).await?;
        self.report(&answer, &Announced { effect: "allow", status: 200, has: "gpt-4o-mini", has_not: "error" }).await?;

        self.heading("Deny", "ada, an analyst, asks a model that is not open to analysts");
        let answer = self.ask("gpt-4o", "How was June?", None, false).await?;
        self.report(&answer, &Announced { effect: "deny", status: 403, has: "gpt-4o", has_not: "Good morning" })
            .await?;

        self.heading("Mask", "ada asks for a card number; it comes in a stream, three characters at a time");
        let answer = self.ask("gpt-4o-mini", "Which card is on file?", None, true).await?;
        self.report(&answer, &Announced { effect: "mask", status: 200, has: "[credit_card]", has_not: "4111" }).await?;

        self.approve().await?;
        self.expire().await?;
        self.change_policy().await
    }

    async fn approve(&mut self) -> anyhow::Result<()> {
        self.heading(
            "Approve",
            "ada's agent brings a tool that deletes customers; the request waits for somebody on call",
        );
        let asking = {
            let (client, token) = (self.client.clone(), self.ada.clone());
            let body = question("gpt-4o-mini", "Please delete customer 42.", Some("delete_customer"), false);
            tokio::spawn(async move { client.ask(&token, CALLS, Some(&body)).await })
        };
        let id = self.wait_for_approval().await?;
        println!("  waiting   approval {id}; olga, who is on call, grants it");
        self.olga.answer(&id, Reply::Grant, "customer 42 asked for it").await?;
        let answer = asking.await.context("the request broke off")??;
        self.report(&answer, &Announced { effect: "approve", status: 200, has: "customer 42", has_not: "error" }).await
    }

    async fn expire(&mut self) -> anyhow::Result<()> {
        self.heading(
            "Approve, expired",
            "ada's agent brings a tool for refunds; finance has two seconds, and nobody answers",
        );
        let answer = self.ask("gpt-4o-mini", "Please refund order 7.", Some("issue_refund"), false).await?;
        let announced = Announced { effect: "approve", status: 403, has: "", has_not: "Good morning" };
        self.report(&answer, &announced).await?;
        if answer.code.as_deref() != Some("approval_expired") {
            self.surprise(&format!("the code is {:?}, not approval_expired", answer.code));
        }
        Ok(())
    }

    async fn change_policy(&mut self) -> anyhow::Result<()> {
        self.heading("Change", "an answer is streaming; meanwhile a commit opens gpt-4o to analysts");
        let body = question("gpt-4o-mini", "What happened in the harbour?", None, true);
        let mut streaming = self.client.send(&self.ada, CALLS, Some(&body)).await?;
        streaming.read_until("ship").await?;
        let before = "\"analysts\": [\"gpt-4o-mini\"]";
        let after = "\"analysts\": [\"gpt-4o-mini\", \"gpt-4o\"]";
        let commit = self.repository.replace("llm_gateway/models.json", before, after, "Open gpt-4o to analysts")?;
        let status = self.auditor.reload_policy().await?;
        println!("  commit    {} while the answer is on its way", short(&commit));
        if status["revision"] != commit.as_str() {
            self.surprise("the gateway did not take the commit over");
        }
        self.upstream.go_on();
        let answer = streaming.finish().await?;
        let announced = Announced { effect: "mask", status: 200, has: "followed it out to sea.", has_not: "error" };
        self.report(&answer, &announced).await?;

        self.heading("Allow, by the new policy", "ada asks gpt-4o again");
        let answer = self.ask("gpt-4o", "How was June?", None, false).await?;
        self.report(&answer, &Announced { effect: "mask", status: 200, has: "Good morning", has_not: "error" }).await?;
        let decision = self.decision(&answer).await?;
        if decision.body["revision"] != commit.as_str() {
            self.surprise("the decision does not name the new revision");
        }
        Ok(())
    }

    async fn ask(&self, model: &str, text: &str, tool: Option<&str>, stream: bool) -> anyhow::Result<Answer> {
        self.client.ask(&self.ada, CALLS, Some(&question(model, text, tool, stream))).await
    }

    async fn wait_for_approval(&self) -> anyhow::Result<String> {
        let query = ApprovalQuery { state: Some(ApprovalState::Pending), before: None, limit: Some(1) };
        for _ in 0..LOOKS {
            if let Some(approval) = self.olga.approvals(&query).await?.approvals.first() {
                return Ok(approval.id.clone());
            }
            tokio::time::sleep(LOOK_INTERVAL).await;
        }
        anyhow::bail!("no approval was asked for");
    }

    /// The record of the decision on a request.
    async fn decision(&self, answer: &Answer) -> anyhow::Result<AuditRecord> {
        let request_id = Some(answer.request_id.clone());
        let query = AuditQuery { request_id, kind: Some("decision".to_owned()), ..AuditQuery::default() };
        let page = self.auditor.audit(&query).await?;
        page.records.into_iter().next_back().with_context(|| {
            format!(
                "the audit log has no decision on the request, which was answered with {}: {}",
                answer.status, answer.text
            )
        })
    }

    fn heading(&self, name: &str, what: &str) {
        anstream::println!("{}: {what}", terminal::bold(name));
    }

    /// Says what was decided and answered, and compares it with what was announced.
    async fn report(&mut self, answer: &Answer, announced: &Announced) -> anyhow::Result<()> {
        let decision = self.decision(answer).await?;
        let effect = decision.effect.as_deref().unwrap_or("nothing");
        let microseconds = decision.body["details"]["decision_microseconds"].as_f64().unwrap_or(f64::NAN);
        let rules = decision.rules.iter().map(|rule| format!("\"{rule}\"")).collect::<Vec<_>>().join(", ");
        let revision = short(decision.body["revision"].as_str().unwrap_or("?"));
        println!("  decided   {effect} in {microseconds:.1} µs, by {rules} at {revision}");
        for reason in decision.body["reasons"].as_array().into_iter().flatten() {
            println!("  because   {}", reason.as_str().unwrap_or_default());
        }
        println!("  answered  {}: {}", answer.status, answer.text);
        if effect != announced.effect || answer.status != announced.status {
            self.surprise(&format!("announced were {} and {}", announced.effect, announced.status));
        }
        if !answer.text.contains(announced.has) {
            self.surprise(&format!("the answer has no `{}`", announced.has));
        }
        if answer.text.contains(announced.has_not) {
            self.surprise(&format!("the answer has `{}`", announced.has_not));
        }
        println!();
        Ok(())
    }

    fn surprise(&mut self, what: &str) {
        self.surprises += 1;
        anstream::println!("  {}: {what}", terminal::bold_red("not as announced"));
    }
}

/// The first digits of a revision, as git shows it.
fn short(revision: &str) -> &str {
    revision.get(..10).unwrap_or(revision)
}

fn question(model: &str, text: &str, tool: Option<&str>, stream: bool) -> Value {
    let tools = tool.map(|name| {
        json!({ "type": "function", "name": name, "parameters": { "type": "object", "properties": {} }, "strict": false })
    });
    let tools: Vec<Value> = tools.into_iter().collect();
    json!({ "model": model, "input": text, "tools": tools, "stream": stream })
}
