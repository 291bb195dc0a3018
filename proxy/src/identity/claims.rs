//! Checks the claims of a token whose signature is right. Pure: the time is given.

use std::collections::BTreeSet;
use std::time::Duration;

use hpol_lang::value::Value;

use super::Identity;
use super::error::IdentityError;
use crate::clock::Timestamp;
use crate::config::OidcConfig;

/// Longest name of a person or group, in bytes.
const NAME_BYTES_MAX: usize = 512;

/// What a token must say.
#[derive(Debug, Clone)]
pub(super) struct Expected {
    pub(super) issuer: String,
    pub(super) audience: String,
    pub(super) user_claim: String,
    pub(super) groups_claim: String,
    pub(super) leeway: Duration,
}

impl Expected {
    pub(super) fn new(config: &OidcConfig) -> Self {
        Self {
            issuer: config.issuer.clone(),
            audience: config.audience.clone(),
            user_claim: config.user_claim.clone(),
            groups_claim: config.groups_claim.clone(),
            leeway: config.leeway,
        }
    }
}

/// Whom the claims stand for, if they hold now.
pub(super) fn check(expected: &Expected, claims: Value, now: Timestamp) -> Result<Identity, IdentityError> {
    if claims.get("iss").and_then(Value::as_str) != Some(&expected.issuer) {
        return Err(IdentityError::Issuer);
    }
    if !names_audience(claims.get("aud"), &expected.audience) {
        return Err(IdentityError::Audience);
    }
    let expires_at = time(&claims, "exp")?.ok_or_else(|| IdentityError::Claim("exp".to_owned()))?;
    if expires_at.plus(expected.leeway) <= now {
        return Err(IdentityError::Expired);
    }
    for claim in ["nbf", "iat"] {
        if time(&claims, claim)?.is_some_and(|time| time > now.plus(expected.leeway)) {
            return Err(IdentityError::NotYetValid);
        }
    }
    let subject = claims.get(&expected.user_claim).and_then(Value::as_str).filter(|name| is_name(name));
    let subject = subject.ok_or_else(|| IdentityError::Claim(expected.user_claim.clone()))?.to_owned();
    let groups = groups(&claims, &expected.groups_claim)?;
    Ok(Identity { subject, issuer: expected.issuer.clone(), groups, claims, expires_at: Some(expires_at) })
}

fn names_audience(claim: Option<&Value>, audience: &str) -> bool {
    match claim {
        Some(Value::String(name)) => &**name == audience,
        Some(Value::Array(names)) => names.iter().any(|name| name.as_str() == Some(audience)),
        Some(Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) | Value::Set(_)) | None => false,
    }
}

/// A time in seconds since 1970, whole or with a fraction.
fn time(claims: &Value, claim: &str) -> Result<Option<Timestamp>, IdentityError> {
    let wrong = || IdentityError::Claim(claim.to_owned());
    let number = match claims.get(claim) {
        None => return Ok(None),
        Some(Value::Number(number)) => number,
        Some(Value::Null | Value::Bool(_) | Value::String(_) | Value::Array(_) | Value::Object(_) | Value::Set(_)) => {
            return Err(wrong());
        }
    };
    let duration = Duration::try_from_secs_f64(number.to_f64()).map_err(|_| wrong())?;
    Ok(Some(Timestamp::from_nanoseconds(0).plus(duration)))
}

/// The groups: a list of texts, or one text. The claim may be missing, but not be something else.
fn groups(claims: &Value, claim: &str) -> Result<Vec<String>, IdentityError> {
    let wrong = || IdentityError::Claim(claim.to_owned());
    let found = match claims.get(claim).or_else(|| reach(claims, claim)) {
        None | Some(Value::Null) => return Ok(Vec::new()),
        Some(Value::String(name)) => vec![&**name],
        Some(Value::Array(names)) => names.iter().map(Value::as_str).collect::<Option<Vec<_>>>().ok_or_else(wrong)?,
        Some(Value::Bool(_) | Value::Number(_) | Value::Object(_) | Value::Set(_)) => return Err(wrong()),
    };
    if !found.iter().all(|name| is_name(name)) {
        return Err(wrong());
    }
    Ok(found.into_iter().map(str::to_owned).collect::<BTreeSet<_>>().into_iter().collect())
}

fn reach<'v>(claims: &'v Value, path: &str) -> Option<&'v Value> {
    path.split('.').try_fold(claims, |value, step| value.get(step))
}

fn is_name(name: &str) -> bool {
    !name.trim().is_empty() && name.len() <= NAME_BYTES_MAX && !name.chars().any(char::is_control)
}
