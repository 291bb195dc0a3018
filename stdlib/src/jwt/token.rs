//! A token's three parts.

use base64::Engine as _;
use hpol_lang::value::Value;

use super::Checked;
use crate::arguments::failed;
use crate::encoding::URL_ANY;

/// How often a token may hold another one.
const NESTING_MAX: usize = 8;

/// A token taken apart. Nothing of it is to be trusted before its signature is verified.
pub(super) struct Token<'t> {
    /// What is signed: header and payload as they stand.
    pub(super) signed: &'t str,
    /// The header, an object.
    pub(super) header: Value,
    /// The payload's bytes.
    pub(super) payload: Vec<u8>,
    /// The signature's bytes.
    pub(super) signature: Vec<u8>,
    /// The signature as it stands.
    pub(super) signature_text: &'t str,
}

impl<'t> Token<'t> {
    pub(super) fn parse(text: &'t str) -> Checked<Self> {
        let sections: Vec<&str> = text.split('.').collect();
        let (header, payload, signature_text) = match sections.as_slice() {
            [header, payload, signature] => (*header, *payload, *signature),
            [_] => return Err(failed("encoded JWT had no period separators")),
            other => return Err(failed(format!("encoded JWT must have 3 sections, found {}", other.len()))),
        };
        let bytes = |part: &str, what: &str| {
            URL_ANY.decode(part).map_err(|error| failed(format!("JWT {what} had invalid encoding: {error}")))
        };
        let header_text = String::from_utf8(bytes(header, "header")?).map_err(|_| failed("JWT header is not UTF-8"))?;
        let header_value = crate::json::read(&header_text)?;
        if !matches!(header_value, Value::Object(_)) {
            return Err(failed("JWT header is not a JSON object"));
        }
        if header_value.get("enc").is_some() {
            return Err(failed("JWT is a JWE object, which is not supported"));
        }
        Ok(Self {
            signed: &text[..header.len() + 1 + payload.len()],
            header: header_value,
            payload: bytes(payload, "payload")?,
            signature: bytes(signature_text, "signature")?,
            signature_text: signature_text.trim_end_matches('='),
        })
    }

    /// A text of the header.
    pub(super) fn header_text(&self, name: &str) -> Option<&str> {
        self.header.get(name).and_then(Value::as_str)
    }

    /// The token that is the payload of this one, if the header says so.
    pub(super) fn inner(&self) -> Checked<Option<String>> {
        let nested = self.header_text("cty").is_some_and(|content| content.eq_ignore_ascii_case("JWT"));
        if !nested {
            return Ok(None);
        }
        String::from_utf8(self.payload.clone()).map(Some).map_err(|_| failed("JWT payload is not UTF-8"))
    }

    /// The claims: the payload, an object.
    pub(super) fn claims(&self) -> Checked<Value> {
        let text = std::str::from_utf8(&self.payload).map_err(|_| failed("JWT payload is not UTF-8"))?;
        match crate::json::read(text)? {
            claims @ Value::Object(_) => Ok(claims),
            _ => Err(failed("JWT payload is not a JSON object")),
        }
    }
}

/// Goes from a token to the one within, until there is none; `check` sees each and says whether to go on. `None` where it
/// said no; else the innermost token's header and claims.
pub(super) fn unwrap_nested(
    text: &str,
    mut check: impl FnMut(&Token<'_>) -> Checked<bool>,
) -> Checked<Option<(Value, Value, Vec<u8>)>> {
    let mut text = text.to_owned();
    for _ in 0..NESTING_MAX {
        let token = Token::parse(&text)?;
        if !check(&token)? {
            return Ok(None);
        }
        match token.inner()? {
            Some(inner) => text = inner,
            None => return Ok(Some((token.header.clone(), token.claims()?, token.signature))),
        }
    }
    Err(failed(format!("JWT holds others deeper than {NESTING_MAX} levels")))
}
