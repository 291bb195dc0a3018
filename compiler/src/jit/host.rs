//! The Rust functions that generated code calls.
//!
//! Each is thin: it turns numbers back into what they stand for and calls the operation of the context that the
//! interpreter calls too. [`guard`] is the one place where a context's pointer becomes a reference and where a panic ends.
//!
//! # Safety
//!
//! These functions are called by generated code only. It passes on the context pointer that it was entered with, which
//! [`super::code`] made of an exclusive reference that nobody uses meanwhile, and arrays of its own stack with their
//! length.

use std::mem::offset_of;
use std::panic::{AssertUnwindSafe, catch_unwind};

use hpol_stdlib::heap::Word;

use crate::context::{Context, Stop, codes};
use crate::machine;
use crate::ops::Failure;
use crate::plan::{
    BuiltinId, DefinitionsId, ExtentId, FunctionId, IndexId, PathId, PlaceId, Replacement, Run, SiteId, SlotId,
};

use super::abi::{self, NONE, STOP};
use super::code::Entries;

type Pointer = *mut Context;
type Host0 = extern "C" fn(Pointer) -> u64;
type Host1 = extern "C" fn(Pointer, u64) -> u64;
type Host2 = extern "C" fn(Pointer, u64, u64) -> u64;
type Host3 = extern "C" fn(Pointer, u64, u64, u64) -> u64;
type Host4 = extern "C" fn(Pointer, u64, u64, u64, u64) -> u64;

macro_rules! hosts {
    ($($name:ident = $function:ident: $type:ident / $operands:literal,)*) => {
        /// The addresses of all host functions.
        #[derive(Debug)]
        #[repr(C)]
        #[expect(non_snake_case, reason = "fields are named as the host functions' enum")]
        pub(super) struct HostTable {
            $($name: $type,)*
        }

        pub(super) static HOSTS: HostTable = HostTable { $($name: $function,)* };

        /// A host function.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub(super) enum Host {
            $($name,)*
        }

        impl Host {
            /// Where its address stands in the table, in bytes.
            pub(super) fn offset(self) -> i32 {
                let offset = match self {
                    $(Self::$name => offset_of!(HostTable, $name),)*
                };
                i32::try_from(offset).unwrap_or(i32::MAX)
            }

            /// Whether it leaves nothing but its result, marks, and an error: what rules may ask while they are only screened.
            pub(super) fn is_harmless(self) -> bool {
                matches!(
                    self,
                    Self::Index
                        | Self::Call
                        | Self::Builtin
                        | Self::TextTest
                        | Self::RegexMatch
                        | Self::Arithmetic
                        | Self::SetOperation
                        | Self::Compare
                        | Self::Membership
                        | Self::MakeArray
                        | Self::MakeSet
                        | Self::MakeObject
                        | Self::Template
                        | Self::HasShape
                        | Self::EachRun
                        | Self::RunKey
                        | Self::RunValue
                        | Self::Operand
                )
            }

            /// How many operands it takes besides the context.
            pub(super) fn operands(self) -> usize {
                match self {
                    $(Self::$name => $operands,)*
                }
            }
        }
    };
}

hosts! {
    Charge = charge: Host2 / 2,
    LoadInput = load_input: Host1 / 1,
    SlotMissing = slot_missing: Host3 / 3,
    LoadData = load_data: Host3 / 3,
    Document = document: Host4 / 4,
    Member = member: Host3 / 3,
    Index = index: Host4 / 4,
    Call = call: Host4 / 4,
    Builtin = builtin: Host4 / 4,
    Definitions = definitions: Host4 / 4,
    TextTest = text_test: Host4 / 4,
    RegexMatch = regex_match: Host4 / 4,
    MakeFingerprint = make_fingerprint: Host1 / 1,
    Arithmetic = arithmetic: Host4 / 4,
    SetOperation = set_operation: Host4 / 4,
    Compare = compare: Host4 / 4,
    Membership = membership: Host4 / 4,
    MakeArray = make_array: Host3 / 3,
    MakeSet = make_set: Host3 / 3,
    MakeObject = make_object: Host3 / 3,
    Template = template: Host3 / 3,
    HasShape = has_shape: Host3 / 3,
    Yielded = yielded: Host3 / 3,
    EachLength = each_length: Host2 / 2,
    EachRun = each_run: Host4 / 4,
    RunKey = run_key: Host4 / 4,
    RunValue = run_value: Host4 / 4,
    CollectBegin = collect_begin: Host0 / 0,
    Emit = emit: Host3 / 3,
    CollectEnd = collect_end: Host2 / 2,
    EnterWith = enter_with: Host4 / 4,
    LeaveWith = leave_with: Host0 / 0,
    EnterOutside = enter_outside: Host0 / 0,
    LeaveOutside = leave_outside: Host1 / 1,
    Mark = mark: Host1 / 1,
    MarkRestore = mark_restore: Host1 / 1,
    Record = record: Host2 / 2,
    Operand = operand: Host1 / 1,
}

/// Runs an operation of the context for generated code.
fn guard(context: Pointer, work: impl FnOnce(&mut Context) -> Result<u64, Stop>) -> u64 {
    // SAFETY: see the module's safety section: the pointer was made of an exclusive reference that lives as long as the
    // call into generated code, and that code runs on this thread between two host calls, never during one.
    let context = unsafe { &mut *context };
    // What a panic leaves half done is not looked at again: the evaluation stops.
    match catch_unwind(AssertUnwindSafe(|| work(&mut *context))) {
        Ok(Ok(bits)) => bits,
        Ok(Err(Stop)) => STOP,
        Err(_) => {
            context.stop_at(codes::INTERNAL, "the evaluator has a defect: please report it", None);
            STOP
        }
    }
}

fn word(context: Pointer, work: impl FnOnce(&mut Context) -> Result<Word, Stop>) -> u64 {
    guard(context, |context| work(context).map(Word::bits))
}

/// For operations without a result; 0 is a word of no interest.
fn unit(context: Pointer, work: impl FnOnce(&mut Context) -> Result<(), Stop>) -> u64 {
    guard(context, |context| work(context).map(|()| 0))
}

fn truth(context: Pointer, work: impl FnOnce(&mut Context) -> Result<bool, Stop>) -> u64 {
    guard(context, |context| work(context).map(|holds| Word::bool(holds).bits()))
}

/// Runs `work` on an array of words: of generated code's stack, or, if it is too long for that, the operands that were handed
/// over one by one ([`operand`]).
fn with_words<T>(
    context: &mut Context,
    address: u64,
    count: u64,
    work: impl FnOnce(&mut Context, &mut [Word]) -> T,
) -> T {
    if address == 0 {
        let mut operands = std::mem::take(&mut context.operands);
        let result = work(context, &mut operands);
        operands.clear();
        context.operands = operands;
        return result;
    }
    let pointer = std::ptr::with_exposed_provenance_mut::<Word>(usize::try_from(address).unwrap_or(0));
    let count = usize::try_from(count).unwrap_or(0);
    // SAFETY: see the module's safety section: the address is that of `count` words in the caller's frame, which nobody else looks at
    // until this function returns, and the caller not behind it either.
    let words = unsafe { std::slice::from_raw_parts_mut(pointer, count) };
    work(context, words)
}

/// Numbers of the plan have 32 bits, and were widened for the call.
fn narrow(number: u64) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

fn place_of(number: u64) -> PlaceId {
    PlaceId(narrow(number))
}

fn site_of(number: u64) -> Option<SiteId> {
    (number != NONE).then(|| SiteId(narrow(number)))
}

fn bits(number: u64) -> Word {
    Word::from_bits(number)
}

/// A count as an integer's word, so that it can't be taken for a stop.
fn count_word(count: usize) -> Word {
    i64::try_from(count).ok().and_then(Word::from_small_int).unwrap_or(Word::ABSENT)
}

/// What [`count_word`] made.
fn word_count(number: u64) -> usize {
    bits(number).small_int().and_then(|count| usize::try_from(count).ok()).unwrap_or(0)
}

/// A failure: site in the lower half, place in bits 32–62, whether errors count as absent in bit 63.
fn failure(packed: u64) -> Failure {
    Failure {
        on_error: abi::on_error::decode(packed >> 63),
        site: SiteId(narrow(packed & 0xFFFF_FFFF)),
        place: place_of(packed >> 32 & 0x7FFF_FFFF),
    }
}

/// What [`failure`] takes apart.
pub(super) fn pack_failure(failure: Failure) -> u64 {
    let on_error = abi::on_error::encode(failure.on_error);
    on_error << 63 | u64::from(failure.place.0 & 0x7FFF_FFFF) << 32 | u64::from(failure.site.0)
}

extern "C" fn charge(context: Pointer, units: u64, place: u64) -> u64 {
    unit(context, |context| context.charge(units, place_of(place)))
}

extern "C" fn load_input(context: Pointer, site: u64) -> u64 {
    word(context, |context| Ok(context.load_input(SiteId(narrow(site)))))
}

/// `sites` is the address of the statement's list in the plan.
extern "C" fn slot_missing(context: Pointer, slot: u64, sites: u64, count: u64) -> u64 {
    word(context, |context| {
        let pointer = std::ptr::with_exposed_provenance::<Option<SiteId>>(usize::try_from(sites).unwrap_or(0));
        // SAFETY: the address and length are those of a list in the program's plan, which the running code's owner
        // keeps alive and which never changes (see `code::CompiledCode`).
        let sites = unsafe { std::slice::from_raw_parts(pointer, usize::try_from(count).unwrap_or(0)) };
        Ok(context.load_slot(SlotId(narrow(slot)), sites))
    })
}

extern "C" fn load_data(context: Pointer, path: u64, value: u64, site: u64) -> u64 {
    word(context, |context| Ok(context.load_data(PathId(narrow(path)), bits(value), SiteId(narrow(site)))))
}

extern "C" fn document(context: Pointer, extent: u64, address: u64, count: u64, place: u64) -> u64 {
    word(context, |context| {
        let entries = Entries::of(context);
        let extent = ExtentId(narrow(extent));
        with_words(context, address, count, |context, keys| {
            machine::document(entries, extent, keys, place_of(place), context)
        })
    })
}

extern "C" fn member(context: Pointer, base: u64, name: u64, site: u64) -> u64 {
    word(context, |context| Ok(context.field(bits(base), bits(name), site_of(site))))
}

extern "C" fn index(context: Pointer, base: u64, key: u64, site: u64, place: u64) -> u64 {
    word(context, |context| context.index(bits(base), bits(key), site_of(site), place_of(place)))
}

extern "C" fn call(context: Pointer, function: u64, address: u64, count: u64, place: u64) -> u64 {
    word(context, |context| {
        let entries = Entries::of(context);
        let function = FunctionId(narrow(function));
        with_words(context, address, count, |context, arguments| {
            machine::call(entries, function, arguments, place_of(place), context)
        })
    })
}

/// `id` is doubled, and one more where they yield. The list is the caller's no more: the result so far is kept in it.
extern "C" fn definitions(context: Pointer, id: u64, address: u64, count: u64, place: u64) -> u64 {
    word(context, |context| {
        let entries = Entries::of(context);
        let Some(definitions) = entries.definitions(DefinitionsId(narrow(id >> 1))) else {
            return Err(context.stop(codes::INTERNAL, "there are no such definitions", place_of(place)));
        };
        let yields = id & 1 == 1;
        with_words(context, address, count, |context, words| {
            machine::definitions(entries, definitions, words, yields, place_of(place), context)
        })
    })
}

extern "C" fn builtin(context: Pointer, builtin: u64, address: u64, count: u64, packed: u64) -> u64 {
    word(context, |context| {
        let entries = Entries::of(context);
        let builtin = BuiltinId(narrow(builtin));
        with_words(context, address, count, |context, arguments| {
            machine::call_builtin(entries, builtin, arguments, failure(packed), context)
        })
    })
}

/// `which` is the builtin in the upper half and the test in the lower.
extern "C" fn text_test(context: Pointer, which: u64, text: u64, part: u64, packed: u64) -> u64 {
    word(context, |context| {
        let test = abi::text_test::decode(which & 0xFFFF_FFFF);
        if let Some(holds) = context.text_test(test, bits(text), bits(part), failure(packed).place)? {
            return Ok(Word::bool(holds));
        }
        let entries = Entries::of(context);
        let builtin = BuiltinId(narrow(which >> 32));
        machine::call_builtin(entries, builtin, &[bits(text), bits(part)], failure(packed), context)
    })
}

extern "C" fn regex_match(context: Pointer, builtin: u64, pattern: u64, text: u64, packed: u64) -> u64 {
    word(context, |context| {
        let arguments = [bits(pattern), bits(text)];
        if let Some(holds) = context.regex_match(arguments) {
            return Ok(Word::bool(holds));
        }
        let entries = Entries::of(context);
        machine::call_builtin(entries, BuiltinId(narrow(builtin)), &arguments, failure(packed), context)
    })
}

extern "C" fn make_fingerprint(context: Pointer, text: u64) -> u64 {
    truth(context, |context| Ok(context.heap.make_fingerprint(bits(text))))
}

/// `operator` has the operator in its upper bits and whether it is checked in the lowest.
extern "C" fn arithmetic(context: Pointer, operator: u64, left: u64, right: u64, packed: u64) -> u64 {
    word(context, |context| {
        let checked = operator & 1 == 1;
        let operator = abi::arithmetic_operator::decode(operator >> 1);
        context.arithmetic(operator, bits(left), bits(right), checked, failure(packed))
    })
}

extern "C" fn set_operation(context: Pointer, operator: u64, left: u64, right: u64, packed: u64) -> u64 {
    word(context, |context| {
        context.set_operation(abi::set_operator::decode(operator), bits(left), bits(right), failure(packed))
    })
}

extern "C" fn compare(context: Pointer, operator: u64, left: u64, right: u64, place: u64) -> u64 {
    truth(context, |context| {
        context.compare(abi::compare_operator::decode(operator), bits(left), bits(right), place_of(place))
    })
}

/// `key` is [`NONE`] where there is none: no word has these bits.
extern "C" fn membership(context: Pointer, key: u64, value: u64, collection: u64, place: u64) -> u64 {
    truth(context, |context| {
        let key = (key != NONE).then(|| bits(key));
        context.membership(key, bits(value), bits(collection), place_of(place))
    })
}

extern "C" fn make_array(context: Pointer, address: u64, count: u64, place: u64) -> u64 {
    word(context, |context| {
        with_words(context, address, count, |context, items| context.make_array(items, place_of(place)))
    })
}

extern "C" fn make_set(context: Pointer, address: u64, count: u64, place: u64) -> u64 {
    word(context, |context| {
        with_words(context, address, count, |context, items| context.make_set(items, place_of(place)))
    })
}

extern "C" fn make_object(context: Pointer, address: u64, count: u64, place: u64) -> u64 {
    word(context, |context| {
        with_words(context, address, count, |context, entries| context.make_object(entries, place_of(place)))
    })
}

extern "C" fn template(context: Pointer, address: u64, count: u64, place: u64) -> u64 {
    word(context, |context| {
        with_words(context, address, count, |context, parts| context.template(parts, place_of(place)))
    })
}

extern "C" fn has_shape(context: Pointer, value: u64, shape: u64, length: u64) -> u64 {
    truth(context, |context| Ok(context.has_shape(bits(value), abi::shape::decode(shape), narrow(length))))
}

extern "C" fn yielded(context: Pointer, before: u64, value: u64, place: u64) -> u64 {
    word(context, |context| context.yielded(bits(before), bits(value), place_of(place)))
}

/// The number of iterations as an integer's word, so that it can't be taken for a stop; absent if it is no collection.
extern "C" fn each_length(context: Pointer, collection: u64, site: u64) -> u64 {
    word(context, |context| {
        let length = context.each_length(bits(collection), SiteId(narrow(site)));
        Ok(length.and_then(|length| Word::from_small_int(i64::from(length))).unwrap_or(Word::ABSENT))
    })
}

/// `packed` is the index in the upper half and the site in the lower. The result is the packed run as an integer's word.
extern "C" fn each_run(context: Pointer, packed: u64, collection: u64, address: u64, count: u64) -> u64 {
    word(context, |context| {
        let (index, site) = (IndexId(narrow(packed >> 32)), SiteId(narrow(packed & 0xFFFF_FFFF)));
        let run = with_words(context, address, count, |context, keys| {
            context.each_run(Some(index), keys, bits(collection), site)
        });
        Ok(run.and_then(Run::pack).and_then(Word::from_small_int).unwrap_or(Word::ABSENT))
    })
}

/// `run` is packed, without the tag of its word.
extern "C" fn run_key(context: Pointer, index: u64, run: u64, collection: u64, at: u64) -> u64 {
    word(context, |context| {
        Ok(context.run_entry(Some(IndexId(narrow(index))), Run::unpack(run), bits(collection), narrow(at)).0)
    })
}

extern "C" fn run_value(context: Pointer, index: u64, run: u64, collection: u64, at: u64) -> u64 {
    word(context, |context| {
        Ok(context.run_entry(Some(IndexId(narrow(index))), Run::unpack(run), bits(collection), narrow(at)).1)
    })
}

extern "C" fn collect_begin(context: Pointer) -> u64 {
    unit(context, |context| {
        context.collect_begin();
        Ok(())
    })
}

/// `key` is [`NONE`] where there is none: no word has these bits.
extern "C" fn emit(context: Pointer, key: u64, value: u64, place: u64) -> u64 {
    unit(context, |context| {
        let key = (key != NONE).then(|| bits(key));
        context.emit(key, bits(value), place_of(place))
    })
}

extern "C" fn collect_end(context: Pointer, collection: u64, place: u64) -> u64 {
    word(context, |context| context.collect_end(abi::collection::decode(collection), place_of(place)))
}

/// `replacements` is the address of the statement's list in the plan, and `values` that of as many words.
extern "C" fn enter_with(context: Pointer, replacements: u64, values: u64, count: u64, place: u64) -> u64 {
    unit(context, |context| {
        let pointer = std::ptr::with_exposed_provenance::<Replacement>(usize::try_from(replacements).unwrap_or(0));
        let count = usize::try_from(count).unwrap_or(0);
        // SAFETY: the address and length are those of a list in the program's plan, which the running code's owner
        // keeps alive and which never changes (see `code::CompiledCode`).
        let replacements = unsafe { std::slice::from_raw_parts(pointer, count) };
        let count = u64::try_from(count).unwrap_or(u64::MAX);
        with_words(context, values, count, |context, values| context.enter_with(replacements, values, place_of(place)))
    })
}

extern "C" fn leave_with(context: Pointer) -> u64 {
    unit(context, |context| {
        context.leave_with();
        Ok(())
    })
}

extern "C" fn enter_outside(context: Pointer) -> u64 {
    word(context, |context| Ok(count_word(context.enter_outside())))
}

extern "C" fn leave_outside(context: Pointer, inside: u64) -> u64 {
    unit(context, |context| {
        context.leave_outside(word_count(inside));
        Ok(())
    })
}

extern "C" fn mark(context: Pointer, site: u64) -> u64 {
    unit(context, |context| {
        context.mark(SiteId(narrow(site)));
        Ok(())
    })
}

extern "C" fn mark_restore(context: Pointer, saved: u64) -> u64 {
    unit(context, |context| {
        context.mark_restore(word_count(saved));
        Ok(())
    })
}

extern "C" fn record(context: Pointer, role: u64, value: u64) -> u64 {
    unit(context, |context| {
        context.record(abi::role::decode(role), bits(value));
        Ok(())
    })
}

/// Hands over one element of a list that is too long for the stack.
extern "C" fn operand(context: Pointer, value: u64) -> u64 {
    unit(context, |context| {
        context.operands.push(bits(value));
        Ok(())
    })
}
