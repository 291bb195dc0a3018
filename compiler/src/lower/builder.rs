//! Makes one function, statement by statement.

use std::sync::Arc;

use hpol_lang::source::{Profile, Span};
use hpol_lang::typed::{Local, LocalId};
use hpol_stdlib::heap::Word;
use rustc_hash::FxHashMap;

use crate::plan::{Block, Function, Label, OnError, Origin, Register, Statement, StatementKind};

use super::{CompileError, Lowered, NESTING_MAX, Shared};

/// A function that is being made.
pub(super) struct Builder<'s, 't> {
    pub(super) shared: &'s mut Shared<'t>,
    name: Arc<str>,
    span: Span,
    /// What a builtin's error does here.
    pub(super) on_error: OnError,
    /// Whether arithmetic on ints is checked.
    pub(super) profile: Profile,
    /// The variables, for describing expressions.
    pub(super) names: &'t [Local],
    locals: FxHashMap<LocalId, Register>,
    parameters: u32,
    registers: u32,
    labels: u32,
    statements: Vec<Statement>,
    nesting: u32,
    /// Whether the conditions of this function tell how they come out.
    pub(super) tells_outcomes: bool,
    /// Whether those of the next body do not, because what is around it tells it already.
    pub(super) silent: bool,
}

impl<'s, 't> Builder<'s, 't> {
    /// Starts a function, whose place says which language it is in.
    pub(super) fn new(shared: &'s mut Shared<'t>, name: impl Into<Arc<str>>, parameters: u32, span: Span) -> Self {
        let profile = shared.profile(span);
        let on_error = shared.on_error(profile);
        let tells_outcomes = shared.options.mark_conditions && !shared.is_of_tests(span);
        Self {
            shared,
            name: name.into(),
            span,
            on_error,
            profile,
            names: &[],
            locals: FxHashMap::default(),
            parameters,
            registers: parameters,
            labels: 0,
            statements: Vec::new(),
            nesting: 0,
            tells_outcomes,
            silent: false,
        }
    }

    /// Starts a clause: it has locals of its own, and may stand in a file of the other language.
    pub(super) fn start_clause(&mut self, names: &'t [Local], span: Span) {
        self.names = names;
        self.locals.clear();
        self.profile = self.shared.profile(span);
        self.on_error = self.shared.on_error(self.profile);
    }

    pub(super) fn finish(self, result: Register, origin: Origin) -> Function {
        Function {
            name: self.name,
            origin,
            parameters: self.parameters,
            registers: self.registers,
            result,
            memo: None,
            gathers: false,
            body: Block { statements: self.statements },
            span: self.span,
        }
    }

    pub(super) fn register(&mut self) -> Register {
        self.registers += 1;
        Register(self.registers - 1)
    }

    pub(super) fn label(&mut self) -> Label {
        self.labels += 1;
        Label(self.labels - 1)
    }

    /// The register of a variable; each has one of its own.
    pub(super) fn local(&mut self, local: LocalId) -> Register {
        if let Some(register) = self.locals.get(&local) {
            return *register;
        }
        let register = self.register();
        self.locals.insert(local, register);
        register
    }

    /// Says that a variable stands in a register that nothing else writes.
    pub(super) fn set_local(&mut self, local: LocalId, register: Register) {
        self.locals.insert(local, register);
    }

    pub(super) fn push(&mut self, kind: StatementKind, span: Span) {
        let place = self.shared.place(span);
        self.statements.push(Statement { kind, place });
    }

    pub(super) fn constant(&mut self, target: Register, value: Word, span: Span) {
        self.push(StatementKind::Constant { target, value }, span);
    }

    /// The statements that `make` pushes, as a block.
    pub(super) fn nested(&mut self, make: impl FnOnce(&mut Self) -> Lowered) -> Lowered<Block> {
        let outer = std::mem::take(&mut self.statements);
        let made = self.deeper(make);
        let statements = std::mem::replace(&mut self.statements, outer);
        made.map(|()| Block { statements })
    }

    /// Runs `make` one level deeper, which is bounded.
    pub(super) fn deeper<T>(&mut self, make: impl FnOnce(&mut Self) -> Lowered<T>) -> Lowered<T> {
        if self.nesting >= NESTING_MAX {
            return Err(CompileError::TooDeep { name: self.name.clone(), span: self.span });
        }
        self.nesting += 1;
        let made = make(self);
        self.nesting -= 1;
        made
    }

    /// A scope of what `make` pushes, which can leave it by the label.
    pub(super) fn scope(
        &mut self,
        catches: bool,
        span: Span,
        make: impl FnOnce(&mut Self, Label) -> Lowered,
    ) -> Lowered {
        let label = self.label();
        let body = self.nested(|builder| make(builder, label))?;
        self.push(StatementKind::Scope { label, catches, body }, span);
        Ok(())
    }
}
