//! What an engine must be able to do, and what is done the same on every engine: calls under `with`, and decision rules.

use std::sync::Arc;

use hpol_lang::ast::EffectKeyword;
use hpol_lang::value::Value;
use hpol_stdlib::heap::Word;
use hpol_stdlib::state::is_counter_key;

use crate::context::{Context, Entered, Fault, Intercepted, Stop, codes};
use crate::ops::Failure;
use crate::plan::{
    BuiltinId, Counter, DecisionId, Definitions, Extent, ExtentId, FunctionId, OnError, PlaceId, Program, Site, SiteId,
};

/// An engine: something that runs the functions of a plan.
pub trait Machine {
    /// Runs the body of a function: its statements, and nothing around them (see [`call`]). The result is absent if it
    /// yields nothing.
    ///
    /// # Errors
    ///
    /// [`Stop`] if an error stands in the context.
    fn run(&self, function: FunctionId, arguments: &[Word], context: &mut Context) -> Result<Word, Stop>;

    /// Looks through the decision rules of a package before any is judged; `None` if the engine can't, or one of them meets an error,
    /// which whoever judges it meets again.
    ///
    /// # Errors
    ///
    /// [`Stop`] if a limit was met, which must not be forgotten: the fault stands in the context.
    fn screen(&self, package: usize, context: &mut Context) -> Result<Option<Screened<'_>>, Stop> {
        let _ = (package, context);
        Ok(None)
    }
}

/// What is known of the decision rules of a package without judging them, a bit for each in their order. A rule that is in neither
/// list does not count for the input in force, and meets no error; if it protects, it finds nothing absent. Or it is settled by one that
/// has matched ([`Decision::settled_by`](crate::plan::Decision::settled_by)).
#[derive(Debug, Clone, Copy)]
pub struct Screened<'m> {
    /// Those that must be judged.
    pub judged: u64,
    /// Those that judging would find to have matched.
    pub matched: u64,
    reasons: &'m [Reason],
}

/// Where the reason of a rule that has matched stands.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Reason {
    /// It is this, or there is none.
    Known(Option<Word>),
    /// It was made, and left in the context.
    Made,
}

impl<'m> Screened<'m> {
    /// `reasons` are those of the rules that have matched, in their order.
    pub(crate) fn new(judged: u64, matched: u64, reasons: &'m [Reason]) -> Self {
        Self { judged, matched, reasons }
    }

    /// The reason of a rule that has matched, if it has one. `context` is that of the screening.
    pub fn reason(&self, rule: usize, context: &Context) -> Option<Word> {
        let has_matched = u32::try_from(rule).ok().and_then(|rule| self.matched.checked_shr(rule))? & 1 == 1;
        match self.reasons.get(rule).filter(|_| has_matched)? {
            Reason::Known(reason) => *reason,
            Reason::Made => context.reasons.get(rule).copied().filter(|word| !word.is_absent()),
        }
    }
}

/// Calls a function as [`StatementKind::Call`](crate::plan::StatementKind::Call) does.
///
/// # Errors
///
/// [`Stop`] if an error stands in the context.
pub fn call<M: Machine + ?Sized>(
    machine: &M,
    function: FunctionId,
    arguments: &[Word],
    place: PlaceId,
    context: &mut Context,
) -> Result<Word, Stop> {
    if !context.intercepts() {
        return call_directly(machine, function, arguments, context);
    }
    match context.intercept_call(function) {
        Intercepted::No => {
            let value = call_directly(machine, function, arguments, context)?;
            context.overlay(function, value, place)
        }
        Intercepted::Value(value) => Ok(value),
        Intercepted::Function(other) => call_replacement(machine, other, arguments, place, context),
        Intercepted::Builtin(builtin) => {
            let failure = Failure { on_error: OnError::Stop, site: SiteId(u32::MAX), place };
            context.run_builtin(builtin, arguments, failure)
        }
    }
}

/// Calls a builtin as [`StatementKind::Builtin`](crate::plan::StatementKind::Builtin) does.
///
/// # Errors
///
/// [`Stop`] if an error stands in the context.
pub fn call_builtin<M: Machine + ?Sized>(
    machine: &M,
    builtin: BuiltinId,
    arguments: &[Word],
    failure: Failure,
    context: &mut Context,
) -> Result<Word, Stop> {
    if !context.intercepts() {
        return context.run_builtin(builtin, arguments, failure);
    }
    match context.intercept_builtin(builtin) {
        Intercepted::No => context.run_builtin(builtin, arguments, failure),
        Intercepted::Value(value) => Ok(value),
        Intercepted::Function(function) => call_replacement(machine, function, arguments, failure.place, context),
        Intercepted::Builtin(other) => context.run_builtin(other, arguments, failure),
    }
}

/// Calls what a function is replaced by. Nothing is replaced for it, so that it can call what it stands for.
fn call_replacement<M: Machine + ?Sized>(
    machine: &M,
    function: FunctionId,
    arguments: &[Word],
    place: PlaceId,
    context: &mut Context,
) -> Result<Word, Stop> {
    context.enter_unreplaced(place)?;
    let result = call_directly(machine, function, arguments, context)?;
    context.leave_with();
    Ok(result)
}

fn call_directly<M: Machine + ?Sized>(
    machine: &M,
    function: FunctionId,
    arguments: &[Word],
    context: &mut Context,
) -> Result<Word, Stop> {
    match context.enter(function)? {
        Entered::Known(value) => Ok(value),
        Entered::Run => {
            let parameters = context.program().function(function).parameters as usize;
            let result = if arguments.len() == parameters {
                machine.run(function, arguments, context)?
            } else {
                // A replacement with other parameters than what it replaces: what is missing is absent.
                let mut fitted = arguments.to_vec();
                fitted.resize(parameters, Word::ABSENT);
                machine.run(function, &fitted, context)?
            };
            context.leave(result);
            Ok(result)
        }
    }
}

/// Runs definitions of a rule as [`StatementKind::Definitions`](crate::plan::StatementKind::Definitions) does: `words` are the
/// arguments and, if `yields`, the result so far. The result is what it is behind them.
///
/// # Errors
///
/// [`Stop`] if an error stands in the context.
pub fn definitions<M: Machine + ?Sized>(
    machine: &M,
    definitions: &Definitions,
    words: &mut [Word],
    yields: bool,
    place: PlaceId,
    context: &mut Context,
) -> Result<Word, Stop> {
    let arguments = words.len() - usize::from(yields && !words.is_empty());
    context.enter_definitions(place)?;
    let start = context.choose_definitions(definitions, &words[..arguments]);
    let mut result = words.get(arguments).copied().unwrap_or(Word::ABSENT);
    let mut ended = Ok(());
    for at in start..context.definitions.len() {
        let Some(body) = context.definitions.get(at).and_then(|body| definitions.bodies.get(*body as usize)) else {
            break;
        };
        ended = context.charge(1, place);
        if ended.is_err() {
            break;
        }
        match machine.run(*body, words, context) {
            Ok(found) => result = found,
            Err(stop) => {
                ended = Err(stop);
                break;
            }
        }
        if definitions.first && !result.is_absent() {
            break;
        }
        if let Some(so_far) = words.get_mut(arguments) {
            *so_far = result;
        }
    }
    context.definitions.truncate(start);
    context.leave_definitions();
    ended.map(|()| result)
}

/// A package as a document: the base document at its path with the values of the rules below it. Rules without a value
/// are left out; what they found absent is not the asker's concern.
///
/// # Errors
///
/// [`Stop`] if an error stands in the context.
pub fn document<M: Machine + ?Sized>(
    machine: &M,
    extent: ExtentId,
    keys: &[Word],
    place: PlaceId,
    context: &mut Context,
) -> Result<Word, Stop> {
    if keys.is_empty()
        && let Some(document) = context.known_document(extent)
    {
        return Ok(document);
    }
    let program = context.program().clone();
    let document = extent_of(machine, &program.extents[extent.index()], keys, place, context)?;
    if keys.is_empty() {
        context.keep_document(extent, document);
    }
    Ok(document)
}

/// As [`document`], for all of a path that no statement names.
///
/// # Errors
///
/// [`Stop`] if an error stands in the context.
pub fn document_at<M: Machine + ?Sized>(
    machine: &M,
    path: &[Arc<str>],
    place: PlaceId,
    context: &mut Context,
) -> Result<Word, Stop> {
    let extent = Extent { path: path.to_vec(), below: Vec::new() };
    extent_of(machine, &extent, &[], place, context)
}

fn extent_of<M: Machine + ?Sized>(
    machine: &M,
    extent: &Extent,
    keys: &[Word],
    place: PlaceId,
    context: &mut Context,
) -> Result<Word, Stop> {
    let program = context.program().clone();
    // Before anything is called: what a call makes may move what the keys' texts point into.
    let names: Vec<Option<Box<str>>> = keys.iter().map(|key| context.heap().as_str(*key).map(Box::from)).collect();
    let is_key = |key: usize, name: &str| names.get(key).and_then(Option::as_deref) == Some(name);
    let path = extent.path.as_slice();
    let mark = context.mark_save();
    let mut values = Vec::new();
    for (rule, function) in program.rules_of(extent, is_key) {
        let value = call(machine, *function, &[], place, context)?;
        if !value.is_absent() {
            values.push((&rule[path.len()..], value));
        }
    }
    context.mark_restore(mark);
    let nodes = program.nodes_below(path).iter().map(|node| &node[path.len()..]);
    let packages: Vec<&[Arc<str>]> = nodes.filter(|node| extent.admits(node, is_key)).collect();
    context.make_document(path, &values, &packages, place)
}

/// Evaluates a function for whoever stands outside: a rule that was asked for, a package, a step of a test.
/// `Ok(None)` means that it is undefined.
///
/// # Errors
///
/// The fault that stopped it.
pub fn query<M: Machine + ?Sized>(
    machine: &M,
    function: FunctionId,
    arguments: &[Word],
    context: &mut Context,
) -> Result<Option<Word>, Fault> {
    let checkpoint = context.checkpoint();
    // The place is only named by what `with` does at the call itself, where there is no statement.
    let (result, _) = context.marked_by(|context| call(machine, function, arguments, PlaceId(u32::MAX), context));
    match result {
        Ok(word) => Ok((!word.is_absent()).then_some(word)),
        Err(Stop) => {
            context.unwind(checkpoint);
            Err(context.take_fault())
        }
    }
}

/// The value of a function without parameters, if it has one, and nothing was found absent on the way.
pub(crate) fn value_without_absence(
    machine: &dyn Machine,
    function: FunctionId,
    context: &mut Context,
) -> Option<Word> {
    let checkpoint = context.checkpoint();
    let (result, absent) = context.marked_by(|context| call_directly(machine, function, &[], context));
    match result {
        Ok(word) => (!word.is_absent() && absent.is_empty()).then_some(word),
        Err(Stop) => {
            context.unwind(checkpoint);
            context.take_fault();
            None
        }
    }
}

/// How a decision rule came out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// Whether and why it counts.
    pub outcome: Outcome,
    /// The value of `because`, if the body held.
    pub reason: Option<String>,
    /// Which elements matched, by variable name, if the body held.
    pub witnesses: Vec<(Arc<str>, Value)>,
    /// What was absent where it looked, in order, without repeats.
    pub absent: Vec<Site>,
    /// The errors met, each of which was counted against the request.
    pub faults: Vec<Fault>,
}

/// Whether and why a decision rule counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// It does not.
    NotMatched,
    /// It does: its conditions hold.
    Matched,
    /// It does: it protects, and something its conditions need is absent.
    Absent,
    /// It does: it protects, and its evaluation failed.
    Error,
    /// Its conditions hold, or it protects, but its `unless` does too.
    Exempt,
}

impl Outcome {
    /// Whether the rule counts.
    pub fn holds(self) -> bool {
        matches!(self, Self::Matched | Self::Absent | Self::Error)
    }
}

/// What there is to tell of the evaluation of decision rules besides their outcomes, as numbers of the plan.
#[derive(Debug, Default)]
pub struct Told {
    /// What was absent where they looked, in order, without repeats, if it is asked for. Who does not ask for it does not ask for
    /// witnesses either.
    pub absent: Option<Vec<SiteId>>,
    /// The errors met, each of which was counted against the request.
    pub faults: Vec<Fault>,
}

/// Evaluates a decision rule.
pub fn decide<M: Machine + ?Sized>(machine: &M, decision: DecisionId, context: &mut Context) -> Verdict {
    let program = context.program().clone();
    let mut told = Told { absent: Some(Vec::new()), ..Told::default() };
    let outcome = judge(machine, &program, decision, context, &mut told);
    let (reason, witnesses) = records(&program.decisions[decision.index()].witnesses, context);
    Verdict { reason, witnesses, ..verdict(&program, outcome, told) }
}

/// As [`decide`], without making what nobody may look at: nothing is allocated for a rule that meets no error. `program` is the
/// context's; the rule's reason is [`Context::reason`] until the next rule is evaluated.
#[inline(always)]
pub fn judge<M: Machine + ?Sized>(
    machine: &M,
    program: &Program,
    decision: DecisionId,
    context: &mut Context,
    told: &mut Told,
) -> Outcome {
    let rule = &program.decisions[decision.index()];
    let protects = rule.effect != EffectKeyword::Allow;
    let outcome = attempt(machine, rule.body, protects, context, told);
    match rule.exemption {
        Some(exemption) if outcome.holds() && exempts(machine, exemption, context, told) => Outcome::Exempt,
        Some(_) | None => outcome,
    }
}

/// Runs the body of a decision rule: whether it counts.
#[inline(always)]
fn attempt<M: Machine + ?Sized>(
    machine: &M,
    body: FunctionId,
    protects: bool,
    context: &mut Context,
    told: &mut Told,
) -> Outcome {
    context.records.clear();
    context.hot.tells = u64::from(told.absent.is_some());
    let checkpoint = context.checkpoint();
    let window = context.open_window();
    match call_body(machine, body, context) {
        Ok(word) if word.holds() => {
            context.close_window(window, None);
            Outcome::Matched
        }
        Ok(_) => {
            let absent = context.close_window(window, told.absent.as_mut());
            if protects && absent { Outcome::Absent } else { Outcome::NotMatched }
        }
        Err(Stop) => {
            context.close_window(window, told.absent.as_mut());
            context.unwind(checkpoint);
            context.records.clear();
            told.faults.push(context.take_fault());
            if protects { Outcome::Error } else { Outcome::NotMatched }
        }
    }
}

/// Calls what no other function calls, so that its result is not kept and its depth is not counted.
#[inline]
fn call_body<M: Machine + ?Sized>(machine: &M, body: FunctionId, context: &mut Context) -> Result<Word, Stop> {
    context.charge_call(body)?;
    machine.run(body, &[], context)
}

fn verdict(program: &Program, outcome: Outcome, told: Told) -> Verdict {
    let absent = told.absent.unwrap_or_default().into_iter().filter_map(|site| program.site(site).cloned()).collect();
    Verdict { outcome, reason: None, witnesses: Vec::new(), absent, faults: told.faults }
}

/// Evaluates the condition of a label or of a counter: both protect.
pub fn protects<M: Machine + ?Sized>(machine: &M, condition: FunctionId, context: &mut Context) -> Verdict {
    let program = context.program().clone();
    let mut told = Told { absent: Some(Vec::new()), ..Told::default() };
    let outcome = condition_holds(machine, condition, context, &mut told);
    verdict(&program, outcome, told)
}

/// As [`protects`], without making what nobody may look at.
pub fn condition_holds<M: Machine + ?Sized>(
    machine: &M,
    condition: FunctionId,
    context: &mut Context,
    told: &mut Told,
) -> Outcome {
    attempt(machine, condition, true, context, told)
}

/// What a request adds to a counter, by words of the evaluation.
#[derive(Debug, Clone, Copy)]
pub struct Entry {
    /// The key: an array of what can tell requests apart.
    pub key: Word,
    /// What is added: a number that is not negative.
    pub amount: Word,
}

/// What this request adds to a counter; `Ok(None)` if it does not count.
///
/// # Errors
///
/// Why it counts but can't be added: something is absent, or evaluation failed.
pub fn counted<M: Machine + ?Sized>(
    machine: &M,
    counter: &Counter,
    context: &mut Context,
) -> Result<Option<Entry>, Fault> {
    if let Some(condition) = counter.condition
        && !condition_holds(machine, condition, context, &mut Told::default()).holds()
    {
        return Ok(None);
    }
    let fault = |code, message: String| Fault { code, message, span: Some(counter.span) };
    let checkpoint = context.checkpoint();
    let (result, absent) = context.marked_by(|context| call_directly(machine, counter.entry, &[], context));
    let Ok(word) = result else {
        context.unwind(checkpoint);
        return Err(context.take_fault());
    };
    if word.is_absent() {
        let site = absent.first().and_then(|site| context.program().site(*site));
        let what = site.map_or_else(String::new, |site| format!(", because `{}` is absent", site.path));
        let message = format!("counter `{}` can't count this request{what}", counter.name);
        return Err(fault(codes::STATE, message));
    }
    let heap = &context.heap;
    let Some([key, amount]) = heap.elements(word).and_then(|entry| <&[Word; 2]>::try_from(entry).ok()).copied() else {
        return Err(fault(codes::INTERNAL, "a counter's entry is no array of two".into()));
    };
    let (Some(parts), Some(number)) = (heap.elements(key), heap.as_number(amount)) else {
        let message = format!("counter `{}` can only add up numbers", counter.name);
        return Err(fault(codes::STATE, message));
    };
    if number.is_negative() {
        let message = format!("counter `{}` can't add {number}, which is less than nothing", counter.name);
        return Err(fault(codes::STATE, message));
    }
    if let Some(other) = parts.iter().find(|part| !is_counter_key(heap, **part)) {
        let other = heap.to_value(*other);
        let message =
            format!("counter `{}` can't be kept apart by a value of type {}", counter.name, other.type_name());
        return Err(fault(codes::STATE, message));
    }
    Ok(Some(Entry { key, amount }))
}

/// Whether `unless` holds. Absence and error count as not exempt, and what it looked for is part of why the rule counts.
#[inline(never)]
fn exempts<M: Machine + ?Sized>(machine: &M, exemption: FunctionId, context: &mut Context, told: &mut Told) -> bool {
    let wanted = context.program().function(exemption).parameters as usize;
    if context.records.exemption_arguments.len() != wanted {
        // It needs variables of a body that did not hold: nothing says that the request is exempt.
        return false;
    }
    let arguments = std::mem::take(&mut context.records.exemption_arguments);
    let checkpoint = context.checkpoint();
    let window = context.open_window();
    let result = call_directly(machine, exemption, &arguments, context);
    // Its memory serves the next rule.
    context.records.exemption_arguments = arguments;
    match result {
        Ok(word) if word.holds() => {
            context.close_window(window, None);
            true
        }
        Ok(_) => {
            context.close_window(window, told.absent.as_mut());
            false
        }
        Err(Stop) => {
            context.close_window(window, None);
            context.unwind(checkpoint);
            told.faults.push(context.take_fault());
            false
        }
    }
}

fn records(names: &[Arc<str>], context: &Context) -> (Option<String>, Vec<(Arc<str>, Value)>) {
    let reason = context.records.reason.map(|word| match context.heap.as_str(word) {
        Some(text) => text.to_owned(),
        None => context.heap.to_value(word).to_string(),
    });
    let witnesses = context.records.witnesses.iter();
    let witnesses = witnesses.filter_map(|(index, word)| {
        let name = names.get(*index as usize)?;
        Some((name.clone(), context.heap.to_value(*word)))
    });
    (reason, witnesses.collect())
}
