//! What the matchers have in common: triggers, hits, and the list of them that a detector stands for.
//!
//! A matcher is woken by a trigger, a byte in a context that can be told from the bytes before it. It says whether a match
//! belongs to the trigger. Its answer depends on the text alone, not on how the text arrived.

use super::window::{More, Window, is_token};
use super::{Kind, api_key, assignment, card, email, iban, ip, jwt, pem, phone, ssn, url};

/// How sure a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Confidence {
    /// The shape fits and a word before it says what it is.
    Likely,
    /// A checksum, a grammar or a provider's prefix leaves little doubt.
    Certain,
}

/// A match longer than this many bytes is taken in pieces, so that a stream is never held back for longer.
pub(crate) const PIECE: usize = 4096;

/// A match.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Hit {
    pub(crate) start: usize,
    pub(crate) end: usize,
    pub(crate) confidence: Confidence,
    /// Set if the match is known to begin, but goes on after `end`.
    pub(crate) open: Option<OpenRun>,
}

impl Hit {
    pub(crate) fn new(start: usize, end: usize, confidence: Confidence) -> Hit {
        Hit { start, end, confidence, open: None }
    }

    pub(crate) fn open(start: usize, end: usize, run: OpenRun) -> Hit {
        Hit { start, end, confidence: Confidence::Certain, open: Some(run) }
    }
}

/// What a match that was cut off goes on with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum OpenRun {
    /// Up to the end line of a PEM file.
    Pem,
    /// Characters of a token.
    Token,
    /// Characters of a user name or password.
    Userinfo,
    /// Characters of a secret.
    Secret,
}

/// How far an open match goes in the text that is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Resumed {
    pub(crate) end: usize,
    pub(crate) is_over: bool,
}

impl OpenRun {
    pub(crate) fn resume(self, window: &Window<'_>, at: usize) -> Resumed {
        let run = match self {
            OpenRun::Pem => {
                let (end, is_over) = pem::resume(window, at);
                return Resumed { end, is_over };
            }
            OpenRun::Token => jwt::resume(window, at),
            OpenRun::Userinfo => url::resume(window, at),
            OpenRun::Secret => window.run(at, usize::MAX, |byte| is_token(byte) || api_key::is_secret(byte)),
        };
        match run {
            Ok(end) => Resumed { end, is_over: true },
            Err(More) => Resumed { end: window.len(), is_over: false },
        }
    }
}

/// A hit, nothing, or not enough text to tell.
pub(crate) type Outcome = Result<Option<Hit>, More>;

/// Kinds of trigger, as bits.
pub(crate) mod trigger {
    /// The first letter or digit after something else.
    pub(crate) const WORD: u8 = 1;
    /// The first digit after something else.
    pub(crate) const DIGIT: u8 = 2;
    /// `@`
    pub(crate) const AT: u8 = 4;
    /// `:`
    pub(crate) const COLON: u8 = 8;
    /// `=`
    pub(crate) const EQUALS: u8 = 16;
    /// `+`
    pub(crate) const PLUS: u8 = 32;
    /// `(`
    pub(crate) const PARENTHESIS: u8 = 64;
}

/// A recogniser with one stream of triggers. A detector stands for one or more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Matcher {
    Card,
    Ssn,
    Iban,
    Email,
    Phone,
    IpV4,
    IpV6,
    UrlCredentials,
    Jwt,
    PrivateKey,
    KeyPrefix,
    KeyInfix,
    Telegram,
    Assignment,
}

impl Matcher {
    /// The matchers of a kind. Own patterns have a matcher of their own.
    pub(crate) fn of(kind: Kind) -> &'static [Matcher] {
        match kind {
            Kind::CreditCard => &[Matcher::Card],
            Kind::Ssn => &[Matcher::Ssn],
            Kind::Iban => &[Matcher::Iban],
            Kind::Email => &[Matcher::Email],
            Kind::Phone => &[Matcher::Phone],
            Kind::Ip => &[Matcher::IpV4, Matcher::IpV6],
            Kind::UrlCredentials => &[Matcher::UrlCredentials],
            Kind::Jwt => &[Matcher::Jwt],
            Kind::PrivateKey => &[Matcher::PrivateKey],
            Kind::ApiKey => &[Matcher::KeyPrefix, Matcher::KeyInfix, Matcher::Telegram, Matcher::Assignment],
            Kind::Pattern => &[],
        }
    }

    /// What wakes it.
    pub(crate) fn triggers(self) -> u8 {
        match self {
            Matcher::Card | Matcher::Ssn | Matcher::IpV4 | Matcher::Telegram => trigger::DIGIT,
            Matcher::Iban | Matcher::Jwt | Matcher::PrivateKey | Matcher::KeyPrefix | Matcher::KeyInfix => {
                trigger::WORD
            }
            Matcher::Email => trigger::AT,
            Matcher::Phone => trigger::DIGIT | trigger::PLUS | trigger::PARENTHESIS,
            Matcher::IpV6 | Matcher::UrlCredentials => trigger::COLON,
            Matcher::Assignment => trigger::EQUALS | trigger::COLON,
        }
    }

    /// The fewest digits that it takes, for matchers that a digit wakes. At most 12.
    pub(crate) fn digits_min(self) -> usize {
        match self {
            Matcher::Card => 12,
            Matcher::Ssn => 9,
            Matcher::Telegram => 8,
            Matcher::Phone => 7,
            Matcher::IpV4 => 4,
            Matcher::Iban
            | Matcher::Email
            | Matcher::IpV6
            | Matcher::UrlCredentials
            | Matcher::Jwt
            | Matcher::PrivateKey
            | Matcher::KeyPrefix
            | Matcher::KeyInfix
            | Matcher::Assignment => 0,
        }
    }

    /// Looks for a match that belongs to the trigger at `at` and begins at `floor` or later.
    pub(crate) fn evaluate(self, window: &Window<'_>, at: usize, floor: usize) -> Outcome {
        match self {
            Matcher::Card => card::evaluate(window, at),
            Matcher::Ssn => ssn::evaluate(window, at),
            Matcher::Iban => iban::evaluate(window, at),
            Matcher::Email => email::evaluate(window, at, floor),
            Matcher::Phone => phone::evaluate(window, at),
            Matcher::IpV4 => ip::evaluate_v4(window, at),
            Matcher::IpV6 => ip::evaluate_v6(window, at, floor),
            Matcher::UrlCredentials => url::evaluate(window, at),
            Matcher::Jwt => jwt::evaluate(window, at),
            Matcher::PrivateKey => pem::evaluate(window, at, floor),
            Matcher::KeyPrefix => api_key::evaluate_prefix(window, at),
            Matcher::KeyInfix => api_key::evaluate_infix(window, at),
            Matcher::Telegram => api_key::evaluate_telegram(window, at),
            Matcher::Assignment => assignment::evaluate(window, at),
        }
    }

    /// The first index at which a match could begin whose trigger is at `at`, or has not arrived if `at` is the end.
    pub(crate) fn earliest_start(self, window: &Window<'_>, at: usize, floor: usize) -> usize {
        match self {
            Matcher::Email => email::local_start(window, at, floor),
            Matcher::IpV6 => ip::v6_start(window, at, floor),
            Matcher::PrivateKey => pem::hyphens_start(window, at, floor),
            Matcher::Card
            | Matcher::Ssn
            | Matcher::Iban
            | Matcher::Phone
            | Matcher::IpV4
            | Matcher::UrlCredentials
            | Matcher::Jwt
            | Matcher::KeyPrefix
            | Matcher::KeyInfix
            | Matcher::Telegram
            | Matcher::Assignment => at,
        }
    }
}
