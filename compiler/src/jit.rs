//! Plan to machine code, for every statement: nothing is left to another engine.
//!
//! ```text
//! translate  a plan function → Cranelift code: registers become SSA variables, blocks stay blocks
//! perfect    perfect hashes of constant sets and objects
//! abi        how generated code and Rust call each other
//! host       the Rust functions that generated code calls; each hands on to an operation of the context
//! code       what was generated: owns its memory, frees it, and is the only way in
//! ```
//!
//! Generated code does itself what needs no heap: moving words, tests, comparison and arithmetic of small integers,
//! fuel, memo hits. For everything else it calls a host function through a table whose address stands in the context, so
//! that code and host may be any distance apart. A host function never unwinds into generated code: it
//! catches panics and returns `abi::STOP`, as for any other error, and the code returns at once.
//!
//! # Why this is sound
//!
//! Generated code is entered by `code::CompiledCode` only, with a context that it checks belongs to the same program, and
//! with as many arguments as the function reads. It touches memory only in seven ways: fields of the context at offsets
//! that the Rust compiler gives; the memo table and the slots, whose lengths are the program's numbers of them and
//! whose addresses are updated in the context whenever they change; the arenas of the values, whose addresses and lengths the
//! heap keeps up to date beside them, and of which nothing is read before its index was compared with the length
//! (`translate::arena`), so that no word whatever leads outside; the tables of perfect hashes, which the code owns, at places that
//! are computed to be within them for any word (`perfect`); the fingerprints of texts, whose address the heap keeps up to date, and whose
//! places are as many as can be named there (`translate::patterns`); its own stack slots; and the argument array, which is read
//! before anything else happens. Everything else that a word points to is looked up by host functions, which check indices as
//! all Rust code does.

use std::sync::Arc;

use cranelift_codegen::settings::{self, Configurable};
use cranelift_frontend::FunctionBuilderContext;
use cranelift_jit::{ArenaMemoryProvider, JITBuilder, JITModule};
use cranelift_module::{FuncId, Module};

use crate::plan::{Block, Function, Program};

use perfect::Hashes;

mod abi;
#[expect(unsafe_code, reason = "entering generated code and freeing it")]
mod code;
#[expect(unsafe_code, reason = "generated code passes the context and arguments as pointers")]
mod host;
mod perfect;
mod translate;

pub use code::CompiledCode;

/// Address space kept for one statement: several times what any needs.
const BYTES_PER_STATEMENT: usize = 2_048;

/// Address space kept for one function besides its statements.
const BYTES_PER_FUNCTION: usize = 4_096;

/// Most address space for one program.
const BYTES_MAX: usize = 1 << 30;

/// Why there is no machine code for a plan. The interpreter can still run it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum JitError {
    /// No code can be generated for this machine.
    #[error("machine code can't be generated on this host: {0}")]
    Host(String),
    /// The generator gave up.
    #[error("generating machine code for `{function}` failed: {message}")]
    Generation {
        /// The function.
        function: Arc<str>,
        /// What the generator said.
        message: String,
    },
    /// There is no memory for the code.
    #[error("there is no memory for machine code: {0}")]
    Memory(String),
}

/// Generates code for every function of a program.
///
/// # Errors
///
/// [`JitError`]; nothing stays behind then.
pub fn compile(program: &Arc<Program>) -> Result<CompiledCode, JitError> {
    let mut compiler = Compiler::new(module(program)?);
    match compiler.all(program) {
        Ok((functions, screens)) => {
            let Compiler { module, hashes, bytes, .. } = compiler;
            Ok(CompiledCode::new(program.clone(), module, &functions, screens, hashes, bytes))
        }
        Err(error) => {
            code::discard(compiler.module);
            Err(error)
        }
    }
}

/// What is known of the values in a function's registers, so that its machine code does not ask: as text, for snapshots and for people who
/// want to see what a rule became.
pub fn display_known(program: &Program, function: &Function) -> String {
    translate::display_known(program, function)
}

/// What screens the rules of a package.
type Screen = (FuncId, translate::Told);

/// Where code is generated. One context serves all functions, and is dropped at the end: kept ones would cost more memory than
/// the code.
struct Compiler {
    module: JITModule,
    context: cranelift_codegen::Context,
    builder_context: FunctionBuilderContext,
    /// What the code looks into.
    hashes: Hashes,
    /// Size of the code so far.
    bytes: usize,
}

impl Compiler {
    fn new(module: JITModule) -> Self {
        let context = module.make_context();
        Self { module, context, builder_context: FunctionBuilderContext::new(), hashes: Hashes::default(), bytes: 0 }
    }

    /// The program's functions, and what screens the rules of its packages, where there is such a function.
    fn all(&mut self, program: &Program) -> Result<(Vec<FuncId>, Vec<Option<Screen>>), JitError> {
        let relays = self.relays()?;
        let fixed = translate::Fixed::of(program);
        let mut functions = Vec::with_capacity(program.functions.len());
        for function in &program.functions {
            self.begin();
            let Self { module, context, builder_context, hashes, .. } = self;
            let relays = relays.map(|relay| module.declare_func_in_func(relay, &mut context.func));
            let into = &mut context.func;
            translate::function(&fixed, function, relays, hashes, into, builder_context, module.isa());
            functions.push(self.define(&function.name)?);
        }
        let mut screens = Vec::with_capacity(program.packages.len());
        for package in &program.packages {
            self.begin();
            let Self { module, context, builder_context, hashes, .. } = self;
            let told = translate::screen(&fixed, package, hashes, &mut context.func, builder_context, module.isa());
            screens.push(match told {
                Some(told) => Some((self.define(&package.path)?, told)),
                None => None,
            });
        }
        let finalized = self.module.finalize_definitions();
        finalized.map_err(|error| JitError::Memory(error.to_string()))?;
        Ok((functions, screens))
    }

    /// The relays to host functions, by their number of operands.
    fn relays(&mut self) -> Result<[FuncId; abi::OPERANDS_MAX + 1], JitError> {
        let mut relays = [FuncId::from_u32(0); abi::OPERANDS_MAX + 1];
        for (operands, relay) in relays.iter_mut().enumerate() {
            self.begin();
            self.context.func.signature = abi::relay_signature(operands);
            let Self { module, context, builder_context, .. } = self;
            translate::relay(operands, &mut context.func, builder_context, module.isa());
            *relay = self.define(&Arc::from("relay"))?;
        }
        Ok(relays)
    }

    fn begin(&mut self) {
        self.module.clear_context(&mut self.context);
        self.context.func.signature = abi::entry_signature(self.module.isa().default_call_conv());
    }

    fn define(&mut self, name: &Arc<str>) -> Result<FuncId, JitError> {
        let failed = |message: String| JitError::Generation { function: name.clone(), message };
        let id = self.module.declare_anonymous_function(&self.context.func.signature);
        let id = id.map_err(|error| failed(error.to_string()))?;
        let defined = self.module.define_function(id, &mut self.context);
        defined.map_err(|error| failed(format!("{error:?}")))?;
        self.bytes += self.context.compiled_code().map_or(0, |code| code.code_buffer().len());
        Ok(id)
    }
}

fn module(program: &Program) -> Result<JITModule, JitError> {
    let host = |error: &dyn std::fmt::Display| JitError::Host(error.to_string());
    let mut flags = settings::builder();
    let verifier = if cfg!(debug_assertions) { "true" } else { "false" };
    for (name, value) in [
        ("use_colocated_libcalls", "false"),
        ("is_pic", "false"),
        ("opt_level", "speed"),
        ("enable_verifier", verifier),
        // Frames larger than a page touch every page, so that running out of stack is always noticed.
        ("enable_probestack", "true"),
        ("probestack_strategy", "inline"),
    ] {
        flags.set(name, value).map_err(|error| host(&error))?;
    }
    let isa = cranelift_native::builder().map_err(|error| host(&error))?;
    let isa = isa.finish(settings::Flags::new(flags)).map_err(|error| host(&error))?;
    let mut builder = JITBuilder::with_isa(isa, cranelift_module::default_libcall_names());
    let arena = ArenaMemoryProvider::new_with_size(code_bytes(program));
    let arena = arena.map_err(|error| JitError::Memory(error.to_string()))?;
    builder.memory_provider(Box::new(arena));
    Ok(JITModule::new(builder))
}

/// Address space to reserve; pages that are not used cost nothing.
fn code_bytes(program: &Program) -> usize {
    let own: usize = program.functions.iter().map(|function| statements(&function.body)).sum();
    // Bodies of decision rules may be translated twice.
    let statements = own.saturating_mul(2);
    let bytes = statements
        .saturating_mul(BYTES_PER_STATEMENT)
        .saturating_add(program.functions.len().saturating_mul(BYTES_PER_FUNCTION));
    bytes.clamp(1 << 20, BYTES_MAX)
}

fn statements(block: &Block) -> usize {
    block.statements.iter().map(|statement| 1 + statement.block().map_or(0, statements)).sum()
}
