//! Builtins that reach outside of an evaluation. A policy may call one only where a host allows it; an evaluation itself
//! asks neither network nor system, so that it can be repeated: what it can't answer from its arguments is an error.

use std::net::IpAddr;

use crate::arguments::{Outcome, argument, failed};
use crate::builtin::{Builtin, BuiltinError, Call, example};
use crate::heap::Word;

pub(crate) const TABLE: &[Builtin] = &[
    Builtin::pure(
        "http.send",
        "(map[string, any]) -> map[string, any]",
        "The answer to a request: an error, because an evaluation sends none; tests replace it by `with`.",
        &[
            example("http.send({\"method\": \"get\", \"url\": \"https://example.com\"})", "error"),
            example("http.send({\"method\": \"get\"})", "error"),
        ],
        send,
    )
    .of_decision()
    .outside(),
    Builtin::pure(
        "net.lookup_ip_addr",
        "(string) -> set[string]",
        "The addresses of a name: those of `localhost`, and an address itself; any other name is an error, because an evaluation asks no name server.",
        &[
            example("net.lookup_ip_addr(\"10.0.0.1\")", "{\"10.0.0.1\"}"),
            example("net.lookup_ip_addr(\"localhost\")", "{\"127.0.0.1\", \"::1\"}"),
            example("net.lookup_ip_addr(\"example.com\")", "error"),
        ],
        lookup,
    )
    .of_decision()
    .outside(),
    Builtin::pure(
        "opa.runtime",
        "() -> map[string, any]",
        "What the host tells of itself: nothing; tests replace it by `with`.",
        &[example("opa.runtime()", "{}")],
        runtime,
    )
    .of_decision()
    .outside(),
];

/// What a request may have.
const REQUEST_KEYS: [&str; 28] = [
    "method",
    "url",
    "body",
    "enable_redirect",
    "force_json_decode",
    "force_yaml_decode",
    "headers",
    "raw_body",
    "tls_use_system_certs",
    "tls_ca_cert",
    "tls_ca_cert_file",
    "tls_ca_cert_env_variable",
    "tls_client_cert",
    "tls_client_cert_file",
    "tls_client_cert_env_variable",
    "tls_client_key",
    "tls_client_key_file",
    "tls_client_key_env_variable",
    "tls_insecure_skip_verify",
    "tls_server_name",
    "timeout",
    "cache",
    "force_cache",
    "force_cache_duration_seconds",
    "raise_error",
    "caching_mode",
    "max_retry_attempts",
    "cache_ignored_headers",
];

fn send(call: &mut Call<'_>, arguments: &[Word]) -> Outcome {
    let (keys, _) = call.object(arguments, 1)?;
    let unknown: Vec<String> = keys
        .iter()
        .filter(|key| call.heap.as_str(**key).is_none_or(|name| !REQUEST_KEYS.contains(&name)))
        .map(|key| call.heap.to_value(*key).to_string())
        .collect();
    if !unknown.is_empty() {
        return Err(BuiltinError::Type(format!("invalid request parameters(s): {{{}}}", unknown.join(", "))));
    }
    let request = argument(arguments, 1);
    let missing: Vec<&str> =
        ["method", "url"].into_iter().filter(|name| call.heap.field(request, name).is_absent()).collect();
    if !missing.is_empty() {
        let missing: Vec<String> = missing.into_iter().map(|name| format!("\"{name}\"")).collect();
        return Err(BuiltinError::Type(format!("missing required request parameters(s): {{{}}}", missing.join(", "))));
    }
    Err(failed("no request is sent during an evaluation: give the policy what it needs as input or data"))
}

fn lookup(call: &mut Call<'_>, arguments: &[Word]) -> Outcome {
    let name = call.text(arguments, 1)?;
    if name.eq_ignore_ascii_case("localhost") {
        return addresses(call, &["127.0.0.1", "::1"]);
    }
    match name.parse::<IpAddr>() {
        Ok(address) => addresses(call, &[&address.to_string()]),
        Err(_) => Err(failed(format!("no name server is asked during an evaluation, so `{name}` is not known"))),
    }
}

fn addresses(call: &mut Call<'_>, texts: &[&str]) -> Outcome {
    let mut words = Vec::with_capacity(texts.len());
    for text in texts {
        words.push(call.heap.string(text)?);
    }
    Ok(call.heap.set(words)?)
}

fn runtime(call: &mut Call<'_>, _: &[Word]) -> Outcome {
    Ok(call.heap.object(Vec::new())?)
}
