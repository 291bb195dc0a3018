//! Properties of the chain: whatever is done to a record or to the order, it is found.

use proptest::prelude::*;

use super::*;
use crate::clock::Timestamp;

fn entries() -> impl Strategy<Value = Vec<Entry>> {
    let text = || "[a-z\"\\\\é]{0,6}";
    let fields = (
        any::<i64>(),
        text(),
        proptest::option::of(text()),
        proptest::option::of(text()),
        prop::collection::vec(text(), 0..3),
        text(),
    );
    prop::collection::vec(fields, 1..8).prop_map(|drafts| {
        let mut previous = RecordHash::ZERO;
        (1u64..)
            .zip(drafts)
            .map(|(sequence, (time, kind, request_id, identity, rules, body))| {
                let mut entry = Entry {
                    sequence,
                    time: Timestamp::from_nanoseconds(time),
                    kind,
                    request_id,
                    identity,
                    effect: None,
                    rules,
                    body,
                    previous,
                    hash: RecordHash::ZERO,
                };
                entry.hash = entry.compute_hash();
                previous = entry.hash;
                entry
            })
            .collect()
    })
}

fn verify(entries: &[Entry], head: Option<(u64, RecordHash)>) -> Result<Verified, ChainFault> {
    let mut chain = Chain::new(None);
    for entry in entries {
        chain.push(entry)?;
    }
    chain.finish(head)
}

fn head_of(entries: &[Entry]) -> Option<(u64, RecordHash)> {
    entries.last().map(|entry| (entry.sequence, entry.hash))
}

/// Changes one bit somewhere in a record. `None` where the bit is in no field, or the text would not be UTF-8.
fn flip(entry: &Entry, bit: usize) -> Option<Entry> {
    let mut changed = entry.clone();
    let (byte, mask) = (bit / 8, 1u8 << (bit % 8));
    let flip_text = |text: &str, byte: usize| {
        let mut bytes = text.as_bytes().to_vec();
        *bytes.get_mut(byte)? ^= mask;
        String::from_utf8(bytes).ok()
    };
    let flip_hash = |hash: &RecordHash, byte: usize| {
        let mut bytes = hash.as_bytes().to_vec();
        *bytes.get_mut(byte)? ^= mask;
        RecordHash::from_slice(&bytes)
    };
    match byte {
        0..8 => changed.sequence ^= 1 << bit,
        8..16 => changed.time = Timestamp::from_nanoseconds(entry.time.nanoseconds() ^ (1 << (bit - 64))),
        16..48 => changed.previous = flip_hash(&entry.previous, byte - 16)?,
        48..80 => changed.hash = flip_hash(&entry.hash, byte - 48)?,
        _ => {
            let mut at = byte - 80;
            let mut texts: Vec<&mut String> = vec![&mut changed.kind, &mut changed.body];
            texts.extend(
                changed.request_id.iter_mut().chain(changed.identity.iter_mut()).chain(changed.rules.iter_mut()),
            );
            let text = texts.into_iter().find(|text| {
                let here = at < text.len();
                at -= if here { 0 } else { text.len() };
                here
            })?;
            *text = flip_text(text, at)?;
        }
    }
    Some(changed)
}

proptest! {
    #[test]
    fn an_untouched_chain_verifies(entries in entries()) {
        let verified = verify(&entries, head_of(&entries)).expect("untouched");
        prop_assert_eq!(verified.records, u64::try_from(entries.len()).expect("few"));
    }

    #[test]
    fn any_flipped_bit_is_found(entries in entries(), at: prop::sample::Index, bit in 0usize..1_200) {
        let at = at.index(entries.len());
        if let Some(changed) = flip(&entries[at], bit) {
            prop_assume!(changed != entries[at]);
            let mut touched = entries.clone();
            touched[at] = changed;
            prop_assert!(verify(&touched, head_of(&entries)).is_err());
        }
    }

    /// Text moved from one field to the next gives other bytes to hash, for each has its length in front.
    #[test]
    fn a_moved_border_is_found(entries in entries(), at: prop::sample::Index) {
        let at = at.index(entries.len());
        let mut touched = entries.clone();
        let Some(moved) = touched[at].kind.pop() else { return Ok(()) };
        touched[at].body.insert(0, moved);
        prop_assert!(verify(&touched, head_of(&entries)).is_err());
    }

    #[test]
    fn any_deletion_is_found(entries in entries(), at: prop::sample::Index) {
        let mut touched = entries.clone();
        touched.remove(at.index(entries.len()));
        prop_assert!(verify(&touched, head_of(&entries)).is_err());
    }

    #[test]
    fn any_swap_is_found(entries in entries(), left: prop::sample::Index, right: prop::sample::Index) {
        let (left, right) = (left.index(entries.len()), right.index(entries.len()));
        prop_assume!(left != right);
        let mut touched = entries.clone();
        touched.swap(left, right);
        prop_assert!(verify(&touched, head_of(&entries)).is_err());
        // Numbers that are set to match the new order do not help.
        let (number_left, number_right) = (touched[left].sequence, touched[right].sequence);
        touched[left].sequence = number_right;
        touched[right].sequence = number_left;
        prop_assert!(verify(&touched, head_of(&entries)).is_err());
    }

    #[test]
    fn any_cut_is_found(entries in entries(), keep: prop::sample::Index) {
        let keep = keep.index(entries.len());
        prop_assert!(verify(&entries[..keep], head_of(&entries)).is_err());
    }
}
