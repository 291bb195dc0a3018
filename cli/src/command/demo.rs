//! `hpol demo`.

use std::path::Path;
use std::sync::Arc;

use anyhow::Context as _;
use clap::Args;
use hpol_proxy::admin::client::AdminClient;
use hpol_proxy::clock::Clock;
use hpol_proxy::config::{Config, Secret};
use hpol_proxy::gateway::Gateway;
use hpol_proxy::policy::FollowedPolicy;
use hpol_runtime::{Engine, EngineOptions};

use crate::exit::Exit;
use crate::terminal;

mod client;
mod issuer;
mod repository;
mod story;
mod upstream;

use client::Client;
use issuer::Issuer;
use repository::Repository;
use story::Story;
use upstream::Upstream;

/// Show the gateway at work: one request of each outcome against a small upstream of its own
///
/// Starts an upstream, an identity provider, a git repository with the example policies and a gateway with an embedded
/// store, all on this machine, and sends requests that are allowed, denied, masked, approved and left to expire. Then the
/// policy is changed by a commit while an answer is streaming.
#[derive(Debug, Args)]
pub(crate) struct Demo {
    /// End after the requests; exit with 0 only if every outcome was as announced
    #[arg(long)]
    once: bool,
}

/// Key of the upstream: the gateway holds it, no client does.
const UPSTREAM_KEY: &str = "upstream-key-of-the-demo";

/// The repository's first commit.
const POLICIES: [(&str, &str); 5] = [
    ("llm_gateway/policy.hpol", include_str!("../../../policies-examples/llm_gateway/policy.hpol")),
    ("llm_gateway/models.json", include_str!("../../../policies-examples/llm_gateway/models.json")),
    ("llm_gateway/models.schema.json", include_str!("../../../policies-examples/llm_gateway/models.schema.json")),
    ("demo/refunds.hpol", include_str!("demo/refunds.hpol")),
    ("demo/models.hpol", include_str!("demo/models.hpol")),
];

/// Everything that runs for the demo.
struct Stage {
    gateway: Gateway,
    issuer: Issuer,
    upstream: Upstream,
    repository: Repository,
}

pub(crate) fn run(options: &Demo) -> anyhow::Result<Exit> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().context("could not start")?;
    runtime.block_on(async {
        let folder = tempfile::tempdir().context("could not make a temporary folder")?;
        let stage = start(folder.path()).await?;
        println!("The gateway takes requests on http://{}.", stage.gateway.address());
        println!("Its policies are in the git repository {}.\n", stage.repository.path().display());
        let admin = |person: &str, groups: &[&str]| -> anyhow::Result<AdminClient> {
            let token = Secret::new(stage.issuer.token(person, groups)?);
            Ok(AdminClient::new(&format!("http://{}", stage.gateway.admin_address()), &token, None)?)
        };
        let mut story = Story {
            client: Client::new(format!("http://{}", stage.gateway.address())),
            ada: stage.issuer.token("ada", &["analysts"])?,
            olga: admin("olga", &["oncall"])?,
            auditor: admin("audra", &["auditors", "operators"])?,
            upstream: stage.upstream,
            repository: stage.repository,
            surprises: 0,
        };
        story.tell().await?;
        let surprises = story.surprises;
        if surprises == 0 {
            anstream::println!("{}", terminal::green("Every outcome was as announced."));
        } else {
            anstream::println!("{}", terminal::bold_red(&format!("{surprises} outcomes were not as announced.")));
        }
        if !options.once {
            print_invitation(&stage.gateway, &stage.issuer, folder.path())?;
            super::proxy::interrupted().await?;
        }
        stage.gateway.shutdown().await?;
        Ok(if surprises == 0 { Exit::Success } else { Exit::Findings })
    })
}

async fn start(folder: &Path) -> anyhow::Result<Stage> {
    let upstream = Upstream::start(UPSTREAM_KEY).await?;
    let issuer = Issuer::start().await?;
    let repository = Repository::create(&folder.join("policies"), &POLICIES)?;
    let key_file = folder.join("upstream-key");
    std::fs::write(&key_file, UPSTREAM_KEY).context("could not write the upstream's key")?;
    let config = Config::parse(&config(&upstream, &issuer), &folder.join("hpol.yaml"))?;
    let engine = Engine::new(EngineOptions::default());
    let (policy, events) = FollowedPolicy::start(&config.policy, engine.clone()).await?;
    let status = engine.status();
    if let Some(refused) = status.last_error {
        anyhow::bail!("the demo's policies were refused:\n{}", refused.message);
    }
    let gateway = Gateway::start(&config, engine, Arc::new(policy), Clock::system()).await?;
    tokio::spawn(events.record(gateway.audit().clone()));
    Ok(Stage { gateway, issuer, upstream, repository })
}

/// The configuration, as somebody would write it. Paths start at the demo's folder.
fn config(upstream: &Upstream, issuer: &Issuer) -> String {
    format!(
        "listen: 127.0.0.1:0
admin:
  listen: 127.0.0.1:0
  oidc: {{ auditors: [auditors], operators: [operators] }}
policy:
  git: {{ url: policies, branch: main, poll: 1h }}
upstreams:
  - name: demo
    kind: openai
    base_url: {upstream}
    api_key: {{ file: upstream-key }}
identity:
  oidc: {{ issuer: '{issuer}', audience: {audience} }}
",
        upstream = upstream.url(),
        issuer = issuer.url(),
        audience = issuer::AUDIENCE,
    )
}

fn print_invitation(gateway: &Gateway, issuer: &Issuer, folder: &Path) -> anyhow::Result<()> {
    println!("\nThe gateway goes on (Ctrl-C ends it). In another terminal:\n");
    println!("  export TOKEN={}", issuer.token("ada", &["analysts"])?);
    println!(
        "  curl -N http://{}/v1/responses -H \"authorization: Bearer $TOKEN\" -H 'content-type: application/json' \\\n    \
         -d '{{\"model\": \"gpt-4o-mini\", \"input\": \"Which card is on file?\", \"stream\": true}}'",
        gateway.address()
    );
    println!("  export HPOL_ADMIN_URL=http://{}", gateway.admin_address());
    println!("  export HPOL_ADMIN_TOKEN={}", issuer.token("olga", &["oncall", "auditors"])?);
    println!("  hpol approvals list");
    println!("  hpol audit list");
    println!("  hpol audit verify --store {}", folder.join("hpol.db").display());
    Ok(())
}
