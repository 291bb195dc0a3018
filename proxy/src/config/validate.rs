//! Checks on a configuration that its types do not make, all in one run.

use std::collections::BTreeSet;
use std::time::Duration;

use hpol_runtime::Capabilities;
use url::{Host, Url};

use super::locate::Tree;
use super::{
    ADMIN_TOKEN_LENGTH_MIN, AdminConfig, Config, ConfigError, GitConfig, LimitsConfig, OidcConfig, PolicyConfig,
    Problem, UpstreamConfig, client_tls, server_tls, yaml_options,
};
use crate::logging;

/// Name that clients have where identity is off; no admin token may take it.
const ANONYMOUS: &str = "anonymous";

/// Settings with what is wrong about them.
#[derive(Debug, Default)]
pub(super) struct Findings(Vec<(String, String)>);

impl Findings {
    fn add(&mut self, setting: impl Into<String>, message: impl Into<String>) {
        self.0.push((setting.into(), message.into()));
    }

    fn add_if(&mut self, wrong: bool, setting: &str, message: &str) {
        if wrong {
            self.add(setting, message);
        }
    }

    pub(super) fn into_result(self, file: &str, text: &str) -> Result<(), ConfigError> {
        if self.0.is_empty() {
            return Ok(());
        }
        let tree = Tree::read(text, yaml_options());
        let problems = self.0.into_iter().map(|(setting, message)| Problem {
            file: file.to_owned(),
            position: tree.position(&setting),
            setting,
            message,
        });
        Err(ConfigError::Problems(problems.collect()))
    }
}

/// Checks settings and how they fit together, without touching a file or the network.
pub(super) fn check(config: &Config) -> Findings {
    let mut findings = Findings::default();
    findings.add_if(
        config.listen == config.admin.listen && config.listen.port() != 0,
        "admin.listen",
        "the admin API cannot share the address of the data path; choose another port",
    );
    check_policy(&config.policy, &mut findings);
    check_upstreams(&config.upstreams, &mut findings);
    check_identity(config, &mut findings);
    check_admin(&config.admin, &mut findings);
    check_limits(&config.limits, &mut findings);
    check_approvals(config, &mut findings);
    let header = config.sessions.header.as_deref();
    findings.add_if(
        header.is_some_and(|name| http::HeaderName::from_bytes(name.as_bytes()).is_err()),
        "sessions.header",
        "this is not the name of a header",
    );
    findings.add_if(
        config.sessions.max_sessions == 0 || config.sessions.max_counters == 0,
        "sessions",
        "without room for sessions and counters every request is refused; use a larger number",
    );
    if let Err(message) = logging::check_level(&config.logging.level) {
        findings.add("logging.level", message);
    }
    findings.add_if(config.store.path.as_os_str().is_empty(), "store.path", "a path is empty; name a file");
    findings.add_if(
        config.store.max_size.is_some_and(|size| size < 1 << 20),
        "store.max_size",
        "smaller than `1MiB` leaves no room for records",
    );
    findings
}

fn check_policy(policy: &PolicyConfig, findings: &mut Findings) {
    match policy {
        PolicyConfig::Folder(path) => {
            findings.add_if(path.as_os_str().is_empty(), "policy.folder", "a path is empty; name a folder");
        }
        PolicyConfig::Git(git) => check_git(git, findings),
    }
}

fn check_git(git: &GitConfig, findings: &mut Findings) {
    findings.add_if(git.url.is_empty(), "policy.git.url", "an address is empty; name a URL or a path");
    if git.url.contains("://") {
        let url = Url::parse(&git.url).ok();
        findings.add_if(
            !url.as_ref().is_some_and(|url| matches!(url.scheme(), "https" | "http" | "ssh" | "file")),
            "policy.git.url",
            "only `https://`, `ssh://`, `http://`, `file://` and paths are followed; use one of them",
        );
        findings.add_if(
            url.as_ref().is_some_and(|url| url.password().is_some()),
            "policy.git.url",
            "a password stands in the address, where every reader of this file sees it; use `credentials`",
        );
    }
    findings.add_if(
        git.credentials.is_some() && !git.url.starts_with("https://"),
        "policy.git.credentials",
        "these are for `https://` addresses only; take them out",
    );
    findings.add_if(
        git.branch.is_some() && git.tag.is_some(),
        "policy.git.tag",
        "a branch and a tag are both named; keep one",
    );
    for (setting, name) in [("policy.git.branch", &git.branch), ("policy.git.tag", &git.tag)] {
        findings.add_if(name.as_deref() == Some(""), setting, "a name is empty");
    }
    findings.add_if(
        git.poll < Duration::from_secs(1),
        "policy.git.poll",
        "shorter than `1s` would burden the repository; use a longer time",
    );
    let leaves = git.path.as_ref().is_some_and(|path| {
        path.components().any(|part| !matches!(part, std::path::Component::Normal(_) | std::path::Component::CurDir))
    });
    findings.add_if(leaves, "policy.git.path", "leaves the repository; name a folder within it, without `..`");
}

fn check_upstreams(upstreams: &[UpstreamConfig], findings: &mut Findings) {
    findings.add_if(upstreams.is_empty(), "upstreams", "no upstream is named; add one with `name`, `kind`, `base_url`");
    let mut names = BTreeSet::new();
    let mut routes = BTreeSet::new();
    for (index, upstream) in upstreams.iter().enumerate() {
        let at = |field: &str| format!("upstreams[{index}].{field}");
        if upstream.name.is_empty() || !upstream.name.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c)) {
            findings.add(at("name"), "a name is made of letters, digits, `-`, `_` and `.`");
        }
        if !names.insert(&upstream.name) {
            findings.add(at("name"), format!("a second upstream is named `{}`; rename one", upstream.name));
        }
        if !routes.insert((upstream.host.as_deref().map(str::to_ascii_lowercase), &upstream.path_prefix)) {
            findings.add(
                at("path_prefix"),
                format!("a second upstream takes `{}`; give one of them another prefix or host", upstream.path_prefix),
            );
        }
        check_upstream(upstream, &at, findings);
    }
}

fn check_upstream(upstream: &UpstreamConfig, at: &impl Fn(&str) -> String, findings: &mut Findings) {
    check_http_url(&upstream.base_url, &at("base_url"), findings);
    if !upstream.path_prefix.starts_with('/') || upstream.path_prefix.contains(['?', '#', '%', '\\', ' ']) {
        findings.add(at("path_prefix"), "a prefix starts with `/` and has no `?`, `#`, `%`, `\\` or space");
    }
    if upstream.host.as_deref().is_some_and(|host| host.is_empty() || host.contains(['/', ':', ' '])) {
        findings.add(at("host"), "a host is a name without scheme, port or path, such as `api.example.com`");
    }
    let header = &upstream.api_key_header;
    if http::HeaderName::from_bytes(header.name.as_bytes()).is_err() {
        findings.add(at("api_key_header.name"), format!("`{}` is not a header name", header.name));
    }
    if !header.scheme.chars().all(|c| c.is_ascii_alphanumeric() || c == '-') {
        findings.add(at("api_key_header.scheme"), "a scheme is one word, such as `Bearer`; use `\"\"` for none");
    }
    let timeouts = &upstream.timeouts;
    for (field, time) in [("connect", timeouts.connect), ("first_byte", timeouts.first_byte), ("idle", timeouts.idle)] {
        if time.is_zero() {
            findings.add(at(&format!("timeouts.{field}")), "no time at all; every request would fail");
        }
    }
}

fn check_http_url(text: &str, setting: &str, findings: &mut Findings) {
    match Url::parse(text) {
        Ok(url) => {
            findings.add_if(
                !matches!(url.scheme(), "http" | "https") || url.host().is_none(),
                setting,
                "an address starts with `https://` or `http://` and names a host",
            );
            findings.add_if(
                !url.username().is_empty() || url.password().is_some(),
                setting,
                "a user or password stands in the address; take it out",
            );
            findings.add_if(
                url.query().is_some() || url.fragment().is_some(),
                setting,
                "an address has no `?` or `#` part; take it out",
            );
        }
        Err(_) => findings.add(setting, format!("`{text}` is not an address; write it as `https://host/path`")),
    }
}

fn check_identity(config: &Config, findings: &mut Findings) {
    match (&config.identity.oidc, config.identity.anonymous) {
        (Some(oidc), false) => check_oidc(oidc, findings),
        (None, true) => {}
        (Some(_), true) => findings.add(
            "identity.anonymous",
            "`oidc` and `anonymous: true` are both given; anonymous clients would pass unchecked, so keep one",
        ),
        (None, false) => findings.add(
            "identity",
            "nobody can be identified; give `oidc: {issuer: …, audience: …}`, or `anonymous: true` for a trial",
        ),
    }
}

fn check_oidc(oidc: &OidcConfig, findings: &mut Findings) {
    check_http_url(&oidc.issuer, "identity.oidc.issuer", findings);
    for (setting, text) in [
        ("identity.oidc.audience", &oidc.audience),
        ("identity.oidc.user_claim", &oidc.user_claim),
        ("identity.oidc.groups_claim", &oidc.groups_claim),
    ] {
        findings.add_if(text.is_empty(), setting, "a text is empty");
    }
    findings.add_if(oidc.algorithms.is_empty(), "identity.oidc.algorithms", "no algorithm is taken; name one");
    findings.add_if(
        oidc.leeway > Duration::from_secs(300),
        "identity.oidc.leeway",
        "longer than `5m` would take tokens that ended long ago; set the clocks instead",
    );
    findings.add_if(
        oidc.http_timeout.is_zero(),
        "identity.oidc.http_timeout",
        "no time at all; every fetch would fail",
    );
    findings.add_if(
        oidc.jwks_refresh < Duration::from_secs(1),
        "identity.oidc.jwks_refresh",
        "shorter than `1s` would burden the provider; use a longer time",
    );
    findings.add_if(
        oidc.jwks_max_age < oidc.jwks_refresh,
        "identity.oidc.jwks_max_age",
        "shorter than `jwks_refresh`, so keys would run out before they are fetched again",
    );
}

fn check_admin(admin: &AdminConfig, findings: &mut Findings) {
    for (index, token) in admin.tokens.iter().enumerate() {
        let setting = format!("admin.tokens[{index}].user");
        findings.add_if(token.user.trim().is_empty(), &setting, "a token stands for a person; name one");
        findings.add_if(
            token.user == ANONYMOUS,
            &setting,
            "`anonymous` is what clients without identity are called; choose another name",
        );
    }
    if let Some(oidc) = &admin.oidc {
        findings.add_if(oidc.audience.as_deref() == Some(""), "admin.oidc.audience", "a text is empty");
    }
}

fn check_limits(limits: &LimitsConfig, findings: &mut Findings) {
    let at_least_one = "at least 1 is needed for anything to pass";
    findings.add_if(limits.concurrency == 0, "limits.concurrency", at_least_one);
    findings.add_if(limits.concurrency_per_identity == 0, "limits.concurrency_per_identity", at_least_one);
    findings.add_if(limits.connections == 0, "limits.connections", at_least_one);
    findings.add_if(
        !(8 << 10..=1 << 20).contains(&limits.header_size),
        "limits.header_size",
        "a head is between `8KiB` and `1MiB`",
    );
    findings.add_if(
        limits.body_size == 0 || limits.body_size > 1 << 30,
        "limits.body_size",
        "a body is between `1B` and `1GiB`",
    );
    findings.add_if(
        !(64 << 10..=1 << 30).contains(&limits.response_buffer),
        "limits.response_buffer",
        "a buffer is between `64KiB` and `1GiB`",
    );
    for (setting, time) in [
        ("limits.header_time", limits.header_time),
        ("limits.body_time", limits.body_time),
        ("limits.request_time", limits.request_time),
    ] {
        findings.add_if(time.is_zero(), setting, "no time at all; every request would fail");
    }
}

fn check_approvals(config: &Config, findings: &mut Findings) {
    let approvals = &config.approvals;
    findings.add_if(
        approvals.max_pending == 0,
        "approvals.max_pending",
        "at least 1 is needed for an approval to wait",
    );
    findings.add_if(
        approvals.max_pending_per_identity == 0,
        "approvals.max_pending_per_identity",
        "at least 1 is needed for an approval to wait",
    );
    findings.add_if(approvals.max_within.is_zero(), "approvals.max_within", "no time at all; nobody could answer");
    findings.add_if(
        approvals.use_within.is_zero(),
        "approvals.use_within",
        "no time at all; a grant could not be used",
    );
}

/// Opens every secret and certificate.
pub(super) fn check_files(config: &Config) -> Findings {
    let mut findings = Findings::default();
    for (setting, tls) in [("tls", &config.tls), ("admin.tls", &config.admin.tls)] {
        if let Some(Err(error)) = tls.as_ref().map(server_tls) {
            findings.add(setting, error.to_string());
        }
    }
    if let Some(path) = &config.capabilities {
        let read = std::fs::read_to_string(path).map_err(|error| format!("`{}`: {error}", path.display()));
        let parse =
            |text: String| Capabilities::parse(&path.display().to_string(), &text).map_err(|error| error.to_string());
        if let Err(message) = read.and_then(parse) {
            findings.add("capabilities", message);
        }
    }
    if let PolicyConfig::Git(GitConfig { credentials: Some(credentials), .. }) = &config.policy
        && let Err(error) = credentials.password.read()
    {
        findings.add("policy.git.credentials.password", error.to_string());
    }
    let mut seen = Vec::new();
    for (index, token) in config.admin.tokens.iter().enumerate() {
        let setting = format!("admin.tokens[{index}].token");
        match token.token.read_at_least(ADMIN_TOKEN_LENGTH_MIN) {
            Ok(secret) => {
                findings.add_if(
                    seen.contains(&secret),
                    &setting,
                    "another person has the same token; each needs one of their own",
                );
                seen.push(secret);
            }
            Err(error) => findings.add(setting, error.to_string()),
        }
    }
    for (index, upstream) in config.upstreams.iter().enumerate() {
        if let Some(Err(error)) = upstream.api_key.as_ref().map(super::SecretSource::read) {
            findings.add(format!("upstreams[{index}].api_key"), error.to_string());
        }
        if let Err(error) = client_tls(upstream.ca_file.as_deref()) {
            findings.add(format!("upstreams[{index}].ca_file"), error.to_string());
        }
    }
    if let Some(Err(error)) = config.identity.oidc.as_ref().map(|oidc| client_tls(oidc.ca_file.as_deref())) {
        findings.add("identity.oidc.ca_file", error.to_string());
    }
    if let Some(Err(error)) = config.masking.hash_key.as_ref().map(super::SecretSource::read) {
        findings.add("masking.hash_key", error.to_string());
    }
    findings
}

/// What works but is unwise.
pub(super) fn warnings(config: &Config) -> Vec<String> {
    let mut warnings = Vec::new();
    if config.identity.anonymous {
        warnings.push("identity is off: every client is `anonymous`; use `identity.oidc` outside of trials".to_owned());
    }
    if config.tls.is_none() && !config.listen.ip().is_loopback() {
        warnings.push(format!("clients send their tokens to {} without TLS; set `tls`", config.listen));
    }
    if config.admin.tls.is_none() && !config.admin.listen.ip().is_loopback() {
        warnings.push(format!("admin tokens travel to {} without TLS; set `admin.tls`", config.admin.listen));
    }
    if config.admin.tokens.is_empty() && config.admin.oidc.is_none() {
        warnings.push("nobody can answer approvals; set `admin.tokens` or `admin.oidc`".to_owned());
    }
    if config.admin.oidc.is_some() && config.identity.oidc.is_none() {
        warnings.push("`admin.oidc` has no effect without `identity.oidc`".to_owned());
    }
    if config.masking.hash_key.is_none() {
        warnings
            .push("masked hashes change at every start; set `masking.hash_key` to compare them over time".to_owned());
    }
    if let PolicyConfig::Git(git) = &config.policy
        && leaves_machine_in_plain(&git.url)
    {
        warnings.push("policies are fetched without TLS, so others could change them; use `https://`".to_owned());
    }
    if let Some(oidc) = &config.identity.oidc
        && leaves_machine_in_plain(&oidc.issuer)
    {
        warnings.push("the identity provider's keys are fetched without TLS; use an `https://` issuer".to_owned());
    }
    for upstream in &config.upstreams {
        if leaves_machine_in_plain(&upstream.base_url) && upstream.api_key.is_some() {
            warnings.push(format!("the key of upstream `{}` travels without TLS; use `https://`", upstream.name));
        }
    }
    warnings
}

fn leaves_machine_in_plain(address: &str) -> bool {
    Url::parse(address).is_ok_and(|url| {
        let here = match url.host() {
            Some(Host::Domain(name)) => name == "localhost",
            Some(Host::Ipv4(ip)) => ip.is_loopback(),
            Some(Host::Ipv6(ip)) => ip.is_loopback(),
            None => false,
        };
        url.scheme() == "http" && !here
    })
}
