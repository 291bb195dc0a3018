//! `io.jwt.decode_verify`: signature and claims in one.

use hpol_lang::value::{Number, Value};

use super::keys::{self, Key};
use super::signature::{self, Algorithm};
use super::token::{Token, unwrap_nested};
use super::{Checked, SIGNATURE_FUEL};
use crate::arguments::{Outcome, argument, failed, operand_error};
use crate::builtin::Call;
use crate::casts::shortened;
use crate::heap::Word;

/// What is asked of a token.
struct Constraints {
    trust: Trust,
    algorithm: Option<String>,
    issuer: Option<String>,
    audience: Option<String>,
    /// The time to check for, in seconds since 1970.
    seconds: Number,
}

/// Whom to believe.
enum Trust {
    Keys(Vec<Key>),
    Secret(String),
}

pub(super) fn decode_verify(call: &mut Call<'_>, arguments: &[Word]) -> Outcome {
    let text = call.text(arguments, 1)?.to_owned();
    call.object(arguments, 2)?;
    let options = call.value_of(argument(arguments, 2))?;
    let constraints = Constraints::read(&options, call.now_nanoseconds)?;
    let keys = match &constraints.trust {
        Trust::Keys(keys) => keys.len(),
        Trust::Secret(_) => 1,
    };
    call.charge((text.len() / 20).saturating_add(keys.saturating_mul(SIGNATURE_FUEL)))?;
    let token = unwrap_nested(&text, |token| constraints.trust(token))?;
    let verified = match token {
        Some((header, claims, _)) if constraints.allow(&claims)? => [Value::Bool(true), header, claims],
        _ => [Value::Bool(false), Value::object::<Value>([]), Value::object::<Value>([])],
    };
    Ok(call.heap.from_value(&Value::array(verified))?)
}

impl Constraints {
    fn read(options: &Value, now_nanoseconds: i64) -> Checked<Self> {
        let Value::Object(entries) = options else { return Err(operand_error(2, "must be an object")) };
        let known = ["cert", "secret", "alg", "iss", "aud", "time"];
        if let Some(key) = entries.keys().find(|key| !key.as_str().is_some_and(|key| known.contains(&key))) {
            return Err(failed(format!("unknown token validation constraint: {}", shortened(&key.to_string()))));
        }
        let text = |name: &str| match options.get(name) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text.to_string())),
            Some(_) => Err(failed(format!("{name} constraint: must be a string"))),
        };
        let trust = match (text("cert")?, text("secret")?) {
            (Some(_), Some(_)) => return Err(failed("duplicate key constraints")),
            (Some(keys), None) => Trust::Keys(keys::parse(&keys)?),
            (None, Some(secret)) => Trust::Secret(secret),
            (None, None) => return Err(failed("no key constraint")),
        };
        let nanoseconds = match options.get("time") {
            None => Number::from(now_nanoseconds),
            Some(Value::Number(nanoseconds)) => nanoseconds.clone(),
            Some(_) => return Err(failed("token time constraint: must be a number")),
        };
        let seconds = nanoseconds.divide(&Number::from(1_000_000_000)).map_err(|error| failed(error.to_string()))?;
        Ok(Self { trust, algorithm: text("alg")?, issuer: text("iss")?, audience: text("aud")?, seconds })
    }

    /// Whether the token's header and signature are as asked.
    fn trust(&self, token: &Token<'_>) -> Checked<bool> {
        // None of the extensions that a header may call critical is known here.
        let Some(name) = token.header_text("alg").filter(|_| token.header.get("crit").is_none()) else {
            return Ok(false);
        };
        if self.algorithm.as_deref().is_some_and(|wanted| wanted != name) {
            return Ok(false);
        }
        let algorithm =
            Algorithm::named(name).ok_or_else(|| failed(format!("unknown JWS algorithm: {}", shortened(name))))?;
        Ok(match &self.trust {
            Trust::Keys(keys) => signature::verify_keys(algorithm, keys, token),
            Trust::Secret(secret) => signature::verify_secret(algorithm, secret.as_bytes(), token),
        })
    }

    /// Whether the claims are as asked, at the time asked for.
    fn allow(&self, claims: &Value) -> Checked<bool> {
        let issuer = claims.get("iss").and_then(Value::as_str);
        if self.issuer.is_some() && issuer != self.issuer.as_deref() {
            return Ok(false);
        }
        // A token that says whom it is for is for nobody else, also where no audience is asked for.
        let wanted = self.audience.as_deref();
        let audience = match claims.get("aud") {
            None => wanted.is_none(),
            Some(Value::String(audience)) => wanted == Some(audience),
            Some(Value::Array(audiences)) => {
                audiences.iter().any(|audience| wanted.is_some() && audience.as_str() == wanted)
            }
            Some(_) => false,
        };
        let seconds_of = |name: &str| match claims.get(name) {
            None => Ok(None),
            Some(Value::Number(seconds)) => Ok(Some(seconds.clone())),
            Some(_) => Err(failed(format!("{name} value must be a number"))),
        };
        let (until, from) = (seconds_of("exp")?, seconds_of("nbf")?);
        Ok(audience && until.is_none_or(|until| self.seconds < until) && from.is_none_or(|from| self.seconds >= from))
    }
}
