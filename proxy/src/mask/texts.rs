//! Which strings of a document of the OpenAI protocol are texts, and which hold its parts together.
//!
//! Everything is a text that is not known to be something else, so a field that the protocol gains tomorrow is seen by
//! policies and masked. What is known to be something else stands in the lists below.

use hpol_lang::value::JsonTree;

/// What a string of a document is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TextClass {
    /// Words for people or the model.
    Prose,
    /// A JSON document in a string: arguments of a call.
    Arguments,
    /// A name, an address, a part of a schema: what detectors find in it is masked, but it is not replaced as a whole,
    /// since programs look it up.
    Label,
    /// An id, a type, a status: never changed.
    Structure,
    /// An image or sound, inline: no text.
    Media,
    /// A file, inline.
    File,
    /// A credential for a tool's server: neither shown nor changed.
    Credential,
    /// Something whose parts spell a text that is masked elsewhere: it is taken out where texts are masked.
    Echo,
}

/// Where a string stands, outermost first.
#[derive(Debug, Clone, Copy)]
pub struct Place<'p> {
    parent: Option<&'p Place<'p>>,
    key: Option<&'p str>,
}

impl<'p> Place<'p> {
    /// The document itself.
    pub const ROOT: Place<'static> = Place { parent: None, key: None };

    /// A member of the object at this place.
    pub fn member(&'p self, key: &'p str) -> Place<'p> {
        Place { parent: Some(self), key: Some(key) }
    }

    /// An element of the array at this place.
    pub fn element(&'p self) -> Place<'p> {
        Place { parent: Some(self), key: None }
    }

    /// The nearest key, that of the array for its elements.
    pub fn key(&self) -> &'p str {
        self.key.or_else(|| self.parent.map(Place::key)).unwrap_or_default()
    }

    /// The key that encloses the nearest one.
    fn outer_key(&self) -> &'p str {
        match self.key {
            Some(_) => self.parent.map_or("", Place::key),
            None => self.parent.map_or("", Place::outer_key),
        }
    }

    /// Whether a tool of the request carries this to its server: `tools[*].authorization`, `tools[*].headers.*`.
    fn is_credential_of_tool(&self) -> bool {
        let of_tool = |place: &Place<'_>| {
            let element = place.parent.filter(|parent| parent.key.is_none());
            let list = element.and_then(|element| element.parent);
            list.is_some_and(|list| list.key == Some("tools") && list.parent.is_some_and(|root| root.parent.is_none()))
        };
        (self.key == Some("authorization") && of_tool(self))
            || self.parent.is_some_and(|parent| parent.key == Some("headers") && of_tool(parent))
    }

    fn within(&self, names: &[&str]) -> bool {
        self.key.is_some_and(|key| names.contains(&key)) || self.parent.is_some_and(|parent| parent.within(names))
    }
}

/// Keys whose strings hold the protocol together, beside those that end in `_id`.
const STRUCTURE: [&str; 12] = [
    "finish_reason",
    "id",
    "include",
    "model",
    "object",
    "prompt_cache_retention",
    "role",
    "service_tier",
    "status",
    "system_fingerprint",
    "type",
    "vector_store_ids",
];

/// Keys whose strings programs look up.
const LABELS: [&str; 37] = [
    "allowed_tools",
    "background",
    "conversation",
    "detail",
    "domain",
    "effort",
    "event",
    "file_url",
    "filename",
    "format",
    "generate_summary",
    "image_url",
    "modalities",
    "mode",
    "moderation",
    "name",
    "param",
    "phase",
    "prompt_cache_key",
    "quality",
    "require_approval",
    "safety_identifier",
    "search_context_size",
    "server_description",
    "server_label",
    "server_url",
    "size",
    "syntax",
    "timezone",
    "tool_choice",
    "tool_names",
    "truncation",
    "url",
    "user",
    "verbosity",
    "version",
    "voice",
];

/// Objects that hold a JSON Schema or keys of the user's own.
const SCHEMAS: [&str; 4] = ["parameters", "schema", "input_schema", "json_schema"];

/// Shortest string that passes as an image or sound, in bytes.
const MEDIA_BYTES_MIN: usize = 64;

/// Longest string that passes as structure, in bytes.
const STRUCTURE_BYTES_MAX: usize = 256;

/// What a string at a place is.
pub fn classify(place: Place<'_>, text: &str) -> TextClass {
    let key = place.key();
    if place.within(&["logprobs", "top_logprobs", "obfuscation"]) {
        return TextClass::Echo;
    }
    if place.is_credential_of_tool() {
        return TextClass::Credential;
    }
    if place.within(&["metadata", "variables"]) {
        return TextClass::Prose;
    }
    if key == "arguments" || key == "partial_json" {
        return TextClass::Arguments;
    }
    if key == "file_data" {
        return TextClass::File;
    }
    if is_media(place, key, text) {
        return TextClass::Media;
    }
    let structure = STRUCTURE.contains(&key) || key.ends_with("_id");
    if key == "encrypted_content" && is_base64(text) || structure && is_structure(text) {
        return TextClass::Structure;
    }
    if LABELS.contains(&key) || place.within(&SCHEMAS) {
        return TextClass::Label;
    }
    TextClass::Prose
}

fn is_media(place: Place<'_>, key: &str, text: &str) -> bool {
    let inline = |text: &str| {
        let scheme = text.get(..11).map(str::to_ascii_lowercase);
        scheme.is_some_and(|scheme| scheme.starts_with("data:image/") || scheme.starts_with("data:audio/"))
    };
    match key {
        "data" => matches!(place.outer_key(), "input_audio" | "audio") && text.bytes().all(is_base64_digit),
        "b64_json" | "partial_image_b64" => is_base64(text),
        "url" | "image_url" => inline(text),
        _ => false,
    }
}

/// Whether a text is long and without spaces, as images and sound are. A short one is read as a text.
fn is_base64(text: &str) -> bool {
    text.len() >= MEDIA_BYTES_MIN && text.bytes().all(is_base64_digit)
}

fn is_base64_digit(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'-' | b'_' | b'=')
}

/// Whether a text could be an id or a word of the protocol: something with spaces or the like is read as a text,
/// wherever it stands.
fn is_structure(text: &str) -> bool {
    text.len() <= STRUCTURE_BYTES_MAX
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.' | b':' | b'/' | b'#'))
}

/// Every text of a request that a model may read, in the order of the body.
pub fn texts_of(body: &JsonTree) -> Vec<String> {
    let mut texts = Vec::new();
    collect(body, Place::ROOT, &mut texts);
    texts
}

fn collect(tree: &JsonTree, place: Place<'_>, texts: &mut Vec<String>) {
    match tree {
        JsonTree::Null | JsonTree::Bool(_) | JsonTree::Number(_) => {}
        JsonTree::String(text) => match classify(place, text) {
            TextClass::Prose | TextClass::Arguments | TextClass::Label if !text.is_empty() => texts.push(text.clone()),
            TextClass::File => texts.extend(text_of_data_url(text).map(|(_, text)| text)),
            TextClass::Prose
            | TextClass::Arguments
            | TextClass::Label
            | TextClass::Structure
            | TextClass::Media
            | TextClass::Credential
            | TextClass::Echo => {}
        },
        JsonTree::Array(items) => items.iter().for_each(|item| collect(item, place.element(), texts)),
        JsonTree::Object(members) => members.iter().for_each(|(key, value)| collect(value, place.member(key), texts)),
    }
}

/// Head and text of a `data:` address whose media type is text or JSON.
pub fn text_of_data_url(url: &str) -> Option<(&str, String)> {
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;

    let (head, data) = url.split_once(',')?;
    let kind = head.strip_prefix("data:")?.strip_suffix(";base64")?;
    let media_type = kind.split(';').next().unwrap_or_default().to_ascii_lowercase();
    let readable = matches!(media_type.as_str(), "text/plain" | "text/markdown" | "text/csv" | "application/json");
    // In another character set the bytes would spell another text.
    let charset = kind.split(';').skip(1).all(|parameter| parameter.eq_ignore_ascii_case("charset=utf-8"));
    if !readable || !charset {
        return None;
    }
    let bytes = STANDARD.decode(data).ok()?;
    Some((head, String::from_utf8(bytes).ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use hpol_lang::value::{JsonLimits, parse_json_tree};

    fn texts(json: &str) -> Vec<String> {
        texts_of(&parse_json_tree(json, JsonLimits::default()).expect("valid JSON"))
    }

    #[test]
    fn texts_come_from_everywhere_a_model_reads() {
        let found = texts(
            r#"{"model": "gpt-4o", "instructions": "be brief", "input": [
                {"role": "user", "content": [{"type": "input_text", "text": "hello"},
                    {"type": "input_image", "image_url": "data:image/png;base64,AAAA"},
                    {"type": "input_file", "filename": "a.txt", "file_data": "data:text/plain;base64,aGkgYWRh"},
                    {"type": "brand_new", "deep": {"words": ["new text"]}}]},
                {"type": "function_call", "call_id": "call_1", "name": "f", "arguments": "{\"q\": 1}"},
                {"type": "function_call_output", "call_id": "call_1", "output": "a result"}],
              "tools": [{"type": "function", "name": "f", "description": "a tool",
                    "parameters": {"type": "object", "properties": {"q": {"type": "string", "description": "the query"}}}},
                    {"type": "mcp", "server_label": "s", "headers": {"Authorization": "secret"}}],
              "metadata": {"type": "x@example.com"}}"#,
        );
        let expected = [
            "be brief",
            "hello",
            "a.txt",
            "hi ada",
            "new text",
            "f",
            "{\"q\": 1}",
            "a result",
            "f",
            "a tool",
            "the query",
            "s",
            "x@example.com",
        ];
        assert_eq!(found, expected);
    }

    #[test]
    fn only_credentials_of_tools_are_passed_over() {
        let found = texts(
            r#"{"tools": [{"type": "mcp", "authorization": "secret", "headers": {"x": "secret"}},
                    {"type": "function", "parameters": {"properties": {"headers": {"x": "one"}, "authorization": {"description": "two"}}}}],
                "metadata": {"authorization": "three"}, "authorization": "four", "headers": {"x": "five"},
                "item": {"tools": [{"authorization": "six"}], "encrypted_content": "seven", "b64_json": "eight"}}"#,
        );
        assert_eq!(found, ["one", "two", "three", "four", "five", "six", "seven", "eight"]);
    }

    #[test]
    fn structure_with_words_in_it_is_a_text() {
        assert_eq!(
            texts(r#"{"id": "my card is 4111 1111 1111 1111", "role": "user"}"#),
            ["my card is 4111 1111 1111 1111"]
        );
    }
}
