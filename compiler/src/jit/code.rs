//! Generated code: its memory, and the way in.
//!
//! # Safety
//!
//! - The code is never written after it was made executable, and no page is both at once (the memory provider sees to
//!   that).
//! - The addresses of functions never leave this module. Whoever runs code borrows its [`CompiledCode`], so that it
//!   is freed only when nothing runs in it and nothing can be entered any more.
//! - What the code reads by address, parts of the plan and tables of perfect hashes, is owned here and freed behind the code, and
//!   never changes.
//! - Code of a program is only run with a context of the same program: offsets, memo slots and addresses of the plan that
//!   stand in the code fit it.

use std::fmt;
use std::mem::ManuallyDrop;
use std::sync::{Arc, Mutex, PoisonError};

use cranelift_jit::JITModule;
use cranelift_module::FuncId;
use hpol_stdlib::heap::Word;

use crate::context::{Context, Stop, codes};
use crate::machine::{Machine, Screened};
use crate::plan::{Definitions, DefinitionsId, FunctionId, Program};

use super::abi::STOP;
use super::host::HOSTS;
use super::perfect::Hashes;
use super::translate::Told;

/// Machine code for every function of one program. It is freed when this is dropped.
///
/// It runs what the interpreter runs, with the same results:
///
/// ```text
/// let code = jit::compile(&program)?;
/// let verdict = machine::decide(&code, decision, &mut context);
/// ```
pub struct CompiledCode {
    entries: Box<Entries>,
    /// Size of the code.
    bytes: usize,
    /// Keeps the code's memory; taken out when it is dropped. The lock only makes it shareable: it is never contended.
    module: ManuallyDrop<Mutex<JITModule>>,
}

/// Where the functions start.
pub(super) struct Entries {
    /// The plan, parts of which the code refers to by address.
    program: Arc<Program>,
    functions: Vec<Compiled>,
    /// What screens the rules of each package, where there is such a function.
    screens: Vec<Option<Screen>>,
    /// Tables that the code reads by address.
    hashes: Hashes,
}

/// What screens the rules of a package.
struct Screen {
    function: Compiled,
    told: Told,
}

/// A function that can be entered.
struct Compiled {
    entry: Entry,
    /// How many arguments it reads.
    parameters: usize,
}

/// A function of generated code, as [`super::abi`] says.
type Entry = extern "C" fn(*mut Context, *const Word) -> u64;

impl CompiledCode {
    /// Takes over a module whose functions are finalised: one for each of the program's, in their order, and for each package one
    /// that screens its rules, or none.
    pub(super) fn new(
        program: Arc<Program>,
        module: JITModule,
        functions: &[FuncId],
        screens: Vec<Option<(FuncId, Told)>>,
        hashes: Hashes,
        bytes: usize,
    ) -> Self {
        let entry = |id: FuncId| {
            let address = module.get_finalized_function(id);
            // SAFETY: the address is that of a finalised function which was declared and translated with just this
            // signature and calling convention (`abi::entry_signature`).
            unsafe { std::mem::transmute::<*const u8, Entry>(address) }
        };
        let functions = functions.iter().zip(&program.functions);
        let functions = functions
            .map(|(id, function)| Compiled { entry: entry(*id), parameters: function.parameters as usize })
            .collect();
        let screens = screens.into_iter();
        let screens = screens
            .map(|screen| {
                screen.map(|(id, told)| Screen { function: Compiled { entry: entry(id), parameters: 0 }, told })
            })
            .collect();
        let entries = Box::new(Entries { program, functions, screens, hashes });
        let bytes = bytes + entries.hashes.bytes();
        Self { entries, bytes, module: ManuallyDrop::new(Mutex::new(module)) }
    }

    /// The program that the code is of.
    pub fn program(&self) -> &Arc<Program> {
        &self.entries.program
    }

    /// How large the code is, in bytes.
    pub fn bytes(&self) -> usize {
        self.bytes
    }
}

impl Drop for CompiledCode {
    fn drop(&mut self) {
        // SAFETY: the field is not used again, because this is its owner's drop.
        let module = unsafe { ManuallyDrop::take(&mut self.module) };
        discard(module.into_inner().unwrap_or_else(PoisonError::into_inner));
    }
}

/// Frees a module's memory, which dropping it would leak.
pub(super) fn discard(module: JITModule) {
    // SAFETY: nothing runs in its code and nobody can enter it any more: addresses of functions are kept in
    // `CompiledCode` only, which every caller borrows while it runs, and which is being dropped or was not made.
    unsafe { module.free_memory() };
}

impl Machine for CompiledCode {
    #[inline]
    fn run(&self, function: FunctionId, arguments: &[Word], context: &mut Context) -> Result<Word, Stop> {
        let compiled = self.entries.compiled(function, arguments, context)?;
        // Whoever runs code this way holds the context, which no code runs with then: there is nothing to put back.
        self.entries.take_over(context);
        compiled.enter(arguments, context)
    }

    #[inline]
    fn screen(&self, package: usize, context: &mut Context) -> Result<Option<Screened<'_>>, Stop> {
        // What is replaced may stand for what is not looked at here.
        if !Arc::ptr_eq(context.program(), &self.entries.program) || context.intercepts() {
            return Ok(None);
        }
        let Some(Some(Screen { function, told })) = self.entries.screens.get(package) else { return Ok(None) };
        self.entries.take_over(context);
        let judged = if told.asks {
            let (checkpoint, window) = (context.checkpoint(), context.open_window());
            let result = function.enter(&[], context);
            context.close_window(window, None);
            // A rule that was given up leaves what it was about to hand over.
            context.operands.clear();
            if result.is_err() {
                context.unwind(checkpoint);
                if context.met_limit() {
                    return Err(Stop);
                }
                // The fuel is spent: what rules called on the way is kept, and costs nothing the second time.
                context.take_fault();
                return Ok(None);
            }
            result
        } else {
            function.enter(&[], context)
        };
        let judged = judged?.bits() >> Word::INT_SHIFT;
        Ok(Some(Screened::new(judged, context.hot.matched >> Word::INT_SHIFT, &told.reasons)))
    }
}

impl Entries {
    /// The entries of the code that runs with this context.
    ///
    /// Only for host functions: they run within a function that was entered after [`Entries::take_over`].
    pub(super) fn of<'e>(context: &Context) -> &'e Entries {
        let pointer = std::ptr::with_exposed_provenance::<Entries>(context.hot.entries);
        // SAFETY: `take_over` put the address of an `Entries` there before the code was entered that called the host function. It is
        // borrowed until that code returns, and what runs in between puts it back; host functions do not keep the reference.
        unsafe { &*pointer }
    }
}

impl Entries {
    /// A function that can be entered with these arguments and this context.
    #[inline]
    fn compiled(&self, function: FunctionId, arguments: &[Word], context: &mut Context) -> Result<&Compiled, Stop> {
        let known = Arc::ptr_eq(context.program(), &self.program);
        let compiled = self.functions.get(function.index()).filter(|_| known);
        compiled.filter(|compiled| compiled.parameters == arguments.len()).ok_or_else(|| stop_foreign(context))
    }

    /// Says that this code runs with the context from now on; whose did before, or the same.
    #[inline]
    fn take_over(&self, context: &mut Context) -> usize {
        let own = std::ptr::from_ref(self).expose_provenance();
        let before = context.hot.entries;
        if before != own {
            context.hot.hosts = std::ptr::from_ref(&HOSTS).expose_provenance();
            context.hot.entries = own;
        }
        before
    }

    /// Definitions of a rule.
    pub(super) fn definitions(&self, id: DefinitionsId) -> Option<&Definitions> {
        self.program.definitions.get(id.index())
    }
}

impl Machine for Entries {
    #[inline]
    fn run(&self, function: FunctionId, arguments: &[Word], context: &mut Context) -> Result<Word, Stop> {
        let compiled = self.compiled(function, arguments, context)?;
        let before = self.take_over(context);
        let result = compiled.enter(arguments, context);
        context.hot.entries = before;
        result
    }
}

impl Compiled {
    /// Runs it; it takes these arguments, and its owner has taken over the context.
    #[inline]
    fn enter(&self, arguments: &[Word], context: &mut Context) -> Result<Word, Stop> {
        let bits = (self.entry)(std::ptr::from_mut(context), arguments.as_ptr());
        if bits == STOP { Err(Stop) } else { Ok(Word::from_bits(bits)) }
    }
}

#[cold]
fn stop_foreign(context: &mut Context) -> Stop {
    context.stop_at(codes::INTERNAL, "code was called for another program's context", None)
}

impl fmt::Debug for CompiledCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CompiledCode").field("functions", &self.entries.functions.len()).finish_non_exhaustive()
    }
}
