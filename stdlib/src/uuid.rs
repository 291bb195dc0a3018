//! Builtins on UUIDs.

use sha2::{Digest as _, Sha256};

use crate::arguments::Outcome;
use crate::builtin::{Builtin, BuiltinError, Call, example};
use crate::heap::Word;

pub(crate) const TABLE: &[Builtin] = &[
    Builtin::pure(
        "uuid.parse",
        "(string) -> {version: int, variant: string, time?: int, nodeid?: string, macvariables?: string, clocksequence?: int, id?: int, domain?: string}",
        "What a UUID says of itself; undefined where the text is none.",
        &[
            example(
                "uuid.parse(\"00000000-0000-4000-8000-000000000000\")",
                "{\"variant\": \"RFC4122\", \"version\": 4}",
            ),
            example(
                "uuid.parse(\"000003e8-48b9-21ee-b200-325096b39f47\")",
                "{\"clocksequence\": 12800, \"domain\": \"Person\", \"id\": 1000, \"macvariables\": \"local:unicast\", \"nodeid\": \"32-50-96-b3-9f-47\", \"time\": 1693566990121469600, \"variant\": \"RFC4122\", \"version\": 2}",
            ),
            example("uuid.parse(\"no\")", "undefined"),
        ],
        parse,
    ),
    Builtin::pure(
        "uuid.rfc4122",
        "(string) -> string",
        "A random UUID, drawn anew for each decision; the same text draws the same one within a decision.",
        &[example("uuid.rfc4122(\"a\")", "\"be9bfb73-7431-4a16-9a00-d1cfc227d230\"")],
        random,
    )
    .of_decision(),
];

/// Ticks of 100 nanoseconds from 1582-10-15, where the time of a UUID starts, to 1970.
const EPOCH_TICKS: i64 = 122_192_928_000_000_000;

fn parse(call: &mut Call<'_>, arguments: &[Word]) -> Outcome {
    let bytes = read(call.text(arguments, 1)?).ok_or(BuiltinError::Undefined)?;
    let version = bytes[6] >> 4;
    let mut entries = vec![("version", call.heap.int(version.into())?)];
    let variant = match bytes[8] {
        0..=0x7f => "Reserved",
        0x80..=0xbf => "RFC4122",
        0xc0..=0xdf => "Microsoft",
        0xe0.. => "Future",
    };
    entries.push(("variant", call.heap.string(variant)?));
    if matches!(version, 1 | 2) {
        let node: Vec<String> = bytes[10..].iter().map(|byte| format!("{byte:02x}")).collect();
        entries.push(("nodeid", call.heap.string(&node.join("-"))?));
        let scope = if bytes[10] & 2 == 0 { "global" } else { "local" };
        let cast = if bytes[10] & 1 == 0 { "unicast" } else { "multicast" };
        entries.push(("macvariables", call.heap.string(&format!("{scope}:{cast}"))?));
        let sequence = u16::from_be_bytes([bytes[8], bytes[9]]) & 0x3fff;
        entries.push(("clocksequence", call.heap.int(sequence.into())?));
        entries.push(("time", call.heap.int(nanoseconds(&bytes))?));
    }
    if version == 2 {
        let id = u32::from_be_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]);
        entries.push(("id", call.heap.int(id.into())?));
        let domain = match bytes[9] {
            0 => "Person".to_owned(),
            1 => "Group".to_owned(),
            2 => "Org".to_owned(),
            other => format!("Domain{other}"),
        };
        entries.push(("domain", call.heap.string(&domain)?));
    }
    let entries = entries.into_iter().map(|(key, value)| Ok((call.heap.string(key)?, value)));
    let entries = entries.collect::<Result<Vec<_>, BuiltinError>>()?;
    Ok(call.heap.object(entries)?)
}

/// The time in nanoseconds since 1970.
fn nanoseconds(bytes: &[u8; 16]) -> i64 {
    let low = u32::from_be_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]);
    let middle = u16::from_be_bytes([bytes[4], bytes[5]]);
    let high = u16::from_be_bytes([bytes[6], bytes[7]]) & 0xfff;
    let ticks = i64::from(high) << 48 | i64::from(middle) << 32 | i64::from(low);
    (ticks - EPOCH_TICKS).saturating_mul(100)
}

/// Reads the usual form, bare digits, and both with what some put around them.
fn read(text: &str) -> Option<[u8; 16]> {
    let text =
        if text.get(..9).is_some_and(|start| start.eq_ignore_ascii_case("urn:uuid:")) { &text[9..] } else { text };
    let text = text.strip_prefix('{').and_then(|text| text.strip_suffix('}')).unwrap_or(text);
    let digits = match text.len() {
        32 => text.to_owned(),
        36 if [8, 13, 18, 23].iter().all(|at| text.as_bytes()[*at] == b'-') => text.replace('-', ""),
        _ => return None,
    };
    hex::decode(digits).ok()?.try_into().ok()
}

/// The time of the decision is the seed, so that a recorded decision draws the same when it is replayed.
fn random(call: &mut Call<'_>, arguments: &[Word]) -> Outcome {
    let seed = call.now_nanoseconds.to_be_bytes();
    let digest =
        Sha256::new().chain_update(b"uuid").chain_update(seed).chain_update(call.text(arguments, 1)?).finalize();
    let mut bytes: Vec<u8> = digest.iter().copied().take(16).collect();
    bytes[6] = bytes[6] & 0x0f | 0x40;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    let digits = hex::encode(bytes);
    let parts = [&digits[..8], &digits[8..12], &digits[12..16], &digits[16..20], &digits[20..]];
    call.make_string(&parts.join("-"))
}
