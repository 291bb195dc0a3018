//! What the gateway takes as a request: one reading only, and nothing a server behind it could read in another way.

use std::borrow::Cow;

use http::header::{
    ACCEPT_ENCODING, AUTHORIZATION, CONNECTION, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, COOKIE, EXPECT,
    FORWARDED, HOST, HeaderMap, HeaderName, PROXY_AUTHENTICATE, PROXY_AUTHORIZATION, SET_COOKIE, TE, TRAILER,
    TRANSFER_ENCODING, UPGRADE,
};
use http::request::Parts;
use http::{Method, Version};
use percent_encoding::percent_decode_str;

/// Why a request is refused before anything is decided.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HygieneError {
    /// A method that would make the gateway a tunnel or echo the request.
    #[error("method `{0}` is not served; send the request itself")]
    Method(Method),
    /// HTTP/0.9 and other versions.
    #[error("only HTTP/1.0 and HTTP/1.1 are served")]
    Version,
    /// An upgrade to another protocol.
    #[error("upgrades to another protocol are not served; leave out the `upgrade` header")]
    Upgrade,
    /// A request target that is not a path.
    #[error("the request target must be a path that starts with `/`, not a whole address")]
    Target,
    /// A path that servers normalise in different ways.
    #[error("path `{path}` could be read in more than one way: {problem}")]
    Path {
        /// The path.
        path: String,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// A query that is not percent-encoded UTF-8.
    #[error("the query must be percent-encoded UTF-8")]
    Query,
    /// The target is too long.
    #[error("the request target is longer than {0} bytes")]
    TargetTooLong(usize),
    /// No `Host`, or not exactly one, or not a host.
    #[error("the request must have exactly one valid `host` header")]
    Host,
    /// A header that must stand once stands twice.
    #[error("header `{0}` stands more than once")]
    Repeated(HeaderName),
    /// A header's value is not visible text.
    #[error("header `{0}` holds characters other than visible UTF-8 text")]
    HeaderText(HeaderName),
    /// Too many headers.
    #[error("the request has more than {0} headers")]
    TooManyHeaders(usize),
    /// An expectation other than `100-continue`.
    #[error("the only expectation that is served is `100-continue`")]
    Expectation,
}

/// The longest request target that is served, in bytes.
pub const TARGET_BYTES_MAX: usize = 8 << 10;
/// The most headers that are served.
pub const HEADERS_MAX: usize = 100;

/// A request's head that has exactly one reading.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head {
    /// The method.
    pub method: Method,
    /// The path as sent.
    pub path: String,
    /// The query as sent, without `?`.
    pub query: Option<String>,
    /// Segments of the path, percent-decoded.
    pub segments: Vec<String>,
    /// Parameters of the query in order, percent-decoded.
    pub parameters: Vec<(String, String)>,
    /// The host without its port, in lower case; empty for HTTP/1.0 without one.
    pub host: String,
    /// The headers, as sent.
    pub headers: HeaderMap,
}

impl Head {
    /// Checks a request's head.
    ///
    /// # Errors
    ///
    /// What could be read in more than one way, or is not served at all.
    pub fn check(parts: &Parts) -> Result<Self, HygieneError> {
        check_method(parts)?;
        let headers = &parts.headers;
        if headers.len() > HEADERS_MAX {
            return Err(HygieneError::TooManyHeaders(HEADERS_MAX));
        }
        check_headers(headers)?;
        let host = check_host(parts)?;
        let uri = &parts.uri;
        if uri.scheme().is_some() || uri.authority().is_some() || !uri.path().starts_with('/') {
            return Err(HygieneError::Target);
        }
        if uri.path().len() + uri.query().map_or(0, str::len) > TARGET_BYTES_MAX {
            return Err(HygieneError::TargetTooLong(TARGET_BYTES_MAX));
        }
        let segments = check_path(uri.path())?;
        let parameters = uri.query().map_or(Ok(Vec::new()), check_query)?;
        Ok(Self {
            method: parts.method.clone(),
            path: uri.path().to_owned(),
            query: uri.query().map(str::to_owned),
            segments,
            parameters,
            host,
            headers: headers.clone(),
        })
    }

    /// Path and query, as sent.
    pub fn path_and_query(&self) -> String {
        match &self.query {
            Some(query) => format!("{}?{query}", self.path),
            None => self.path.clone(),
        }
    }

    /// The media type of the body in lower case, without parameters.
    pub fn media_type(&self) -> Option<String> {
        media_type(&self.headers)
    }

    /// The headers as policies see them: without credentials, several values of one joined.
    pub fn shown_headers(&self) -> impl Iterator<Item = (&str, Cow<'_, str>)> {
        let shown = self.headers.keys().filter(|name| !is_credential(name));
        shown.map(|name| {
            let mut values = self.headers.get_all(name).iter().filter_map(|value| text(value.as_bytes()));
            let first = values.next().map_or(Cow::Borrowed(""), Cow::Borrowed);
            (name.as_str(), values.fold(first, |all, value| Cow::Owned(format!("{all}, {value}"))))
        })
    }
}

/// The media type that headers tell, in lower case, without parameters.
pub fn media_type(headers: &HeaderMap) -> Option<String> {
    let value = headers.get(CONTENT_TYPE)?.to_str().ok()?;
    Some(value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase())
}

/// Whether a media type is JSON: `application/json`, or one that ends in `+json`.
pub fn is_json(media_type: &str) -> bool {
    media_type == "application/json" || media_type == "text/json" || media_type.ends_with("+json")
}

fn check_method(parts: &Parts) -> Result<(), HygieneError> {
    if parts.method == Method::CONNECT || parts.method == Method::TRACE {
        return Err(HygieneError::Method(parts.method.clone()));
    }
    if !matches!(parts.version, Version::HTTP_10 | Version::HTTP_11) {
        return Err(HygieneError::Version);
    }
    if parts.headers.contains_key(UPGRADE) {
        return Err(HygieneError::Upgrade);
    }
    Ok(())
}

fn check_headers(headers: &HeaderMap) -> Result<(), HygieneError> {
    for name in [CONTENT_LENGTH, CONTENT_TYPE, CONTENT_ENCODING, AUTHORIZATION, TRANSFER_ENCODING, EXPECT] {
        if headers.get_all(&name).iter().nth(1).is_some() {
            return Err(HygieneError::Repeated(name));
        }
    }
    for (name, value) in headers {
        if text(value.as_bytes()).is_none() {
            return Err(HygieneError::HeaderText(name.clone()));
        }
    }
    if headers.get(EXPECT).is_some_and(|value| !value.as_bytes().eq_ignore_ascii_case(b"100-continue")) {
        return Err(HygieneError::Expectation);
    }
    Ok(())
}

/// Header bytes as text, without control characters but tabs.
fn text(bytes: &[u8]) -> Option<&str> {
    let text = std::str::from_utf8(bytes).ok()?;
    (!text.chars().any(|c| c.is_control() && c != '\t')).then_some(text)
}

fn check_host(parts: &Parts) -> Result<String, HygieneError> {
    let mut hosts = parts.headers.get_all(HOST).iter();
    let host = match (hosts.next(), hosts.next()) {
        (Some(host), None) => host.to_str().map_err(|_| HygieneError::Host)?,
        (None, None) if parts.version == Version::HTTP_10 => return Ok(String::new()),
        _ => return Err(HygieneError::Host),
    };
    let authority: http::uri::Authority = host.parse().map_err(|_| HygieneError::Host)?;
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_' | b':' | b'[' | b']');
    if !authority.as_str().bytes().all(plain) || authority.host().is_empty() {
        return Err(HygieneError::Host);
    }
    Ok(authority.host().to_ascii_lowercase())
}

/// The decoded segments of a path that every server reads alike.
fn check_path(path: &str) -> Result<Vec<String>, HygieneError> {
    let failed = |problem| HygieneError::Path { path: path.chars().take(200).collect(), problem };
    if !path.bytes().all(|byte| byte.is_ascii_graphic())
        || path.contains(['\\', '"', '<', '>', '^', '`', '{', '|', '}'])
    {
        return Err(failed("it holds a character that must be percent-encoded"));
    }
    if path.contains("//") {
        return Err(failed("it holds an empty segment (`//`)"));
    }
    let body = path.strip_prefix('/').unwrap_or(path);
    body.split('/')
        .filter(|segment| !segment.is_empty())
        .map(|segment| check_segment(segment).map_err(failed))
        .collect()
}

fn check_segment(segment: &str) -> Result<String, &'static str> {
    // Some servers cut off parameters behind `;` before they resolve dots.
    if matches!(segment.split(';').next(), Some("." | ".." | "")) {
        return Err("it holds a dot segment");
    }
    for (at, _) in segment.match_indices('%') {
        let digits = segment.get(at + 1..at + 3).filter(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit()));
        let byte = digits.and_then(|digits| u8::from_str_radix(digits, 16).ok());
        match byte {
            None => return Err("a `%` is not followed by two hexadecimal digits"),
            Some(b'/' | b'\\') => return Err("it holds an encoded slash"),
            Some(b'.') => return Err("it holds an encoded dot"),
            Some(b'%') => return Err("it holds an encoded `%`, which a second decoding would read as another path"),
            Some(b';' | b'?' | b'#') => return Err("it holds an encoded `;`, `?` or `#`"),
            Some(byte) if byte.is_ascii_control() => return Err("it holds an encoded control character"),
            Some(_) => {}
        }
    }
    let decoded = percent_decode_str(segment).decode_utf8().map_err(|_| "it is not percent-encoded UTF-8")?;
    Ok(decoded.into_owned())
}

fn check_query(query: &str) -> Result<Vec<(String, String)>, HygieneError> {
    if !query.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(HygieneError::Query);
    }
    let decode = |text: &str| -> Result<String, HygieneError> {
        let text = text.replace('+', " ");
        let decoded = percent_decode_str(&text).decode_utf8().map_err(|_| HygieneError::Query)?;
        if decoded.contains('\0') { Err(HygieneError::Query) } else { Ok(decoded.into_owned()) }
    };
    let pairs = query.split('&').filter(|pair| !pair.is_empty());
    pairs
        .map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            Ok((decode(name)?, decode(value)?))
        })
        .collect()
}

/// Headers that carry credentials: never shown to policies, written to records or sent on.
pub fn is_credential(name: &HeaderName) -> bool {
    [AUTHORIZATION, PROXY_AUTHORIZATION, COOKIE].contains(name)
        || matches!(
            name.as_str(),
            "x-api-key" | "api-key" | "x-goog-api-key" | "x-auth-token" | "x-access-token" | "x-amz-security-token"
        )
}

/// Headers that end at a hop, those that a `connection` header names included.
fn is_hop_by_hop(name: &HeaderName, headers: &HeaderMap) -> bool {
    [CONNECTION, PROXY_AUTHENTICATE, PROXY_AUTHORIZATION, TE, TRAILER, TRANSFER_ENCODING, UPGRADE].contains(name)
        || matches!(name.as_str(), "keep-alive" | "proxy-connection")
        || headers
            .get_all(CONNECTION)
            .iter()
            .filter_map(|value| value.to_str().ok())
            .any(|value| value.split(',').any(|named| named.trim().eq_ignore_ascii_case(name.as_str())))
}

/// The headers of a request to send on. Length, host and encoding are left out: the sender sets them.
pub fn request_headers(headers: &HeaderMap) -> HeaderMap {
    let own = |name: &HeaderName| {
        [HOST, CONTENT_LENGTH, CONTENT_ENCODING, ACCEPT_ENCODING, EXPECT, FORWARDED].contains(name)
            || name.as_str().starts_with("x-forwarded-")
            // A server that takes another method from a header would do what was not decided on.
            || matches!(name.as_str(), "x-real-ip" | "x-http-method" | "x-http-method-override" | "x-method-override")
    };
    pass(headers, |name| own(name) || is_credential(name))
}

/// The headers of a response to send on. Length and encoding are left out: the sender sets them. Cookies stay behind,
/// as the client's are not sent on.
pub fn response_headers(headers: &HeaderMap) -> HeaderMap {
    pass(headers, |name| [CONTENT_LENGTH, CONTENT_ENCODING, SET_COOKIE].contains(name))
}

fn pass(headers: &HeaderMap, leave: impl Fn(&HeaderName) -> bool) -> HeaderMap {
    let mut passed = HeaderMap::with_capacity(headers.len());
    for (name, value) in headers {
        if !is_hop_by_hop(name, headers) && !leave(name) {
            passed.append(name.clone(), value.clone());
        }
    }
    passed
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use http::Request;

    fn parts(request: http::request::Builder) -> Parts {
        request.body(()).expect("a request").into_parts().0
    }

    fn check_target(target: &str) -> Result<Head, HygieneError> {
        Head::check(&parts(Request::get(target).header("host", "gateway:8400")))
    }

    #[test]
    fn a_plain_head_is_taken_apart() {
        let head = check_target("/v1/files/a%20b;x?limit=2&after=f%2B1&limit=3&flag").expect("a good head");
        assert_eq!(head.segments, ["v1", "files", "a b;x"]);
        let parameters = [("limit", "2"), ("after", "f+1"), ("limit", "3"), ("flag", "")];
        assert_eq!(head.parameters, parameters.map(|(name, value)| (name.to_owned(), value.to_owned())));
        assert_eq!(head.host, "gateway");
        assert_eq!(head.path_and_query(), "/v1/files/a%20b;x?limit=2&after=f%2B1&limit=3&flag");
    }

    #[test]
    fn paths_with_two_readings_are_refused() {
        let paths = [
            "/a/../b",
            "/a/./b",
            "/..",
            "/a/..",
            "//a",
            "/a//b",
            "/%2e%2e/a",
            "/a%2fb",
            "/a%2Fb",
            "/a%5cb",
            "/a%252e",
            "/..;x/a",
            "/a;/..;/b",
            "/a%00",
            "/a%0a",
            "/a%3fb",
            "/a%23b",
            "/a%c0%ae",
            "/a%ff",
            "/a%",
            "/a%2",
            "/a%zz",
            "/a\\b",
            "/;x",
        ];
        for path in paths {
            let refused = matches!(check_target(path), Err(HygieneError::Path { .. }));
            // Some do not even pass as an address.
            assert!(refused || path.parse::<http::Uri>().is_err(), "{path}");
        }
    }

    #[test]
    fn targets_other_than_paths_are_refused() {
        assert_eq!(check_target("http://other/a"), Err(HygieneError::Target));
        assert_eq!(check_target(&format!("/{}", "a".repeat(9_000))), Err(HygieneError::TargetTooLong(8_192)));
        let star = parts(Request::options("*").header("host", "x"));
        assert_eq!(Head::check(&star), Err(HygieneError::Target));
        let connect = parts(Request::connect("x:443").header("host", "x"));
        assert_eq!(Head::check(&connect), Err(HygieneError::Method(Method::CONNECT)));
    }

    #[test]
    fn hosts_and_single_headers_stand_once() {
        let get = || Request::get("/");
        assert_eq!(Head::check(&parts(get())), Err(HygieneError::Host));
        assert_eq!(Head::check(&parts(get().header("host", "a").header("host", "a"))), Err(HygieneError::Host));
        for host in ["", "a b", "user@a", "a/b", "a,b"] {
            assert_eq!(Head::check(&parts(get().header("host", host))), Err(HygieneError::Host), "{host}");
        }
        let twice = get().header("host", "a").header("content-type", "a/b").header("content-type", "a/c");
        assert_eq!(Head::check(&parts(twice)), Err(HygieneError::Repeated(CONTENT_TYPE)));
        let upgrade = get().header("host", "a").header("upgrade", "websocket");
        assert_eq!(Head::check(&parts(upgrade)), Err(HygieneError::Upgrade));
        let expect = get().header("host", "a").header("expect", "tea");
        assert_eq!(Head::check(&parts(expect)), Err(HygieneError::Expectation));
        let latin = get().header("host", "a").header("x", http::HeaderValue::from_bytes(b"\xe9").expect("a value"));
        assert_eq!(Head::check(&parts(latin)), Err(HygieneError::HeaderText(HeaderName::from_static("x"))));
    }

    #[test]
    fn credentials_and_hop_headers_stay_behind() {
        let request = Request::get("/")
            .header("host", "a")
            .header("authorization", "Bearer t")
            .header("cookie", "c=1")
            .header("x-api-key", "k")
            .header("connection", "close, X-Hop")
            .header("x-hop", "1")
            .header("x-forwarded-for", "1.2.3.4")
            .header("te", "trailers")
            .header("accept-encoding", "br")
            .header("content-length", "0")
            .header("x-kept", "1")
            .header("x-kept", "2");
        let head = Head::check(&parts(request)).expect("a good head");
        let passed = request_headers(&head.headers);
        let names: Vec<&str> = passed.keys().map(HeaderName::as_str).collect();
        assert_eq!(names, ["x-kept"]);
        assert_eq!(passed.get_all("x-kept").iter().count(), 2);
        let shown: BTreeMap<_, _> = head.shown_headers().collect();
        assert_eq!(shown.get("x-kept").map(AsRef::as_ref), Some("1, 2"));
        assert_eq!(shown.get("authorization"), None);
        assert_eq!(shown.get("x-api-key"), None);
    }
}
