//! Calls: which function is meant, and whether the arguments fit.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::Checker;
use super::narrow::constant;
use crate::ast::{Expr, ExprKind, Path};
use crate::diagnostic::Diagnostic;
use crate::metadata;
use crate::resolve::{Target, constant_step, spelling};
use crate::source::{Profile, Span};
use crate::typed::{ConditionKind, Expr as Typed, ExprKind as Kind, Pattern, RuleKind};
use crate::types::{BuiltinInfo, Type};
use crate::value::Value;

/// Builtins with many results: a call of one goes through them.
const RELATIONS: &[&str] = &["walk"];

/// What a call calls.
pub(super) enum Callee {
    Rule(usize),
    Builtin(Arc<str>),
}

/// The name as written.
pub(super) fn full_name(path: &Path) -> Arc<str> {
    path.parts.iter().map(|part| &*part.text).collect::<Vec<_>>().join(".").into()
}

impl<'e> Checker<'_, '_> {
    /// Finds what a name calls.
    pub(super) fn callee(&self, path: &Path) -> Option<Callee> {
        let (first, rest) = path.parts.split_first()?;
        let names: Vec<Arc<str>> = rest.iter().map(|part| part.text.clone()).collect();
        if let Some(resolved) = self.index.resolve_names(self.module, &first.text, &names)
            && let Target::Rule(rule) = resolved.target
            && resolved.rest.is_empty()
            && resolved.taken == names.len()
        {
            return Some(Callee::Rule(rule));
        }
        let name = full_name(path);
        // Only declared counters are read.
        if &*name == crate::typed::COUNTER_BUILTIN {
            return None;
        }
        self.index.environment.builtins.contains_key(&name).then_some(Callee::Builtin(name))
    }

    /// Whether a call in a file of Rego is one of `print`.
    pub(super) fn prints(&self, path: &Path) -> bool {
        self.profile == Profile::Rego && matches!(self.callee(path), Some(Callee::Builtin(name)) if &*name == "print")
    }

    /// Whether a call as a condition has one argument more than the function takes: Rego's way to name the result.
    pub(super) fn has_output(&self, path: &Path, arguments: &[Expr]) -> bool {
        if self.profile == Profile::Hpol {
            return false;
        }
        match self.callee(path) {
            Some(Callee::Rule(rule)) => {
                let info = &self.index.rules[rule];
                info.kind == RuleKind::Function && arguments.len() == info.parameters + 1
            }
            Some(Callee::Builtin(name)) => self
                .index
                .environment
                .builtins
                .get(&name)
                .is_some_and(|info| arguments.len() == info.signature.parameters.len() + 1),
            None => false,
        }
    }

    /// A call.
    pub(super) fn call(&mut self, path: &'e Path, arguments: &'e [Expr], span: Span) -> Typed {
        let name = full_name(path);
        if &*name == "set" && arguments.is_empty() {
            return self.make(Kind::Constant(Value::set([])), Type::set(Type::Never), span);
        }
        if &*name == "fixture" && self.index.packages[self.index.package_of[self.module]].has_tests {
            return self.fixture(arguments, span);
        }
        if path.parts.len() == 1 && self.variable(&name).is_some() {
            self.report(
                Diagnostic::error("not-a-function", path.span, format!("`{name}` is a variable, not a function"))
                    .with_help("only rules with parameters and builtins can be called"),
            );
            return self.broken(span);
        }
        if arguments.is_empty()
            && let Some(value) = self.metadata(&name)
        {
            return self.make(Kind::Constant(value), Type::Any, span);
        }
        match self.callee(path) {
            Some(Callee::Rule(rule)) => self.call_rule(rule, path, arguments, span),
            Some(Callee::Builtin(name)) if &*name == super::state::SEEN && self.profile == Profile::Hpol => {
                self.session_seen(arguments, span)
            }
            Some(Callee::Builtin(name)) => self.call_builtin(&name, path, arguments, span),
            None => self.unknown_function(&name, path, arguments, span),
        }
    }

    /// What the annotations of the definition that is being checked say, if a name asks for them.
    fn metadata(&self, name: &str) -> Option<Value> {
        let rule = self.definition.filter(|_| name.starts_with("rego.metadata."))?;
        let index = self.index;
        let own = &index.metadata[self.module];
        match name {
            "rego.metadata.rule" => Some(metadata::of_rule(own, rule.span)),
            "rego.metadata.chain" => {
                let package = &index.packages[index.package_of[self.module]].parts;
                let ExprKind::Variable(head) = &rule.head.reference.head.kind else { return None };
                let steps = rule.head.reference.steps.iter().map_while(constant_step);
                let path: Vec<Arc<str>> = package.iter().cloned().chain([head.clone()]).chain(steps).collect();
                Some(metadata::chain(own, index.metadata.iter().flatten(), rule.span, &path, package))
            }
            _ => None,
        }
    }

    fn unknown_function(&mut self, name: &Arc<str>, path: &Path, arguments: &'e [Expr], span: Span) -> Typed {
        arguments.iter().for_each(|argument| {
            self.expr(argument);
        });
        if matches!(&**name, "allow" | "deny" | "approve" | "mask" | "fixture") && self.profile == Profile::Hpol {
            let help = if &**name == "fixture" {
                "put the rule into a package whose name ends with `_test`"
            } else {
                "decisions are made by rules, and are asked about in tests with `expect`"
            };
            self.report(
                Diagnostic::error("unknown-function", path.span, format!("`{name}` can't be called here"))
                    .with_help(help),
            );
            return self.broken(span);
        }
        let package = &self.index.packages[self.index.package_of[self.module]];
        let own =
            if self.suggests() { crate::resolve::declare::children(self.index, &package.parts) } else { Vec::new() };
        let known = self.index.environment.builtins.keys().chain(&own);
        let near =
            if self.suggests() { spelling::nearest(name, known.map(|name| &**name)).map(str::to_owned) } else { None };
        let diagnostic = Diagnostic::error("unknown-function", path.span, format!("there is no function `{name}`"));
        let diagnostic = match near {
            Some(near) => diagnostic.with_help(format!("did you mean `{near}`?")).with_fix(path.span, near),
            None => diagnostic.with_help("define it as a rule with parameters, or import the package that has it"),
        };
        self.report(diagnostic);
        self.broken(span)
    }

    fn call_rule(&mut self, rule: usize, path: &Path, arguments: &'e [Expr], span: Span) -> Typed {
        self.use_rule(rule, path.span);
        let arguments: Vec<Typed> = arguments.iter().map(|argument| self.expr(argument)).collect();
        let info = &self.index.rules[rule];
        let name = full_name(path);
        if info.kind != RuleKind::Function {
            self.report(
                Diagnostic::error("not-a-function", path.span, format!("`{name}` is not a function"))
                    .with_related(info.span, "defined here without parameters")
                    .with_help(format!("write `{name}` without parentheses")),
            );
            return self.broken(span);
        }
        if arguments.len() != info.parameters {
            self.report(
                Diagnostic::error(
                    "wrong-arity",
                    span,
                    wrong_arity(&name, arguments.len(), info.parameters, info.parameters),
                )
                .with_related(info.span, "defined here")
                .with_help(format!("give it {}", count(info.parameters))),
            );
            return self.broken(span);
        }
        let parameters = self.parameter_types[rule].clone();
        let arguments = arguments
            .into_iter()
            .zip(parameters.into_iter().chain(std::iter::repeat(Type::Any)))
            .enumerate()
            .map(|(position, (argument, parameter))| self.given(rule, &name, position, argument, &parameter))
            .collect();
        let ty = self.rule_types[rule].clone();
        self.make(Kind::Function(self.rule_ids[rule], arguments), ty, span)
    }

    /// An argument of a function that declares the type of the parameter. Other than for builtins, `any` is not good enough:
    /// nothing looks at the value again.
    fn given(&mut self, rule: usize, name: &str, position: usize, argument: Typed, parameter: &Type) -> Typed {
        if self.profile == Profile::Rego || *parameter == Type::Any {
            return argument;
        }
        let argument = self.coerce(argument, parameter);
        if argument.ty.is_subtype_of(&parameter.plain()) || self.is_broken(&argument) {
            return argument;
        }
        let message =
            format!("`{name}` takes `{parameter}` as its {} argument, not `{}`", ordinal(position), argument.ty);
        let text = self.index.sources.text(argument.span);
        // A check helps only if all values that pass it are good.
        let check = check_for(parameter).filter(|check| {
            argument.ty == Type::Any
                && super::narrow::tested_type(check).is_some_and(|tested| tested.is_subtype_of(&parameter.plain()))
        });
        let help = match check {
            Some(check) => format!("make sure of its type first, with `{check}({text})` in front"),
            None if argument.ty == Type::Any => {
                "give it a value of a known type, or leave out the type of the parameter".to_owned()
            }
            None => "convert it first, or give it another value".to_owned(),
        };
        let diagnostic = Diagnostic::error("argument-type", argument.span, message)
            .with_related(self.index.rules[rule].span, "declared here")
            .with_help(help);
        self.report(diagnostic);
        argument
    }

    /// Whether an expression stands for one that was reported.
    fn is_broken(&self, expr: &Typed) -> bool {
        matches!(expr.kind, Kind::Constant(Value::Null)) && expr.ty == Type::Any
    }

    fn call_builtin(&mut self, name: &Arc<str>, path: &Path, arguments: &'e [Expr], span: Span) -> Typed {
        let Some(info) = self.index.environment.builtins.get(name) else { return self.broken(span) };
        self.check_allowed(name, path.span);
        let signature = &info.signature;
        if arguments.len() < signature.required || arguments.len() > signature.parameters.len() {
            let parameters: Vec<String> = signature.parameters.iter().map(Type::to_string).collect();
            self.report(
                Diagnostic::error(
                    "wrong-arity",
                    span,
                    wrong_arity(name, arguments.len(), signature.required, signature.parameters.len()),
                )
                .with_help(format!("it is `{name}({})`", parameters.join(", "))),
            );
            arguments.iter().for_each(|argument| {
                self.expr(argument);
            });
            return self.broken(span);
        }
        let mut bindings = BTreeMap::new();
        let mut typed = Vec::new();
        for (position, (argument, parameter)) in arguments.iter().zip(&signature.parameters).enumerate() {
            let value = self.expr_as(argument, parameter);
            let position_ok = self.check_argument(name, position, parameter, &value);
            if position_ok {
                bind_variables(parameter, &value.ty, &mut bindings);
                self.check_literal(info, position, path, &value);
            }
            typed.push(value);
        }
        let ty = substitute(&signature.result, &bindings);
        let call = self.make(Kind::Builtin(name.clone(), typed), ty, span);
        if RELATIONS.contains(&&**name) {
            let (_, element) = call.ty.elements().unwrap_or((Type::Any, Type::Any));
            let local = self.temporary(element.clone(), span);
            let kind = ConditionKind::Each { key: Pattern::Wildcard, value: Pattern::Bind(local), collection: call };
            self.emit(kind, span);
            return self.make(Kind::Local(local), element, span);
        }
        call
    }

    /// Refuses a builtin that the host does not allow.
    pub(super) fn check_allowed(&mut self, name: &str, span: Span) {
        let Some(reason) = self.index.environment.refused.get(name).cloned() else {
            if self.index.environment.builtins.get(name).is_some_and(|info| !info.allowed) {
                self.report(
                    Diagnostic::error("builtin-not-allowed", span, format!("`{name}` is not allowed by this host"))
                        .with_help(
                            "it reaches outside of the evaluation; give the policy what it needs as input or data, or have the host allow it by name in its capabilities",
                        ),
                );
            }
            return;
        };
        let diagnostic =
            Diagnostic::error("builtin-not-allowed", span, format!("`{name}` is not allowed here: {reason}"))
                .with_help("do without it, or ask the host to allow it in its capabilities");
        self.report(diagnostic);
    }

    fn check_argument(&mut self, name: &str, position: usize, parameter: &Type, value: &Typed) -> bool {
        // In Rego only what is certain to fail is an error, and OPA leaves most of that to run time as well.
        if self.profile == Profile::Rego || parameter.accepts(&value.ty) {
            return true;
        }
        let text = self.index.sources.text(value.span);
        let message = format!("`{name}` takes `{parameter}` as its {} argument, not `{}`", ordinal(position), value.ty);
        let mut diagnostic = Diagnostic::error("argument-type", value.span, message);
        if parameter.overlaps(&value.ty) {
            diagnostic = match check_for(parameter) {
                None => diagnostic.with_help("make sure of its type first"),
                Some(check) => {
                    diagnostic.with_help(format!("make sure of its type first, with `{check}({text})` in front"))
                }
            };
        } else {
            diagnostic = diagnostic.with_help("convert it first, or give it another value");
        }
        self.report(diagnostic);
        false
    }

    fn check_literal(&mut self, info: &BuiltinInfo, position: usize, path: &Path, value: &Typed) {
        let (Some(check), Some(literal)) = (info.check_literal, constant(value)) else { return };
        if self.profile == Profile::Rego {
            return;
        }
        if let Err(message) = check(position, literal) {
            let message = format!("`{}` can't use this: {message}", full_name(path));
            self.report(
                Diagnostic::error("bad-literal", value.span, message)
                    .with_help("correct the text; it is the same on every request"),
            );
        }
    }

    /// `fixture("file.json")` in tests: the file's content.
    fn fixture(&mut self, arguments: &'e [Expr], span: Span) -> Typed {
        let name = match arguments {
            [Expr { kind: ExprKind::Literal { value: Value::String(name), .. }, .. }] => name.clone(),
            _ => {
                self.report(
                    Diagnostic::error("bad-fixture", span, "`fixture` takes the name of a file")
                        .with_help("write the name as a literal, such as `fixture(\"request.json\")`"),
                );
                return self.broken(span);
            }
        };
        let from = &self.index.sources.file(self.index.modules[self.module].file).path;
        let found = crate::documents::fixture_paths(from, &name)
            .into_iter()
            .find_map(|path| self.index.documents.files.get(&path));
        let Some(value) = found else {
            let known = crate::documents::fixture_names(&self.index.documents.files, from);
            let near = spelling::nearest(&name, known.iter().map(String::as_str));
            let diagnostic = Diagnostic::error("unknown-fixture", span, format!("there is no file `{name}`"));
            let diagnostic = match near {
                Some(near) => diagnostic.with_help(format!("did you mean `{near}`?")),
                None => diagnostic.with_help("the path is relative to this file, or to a folder `fixtures` beside it"),
            };
            self.report(diagnostic);
            return self.broken(span);
        };
        self.make(Kind::Constant(value.clone()), Type::of_document(value), span)
    }
}

/// The builtin that tells whether a value is of a type.
fn check_for(ty: &Type) -> Option<&'static str> {
    Some(match ty.widened() {
        Type::String => "is_string",
        Type::Decimal | Type::Int => "is_number",
        Type::Bool => "is_boolean",
        Type::Array(_) => "is_array",
        Type::Set(_) => "is_set",
        Type::Map(..) | Type::Record(_) => "is_object",
        _ => return None,
    })
}

fn wrong_arity(name: &str, given: usize, required: usize, most: usize) -> String {
    let wanted = if required == most { count(required) } else { format!("{required} to {most} arguments") };
    format!("`{name}` takes {wanted}, not {given}")
}

fn count(number: usize) -> String {
    match number {
        0 => "no arguments".to_owned(),
        1 => "one argument".to_owned(),
        number => format!("{number} arguments"),
    }
}

fn ordinal(position: usize) -> String {
    match position {
        0 => "first".to_owned(),
        1 => "second".to_owned(),
        2 => "third".to_owned(),
        position => format!("{}th", position + 1),
    }
}

/// Finds what the type variables of a parameter stand for.
fn bind_variables(parameter: &Type, given: &Type, bindings: &mut BTreeMap<Arc<str>, Type>) {
    match parameter {
        Type::Variable(name) => {
            let known = bindings.remove(name).unwrap_or(Type::Never);
            bindings.insert(name.clone(), Type::limited_union([known, given.clone()]));
        }
        Type::Array(items) | Type::Set(items) => {
            for member in given.members() {
                let inner = match member {
                    Type::Array(given) | Type::Set(given) => (**given).clone(),
                    Type::Tuple(given) => Type::limited_union(given.iter().cloned()),
                    Type::Any => Type::Any,
                    _ => continue,
                };
                bind_variables(items, &inner, bindings);
            }
        }
        Type::Map(key, value) => {
            if let Some((given_key, given_value)) = given.elements() {
                bind_variables(key, &given_key, bindings);
                bind_variables(value, &given_value, bindings);
            }
        }
        Type::Union(members) => members.iter().for_each(|member| {
            let parts: Vec<Type> = given.members().iter().filter(|given| member.accepts(given)).cloned().collect();
            if !parts.is_empty() {
                bind_variables(member, &Type::union(parts), bindings);
            }
        }),
        _ => {}
    }
}

/// The type with its variables replaced; `any` for those that nothing bound.
fn substitute(ty: &Type, bindings: &BTreeMap<Arc<str>, Type>) -> Type {
    match ty {
        Type::Variable(name) => bindings.get(name).map_or(Type::Any, Type::widened),
        Type::Array(items) => Type::array(substitute(items, bindings)),
        Type::Set(items) => Type::set(substitute(items, bindings)),
        Type::Map(key, value) => Type::Map(Arc::new(substitute(key, bindings)), Arc::new(substitute(value, bindings))),
        Type::Tuple(items) => Type::Tuple(items.iter().map(|item| substitute(item, bindings)).collect()),
        Type::Union(members) => Type::limited_union(members.iter().map(|member| substitute(member, bindings))),
        other => other.clone(),
    }
}
