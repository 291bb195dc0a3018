//! Networks as blocks of addresses: expanding and merging them.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::{IpNet, Ipv4Net, Ipv4Subnets, Ipv6Subnets};

use crate::arguments::{Outcome, failed};
use crate::builtin::{BuiltinError, Call};
use crate::heap::{HeapError, WEIGHT_MAX, Word};

use super::network_of;

pub(super) fn expand(call: &mut Call<'_>, arguments: &[Word]) -> Outcome {
    let network = super::network(call, arguments, 1)?;
    let host_bits = u32::from(network.max_prefix_len() - network.prefix_len());
    let count = 1_u32.checked_shl(host_bits).filter(|count| *count < WEIGHT_MAX).ok_or(HeapError::Weight)?;
    call.charge(usize::try_from(count).unwrap_or(usize::MAX))?;
    let mut addresses = Vec::new();
    for offset in 0..count {
        let address = match network.network() {
            IpAddr::V4(first) => Ipv4Addr::from_bits(first.to_bits().saturating_add(offset)).to_string(),
            IpAddr::V6(first) => Ipv6Addr::from_bits(first.to_bits().saturating_add(offset.into())).to_string(),
        };
        addresses.push(call.heap.string(&address)?);
    }
    Ok(call.heap.set(addresses)?)
}

/// First and last address, and how the network was given, as long as it is merged with no other.
struct Block {
    first: IpAddr,
    last: IpAddr,
    text: Option<String>,
}

pub(super) fn merge(call: &mut Call<'_>, arguments: &[Word]) -> Outcome {
    let texts = match call.heap.elements(crate::arguments::argument(arguments, 1)) {
        Some(_) => call.texts(arguments, 1)?,
        None => return Err(failed("operand must be an array")),
    };
    let mut blocks = texts.into_iter().map(block).collect::<Result<Vec<_>, _>>()?;
    call.charge(blocks.len().saturating_mul(4))?;
    blocks.sort_by_key(|block| (block.last, block.first));
    let mut merged: Vec<Block> = Vec::new();
    for mut block in blocks {
        while let Some(before) = merged.pop_if(|before| touch(before.last, block.first)) {
            let same = before.first == block.first && before.last == block.last;
            let text = if same { before.text } else { None };
            block = Block { first: before.first.min(block.first), last: block.last, text };
        }
        merged.push(block);
    }
    let mut networks = Vec::new();
    for block in merged {
        match (block.text, block.first, block.last) {
            (Some(text), ..) => networks.push(text),
            (None, IpAddr::V4(first), IpAddr::V4(last)) => {
                networks.extend(Ipv4Subnets::new(first, last, 0).map(|network| network.to_string()));
            }
            (None, IpAddr::V6(first), IpAddr::V6(last)) => {
                networks.extend(Ipv6Subnets::new(first, last, 0).map(|network| network.to_string()));
            }
            (None, ..) => {}
        }
    }
    let networks = networks.iter().map(|text| call.make_string(text)).collect::<Result<Vec<_>, _>>()?;
    Ok(call.heap.set(networks)?)
}

/// Whether a block that ends at `last` overlaps one that starts at `first`, or stands right before it.
fn touch(last: IpAddr, first: IpAddr) -> bool {
    match (last, first) {
        (IpAddr::V4(last), IpAddr::V4(first)) => first.to_bits().saturating_sub(1) <= last.to_bits(),
        (IpAddr::V6(last), IpAddr::V6(first)) => first.to_bits().saturating_sub(1) <= last.to_bits(),
        _ => false,
    }
}

fn block(text: &str) -> Result<Block, BuiltinError> {
    let (network, text) = match text.parse::<IpAddr>().map(|address| address.to_canonical()) {
        Ok(IpAddr::V4(address)) => {
            let network = class_network(address);
            (IpNet::V4(network.trunc()), format!("{address}/{}", network.prefix_len()))
        }
        Ok(IpAddr::V6(_)) => return Err(failed("IPv6 invalid: needs prefix length")),
        Err(_) => {
            let network = network_of(text)?;
            (network, network.to_string())
        }
    };
    Ok(Block { first: network.network(), last: network.broadcast(), text: Some(text) })
}

/// The network of the class that an address belonged to before prefixes were written.
fn class_network(address: Ipv4Addr) -> Ipv4Net {
    let prefix = match address.octets()[0] {
        0..0x80 => 8,
        0x80..0xc0 => 16,
        0xc0.. => 24,
    };
    Ipv4Net::new_assert(address, prefix)
}
