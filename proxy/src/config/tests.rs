//! What is read, what is refused, and where the refusal points.

use std::path::PathBuf;
use std::time::Duration;

use proptest::prelude::*;

use super::*;

const MINIMAL: &str = "policy: {folder: policies}
upstreams:
  - {name: openai, kind: openai, base_url: 'https://api.openai.com'}
identity: {anonymous: true}
";

/// The documented file, which names every setting.
const EXAMPLE: &str = include_str!("../../../docs/hpol.example.yaml");

fn parse(text: &str) -> Result<Config, ConfigError> {
    Config::parse(text, "conf/hpol.yaml".as_ref())
}

/// A configuration that is wrong, and all that is said about it.
fn refusal(text: &str) -> String {
    let error = parse(text).expect_err("this configuration is wrong");
    format!("{text}\n----\n{error}")
}

#[test]
fn what_is_left_out_has_a_default() {
    let config = parse(MINIMAL).expect("valid");
    assert_eq!(config.listen.to_string(), "127.0.0.1:8400");
    assert_eq!(config.admin.listen.to_string(), "127.0.0.1:8401");
    assert_eq!(config.store.path, PathBuf::from("conf/hpol.db"));
    assert_eq!(config.policy, PolicyConfig::Folder("conf/policies".into()));
    assert_eq!(config.limits, LimitsConfig::default());
    assert_eq!(config.upstreams[0].path_prefix, "/");
    assert_eq!(config.warnings().len(), 3, "{:?}", config.warnings());
}

#[test]
fn the_documented_file_is_valid_and_true_to_the_defaults() {
    let config = parse(EXAMPLE).expect("valid");
    assert_eq!(config.limits, LimitsConfig::default());
    assert_eq!(config.approvals, ApprovalsConfig::default());
    assert_eq!(config.logging, LoggingConfig::default());
    assert_eq!(config.upstreams[0].timeouts, UpstreamTimeouts::default());
    assert_eq!(config.upstreams[0].api_key_header, ApiKeyHeader::default());
    assert_eq!(config.store.max_size, Some(10 << 30));
    let oidc = config.identity.oidc.as_ref().expect("given");
    let short = "policy: {folder: p}\nupstreams: [{name: u, kind: http, base_url: 'http://u'}]\n\
                 identity: {oidc: {issuer: 'https://login.example.com', audience: hpol}}";
    let defaults = parse(short).expect("valid").identity.oidc.expect("given");
    assert_eq!(OidcConfig { ca_file: None, ..oidc.clone() }, defaults);
    assert_eq!(defaults.leeway, Duration::from_secs(30));
    assert_eq!(oidc.ca_file, Some(PathBuf::from("conf/tls/internal-ca.pem")));
    assert_eq!(config.admin.tokens[0].token, SecretSource::Env("HPOL_ADMIN_TOKEN_ADA".to_owned()));
    assert_eq!(config.masking.hash_key, Some(SecretSource::File("conf/secrets/hash-key".into())));
    let PolicyConfig::Git(git) = &config.policy else { panic!("the example follows a repository") };
    assert_eq!(git.reference(), GitReference::Branch("main"));
    assert_eq!(git.cache, PathBuf::from("conf/hpol-policy-cache"));
    assert_eq!(git.url, "https://git.example.com/platform/policies.git");
    assert_eq!(config.warnings(), [""; 0]);
}

#[test]
fn a_configuration_survives_writing_and_reading() {
    let config = parse(EXAMPLE).expect("valid");
    let text = serde_saphyr::to_string(&config).expect("written");
    assert_eq!(Config::parse(&text, "hpol.yaml".as_ref()).expect("valid"), config);
}

#[test]
fn an_unknown_setting_is_named() {
    insta::assert_snapshot!(refusal(&format!("{MINIMAL}limits:\n  concurency: 5\n")));
}

#[test]
fn a_missing_section_is_named() {
    insta::assert_snapshot!(refusal("policy: {folder: policies}\n"));
}

#[test]
fn a_wrong_unit_is_explained() {
    insta::assert_snapshot!(refusal(&format!("{MINIMAL}limits:\n  request_time: 10 minutes\n")));
}

#[test]
fn a_number_without_a_unit_is_no_duration() {
    insta::assert_snapshot!(refusal(&format!("{MINIMAL}limits:\n  request_time: 10\n")));
}

#[test]
fn a_key_that_comes_twice_is_refused() {
    insta::assert_snapshot!(refusal(&format!("{MINIMAL}identity: {{anonymous: false}}\n")));
}

#[test]
fn an_unknown_algorithm_is_refused() {
    insta::assert_snapshot!(refusal(
        "policy: {folder: p}
upstreams: [{name: u, kind: http, base_url: 'http://u'}]
identity:
  oidc:
    issuer: https://login.example.com
    audience: hpol
    algorithms: [RS256, HS256]
"
    ));
}

#[test]
fn a_secret_in_the_file_is_refused() {
    insta::assert_snapshot!(refusal(
        "policy: {folder: p}
upstreams:
  - {name: u, kind: http, base_url: 'http://u', api_key: sk-123}
identity: {anonymous: true}
"
    ));
}

#[test]
fn two_sources_of_policies_are_refused() {
    insta::assert_snapshot!(refusal(
        "policy:
  folder: policies
  git: {url: 'https://git.example.com/p.git'}
upstreams: [{name: u, kind: http, base_url: 'http://u'}]
identity: {anonymous: true}
"
    ));
}

#[test]
fn what_is_no_yaml_is_refused() {
    insta::assert_snapshot!(refusal("policy: [\n"));
}

#[test]
fn an_empty_file_is_refused() {
    insta::assert_snapshot!(refusal(""));
}

/// Everything that can be wrong with values is told at once, each with its line.
#[test]
fn all_wrong_values_are_told_at_once() {
    insta::assert_snapshot!(refusal(
        "listen: 127.0.0.1:8401
policy:
  git:
    url: ftp://git.example.com/p.git
    branch: main
    tag: v1
    path: ../outside
    poll: 10ms
upstreams:
  - name: a b
    kind: openai
    base_url: api.openai.com
    path_prefix: v1
  - name: other
    kind: http
    base_url: https://user:secret@example.com/?q=1
    host: example.com:443
    api_key_header: {name: 'x key', scheme: 'a b'}
    timeouts: {connect: 0s}
  - {name: other, kind: http, base_url: 'ftp://example.com', path_prefix: v1}
identity:
  anonymous: true
  oidc: {issuer: 'https://login.example.com', audience: hpol}
admin:
  tokens:
    - {user: anonymous, token: {env: A}}
    - {user: ' ', token: {env: B}}
store:
  max_size: 10KB
approvals:
  max_pending: 0
  max_within: 0s
limits:
  header_size: 1KiB
  body_size: 2GiB
  concurrency: 0
logging:
  level: loud
"
    ));
}

#[test]
fn wrong_values_of_a_provider_are_told_at_once() {
    insta::assert_snapshot!(refusal(
        "policy: {folder: p}
upstreams: []
identity:
  oidc:
    issuer: login.example.com
    audience: ''
    algorithms: []
    leeway: 1h
    jwks_refresh: 1h
    jwks_max_age: 1m
    http_timeout: 0s
"
    ));
}

#[test]
fn nobody_to_identify_is_refused() {
    insta::assert_snapshot!(refusal(
        "policy: {folder: p}
upstreams: [{name: u, kind: http, base_url: 'http://u'}]
identity: {}
"
    ));
}

#[test]
fn files_and_secrets_that_are_missing_are_told_at_once() {
    let folder = tempfile::tempdir().expect("temporary folder");
    let path = folder.path().join("hpol.yaml");
    std::fs::write(folder.path().join("short"), "secret").expect("written");
    std::fs::write(folder.path().join("long"), "0123456789abcdef").expect("written");
    std::fs::write(folder.path().join("no.pem"), "no certificate").expect("written");
    std::fs::write(
        &path,
        "tls: {certificate: none.pem, key: none.key}
policy: {folder: p}
upstreams:
  - {name: u, kind: http, base_url: 'https://u', api_key: {env: HPOL_TEST_NEVER_SET}, ca_file: no.pem}
identity: {anonymous: true}
admin:
  tokens:
    - {user: ada, token: {file: short}}
    - {user: bob, token: {file: long}}
    - {user: cyd, token: {file: long}}
masking: {hash_key: {file: none}}
",
    )
    .expect("written");
    let config = Config::load(&path).expect("its values are valid");
    let error = config.check_files(&path).expect_err("its files are missing");
    let found: Vec<_> = error.problems().iter().map(|problem| (problem.setting.as_str(), problem.position)).collect();
    assert_eq!(
        found,
        [
            ("tls", Some((1, 6))),
            ("admin.tokens[0].token", Some((8, 26))),
            ("admin.tokens[2].token", Some((10, 26))),
            ("upstreams[0].api_key", Some((4, 59))),
            ("upstreams[0].ca_file", Some((4, 96))),
            ("masking.hash_key", Some((11, 21))),
        ]
    );
    assert!(!error.to_string().contains("secret`"), "{error}");
}

#[test]
fn files_that_cannot_be_read_are_named() {
    let folder = tempfile::tempdir().expect("temporary folder");
    let path = folder.path().join("hpol.yaml");
    assert!(matches!(Config::load(&path), Err(ConfigError::Read { .. })));
    std::fs::write(&path, vec![b'#'; 2 << 20]).expect("written");
    assert!(matches!(Config::load(&path), Err(ConfigError::TooLarge { .. })));
    std::fs::write(&path, [0xff, 0xfe]).expect("written");
    let error = Config::load(&path).expect_err("not text").to_string();
    assert!(error.contains("hpol.yaml") && error.contains("utf-8"), "{error}");
}

/// A small text that unfolds to a large one must not fill the memory.
#[test]
fn an_alias_bomb_is_refused() {
    let mut text = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
    for level in 1..12 {
        let inner = (0..10).map(|_| format!("*a{}", level - 1)).collect::<Vec<_>>().join(", ");
        text.push_str(&format!("a{level}: &a{level} [{inner}]\n"));
    }
    assert!(parse(&text).is_err());
    let deep = "[".repeat(100_000);
    assert!(parse(&deep).is_err());
}

/// The published schema is that of the code. To write it anew: `HPOL_UPDATE_SCHEMA=1 cargo test -p hpol-proxy schema`.
#[test]
fn the_published_schema_is_current() {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../docs/hpol.schema.json");
    let current = format!("{}\n", serde_json::to_string_pretty(&Config::json_schema()).expect("JSON"));
    if std::env::var_os("HPOL_UPDATE_SCHEMA").is_some() {
        std::fs::write(&path, &current).expect("written");
    }
    let published = std::fs::read_to_string(&path).expect("docs/hpol.schema.json is there");
    assert!(published == current, "docs/hpol.schema.json is out of date; set HPOL_UPDATE_SCHEMA=1 and run this again");
}

proptest! {
    #[test]
    fn no_text_panics(text in "[a-z:{}\\[\\]&*,\\-'\" \n0-9]{0,200}") {
        let _ = parse(&text);
        let _ = parse(&format!("{MINIMAL}{text}"));
    }
}

#[test]
fn certificates_are_read_or_named() {
    let data = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("src/config/testdata");
    let server = |certificate: &str, key: &str| {
        server_tls(&TlsConfig { certificate: data.join(certificate), key: data.join(key) }).map(|_| ())
    };
    assert!(server("server.pem", "server.key").is_ok());
    assert!(matches!(server("ca.pem", "server.key"), Err(TlsError::Rustls(_))), "the key is of another certificate");
    assert!(matches!(server("server.key", "server.key"), Err(TlsError::NoCertificate(_))));
    assert!(matches!(server("none.pem", "server.key"), Err(TlsError::Pem { .. })));
    assert!(matches!(server("server.pem", "server.pem"), Err(TlsError::Pem { .. })));
    assert!(client_tls(Some(&data.join("ca.pem"))).is_ok());
    assert!(matches!(client_tls(Some(&data.join("server.key"))), Err(TlsError::NoCertificate(_))));
    assert!(client_tls(None).is_ok());
}
