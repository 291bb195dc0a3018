//! From a head and the bytes of a body to a message.

use bytes::Bytes;
use hpol_lang::value::{JsonLimits, JsonTree, parse_json_tree};
use http::header::CONTENT_ENCODING;
use http::{HeaderName, StatusCode};
use sha2::{Digest, Sha256};

use crate::authorize::{Content, Message};
use crate::http::codec::{BodyError, decode_body};
use crate::http::message::{Head, is_json, request_headers};
use crate::llm;
use crate::llm::message::Endpoint;
use crate::refusal::Refusal;

/// Put in front of what is hashed, so that no other hash of the project can be taken for one of a request.
const DOMAIN: &[u8] = b"hpol request 1\n";

/// Reads a message. The body is given back as it will be sent on: without content encoding.
pub(super) fn decode(
    head: Head,
    endpoint: Option<Endpoint>,
    body: Bytes,
    limit: usize,
) -> Result<(Message, Bytes), Refusal> {
    let encoding = head.headers.get(CONTENT_ENCODING).and_then(|value| value.to_str().ok());
    let body = match encoding {
        None => body,
        Some(encoding) => {
            decode_body(Some(encoding), &body, limit).map(Bytes::from).map_err(|error| refuse_body(&error))?
        }
    };
    let json = head.media_type().is_some_and(|media_type| is_json(&media_type));
    let content = match endpoint {
        Some(endpoint) => {
            if !json {
                let message = "the body of this endpoint is JSON; send `content-type: application/json`";
                return Err(Refusal::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported_media_type", message));
            }
            let tree = parse(&head, &body, limit)?;
            let request = llm::codec::decode(endpoint, &tree).map_err(|error| {
                Refusal::new(StatusCode::BAD_REQUEST, "invalid_request", format!("the request cannot be read: {error}"))
            })?;
            Content::Llm(Box::new(request), tree)
        }
        None if json && !body.is_empty() => Content::Http(Some(parse(&head, &body, limit)?), body.len()),
        None => Content::Http(None, body.len()),
    };
    Ok((Message { head, content }, body))
}

fn parse(head: &Head, body: &[u8], limit: usize) -> Result<JsonTree, Refusal> {
    let refuse = |problem: String| {
        Refusal::new(StatusCode::BAD_REQUEST, "invalid_json", format!("the body is not valid JSON: {problem}"))
    };
    let content_type = head.headers.get(http::header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let mut parameters = content_type.unwrap_or_default().split(';').skip(1);
    // In another character set the same bytes are another document.
    let foreign = |parameter: &str| {
        let (name, value) = parameter.split_once('=').unwrap_or((parameter, ""));
        name.trim().eq_ignore_ascii_case("charset") && !value.trim().trim_matches('"').eq_ignore_ascii_case("utf-8")
    };
    if parameters.any(foreign) {
        return Err(refuse("its character set must be UTF-8".to_owned()));
    }
    let text = std::str::from_utf8(body).map_err(|_| refuse("it is not UTF-8".to_owned()))?;
    // Policies see it as a field of the request, a level deeper.
    let limits = JsonLimits { bytes_max: limit, depth_max: JsonLimits::default().depth_max - 1 };
    parse_json_tree(text, limits).map_err(|error| refuse(error.to_string()))
}

fn refuse_body(error: &BodyError) -> Refusal {
    let (status, code) = match error {
        BodyError::UnsupportedEncoding(_) => (StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported_encoding"),
        BodyError::Malformed(_) => (StatusCode::BAD_REQUEST, "invalid_body"),
        BodyError::TooLarge(_) => (StatusCode::PAYLOAD_TOO_LARGE, "request_too_large"),
    };
    Refusal::new(status, code, error.to_string())
}

/// SHA-256 of the exact request: what an approval is bound to. Headers that a client changes from try to try are left
/// out.
pub(super) fn request_hash(message: &Message, body: &[u8]) -> [u8; 32] {
    let head = &message.head;
    let mut hasher = Sha256::new();
    hasher.update(DOMAIN);
    let mut add = |bytes: &[u8]| {
        hasher.update(u64::try_from(bytes.len()).unwrap_or(u64::MAX).to_be_bytes());
        hasher.update(bytes);
    };
    add(head.method.as_str().as_bytes());
    add(head.host.as_bytes());
    add(head.path_and_query().as_bytes());
    let mut headers: Vec<(String, Vec<u8>)> = request_headers(&head.headers)
        .iter()
        .filter(|(name, _)| !changes_between_tries(name))
        .map(|(name, value)| (name.as_str().to_owned(), value.as_bytes().to_vec()))
        .collect();
    headers.sort();
    for (name, value) in &headers {
        add(name.as_bytes());
        add(value);
    }
    add(b"");
    add(body);
    hasher.finalize().into()
}

fn changes_between_tries(name: &HeaderName) -> bool {
    let name = name.as_str();
    name.starts_with("x-stainless-")
        || matches!(
            name,
            "baggage"
                | "date"
                | "idempotency-key"
                | "sentry-trace"
                | "traceparent"
                | "tracestate"
                | "user-agent"
                | "x-request-id"
                | "x-client-request-id"
        )
}
