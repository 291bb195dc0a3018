//! Decisions without allocation: for hosts that decide many times on one thread.

use std::borrow::Cow;
use std::sync::Arc;

use hpol_compiler::context::Context;
use hpol_compiler::machine::{self, Machine, Outcome, Told};
use hpol_compiler::plan::{self, DecisionId};
use hpol_lang::ast::EffectKeyword;
use hpol_stdlib::heap::Word;
use serde::Serialize;

use crate::build::Group;
use crate::combine::{self, Findings, combine};
use crate::decision::{Decision, Effect, EvaluationError, Increment};
use crate::engine::{Engine, not_loaded};
use crate::evaluate::{self, Left};
use crate::guard::guarded;
use crate::input::{Input, now_nanoseconds};
use crate::inputs::{Inputs, JsonText, Keep, Request, Source, Typed};
use crate::interpret::Interpreter;
use crate::snapshot::Snapshot;
use crate::state::StateSource;

/// Decides again and again on one thread with memory of its own. Once it has seen a few requests, a decision allocates nothing.
///
/// An input is taken in by the policies that are current then, and they decide on it; the next input follows a reload.
/// The generation stays in memory as long as an evaluator holds it, so one that is not used should be dropped.
///
/// ```
/// use hpol_runtime::source::Files;
/// use hpol_runtime::{Effect, Engine, EngineOptions, Evaluator, Input};
///
/// let policy = r#"
/// package guard
/// input: Call
/// type Call = {method: string}
/// allow "reads" if input.method == "GET"
/// "#;
/// let engine = Engine::new(EngineOptions::default());
/// engine.load(&Files::from_memory([("guard.hpol", policy)]))?;
/// let mut evaluator = Evaluator::new(&engine);
/// evaluator.set_input(&Input::from_json("Call", r#"{"method": "GET"}"#)?);
/// let ruling = evaluator.decide();
/// assert_eq!(ruling.effect(), Effect::Allow);
/// assert_eq!(ruling.rules().next().map(|rule| rule.id), Some("reads"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Evaluator {
    engine: Engine,
    /// What decides on the input, with the memory for it.
    generation: Option<Generation>,
    found: Found,
    /// The time that counts for inputs that bring none along; `None` for that of the clock.
    now_nanoseconds: Option<i64>,
    state: Option<Arc<dyn StateSource>>,
}

#[derive(Debug)]
struct Generation {
    snapshot: Arc<Snapshot>,
    context: Context,
    /// The input's kind, and the packages that decide on it.
    kind: String,
    groups: Option<Arc<[Group]>>,
    /// The input of each group.
    inputs: Inputs,
    /// Whether the input can't be decided on, and why.
    is_refused: bool,
    findings: Findings,
    /// Whether nothing was evaluated since the input was taken in.
    is_fresh: bool,
    /// The request, if only what a ruling looks at was taken in.
    request: Request,
}

/// What a decision came to.
#[derive(Debug, Default)]
struct Found {
    effect: Option<Effect>,
    /// Which effects the rules have that count, a bit each.
    has: u8,
    rules: Vec<FoundRule>,
    /// Rules of a package that can count.
    candidates: Vec<u32>,
    /// What is left behind if the request goes ahead.
    left: Left,
    /// Errors, which most decisions have none of.
    findings: Findings,
    /// Whether there are findings.
    found_more: bool,
    told: Told,
}

#[derive(Debug, Clone, Copy)]
struct FoundRule {
    decision: DecisionId,
    effect: EffectKeyword,
    outcome: Outcome,
    reason: Option<Word>,
}

/// What was decided, and by which rules. [`Evaluator::decision`] says everything about it.
#[derive(Debug, Clone, Copy)]
pub struct Ruling<'e> {
    evaluator: &'e Evaluator,
}

/// A rule that brought a ruling about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RulingRule<'e> {
    /// Which of the four decision rules it is.
    pub effect: Effect,
    /// Its id, as written.
    pub id: &'e str,
    /// Its package, without `data.`.
    pub package: &'e str,
}

impl Evaluator {
    /// An evaluator for the policies of an engine.
    pub fn new(engine: &Engine) -> Self {
        Self { engine: engine.clone(), generation: None, found: Found::default(), now_nanoseconds: None, state: None }
    }

    /// Takes in the request that is decided on from now on. One that does not fit the policies is denied, with the errors
    /// that say why.
    pub fn set_input(&mut self, input: &Input) {
        self.set(input.kind(), input.value(), input.now_nanoseconds(), input.state().cloned());
    }

    /// As [`Evaluator::set_input`], from JSON text, of which only what the policies look at is kept; all of it is checked, as
    /// strictly as by [`Input::from_json`]. The current time counts, unless [`Evaluator::surround`] says otherwise.
    ///
    /// ```
    /// # use hpol_runtime::source::Files;
    /// # use hpol_runtime::{Effect, Engine, EngineOptions, Evaluator};
    /// # let policy = "package guard\ninput: Call\ntype Call = {method: string}\nallow \"reads\" if input.method == \"GET\"\n";
    /// # let engine = Engine::new(EngineOptions::default());
    /// # engine.load(&Files::from_memory([("guard.hpol", policy)]))?;
    /// let mut evaluator = Evaluator::new(&engine);
    /// evaluator.set_json("Call", r#"{"method": "GET"}"#);
    /// assert_eq!(evaluator.decide().effect(), Effect::Allow);
    /// evaluator.set_json("Call", r#"{"method": "GET", "method": "PUT"}"#);
    /// assert_eq!(evaluator.decide().effect(), Effect::Deny);
    /// assert_eq!(evaluator.decide().errors()[0].message, "input: key \"method\" stands twice at byte 18");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn set_json(&mut self, kind: &str, text: &str) {
        let (now, state) = self.surroundings();
        self.set(kind, &JsonText(text), now, state);
    }

    /// As [`Evaluator::set_json`], from a Rust value, without JSON between. A field that is `None` is absent; else the forms
    /// are those of [`hpol_lang::value::to_value`].
    ///
    /// ```
    /// # use hpol_runtime::source::Files;
    /// # use hpol_runtime::{Effect, Engine, EngineOptions, Evaluator};
    /// # let policy = "package guard\ninput: Call\ntype Call = {method: string}\nallow \"reads\" if input.method == \"GET\"\n";
    /// # let engine = Engine::new(EngineOptions::default());
    /// # engine.load(&Files::from_memory([("guard.hpol", policy)]))?;
    /// #[derive(serde::Serialize)]
    /// struct Call<'c> {
    ///     method: &'c str,
    /// }
    ///
    /// let mut evaluator = Evaluator::new(&engine);
    /// evaluator.set_typed("Call", &Call { method: "GET" });
    /// assert_eq!(evaluator.decide().effect(), Effect::Allow);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn set_typed<T: Serialize + ?Sized>(&mut self, kind: &str, value: &T) {
        let (now, state) = self.surroundings();
        self.set(kind, &Typed(value), now, state);
    }

    /// Says what counts besides the request for [`Evaluator::set_json`] and [`Evaluator::set_typed`] from now on: the time in
    /// nanoseconds since 1970, `None` for that of the clock, and who knows of earlier requests.
    pub fn surround(&mut self, now_nanoseconds: Option<i64>, state: Option<Arc<dyn StateSource>>) {
        self.now_nanoseconds = now_nanoseconds;
        self.state = state;
    }

    fn surroundings(&self) -> (i64, Option<Arc<dyn StateSource>>) {
        (self.now_nanoseconds.unwrap_or_else(now_nanoseconds), self.state.clone())
    }

    fn set<S: Source>(&mut self, kind: &str, source: &S, now_nanoseconds: i64, state: Option<Arc<dyn StateSource>>) {
        self.follow();
        let Some(generation) = &mut self.generation else { return };
        let taken = guarded(|| {
            generation.context.begin_next(now_nanoseconds, state);
            generation.take_in(kind, source, Keep::Ruling);
            generation.request.clear();
            if generation.inputs.is_reduced() {
                generation.request.set(kind, source);
            }
        });
        if taken.is_none() {
            self.generation = None;
        }
    }

    /// Goes on with the current generation; the memory stays if it is the same as before.
    #[inline]
    fn follow(&mut self) {
        if !self.generation.as_ref().is_some_and(|known| self.engine.is_current(&known.snapshot)) {
            self.take_current();
        }
    }

    #[cold]
    fn take_current(&mut self) {
        self.generation = self.engine.snapshot().map(|current| {
            let mut context = Context::new(current.program());
            // They stay what they are as long as there is an engine.
            evaluate::begin(&mut context, &self.engine.options().limits, 0, None);
            Generation {
                snapshot: current,
                context,
                kind: String::new(),
                groups: None,
                inputs: Inputs::default(),
                is_refused: false,
                findings: Findings::default(),
                is_fresh: false,
                request: Request::default(),
            }
        });
    }

    /// Decides on the request. Whatever goes wrong is a deny whose [`Ruling::errors`] say why; without a request it is one
    /// too.
    pub fn decide(&mut self) -> Ruling<'_> {
        let kind = self.engine.options().kind;
        let Self { engine, generation, found, .. } = self;
        found.clear();
        if let Some(generation) = generation {
            let decided = guarded(|| {
                let Generation { snapshot, context, groups, inputs, is_refused, findings, is_fresh, .. } = generation;
                match groups {
                    _ if *is_refused => found.refuse(findings.clone()),
                    Some(groups) => {
                        if !std::mem::take(is_fresh) {
                            context.restart();
                        }
                        match snapshot.code(kind) {
                            Some(code) => found.decide(snapshot, code, context, groups, inputs),
                            None => found.decide(snapshot, &Interpreter::default(), context, groups, inputs),
                        }
                    }
                    None => found.refuse(nothing_taken_in(engine)),
                }
            });
            if decided.is_none() {
                // What a panic leaves half done is not looked at again.
                self.generation = None;
                self.found.refuse(Findings::defect());
            }
        } else {
            found.refuse(nothing_taken_in(engine));
        }
        Ruling { evaluator: self }
    }

    /// Decides on the request and says everything about it, as [`Engine::decide`] does.
    pub fn decision(&mut self) -> Decision {
        let kind = self.engine.options().kind;
        let Some(generation) = &mut self.generation else {
            let Some(current) = self.engine.snapshot() else { return not_loaded() };
            return combine(nothing_taken_in(&self.engine), current.name());
        };
        let findings = guarded(|| {
            generation.take_in_whole();
            let Generation { snapshot, context, groups, inputs, is_refused, findings, is_fresh, .. } = &mut *generation;
            if *is_refused {
                return findings.clone();
            }
            *is_fresh = false;
            let mut findings = Findings::default();
            if let Some(groups) = groups {
                context.restart();
                let interpreter = Interpreter::default();
                let machine: &dyn Machine = snapshot.code(kind).map_or(&interpreter, |code| code);
                snapshot.evaluation(machine).run(groups, inputs, context, &mut findings, &mut |_, _| {});
            }
            findings
        });
        let failed = findings.is_none();
        let decision = combine(findings.unwrap_or_else(Findings::defect), generation.snapshot.name());
        if failed {
            // What a panic leaves half done is not looked at again.
            self.generation = None;
        }
        decision
    }
}

impl Generation {
    /// Takes a request into a context that has begun.
    fn take_in<S: Source>(&mut self, kind: &str, source: &S, keep: Keep) {
        if self.is_refused {
            self.is_refused = false;
            self.findings.clear();
        }
        // Most often it is a request of the same kind as the one before.
        if self.groups.is_none() || self.kind != kind {
            self.find_groups(kind);
        }
        let Self { snapshot, context, groups, inputs, is_refused, findings, is_fresh, .. } = self;
        if let Some(groups) = groups {
            inputs.take(source, keep, groups, snapshot.program(), context, findings);
            *is_refused = findings.incomplete;
            if groups.len() == 1 && !findings.incomplete {
                inputs.put(0, context);
            }
        } else {
            *is_refused = true;
        }
        context.keep_input();
        *is_fresh = true;
    }

    /// Finds the packages that decide on requests of a kind.
    #[cold]
    fn find_groups(&mut self, kind: &str) {
        let interpreter = Interpreter::default();
        self.groups = self.snapshot.evaluation(&interpreter).groups(kind, &mut self.findings).cloned();
        self.kind.clear();
        self.kind.push_str(kind);
    }

    /// Takes the request in with all that a decision may tell, if something was left out.
    fn take_in_whole(&mut self) {
        if self.request.is_set() {
            let mut request = std::mem::take(&mut self.request);
            self.context.forget_input();
            self.take_in(&request.kind, &request, Keep::Decision);
            request.clear();
            self.request = request;
        }
    }
}

/// What is found where no request was taken in.
fn nothing_taken_in(engine: &Engine) -> Findings {
    if engine.snapshot().is_some() {
        return Findings::without_request();
    }
    let Decision { errors, .. } = not_loaded();
    Findings { errors, incomplete: true, ..Findings::default() }
}

impl Found {
    #[inline]
    fn clear(&mut self) {
        self.effect = None;
        self.has = 0;
        self.rules.clear();
        self.left.clear();
        if self.found_more {
            self.clear_more();
        }
    }

    #[cold]
    fn clear_more(&mut self) {
        self.found_more = false;
        self.findings.clear();
    }

    fn refuse(&mut self, findings: Findings) {
        self.clear();
        self.told.faults.clear();
        self.findings = findings;
        self.found_more = true;
        self.effect = Some(Effect::Deny);
    }

    /// Runs the rules as [`evaluate::Evaluation`] does, but only as long as they can change what is decided.
    fn decide<M: Machine>(
        &mut self,
        snapshot: &Snapshot,
        machine: &M,
        context: &mut Context,
        groups: &[Group],
        inputs: &Inputs,
    ) {
        let program = &**snapshot.program();
        if let [group] = groups
            && let [package] = group.packages[..]
        {
            self.package(package, snapshot, machine, context);
        } else {
            self.packages(snapshot, machine, context, groups, inputs);
        }
        let mut effect = self.effect_now();
        if effect != Effect::Deny && !(program.labels.is_empty() && program.counters.is_empty()) {
            self.leave_behind(snapshot, machine, context, groups, inputs);
            effect = self.effect_now();
        }
        self.effect = Some(effect);
        if effect == Effect::Deny {
            if self.has & !bit(Effect::Deny) != 0 {
                self.rules.retain(|rule| rule.effect == EffectKeyword::Deny);
            }
            self.left.clear();
        }
    }

    #[inline(never)]
    fn packages<M: Machine>(
        &mut self,
        snapshot: &Snapshot,
        machine: &M,
        context: &mut Context,
        groups: &[Group],
        inputs: &Inputs,
    ) {
        for (at, group) in groups.iter().enumerate() {
            if groups.len() > 1 {
                inputs.put(at, context);
            }
            for package in &group.packages {
                self.package(*package, snapshot, machine, context);
            }
        }
    }

    #[inline(never)]
    fn leave_behind<M: Machine>(
        &mut self,
        snapshot: &Snapshot,
        machine: &M,
        context: &mut Context,
        groups: &[Group],
        inputs: &Inputs,
    ) {
        let evaluation = snapshot.evaluation(machine);
        for (at, group) in groups.iter().enumerate() {
            if groups.len() > 1 {
                inputs.put(at, context);
            }
            for package in &group.packages {
                evaluation.leave_behind(*package, false, context, &mut self.left, &mut self.findings);
            }
        }
        self.found_more |= !self.findings.errors.is_empty();
    }

    /// Runs the rules of a package on the input in force.
    #[inline(always)]
    fn package<M: Machine>(&mut self, package: usize, snapshot: &Snapshot, machine: &M, context: &mut Context) {
        let program = &**snapshot.program();
        let decisions = program.packages[package].decisions.as_slice();
        // A ruling does not tell what was absent.
        let Ok(screened) = machine.screen(package, context) else {
            self.told.faults.push(context.take_fault());
            self.take_faults(snapshot, machine);
            return;
        };
        if let Some(screened) = screened {
            let mut rules = screened.judged | screened.matched;
            while rules != 0 {
                let at = rules.trailing_zeros() as usize;
                rules &= rules - 1;
                let Some(id) = decisions.get(at) else { continue };
                if screened.matched >> at & 1 == 0 {
                    self.run(*id, snapshot, machine, context);
                    continue;
                }
                let rule = &program.decisions[id.index()];
                if self.wants(rule) {
                    let (effect, reason) = (rule.effect, screened.reason(at, context));
                    self.count(FoundRule { decision: *id, effect, outcome: Outcome::Matched, reason });
                }
            }
            return;
        }
        if !context.candidates(package, false, &mut self.candidates) {
            self.candidates.extend((0..).zip(decisions).map(|(at, _)| at));
        }
        let mut at = 0;
        while let Some(rule) = self.candidates.get(at) {
            if let Some(id) = decisions.get(*rule as usize) {
                self.run(*id, snapshot, machine, context);
            }
            at += 1;
        }
    }

    #[inline(always)]
    fn run<M: Machine>(&mut self, id: DecisionId, snapshot: &Snapshot, machine: &M, context: &mut Context) {
        let program = &**snapshot.program();
        let rule = &program.decisions[id.index()];
        if !self.wants(rule) {
            return;
        }
        let outcome = machine::judge(machine, program, id, context, &mut self.told);
        if !self.told.faults.is_empty() {
            self.take_faults(snapshot, machine);
        }
        if outcome.holds() {
            self.count(FoundRule { decision: id, effect: rule.effect, outcome, reason: context.reason() });
        }
    }

    /// Whether a rule can still change what is decided; after a limit nothing can be found out.
    #[inline]
    fn wants(&self, rule: &plan::Decision) -> bool {
        let settled = rule.settled_by.is_some_and(|effect| self.has & bit(evaluate::effect(effect)) != 0);
        !(self.findings.incomplete || settled)
    }

    /// Takes in a rule that counts.
    #[inline]
    fn count(&mut self, found: FoundRule) {
        self.has |= bit(evaluate::effect(found.effect));
        self.rules.push(found);
    }

    #[cold]
    fn take_faults<M: Machine>(&mut self, snapshot: &Snapshot, machine: &M) {
        self.found_more = true;
        for fault in self.told.faults.drain(..) {
            snapshot.evaluation(machine).take_fault(fault, &mut self.findings);
        }
    }

    fn effect_now(&self) -> Effect {
        combine::effect(self.findings.incomplete, |effect| self.has & bit(effect) != 0)
    }
}

fn bit(effect: Effect) -> u8 {
    1 << effect as u8
}

impl<'e> Ruling<'e> {
    /// The outcome. With [`Effect::Mask`] and [`Effect::Approve`] something is to be done, which [`Evaluator::decision`] says.
    #[inline]
    pub fn effect(&self) -> Effect {
        self.evaluator.found.effect.unwrap_or(Effect::Deny)
    }

    /// The rules that count, in the order of package, effect and id; of a denial only those that deny.
    #[inline]
    pub fn rules(&self) -> impl Iterator<Item = RulingRule<'e>> + use<'e> {
        let program = self.program();
        self.evaluator.found.rules.iter().filter_map(move |found| {
            let program = program?;
            let rule = &program.decisions[found.decision.index()];
            let package = &program.packages[rule.package as usize].path;
            Some(RulingRule { effect: evaluate::effect(found.effect), id: &rule.id, package })
        })
    }

    /// Why, for people; a denial always says something. The same text may come twice. Once a rule denies, what else could go wrong
    /// is not looked for: [`Evaluator::decision`] tells that too.
    #[inline]
    pub fn reasons(&self) -> impl Iterator<Item = Cow<'e, str>> + use<'e> {
        let evaluator = self.evaluator;
        let found = &evaluator.found;
        Reasons { evaluator, effect: self.effect(), rules: found.rules.iter(), others: 0 }
    }

    /// Errors met while evaluating; each was counted against the request.
    pub fn errors(&self) -> &'e [EvaluationError] {
        &self.evaluator.found.findings.errors
    }

    /// Labels that the session gets if the request goes ahead.
    pub fn labels(&self) -> impl Iterator<Item = &'e Arc<str>> + use<'e> {
        let evaluator = self.evaluator;
        self.program().into_iter().flat_map(|program| evaluator.found.left.labels(program))
    }

    /// What counters get if the request goes ahead; each is made when it is asked for.
    pub fn increments(&self) -> impl Iterator<Item = Increment> + use<'e> {
        let found = &self.evaluator.found;
        let generation = self.evaluator.generation.as_ref();
        generation
            .into_iter()
            .flat_map(|generation| found.left.increments(generation.snapshot.program(), generation.context.heap()))
    }

    fn program(&self) -> Option<&'e plan::Program> {
        self.evaluator.generation.as_ref().map(|generation| &**generation.snapshot.program())
    }
}

/// Why it was decided so: what the rules say, and behind them what is to be said besides.
struct Reasons<'e> {
    evaluator: &'e Evaluator,
    effect: Effect,
    rules: std::slice::Iter<'e, FoundRule>,
    /// How much was said besides.
    others: usize,
}

impl<'e> Iterator for Reasons<'e> {
    type Item = Cow<'e, str>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        for found in self.rules.by_ref() {
            // Most rules say nothing but that they matched, which is only worth telling of a denial.
            let silent = found.outcome == Outcome::Matched && found.reason.is_none() && self.effect != Effect::Deny;
            if !silent && let Some(reason) = self.evaluator.reason(*found, self.effect) {
                return Some(reason);
            }
        }
        if self.effect == Effect::Deny { self.other() } else { None }
    }
}

impl<'e> Reasons<'e> {
    /// The errors, if because of them nothing could be granted, or else that nothing allows it, if so.
    #[inline(never)]
    fn other(&mut self) -> Option<Cow<'e, str>> {
        let Found { findings, rules, .. } = &self.evaluator.found;
        let at = self.others;
        self.others += 1;
        if findings.incomplete {
            return findings.errors.get(at).map(|error| Cow::Borrowed(error.message.as_str()));
        }
        let nothing = findings.no_allow.as_deref().unwrap_or(combine::NO_ALLOW);
        (rules.is_empty() && at == 0).then_some(Cow::Borrowed(nothing))
    }
}

impl Evaluator {
    /// Why a rule counts; `None` where nothing needs to be said.
    fn reason(&self, found: FoundRule, effect: Effect) -> Option<Cow<'_, str>> {
        if evaluate::effect(found.effect) != effect {
            return None;
        }
        let Generation { snapshot, context, .. } = self.generation.as_ref()?;
        let rule = &snapshot.program().decisions[found.decision.index()];
        let heap = context.heap();
        match found.reason {
            Some(word) => {
                let text = heap.as_str(word).map(Cow::Borrowed);
                Some(text.unwrap_or_else(|| Cow::Owned(heap.to_value(word).to_string())))
            }
            None if found.outcome == Outcome::Matched && effect == Effect::Deny => {
                snapshot.denies(found.decision).map(Cow::Borrowed)
            }
            None => {
                let outcome = evaluate::rule_outcome(found.outcome)?;
                combine::default_reason(&rule.id, outcome, effect).map(Cow::Owned)
            }
        }
    }
}
