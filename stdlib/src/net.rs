//! Builtins on networks and addresses.

use std::net::IpAddr;

use hpol_lang::value::Value;
use ipnet::IpNet;

use crate::arguments::{Outcome, argument, failed};
use crate::builtin::{Builtin, BuiltinError, Call, example};
use crate::casts::shortened;
use crate::heap::{View, Word};

mod blocks;

pub(crate) const TABLE: &[Builtin] = &[
    Builtin::pure(
        "net.cidr_contains",
        "(string, string) -> bool",
        "Whether a network contains all of an address or another network.",
        &[
            example("net.cidr_contains(\"10.0.0.0/8\", \"10.1.2.3\")", "true"),
            example("net.cidr_contains(\"10.1.0.0/24\", \"10.1.0.0/16\")", "false"),
            example("net.cidr_contains(\"10.0.0.0/8\", \"x\")", "error"),
        ],
        contains,
    )
    .checked(check_cidr_and_address),
    Builtin::pure(
        "net.cidr_contains_matches",
        "(string | array[any] | set[any] | map[any, any], string | array[any] | set[any] | map[any, any]) -> set[[any, any]]",
        "The pairs of a network of the first and an address or network of the second that it contains, named by position, key or, in a set, the element; elements are texts or arrays that start with one.",
        &[
            example("net.cidr_contains_matches([\"1.1.2.0/24\", \"1.1.1.0/24\"], [\"1.1.1.1\"])", "{[1, 0]}"),
            example("net.cidr_contains_matches({\"k\": [\"1.1.1.0/24\", 1]}, \"1.1.1.7\")", "{[\"k\", \"1.1.1.7\"]}"),
        ],
        contains_matches,
    ),
    Builtin::pure(
        "net.cidr_expand",
        "(string) -> set[string]",
        "Every address of a network.",
        &[
            example("net.cidr_expand(\"10.0.0.1/30\")", "{\"10.0.0.0\", \"10.0.0.1\", \"10.0.0.2\", \"10.0.0.3\"}"),
            example("net.cidr_expand(\"::/0\")", "error"),
        ],
        blocks::expand,
    )
    .checked(check_cidr),
    Builtin::pure(
        "net.cidr_intersects",
        "(string, string) -> bool",
        "Whether two networks have an address in common.",
        &[
            example("net.cidr_intersects(\"10.0.0.0/8\", \"10.1.0.0/16\")", "true"),
            example("net.cidr_intersects(\"10.0.0.0/16\", \"10.1.0.0/16\")", "false"),
        ],
        intersects,
    )
    .checked(check_cidrs),
    Builtin::pure(
        "net.cidr_is_valid",
        "(any) -> bool",
        "Whether the value is the text of a network.",
        &[example("net.cidr_is_valid(\"10.0.0.0/8\")", "true"), example("net.cidr_is_valid(\"10.0.0.1\")", "false")],
        is_valid,
    ),
    Builtin::pure(
        "net.cidr_merge",
        "(array[string] | set[string]) -> set[string]",
        "The fewest networks that cover the given ones; a bare IPv4 address stands for its class A, B or C network.",
        &[
            example("net.cidr_merge([\"192.0.128.0/24\", \"192.0.129.0/24\"])", "{\"192.0.128.0/23\"}"),
            example("net.cidr_merge([\"10.0.0.0/8\", \"10.1.0.0/16\", \"::1/128\"])", "{\"10.0.0.0/8\", \"::1/128\"}"),
            example("net.cidr_merge([\"::1\"])", "error"),
        ],
        blocks::merge,
    ),
];

/// Reads a network; bits behind the prefix are cleared.
pub(crate) fn parse_cidr(text: &str) -> Option<IpNet> {
    text.parse::<IpNet>().ok().map(|network| network.trunc())
}

fn network(call: &Call<'_>, arguments: &[Word], position: usize) -> Result<IpNet, BuiltinError> {
    network_of(call.text(arguments, position)?)
}

fn network_of(text: &str) -> Result<IpNet, BuiltinError> {
    parse_cidr(text).ok_or_else(|| failed(format!("invalid CIDR address: {}", shortened(text))))
}

fn check_cidr(position: usize, value: &Value) -> Result<(), String> {
    if position == 0 { check_network(value) } else { Ok(()) }
}

fn check_cidr_and_address(position: usize, value: &Value) -> Result<(), String> {
    match value.as_str() {
        Some(text) if position == 1 && text.parse::<IpAddr>().is_ok() => Ok(()),
        _ => check_network(value),
    }
}

fn check_cidrs(_: usize, value: &Value) -> Result<(), String> {
    check_network(value)
}

fn check_network(value: &Value) -> Result<(), String> {
    match value.as_str() {
        Some(text) if parse_cidr(text).is_none() => Err(format!(
            "`{}` is no network: write an address and a prefix length, such as `10.0.0.0/8`",
            shortened(text)
        )),
        _ => Ok(()),
    }
}

fn contains(call: &mut Call<'_>, arguments: &[Word]) -> Outcome {
    call.text(arguments, 1)?;
    let (word, Call { heap, caches, .. }) = (argument(arguments, 1), &mut *call);
    let network = caches.network(heap, word, || network_of(heap.as_str(word).unwrap_or_default()))?;
    Ok(Word::bool(network_contains(&network, call.text(arguments, 2)?)?))
}

/// IPv4 addresses in IPv6 form are taken as what they are.
fn network_contains(network: &IpNet, other: &str) -> Result<bool, BuiltinError> {
    if let Ok(address) = other.parse::<IpAddr>() {
        return Ok(network.contains(&address.to_canonical()));
    }
    let other = parse_cidr(other).ok_or_else(|| {
        failed(format!("not a valid textual representation of an IP address or CIDR: {}", shortened(other)))
    })?;
    Ok(network.contains(&other))
}

fn intersects(call: &mut Call<'_>, arguments: &[Word]) -> Outcome {
    let (left, right) = (network(call, arguments, 1)?, network(call, arguments, 2)?);
    Ok(Word::bool(left.contains(&right.network()) || right.contains(&left.network())))
}

fn is_valid(call: &mut Call<'_>, arguments: &[Word]) -> Outcome {
    let text = call.heap.as_str(argument(arguments, 1));
    Ok(Word::bool(text.is_some_and(|text| parse_cidr(text).is_some())))
}

fn contains_matches(call: &mut Call<'_>, arguments: &[Word]) -> Outcome {
    call.charge_value(argument(arguments, 1))?;
    call.charge_value(argument(arguments, 2))?;
    let networks = named_texts(call, arguments, 1)?;
    let others = named_texts(call, arguments, 2)?;
    call.charge(networks.len().saturating_mul(others.len()))?;
    let mut pairs = Vec::new();
    for (network_name, network) in &networks {
        let network = network_of(network)?;
        for (other_name, other) in &others {
            if network_contains(&network, other)? {
                pairs.push(call.heap.array(&[*network_name, *other_name])?);
            }
        }
    }
    Ok(call.heap.set(pairs)?)
}

/// The texts of an argument, each with its name: position, key, or the element itself.
fn named_texts(call: &mut Call<'_>, arguments: &[Word], position: usize) -> Result<Vec<(Word, String)>, BuiltinError> {
    let word = argument(arguments, position);
    let named: Vec<(Word, Word)> = match call.heap.view(word) {
        View::String(_) => vec![(word, word)],
        View::Set(items) => items.iter().map(|item| (*item, *item)).collect(),
        View::Object(keys, values) => keys.iter().copied().zip(values.iter().copied()).collect(),
        View::Array(items) => {
            let items = items.to_vec();
            let places =
                (0_i64..).take(items.len()).map(|place| call.heap.int(place)).collect::<Result<Vec<_>, _>>()?;
            places.into_iter().zip(items).collect()
        }
        _ => return Err(call.wrong(arguments, position, "one of {string, array, set, object}")),
    };
    let text = |element: Word| {
        let element = match call.heap.view(element) {
            View::Array(items) => items.first().copied()?,
            _ => element,
        };
        call.heap.as_str(element).map(str::to_owned)
    };
    let bad = || failed(format!("operand {position}: element must be string or non-empty array"));
    named.into_iter().map(|(name, element)| Ok((name, text(element).ok_or_else(bad)?))).collect()
}
