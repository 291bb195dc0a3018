//! Ways to host functions for calls that are rarely made.
//!
//! A call takes most registers away from what is around it, also where it is in a block that is hardly ever come to: the values of a
//! loop would be put into the frame and fetched from there, in each iteration. A relay keeps all registers itself.

use cranelift_codegen::ir::{self, InstBuilder, MemFlagsData, types};
use cranelift_codegen::isa::TargetIsa;
use cranelift_frontend::FunctionBuilderContext;

use crate::jit::abi::{Field, host_signature};

use super::begin;

/// Translates the relay to host functions with so many operands into `into`, whose signature is set. What comes behind the operands is
/// where the host function stands in the table.
pub(in crate::jit) fn relay(
    operands: usize,
    into: &mut ir::Function,
    context: &mut FunctionBuilderContext,
    isa: &dyn TargetIsa,
) {
    let (mut builder, entry) = begin(into, context);
    let all = builder.block_params(entry).to_vec();
    let (which, passed) = all.split_last().map_or((None, &[][..]), |(which, passed)| (Some(*which), passed));
    if let (Some(which), Some(context)) = (which, passed.first().copied()) {
        let flags = MemFlagsData::trusted();
        let table = builder.ins().load(types::I64, flags, context, Field::Hosts.offset());
        let at = builder.ins().iadd(table, which);
        let address = builder.ins().load(types::I64, flags, at, 0);
        let signature = builder.import_signature(host_signature(isa.default_call_conv(), operands));
        let call = builder.ins().call_indirect(signature, address, passed);
        let result = builder.inst_results(call)[0];
        builder.ins().store(flags, result, context, Field::Result.offset());
    }
    builder.ins().return_(&[]);
    builder.finalize(isa.frontend_config());
}
