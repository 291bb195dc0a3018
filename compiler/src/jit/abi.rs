//! How generated code and Rust call each other.
//!
//! - Rust enters a function as `fn(context, arguments) -> result`, the arguments being an array of words.
//! - Generated code calls a host function as `fn(context, operand…) -> result`.
//!
//! - Where that is rare, it does so by way of a relay, `fn(context, operand…, which)`, which keeps all registers as they are and leaves the
//!   result in the context, so that values need not be put away for a call that is hardly ever made.
//!
//! A result is the bits of a word, or [`STOP`]. [`ABSENT`] is how a statement, or a function, says that it fails.

use std::mem::offset_of;

use cranelift_codegen::ir::{AbiParam, Signature, types};
use cranelift_codegen::isa::CallConv;
use hpol_stdlib::heap::Word;

use crate::context::{Context, Hot};
use crate::ops::TextTest;
use crate::plan::{ArithmeticOperator, CompareOperator, OnError, SetOperator, Shape};

/// Stands for no word: an error stands in the context, and the caller returns the same at once.
pub(super) const STOP: u64 = 0b111;

/// What a failing statement's operation returns.
pub(super) const ABSENT: u64 = Word::ABSENT.bits();

/// All bits in which [`STOP`] and [`ABSENT`] agree; no other word has these bits as they have.
pub(super) const SPECIAL_MASK: u64 = !0b101;

/// The bits of [`STOP`] and [`ABSENT`] under [`SPECIAL_MASK`].
pub(super) const SPECIAL: u64 = 0b010;

const _: () = {
    assert!(STOP & SPECIAL_MASK == SPECIAL && ABSENT & SPECIAL_MASK == SPECIAL);
    assert!(Word::NULL.bits() & SPECIAL_MASK != SPECIAL);
    assert!(Word::FALSE.bits() & SPECIAL_MASK != SPECIAL && Word::TRUE.bits() & SPECIAL_MASK != SPECIAL);
};

/// The only bits in which false and absent differ.
pub(super) const FALSE_OR_ABSENT_MASK: u64 = !(Word::FALSE.bits() ^ Word::ABSENT.bits());

/// A field of the context that generated code uses in place.
#[derive(Debug, Clone, Copy)]
pub(super) enum Field {
    Fuel,
    PollAt,
    Memo,
    Input,
    Slots,
    /// A word with the number of marks.
    Marks,
    Intercepts,
    Tells,
    Joined,
    Hosts,
    /// What the host function gave that a relay called last.
    Result,
    Matched,
}

impl Field {
    /// Bytes from the start of the context.
    pub(super) fn offset(self) -> i32 {
        let within = match self {
            Self::Fuel => offset_of!(Hot, fuel),
            Self::PollAt => offset_of!(Hot, poll_at),
            Self::Memo => offset_of!(Hot, memo),
            Self::Input => offset_of!(Hot, input),
            Self::Slots => offset_of!(Hot, slots),
            Self::Marks => return marks_offset(),
            Self::Intercepts => offset_of!(Hot, intercepts),
            Self::Tells => offset_of!(Hot, tells),
            Self::Joined => offset_of!(Hot, joined),
            Self::Hosts => offset_of!(Hot, hosts),
            Self::Result => offset_of!(Hot, result),
            Self::Matched => offset_of!(Hot, matched),
        };
        // A context is far smaller than 2 GiB.
        i32::try_from(offset_of!(Context, hot) + within).unwrap_or(i32::MAX)
    }
}

fn marks_offset() -> i32 {
    i32::try_from(Context::MARKS_OFFSET).unwrap_or(i32::MAX)
}

/// The signature by which functions are entered.
pub(super) fn entry_signature(convention: CallConv) -> Signature {
    host_signature(convention, 1)
}

/// The signature of a host function with so many operands.
pub(super) fn host_signature(convention: CallConv, operands: usize) -> Signature {
    let mut signature = Signature::new(convention);
    signature.params.extend((0..=operands).map(|_| AbiParam::new(types::I64)));
    signature.returns.push(AbiParam::new(types::I64));
    signature
}

/// Most operands of a host function.
pub(super) const OPERANDS_MAX: usize = 4;

/// The signature of the relay to host functions with so many operands.
pub(super) fn relay_signature(operands: usize) -> Signature {
    let mut signature = Signature::new(CallConv::PreserveAll);
    signature.params.extend((0..operands + 2).map(|_| AbiParam::new(types::I64)));
    signature
}

/// An enum as a number for a host function, and back.
macro_rules! coded {
    ($($name:ident: $type:ident { $($variant:ident),* })*) => {$(
        pub(super) mod $name {
            use super::$type;

            const ALL: &[$type] = &[$($type::$variant),*];

            pub(in crate::jit) fn encode(value: $type) -> u64 {
                ALL.iter().zip(0..).find(|(other, _)| **other == value).map_or(0, |(_, code)| code)
            }

            pub(in crate::jit) fn decode(code: u64) -> $type {
                usize::try_from(code).ok().and_then(|code| ALL.get(code)).copied().unwrap_or(ALL[0])
            }
        }
    )*};
}

coded! {
    on_error: OnError { Stop, Absent }
    arithmetic_operator: ArithmeticOperator { Add, Subtract, Multiply, Divide, Remainder }
    set_operator: SetOperator { Union, Intersection }
    compare_operator: CompareOperator { Equal, NotEqual, Less, LessEqual, Greater, GreaterEqual }
    shape: Shape { Array, Object }
    text_test: TextTest { StartsWith, EndsWith, Contains, AnyPrefix, AnySuffix }
}

/// A number that may be missing, for a host function.
pub(super) const NONE: u64 = u64::MAX;

/// [`crate::plan::Collection`] as a number: nested objects are above 2 by their depth.
pub(super) mod collection {
    use crate::plan::Collection;

    pub(in crate::jit) fn encode(collection: Collection) -> u64 {
        match collection {
            Collection::Array => 0,
            Collection::Set => 1,
            Collection::Object => 2,
            Collection::Nested { depth } => 3 + u64::from(depth),
        }
    }

    pub(in crate::jit) fn decode(code: u64) -> Collection {
        match code {
            0 => Collection::Array,
            1 => Collection::Set,
            2 => Collection::Object,
            depth => Collection::Nested { depth: u32::try_from(depth - 3).unwrap_or(u32::MAX) },
        }
    }
}

/// [`crate::plan::Role`] as a number: witnesses are above 1 by their index, outcomes above 32 bits.
pub(super) mod role {
    use crate::plan::{ConditionId, Role};

    const OUTCOMES: u64 = 1 << 33;

    pub(in crate::jit) fn encode(role: Role) -> u64 {
        match role {
            Role::Reason => 0,
            Role::ExemptionArgument => 1,
            Role::Witness(index) => 2 + u64::from(index),
            Role::Outcome(condition) => OUTCOMES + u64::from(condition.0),
        }
    }

    pub(in crate::jit) fn decode(code: u64) -> Role {
        match code {
            0 => Role::Reason,
            1 => Role::ExemptionArgument,
            outcome if outcome >= OUTCOMES => {
                Role::Outcome(ConditionId(u32::try_from(outcome - OUTCOMES).unwrap_or(u32::MAX)))
            }
            index => Role::Witness(u32::try_from(index - 2).unwrap_or(u32::MAX)),
        }
    }
}
