//! What stops a benchmark.

/// Why nothing can be measured.
#[derive(Debug, thiserror::Error)]
pub enum BenchError {
    /// An engine refuses a policy or a request.
    #[error("{engine} on `{policy}`: {message}")]
    Engine {
        /// The engine.
        engine: &'static str,
        /// The policy.
        policy: String,
        /// What it says.
        message: String,
    },
    /// Two engines answer a request differently.
    #[error("`{policy}`, request {request}: {engine} says {theirs}, and the hand-written Rust {ours}\n{document}")]
    Disagree {
        /// The policy.
        policy: String,
        /// Which of its requests.
        request: usize,
        /// The engine.
        engine: &'static str,
        /// Its answer.
        theirs: String,
        /// What was expected.
        ours: String,
        /// The request.
        document: String,
    },
    /// No policy has this name.
    #[error("no policy is called `{name}`; there are {known}")]
    NoPolicy {
        /// What was asked for.
        name: String,
        /// What there is.
        known: String,
    },
    /// Instructions can't be counted.
    #[error("{0}")]
    Guard(String),
    /// A file or the output can't be read or written.
    #[error("{0}")]
    Io(#[from] std::io::Error),
    /// A document is not what it should be.
    #[error("{0}")]
    Json(#[from] serde_json::Error),
}

impl BenchError {
    /// An engine's refusal.
    pub fn engine(engine: &'static str, policy: &str, message: impl ToString) -> Self {
        Self::Engine { engine, policy: policy.to_owned(), message: message.to_string() }
    }
}
