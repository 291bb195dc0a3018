//! A request as an enforcement point describes it.

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use hpol_lang::value::{JsonError, JsonLimits, Value, parse_json};

use crate::state::StateSource;

/// A request to decide on: its kind, what is known about it, and the time that counts.
///
/// The kind is the name of a target type, such as `llm.Request`; packages that declare `input: llm.Request` take part.
///
/// ```
/// use hpol_runtime::Input;
/// let input = Input::from_json("http.Request", r#"{"method": "GET", "path": "/"}"#)?.at(1_750_000_000_000_000_000);
/// assert_eq!(input.kind(), "http.Request");
/// # Ok::<(), hpol_lang::value::JsonError>(())
/// ```
#[derive(Debug, Clone)]
pub struct Input {
    kind: Arc<str>,
    value: Value,
    now_nanoseconds: i64,
    state: Option<Arc<dyn StateSource>>,
}

impl Input {
    /// A request of `kind`, decided at the current time.
    pub fn new(kind: &str, value: Value) -> Self {
        Self { kind: kind.into(), value, now_nanoseconds: now_nanoseconds(), state: None }
    }

    /// A request from JSON text, read strictly: a repeated key is refused, numbers stay exact.
    ///
    /// # Errors
    ///
    /// Text that is not JSON, repeats a key, or passes the limits of [`JsonLimits::default`].
    pub fn from_json(kind: &str, text: &str) -> Result<Self, JsonError> {
        Ok(Self::new(kind, parse_json(text, JsonLimits::default())?))
    }

    /// The same request, decided at this time, in nanoseconds since 1970. A recorded time replays a decision.
    #[must_use]
    pub fn at(mut self, now_nanoseconds: i64) -> Self {
        self.now_nanoseconds = now_nanoseconds;
        self
    }

    /// The same request, for which `state` says what counters stand at and what its session has seen. Without one, rules that
    /// ask fail, and protect.
    #[must_use]
    pub fn with_state(mut self, state: Arc<dyn StateSource>) -> Self {
        self.state = Some(state);
        self
    }

    /// Who answers questions about earlier requests.
    pub fn state(&self) -> Option<&Arc<dyn StateSource>> {
        self.state.as_ref()
    }

    /// Name of the kind of request.
    pub fn kind(&self) -> &str {
        &self.kind
    }

    /// What is known about the request.
    pub fn value(&self) -> &Value {
        &self.value
    }

    /// The time that `now` yields, in nanoseconds since 1970.
    pub fn now_nanoseconds(&self) -> i64 {
        self.now_nanoseconds
    }
}

/// The current time, in nanoseconds since 1970; 0 for a clock that stands before.
pub(crate) fn now_nanoseconds() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_nanos()).unwrap_or(i64::MAX)
}
