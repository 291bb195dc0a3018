//! Calls of builtins in made-up programs: of each whose signature speaks of values that such programs have.

use std::sync::LazyLock;

use hpol_lang::types::{Signature, Type};
use hpol_stdlib::BUILTINS;
use hpol_stdlib::builtin::{Builtin, Purity};

use super::expression::Kind;

/// What takes much time, what has no value to speak of, and what stands in these programs anyhow.
const LEFT_OUT: [&str; 6] = ["crypto.", "io.", "detect.", "trace", "print", "json.match_schema"];

/// A builtin, with what it takes and gives.
#[derive(Debug)]
pub(super) struct Callable {
    pub(super) name: &'static str,
    /// `None` stands for a value of any kind.
    pub(super) parameters: Vec<Option<Kind>>,
    pub(super) result: Kind,
}

/// The builtins that give values of a kind.
pub(super) fn callables(kind: Kind) -> Vec<&'static Callable> {
    static CALLABLES: LazyLock<Vec<Callable>> =
        LazyLock::new(|| BUILTINS.iter().filter_map(|builtin| callable(builtin)).collect());
    CALLABLES.iter().filter(|callable| callable.result == kind).collect()
}

fn callable(builtin: &Builtin) -> Option<Callable> {
    if builtin.purity != Purity::Pure || LEFT_OUT.iter().any(|name| builtin.name.starts_with(name)) {
        return None;
    }
    let signature = Signature::parse(builtin.signature).ok()?;
    let required = signature.parameters.iter().take(signature.required);
    let parameters: Vec<Option<Kind>> = required.map(parameter).collect::<Option<_>>()?;
    let result = match &signature.result {
        Type::Bool => Kind::Truth,
        Type::Int | Type::Decimal => Kind::Number,
        Type::String => Kind::Text,
        Type::Array(item) => match **item {
            Type::Int | Type::Decimal | Type::Variable(_) => Kind::Numbers,
            Type::String => Kind::Texts,
            _ => return None,
        },
        Type::Set(_) => Kind::Set,
        _ => return None,
    };
    Some(Callable { name: builtin.name, parameters, result })
}

/// The kind of a parameter; `None` if such programs have no value for it.
fn parameter(ty: &Type) -> Option<Option<Kind>> {
    Some(match ty {
        Type::Any | Type::Variable(_) => None,
        Type::Int | Type::Decimal => Some(Kind::Number),
        Type::String => Some(Kind::Text),
        Type::Array(item) if **item == Type::String => Some(Kind::Texts),
        Type::Array(_) => Some(Kind::Numbers),
        Type::Set(_) => Some(Kind::Set),
        Type::Map(..) => Some(Kind::Map),
        Type::Union(members) => return members.iter().find_map(parameter),
        _ => return None,
    })
}
