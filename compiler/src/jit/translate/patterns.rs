//! Ruling out patterns in place.
//!
//! A fingerprint says which three bytes may stand one after another in a text ([`hpol_stdlib::heap::Print`]). A pattern of the policy that
//! requires some of these, of which the text has none, does not match: that takes no call. Everything else is the host's.
//!
//! Where rules are screened, a text's fingerprint is made when it is first asked for; nobody can see that it was.

use cranelift_codegen::ir::condcodes::IntCC;
use cranelift_codegen::ir::{Block, InstBuilder, MemFlagsData, Value, types};
use hpol_stdlib::Ruling;
use hpol_stdlib::heap::{Print, Prints};

use crate::context::Context;
use crate::jit::abi::{Field, STOP};
use crate::jit::host::Host;

use super::Translator;

impl Translator<'_, '_> {
    /// No, if a pattern does not match a text; takes the fuel for that. Goes to `otherwise` if it may, or is not known not to.
    pub(super) fn ruled_out(&mut self, ruling: &Ruling, text: Value, otherwise: Block) -> Value {
        let length = self.text_length(text, otherwise);
        let print = self.print_of(text, otherwise);
        let flags = MemFlagsData::trusted();
        let [places, shift] =
            [Print::PLACES, Print::SHIFT].map(|field| self.builder.ins().load(types::I64, flags, print, offset(field)));
        let held = ruling.places.iter().map(|place| self.is_held(*place, places, shift));
        let held: Vec<Value> = held.collect();
        if let Some(any) = held.into_iter().reduce(|any, one| self.builder.ins().bor(any, one)) {
            self.leave_if(any, otherwise);
        }
        self.charge_match(ruling, length, otherwise);
        self.builder.ins().iconst(types::I8, 0)
    }

    /// Whether a fingerprint has a place: where its places end, an upper part of 32 bits ends too.
    fn is_held(&mut self, place: u32, places: Value, shift: Value) -> Value {
        let place = self.number(place);
        let at = self.builder.ins().ushr(place, shift);
        let address = self.builder.ins().iadd(places, at);
        self.builder.ins().load(types::I8, MemFlagsData::trusted(), address, 0)
    }

    /// Where stands what is said of a text's fingerprint; goes to `otherwise` if it has none.
    fn print_of(&mut self, text: Value, otherwise: Block) -> Value {
        let print = self.slot_of(text);
        if self.screening.is_none() {
            let is_known = self.is_print_of(print, text);
            self.go_on_if(is_known, otherwise);
            return print;
        }
        let [make, on] = [(); 2].map(|()| self.builder.create_block());
        self.builder.set_cold_block(make);
        let found = self.builder.declare_var(types::I64);
        self.builder.def_var(found, print);
        let is_known = self.is_print_of(print, text);
        self.branch(is_known, on, make);
        self.begin(make);
        let made = self.call_host(Host::MakeFingerprint, &[text]);
        let stopped = self.is(made, STOP);
        self.leave_if(stopped, self.stop);
        // The first one moves all.
        let print = self.slot_of(text);
        self.builder.def_var(found, print);
        let is_known = self.is_print_of(print, text);
        self.branch(is_known, on, otherwise);
        self.begin(on);
        self.builder.use_var(found)
    }

    fn is_print_of(&mut self, print: Value, text: Value) -> Value {
        let word = self.builder.ins().load(types::I64, MemFlagsData::trusted(), print, offset(Print::WORD));
        self.builder.ins().icmp(IntCC::Equal, word, text)
    }

    /// Where a text's fingerprint would stand, which is told by its node.
    fn slot_of(&mut self, text: Value) -> Value {
        let flags = MemFlagsData::trusted();
        let prints = self.builder.ins().load(types::I64, flags, self.context, offset(Context::PRINTS_OFFSET));
        let half = self.number(32_u64);
        let index = self.builder.ins().ushr(text, half);
        let at = self.masked(index, u64::try_from(Prints::SLOTS - 1).unwrap_or(0));
        let bytes = self.builder.ins().imul_imm_s(at, i64::from(offset(size_of::<Print>())));
        self.builder.ins().iadd(prints, bytes)
    }

    /// Takes the fuel for a match with a text of so many bytes, and the unit of a call; goes to `otherwise` where there may be too little,
    /// or it is time to look at the clock.
    fn charge_match(&mut self, ruling: &Ruling, length: Value, otherwise: Block) {
        let power = self.number(Ruling::CHUNK_BYTES.ilog2());
        let chunks = self.builder.ins().ushr(length, power);
        let each = self.number(ruling.chunk_units);
        let units = self.builder.ins().imul(chunks, each);
        let others = self.number(1 + ruling.units + ruling.chunk_units);
        let units = self.builder.ins().iadd(units, others);
        let (fuel, poll_at) = (self.load(Field::Fuel), self.load(Field::PollAt));
        let left = self.builder.ins().isub(fuel, units);
        let enough = self.builder.ins().icmp(IntCC::SignedGreaterThan, left, poll_at);
        self.go_on_if(enough, otherwise);
        self.builder.ins().store(MemFlagsData::trusted(), left, self.context, Field::Fuel.offset());
    }
}

const _: () = assert!(Ruling::CHUNK_BYTES.is_power_of_two() && Prints::SLOTS.is_power_of_two());

/// Offsets are those of fields, which are far below 2 GiB.
fn offset(bytes: usize) -> i32 {
    i32::try_from(bytes).unwrap_or(i32::MAX)
}
