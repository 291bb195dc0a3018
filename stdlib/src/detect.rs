//! Detectors of personal data and secrets, and masks over what they find.
//!
//! ```
//! use hpol_stdlib::detect::{Detector, Scanner};
//!
//! let scanner = Scanner::new(vec![Detector::named("email").expect("a detector")]);
//! let found = scanner.find("write to ann@example.com");
//! assert_eq!(found[0].range, 9..24);
//! ```
//!
//! A detector finds the same in a text however it arrives: [`mask::StreamMasker`] gives, chunk by chunk, what
//! [`mask::mask_text`] gives at once. For that, what a matcher says depends on the text alone: on what stands before a value
//! within a fixed reach, and on what follows, for which it asks when it has not arrived.

mod api_key;
mod api_key_shapes;
mod assignment;
mod card;
mod context;
mod email;
mod iban;
mod ip;
mod jwt;
pub mod mask;
mod matcher;
mod numbering;
mod pattern;
mod pem;
mod phone;
mod scan;
mod scanner;
mod ssn;
mod table;
#[cfg(test)]
mod tests;
mod url;
mod window;

use std::sync::Arc;

pub use matcher::Confidence;
pub use pattern::{Pattern, PatternError};
pub use scanner::{Finding, Scanner};
pub use table::{DETECTORS, DetectorEntry};

/// What a finding is. Where two findings cover the same text, the kind that comes first here names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// A private key in PEM form.
    PrivateKey,
    /// User name and password in a URL.
    UrlCredentials,
    /// A JSON Web Token.
    Jwt,
    /// A key or token of a provider.
    ApiKey,
    /// A payment card.
    CreditCard,
    /// A bank account.
    Iban,
    /// A United States social security number.
    Ssn,
    /// An e-mail address.
    Email,
    /// An address of the Internet Protocol.
    Ip,
    /// A telephone number.
    Phone,
    /// A match of an own pattern.
    Pattern,
}

impl Kind {
    /// Every kind.
    pub const ALL: [Kind; 11] = [
        Kind::PrivateKey,
        Kind::UrlCredentials,
        Kind::Jwt,
        Kind::ApiKey,
        Kind::CreditCard,
        Kind::Iban,
        Kind::Ssn,
        Kind::Email,
        Kind::Ip,
        Kind::Phone,
        Kind::Pattern,
    ];

    /// Its name in policies and in the labels of masked text.
    pub const fn name(self) -> &'static str {
        match self {
            Kind::PrivateKey => "private_key",
            Kind::UrlCredentials => "url_credentials",
            Kind::Jwt => "jwt",
            Kind::ApiKey => "api_key",
            Kind::CreditCard => "credit_card",
            Kind::Iban => "iban",
            Kind::Ssn => "ssn",
            Kind::Email => "email",
            Kind::Ip => "ip",
            Kind::Phone => "phone",
            Kind::Pattern => "pattern",
        }
    }

    pub(crate) fn from_name(name: &[u8]) -> Option<Kind> {
        Kind::ALL.into_iter().find(|kind| kind.name().as_bytes() == name)
    }
}

/// Something that can be looked for.
#[derive(Debug, Clone)]
pub enum Detector {
    /// A built-in one.
    Named(Kind),
    /// An own pattern.
    Pattern(Arc<Pattern>),
}

impl Detector {
    /// The built-in detector of this name.
    pub fn named(name: &str) -> Option<Detector> {
        Kind::from_name(name.as_bytes()).filter(|kind| *kind != Kind::Pattern).map(Detector::Named)
    }

    /// A detector of what a regular expression matches. Matching takes time linear in the text. Classes such as `\d` mean
    /// ASCII. A match is found if it comes within 1,024 bytes of its beginning.
    pub fn pattern(expression: &str) -> Result<Detector, PatternError> {
        pattern::compiled(expression).map(Detector::Pattern)
    }

    /// Every built-in detector.
    pub fn all() -> Vec<Detector> {
        DETECTORS.iter().map(|entry| Detector::Named(entry.kind)).collect()
    }

    /// What its findings are.
    pub fn kind(&self) -> Kind {
        match self {
            Detector::Named(kind) => *kind,
            Detector::Pattern(_) => Kind::Pattern,
        }
    }
}

/// Runs every detector and operator over bytes cut into chunks, and says whether what comes out is as it should be. For fuzzing.
#[doc(hidden)]
pub fn check_stream_agrees(bytes: &[u8], cuts: &[u8]) -> bool {
    mask::check_stream_agrees(bytes, cuts)
}
