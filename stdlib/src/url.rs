//! Builtins on URLs.

use url::Url;

use crate::arguments::{Outcome, argument, failed};
use crate::builtin::{Builtin, BuiltinError, Call, example};
use crate::casts::shortened;
use crate::heap::Word;

pub(crate) const TABLE: &[Builtin] = &[
    Builtin::pure(
        "uri.is_valid",
        "(any) -> bool",
        "Whether the value is the text of a URI with a scheme.",
        &[
            example("uri.is_valid(\"https://example.com/path?q=1\")", "true"),
            example("uri.is_valid(\"http://[invalid\")", "false"),
            example("uri.is_valid(\"\")", "false"),
        ],
        is_valid,
    ),
    Builtin::pure(
        "url.parse",
        "(string) -> {scheme: string, user?: string, host?: string, port?: int, path: string, query?: string, fragment?: string}",
        "The parts of an absolute URL as a browser reads it: host in small letters, dots in the path resolved, the scheme's usual port filled in.",
        &[
            example(
                "url.parse(\"https://ada@API.example.com/v1/../v2?q=1#top\")",
                "{\"scheme\": \"https\", \"user\": \"ada\", \"host\": \"api.example.com\", \"port\": 443, \"path\": \"/v2\", \"query\": \"q=1\", \"fragment\": \"top\"}",
            ),
            example("url.parse(\"/v1\")", "error"),
        ],
        parse,
    ),
];

fn is_valid(call: &mut Call<'_>, arguments: &[Word]) -> Outcome {
    let text = call.heap.as_str(argument(arguments, 1));
    Ok(Word::bool(text.is_some_and(|text| Url::parse(text).is_ok())))
}

fn parse(call: &mut Call<'_>, arguments: &[Word]) -> Outcome {
    let text = call.text(arguments, 1)?;
    let bytes = text.len();
    let url = Url::parse(text).map_err(|error| failed(format!("`{}` is no URL: {error}", shortened(text))))?;
    call.charge_bytes(bytes)?;
    let mut entries: Vec<(&str, Word)> = Vec::new();
    let user = Some(url.username()).filter(|user| !user.is_empty());
    let texts = [
        ("scheme", Some(url.scheme())),
        ("user", user),
        ("host", url.host_str()),
        ("path", Some(url.path())),
        ("query", url.query()),
        ("fragment", url.fragment()),
    ];
    for (name, text) in texts {
        if let Some(text) = text {
            entries.push((name, call.make_string(text)?));
        }
    }
    if let Some(port) = url.port_or_known_default() {
        entries.push(("port", call.heap.int(port.into())?));
    }
    let entries = entries.into_iter().map(|(key, value)| Ok((call.heap.string(key)?, value)));
    let entries = entries.collect::<Result<Vec<_>, BuiltinError>>()?;
    Ok(call.heap.object(entries)?)
}
