//! The parser that pest makes of `grammar.pest`.

use std::num::NonZeroUsize;
use std::sync::Once;

use pest::Parser;

/// Steps of the grammar for one file: a backstop far above what the largest file within the limits needs (a step or two per byte of
/// text and some dozens per token), and far below what would be felt as a hang.
const STEPS_MAX: NonZeroUsize = NonZeroUsize::new(100_000_000).expect("the constant is not zero");

/// One match of a grammar rule.
pub(super) type Pair<'a> = pest::iterators::Pair<'a, Rule>;

/// What pest says where the text does not match.
pub(super) type GrammarError = pest::error::Error<Rule>;

pub(super) use generated::Rule;

mod generated {
    #[derive(pest_derive::Parser)]
    #[grammar = "grammar.pest"]
    pub(crate) struct Grammar;
}

/// Matches `text` against an entry rule of the grammar and gives the first child of its match: `file` has many children and
/// is given whole.
pub(super) fn parse(start: Rule, text: &str) -> Result<Option<Pair<'_>>, Box<GrammarError>> {
    static LIMIT: Once = Once::new();
    // The limit is the process's; hosts that set one of their own after the first parse keep theirs.
    LIMIT.call_once(|| pest::set_call_limit(Some(STEPS_MAX)));
    let mut pairs = generated::Grammar::parse(start, text).map_err(Box::new)?;
    let whole = pairs.next();
    Ok(if start == Rule::file { whole } else { whole.and_then(|pair| pair.into_inner().next()) })
}
