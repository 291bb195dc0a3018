//! Who calls the admin API: by a token of the gateway's own, or by one of the identity provider.

use std::collections::BTreeSet;
use std::sync::Arc;

use http::HeaderMap;
use sha2::{Digest, Sha256};
use subtle::{Choice, ConditionallySelectable, ConstantTimeEq};

use crate::approvals::Person;
use crate::config::{ADMIN_TOKEN_LENGTH_MIN, AdminConfig, AdminOidc, Role, Secret, SecretError};
use crate::identity::{Authenticator, Identity, IdentityError, Verifier, bearer_token};

/// What vouches for people who come with a token of the gateway's own.
const STATIC_ISSUER: &str = "admin";

/// Knows the people of the admin API.
#[derive(Debug)]
pub struct AdminAuthenticator {
    tokens: Vec<KnownToken>,
    oidc: Option<(Arc<Verifier>, AdminOidc)>,
}

/// Somebody who calls the admin API.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// Who it is.
    pub person: Person,
    /// What the person may do besides answering approvals.
    pub roles: BTreeSet<Role>,
}

#[derive(Debug)]
struct KnownToken {
    /// Only the hash is kept: comparing hashes takes the same time wherever they differ, and whatever the length.
    digest: [u8; 32],
    caller: Caller,
}

impl AdminAuthenticator {
    /// Reads the tokens. `clients` is how clients of the data path are identified: its provider serves here too, if the
    /// configuration says so.
    ///
    /// # Errors
    ///
    /// A token that cannot be read, or is too short.
    pub fn new(config: &AdminConfig, clients: &Authenticator) -> Result<Self, SecretError> {
        let mut tokens = Vec::with_capacity(config.tokens.len());
        for token in &config.tokens {
            let person =
                Person { name: token.user.clone(), issuer: STATIC_ISSUER.to_owned(), groups: token.groups.clone() };
            let caller = Caller { person, roles: token.roles.iter().copied().collect() };
            tokens.push(KnownToken { digest: digest(&token.token.read_at_least(ADMIN_TOKEN_LENGTH_MIN)?), caller });
        }
        let oidc = match (&config.oidc, clients) {
            (Some(oidc), Authenticator::Oidc(verifier)) => {
                let verifier = match &oidc.audience {
                    Some(audience) => Arc::new(verifier.with_audience(audience)),
                    None => verifier.clone(),
                };
                Some((verifier, oidc.clone()))
            }
            (Some(_) | None, Authenticator::Anonymous) | (None, Authenticator::Oidc(_)) => None,
        };
        Ok(Self { tokens, oidc })
    }

    /// Says who sent a request with these headers.
    ///
    /// # Errors
    ///
    /// No token, or one that does not hold.
    pub async fn authenticate(&self, headers: &HeaderMap) -> Result<Caller, IdentityError> {
        let token = bearer_token(headers)?;
        if let Some(caller) = self.find(token) {
            return Ok(caller.clone());
        }
        match &self.oidc {
            Some((verifier, config)) => Ok(caller(verifier.verify(token).await?, config)),
            None => Err(IdentityError::Unknown),
        }
    }

    /// Looks at every token, so that the time taken does not tell which one was close.
    fn find(&self, token: &str) -> Option<&Caller> {
        let presented = digest(&Secret::new(token));
        let mut found = u64::MAX;
        for (index, known) in (0u64..).zip(&self.tokens) {
            let equal: Choice = known.digest.ct_eq(&presented);
            found.conditional_assign(&index, equal);
        }
        usize::try_from(found).ok().and_then(|index| self.tokens.get(index)).map(|known| &known.caller)
    }
}

impl Caller {
    /// Whether the person has a role.
    pub fn has(&self, role: Role) -> bool {
        self.roles.contains(&role)
    }
}

fn caller(identity: Identity, config: &AdminOidc) -> Caller {
    let member = |groups: &[String]| groups.iter().any(|group| identity.groups.contains(group));
    let mut roles = BTreeSet::new();
    if member(&config.auditors) {
        roles.insert(Role::Auditor);
    }
    if member(&config.operators) {
        roles.insert(Role::Operator);
    }
    let person = Person { name: identity.subject, issuer: identity.issuer, groups: identity.groups };
    Caller { person, roles }
}

fn digest(token: &Secret) -> [u8; 32] {
    Sha256::digest(token.expose()).into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::identity;

    #[test]
    fn groups_of_the_provider_give_roles() {
        let config = AdminOidc {
            audience: None,
            auditors: vec!["audit".to_owned(), "board".to_owned()],
            operators: vec!["platform".to_owned()],
        };
        let roles = |groups: &[&str]| {
            let groups = groups.iter().map(|group| (*group).to_owned()).collect();
            let caller = caller(Identity { groups, ..identity("ada") }, &config);
            assert_eq!(caller.person.name, "ada");
            (caller.has(Role::Auditor), caller.has(Role::Operator))
        };
        assert_eq!(roles(&[]), (false, false));
        assert_eq!(roles(&["Audit", "plat"]), (false, false));
        assert_eq!(roles(&["board"]), (true, false));
        assert_eq!(roles(&["platform", "audit"]), (true, true));
    }

    #[test]
    fn tokens_are_told_apart() {
        let known = |user: &str, token: &str| KnownToken {
            digest: digest(&Secret::new(token)),
            caller: Caller {
                person: Person { name: user.to_owned(), issuer: STATIC_ISSUER.to_owned(), groups: Vec::new() },
                roles: BTreeSet::new(),
            },
        };
        let tokens = vec![known("ada", "token-of-ada"), known("bob", "token-of-bob")];
        let authenticator = AdminAuthenticator { tokens, oidc: None };
        let find = |token: &str| authenticator.find(token).map(|caller| caller.person.name.as_str());
        assert_eq!(find("token-of-ada"), Some("ada"));
        assert_eq!(find("token-of-bob"), Some("bob"));
        for wrong in ["", "token-of", "token-of-ada ", "TOKEN-OF-ADA"] {
            assert_eq!(find(wrong), None, "{wrong}");
        }
    }
}
