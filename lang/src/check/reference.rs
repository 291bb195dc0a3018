//! References: what they start from, and one step after the other. A step by a variable without a value is an iteration.

use std::sync::Arc;

use super::Checker;
use super::body::bare;
use super::narrow::{constant, place};
use crate::ast::{Expr, ExprKind, Reference, Step};
use crate::diagnostic::Diagnostic;
use crate::resolve::{Target, constant_step, spelling};
use crate::source::{Profile, Span};
use crate::typed::{ConditionKind, Expr as Typed, ExprKind as Kind, PackageStep, Pattern, RuleKind};
use crate::types::{Member, Type};
use crate::value::Value;

/// How many steps behind a package are looked at to find the rules that matter.
const PACKAGE_STEPS_MAX: usize = 16;

impl<'e> Checker<'_, '_> {
    /// A typed expression; in the Rego profile everything is `any`.
    pub(super) fn make(&self, kind: Kind, ty: Type, span: Span) -> Typed {
        let ty = if self.profile == Profile::Rego { Type::Any } else { ty.into_plain() };
        Typed { kind, ty, span }
    }

    /// What stands for an expression that was reported.
    pub(super) fn broken(&self, span: Span) -> Typed {
        Typed { kind: Kind::Constant(Value::Null), ty: Type::Any, span }
    }

    /// A name on its own.
    pub(super) fn name(&mut self, name: &Arc<str>, span: Span) -> Typed {
        if let Some(local) = self.read_variable(name, span) {
            return local;
        }
        match self.index.resolve(self.module, name, &[]) {
            Some(resolved) => {
                let base = self.target(&resolved.target, span);
                resolved.rest.iter().fold(base, |base, name| self.field(base, name, span))
            }
            None => self.broken(span),
        }
    }

    /// The value of a variable; `None` if the name is not one.
    fn read_variable(&mut self, name: &Arc<str>, span: Span) -> Option<Typed> {
        let variable = self.variable_mut(name)?;
        variable.used = true;
        let Some(local) = variable.local else { return Some(self.broken(span)) };
        let ty = self.locals.get(local.0 as usize).map_or(Type::Any, |local| local.ty.clone());
        let expr = self.make(Kind::Local(local), ty, span);
        Some(self.with_facts(expr))
    }

    /// The expression with the type that conditions have narrowed it to.
    fn with_facts(&self, mut expr: Typed) -> Typed {
        if self.profile == Profile::Hpol
            && let Some(narrowed) = place(&expr).and_then(|place| self.narrowed(&place).cloned())
        {
            expr.ty = narrowed;
        }
        expr
    }

    /// `head.a["b"][i]`.
    pub(super) fn reference(&mut self, reference: &'e Reference) -> Typed {
        let ExprKind::Variable(name) = &reference.head.kind else {
            let head = self.expr(&reference.head);
            return self.steps(head, &reference.steps, reference);
        };
        if let Some(local) = self.read_variable(name, reference.head.span) {
            return self.steps(local, &reference.steps, reference);
        }
        let Some(resolved) = self.index.resolve(self.module, name, &reference.steps) else {
            return self.broken(reference.span);
        };
        if resolved.target == Target::Session {
            return self.session(reference);
        }
        let (taken, rest) = reference.steps.split_at(resolved.taken.min(reference.steps.len()));
        let span = taken.last().map_or(reference.head.span, |step| reference.head.span.to(step_span(step)));
        let base = match &resolved.target {
            Target::Package(path) if crate::resolve::names_no_rule(&resolved, &reference.steps) => {
                self.make(Kind::Data(path.clone()), Type::Any, span)
            }
            Target::Package(path) => {
                let below = self.package_steps(rest);
                let names = below.iter().map_while(|step| match step {
                    PackageStep::Name(name) => Some(name.clone()),
                    PackageStep::Key(_) | PackageStep::Any => None,
                });
                let place: Vec<Arc<str>> = path.iter().cloned().chain(names).collect();
                self.check_private_below(&place, span);
                self.make(Kind::Package(path.clone(), below), Type::Any, span)
            }
            target => self.target(target, span),
        };
        let base = resolved.rest.iter().fold(base, |base, name| self.field(base, name, span));
        self.steps(base, rest, reference)
    }

    /// What the steps behind a package say about which of its rules are wanted.
    fn package_steps(&mut self, steps: &'e [Step]) -> Vec<PackageStep> {
        let mut below = Vec::new();
        for step in steps.iter().take(PACKAGE_STEPS_MAX) {
            let step = match (constant_step(step), step) {
                (Some(name), _) => PackageStep::Name(name),
                (None, Step::Index(index)) if !self.has_unbound(index) => match &bare(index).kind {
                    ExprKind::Variable(_) => PackageStep::Key(self.expr(index)),
                    _ if self.profile == Profile::Rego => {
                        // It is looked at twice and must be evaluated once.
                        let value = self.expr(index);
                        let local = self.temporary(Type::Any, index.span);
                        self.emit(ConditionKind::Match(Pattern::Bind(local), value), index.span);
                        let key = self.make(Kind::Local(local), Type::Any, index.span);
                        self.ahead.insert(std::ptr::from_ref(index).addr(), key.clone());
                        PackageStep::Key(key)
                    }
                    _ => PackageStep::Any,
                },
                (None, _) => PackageStep::Any,
            };
            below.push(step);
        }
        while matches!(below.last(), Some(PackageStep::Any)) {
            below.pop();
        }
        below
    }

    pub(super) fn steps(&mut self, base: Typed, steps: &'e [Step], reference: &Reference) -> Typed {
        steps.iter().fold(base, |base, step| {
            let start = reference.span;
            let span = Span { end: self.step_end(step), ..start };
            match step {
                Step::Field(name) => self.field_at(base, &name.text, span, name.span),
                Step::Index(index) => self.index(base, index, span),
            }
        })
    }

    /// Where a step ends: behind its bracket.
    fn step_end(&self, step: &Step) -> u32 {
        let end = step_span(step).end;
        match step {
            Step::Field(_) => end,
            Step::Index(index) => {
                let text = self.index.sources.file(index.span.file).text.get(end as usize..).unwrap_or("");
                let space = text.len() - text.trim_start().len();
                let closes = text.trim_start().starts_with(']');
                let behind = u32::try_from(space + 1).ok().filter(|_| closes);
                behind.map_or(end, |length| end.saturating_add(length))
            }
        }
    }

    /// What a reference starts from.
    fn target(&mut self, target: &Target, span: Span) -> Typed {
        match target {
            Target::Input => {
                let ty = self.input_type();
                let expr = self.make(Kind::Input, ty, span);
                self.with_facts(expr)
            }
            Target::Rule(rule) => self.rule_value(*rule, span),
            Target::Data(path) => {
                let ty = self.index.documents.type_at(path);
                let expr = self.make(Kind::Data(path.clone()), ty, span);
                self.with_facts(expr)
            }
            Target::Package(path) => {
                self.check_private_below(path, span);
                self.make(Kind::Package(path.clone(), Vec::new()), Type::Any, span)
            }
            Target::Session => self.whole_session(span),
            Target::Missing(known, part) => self.unknown_data(known, part, span),
        }
    }

    /// `input` in the current package.
    pub(super) fn input_type(&self) -> Type {
        match self.profile {
            Profile::Rego => Type::Any,
            Profile::Hpol => self.index.packages[self.index.package_of[self.module]].input_type.plain().into_owned(),
        }
    }

    fn unknown_data(&mut self, known: &[Arc<str>], part: &Arc<str>, span: Span) -> Typed {
        let path: Vec<Arc<str>> = known.iter().chain([part]).cloned().collect();
        if self.profile == Profile::Rego {
            return self.make(Kind::Data(path), Type::Any, span);
        }
        let imported = |import: &crate::resolve::Import| !import.input && import.parts.starts_with(&path);
        if self.index.imports[self.module].values().any(imported) {
            // The import was reported.
            return self.broken(span);
        }
        let names = if self.suggests() { crate::resolve::declare::children(self.index, known) } else { Vec::new() };
        let message = format!("there is no rule, package or document `data.{}`", path.join("."));
        let diagnostic = Diagnostic::error("unknown-data", span, message);
        let diagnostic = match spelling::nearest(part, names.iter().map(|name| &**name)) {
            Some(near) => diagnostic.with_help(format!("did you mean `{near}` instead of `{part}`?")),
            None => {
                diagnostic.with_help("a document `a/b.json` stands at `data.a.b`, a package's rules at its own path")
            }
        };
        self.report(diagnostic);
        self.broken(span)
    }

    fn rule_value(&mut self, rule: usize, span: Span) -> Typed {
        self.use_rule(rule, span);
        let info = &self.index.rules[rule];
        if info.kind == RuleKind::Function {
            let name = info.parts.last().cloned().unwrap_or_default();
            self.report(
                Diagnostic::error("function-as-value", span, format!("`{name}` is a function and must be called"))
                    .with_help(format!("write `{name}(…)`")),
            );
            return self.broken(span);
        }
        let ty = self.rule_types[rule].clone();
        let expr = self.make(Kind::Rule(self.rule_ids[rule]), ty, span);
        self.with_facts(expr)
    }

    /// Notes that a rule is used, and refuses rules that may not be used from here.
    pub(super) fn use_rule(&mut self, rule: usize, span: Span) {
        self.index.used.borrow_mut().rules.insert(rule);
        let info = &self.index.rules[rule];
        let here = &self.index.packages[self.index.package_of[self.module]];
        let there = &self.index.packages[info.package];
        if here.path == there.path {
            return;
        }
        if info.private && !self.may_see_private(rule) {
            let diagnostic = Diagnostic::error("private-rule", span, format!("`{}` is private", info.path()))
                .with_related(info.span, "declared private here")
                .with_help(format!("only package `{}` and its tests may use it", there.path));
            self.report(diagnostic);
        }
        if let (Some(own), Some(other)) = (&here.kind, &there.kind)
            && own != other
            && self.profile == Profile::Hpol
        {
            let message =
                format!("`{}` looks at requests of kind `{other}`, but this package decides `{own}`", info.path());
            self.report(
                Diagnostic::error("input-kind-mismatch", span, message)
                    .with_help("move what both need into a function in a package without `input:`"),
            );
        }
    }

    /// Whether the rule is in this package, or in the one that this package tests.
    fn may_see_private(&self, rule: usize) -> bool {
        let here = &self.index.packages[self.index.package_of[self.module]].path;
        let there = &self.index.packages[self.index.rules[rule].package].path;
        here == there || here.strip_suffix("_test").is_some_and(|path| path == &**there)
    }

    /// Refuses all of a place in `data` where private rules of another package stand below it.
    fn check_private_below(&mut self, path: &[Arc<str>], span: Span) {
        let hidden = self
            .private
            .iter()
            .find(|rule| self.index.rules[**rule].parts.starts_with(path) && !self.may_see_private(**rule));
        let Some(hidden) = hidden.map(|rule| &self.index.rules[*rule]) else { return };
        let message = format!("below this stands `{}`, which is private", hidden.path());
        self.report(
            Diagnostic::error("private-rule", span, message)
                .with_related(hidden.span, "declared private here")
                .with_help("name the rule that you need, such as `data.package.rule`"),
        );
    }

    /// A member by name.
    pub(super) fn field(&mut self, base: Typed, name: &Arc<str>, span: Span) -> Typed {
        self.field_at(base, name, span, span)
    }

    fn field_at(&mut self, base: Typed, name: &Arc<str>, span: Span, name_span: Span) -> Typed {
        let ty = match self.profile {
            Profile::Rego => Type::Any,
            Profile::Hpol => match base.ty.member(name) {
                Member::Found { ty, .. } => {
                    if let Some(names) = self.slip_in_document(&base, name) {
                        return self.unknown_field(&base, name, &names, name_span);
                    }
                    ty
                }
                Member::Unknown(names) => return self.unknown_field(&base, name, &names, name_span),
                Member::NoFields => {
                    let message =
                        format!("`{}` has no field `{name}`: it is `{}`", self.index.sources.text(base.span), base.ty);
                    let help = match base.ty.elements() {
                        Some(_) => "go through its elements with `some x in …` or `[_]`",
                        None => "only records and maps have fields",
                    };
                    self.report(Diagnostic::error("no-fields", name_span, message).with_help(help));
                    return self.broken(span);
                }
            },
        };
        let kind = match base.kind {
            Kind::Data(mut path) => {
                path.push(name.clone());
                Kind::Data(path)
            }
            _ => Kind::Field(Box::new(base), name.clone()),
        };
        let expr = self.make(kind, ty, span);
        self.with_facts(expr)
    }

    /// A document without a schema may get more fields, but a name that is nearly one it has is taken for a slip.
    fn slip_in_document(&self, base: &Typed, name: &Arc<str>) -> Option<Vec<Arc<str>>> {
        let Kind::Data(path) = &base.kind else { return None };
        let Some(Value::Object(entries)) = self.index.documents.value_at(path) else { return None };
        if entries.contains_key(&Value::String(name.clone())) {
            return None;
        }
        let names: Vec<Arc<str>> = entries.keys().filter_map(|key| key.as_str().map(Arc::from)).collect();
        spelling::nearest(name, names.iter().map(|name| &**name)).is_some().then_some(names)
    }

    fn unknown_field(&mut self, base: &Typed, name: &Arc<str>, names: &[Arc<str>], span: Span) -> Typed {
        let mut sorted: Vec<&str> = names.iter().map(|name| &**name).collect();
        sorted.sort_unstable();
        sorted.dedup();
        let whole = self.index.sources.text(base.span).to_owned();
        let message = format!("`{whole}` has no field `{name}`");
        let mut diagnostic = Diagnostic::error("unknown-field", span, message);
        diagnostic = match spelling::nearest(name, sorted.iter().copied()) {
            Some(near) => {
                let diagnostic = diagnostic.with_help(format!("did you mean `{near}`?"));
                let text = self.index.sources.text(span);
                if text == &**name { diagnostic.with_fix(span, near) } else { diagnostic }
            }
            None if sorted.is_empty() => diagnostic.with_help("it has no fields at all"),
            None => {
                let more = if sorted.len() > 12 { ", …" } else { "" };
                sorted.truncate(12);
                diagnostic.with_help(format!("it has: {}{more}", sorted.join(", ")))
            }
        };
        self.report(diagnostic);
        self.broken(span)
    }

    /// A member by key.
    fn index(&mut self, base: Typed, index: &'e Expr, span: Span) -> Typed {
        if self.has_unbound(index) {
            return self.iterate(base, index, span);
        }
        let key = self.expr(index);
        if let Some(Value::String(name)) = constant(&key) {
            let name = name.clone();
            if !base.ty.members().iter().all(|ty| matches!(ty, Type::Set(_))) || self.profile == Profile::Rego {
                return self.field_at(base, &name, span, index.span);
            }
        }
        if self.profile == Profile::Rego
            && let (Kind::Data(path), Some(Value::Number(number))) = (&base.kind, constant(&key))
        {
            // A path in base documents is made of texts: `data.a[2]` finds "2" in an object, and the third of an array.
            let path = path.iter().cloned().chain([number.to_string().into()]).collect();
            return self.make(Kind::Data(path), Type::Any, span);
        }
        let ty = match self.profile {
            Profile::Rego => Type::Any,
            Profile::Hpol => match self.indexed_type(&base, &key, index.span) {
                Some(ty) => ty,
                None => return self.broken(span),
            },
        };
        self.make(Kind::Index(Box::new(base), Box::new(key)), ty, span)
    }

    fn indexed_type(&mut self, base: &Typed, key: &Typed, span: Span) -> Option<Type> {
        if let (Type::Tuple(items), Some(Value::Number(number))) = (&base.ty, constant(key)) {
            let at = number.as_i64().and_then(|at| usize::try_from(at).ok());
            let item = at.and_then(|at| items.get(at)).cloned();
            if item.is_none() {
                let message = format!("there is no item {number}: the array has {}", items.len());
                self.report(
                    Diagnostic::error("index-out-of-range", span, message).with_help("items are counted from 0"),
                );
            }
            return item;
        }
        let Some((keys, values)) = base.ty.elements() else {
            let message = format!("`{}` has no elements: it is `{}`", self.index.sources.text(base.span), base.ty);
            self.report(
                Diagnostic::error("not-a-collection", base.span, message)
                    .with_help("only arrays, sets, maps and records have elements"),
            );
            return None;
        };
        if !keys.overlaps(&key.ty) {
            let message = format!("a key of type `{}` is never found in `{}`", key.ty, base.ty);
            self.report(
                Diagnostic::error("key-never-found", span, message).with_help(format!("its keys are `{keys}`")),
            );
            return None;
        }
        Some(values)
    }

    /// A step by a variable that has no value yet: one iteration.
    fn iterate(&mut self, base: Typed, index: &'e Expr, span: Span) -> Typed {
        let (keys, values) = self.elements(&base);
        let key = self.pattern(index, &keys);
        let local = self.temporary(values.clone(), span);
        if let ExprKind::Variable(name) = &bare(index).kind
            && let Some(variable) = self.variable_mut(name)
        {
            // An index that is only bound still says which element is meant.
            variable.used = true;
        }
        self.emit(ConditionKind::Each { key, value: Pattern::Bind(local), collection: base }, span);
        self.make(Kind::Local(local), values, span)
    }

    /// Types of keys and elements of a collection; reports what has none.
    pub(super) fn elements(&mut self, collection: &Typed) -> (Type, Type) {
        if self.profile == Profile::Rego {
            return (Type::Any, Type::Any);
        }
        collection.ty.elements().unwrap_or_else(|| {
            if collection.ty != Type::Never {
                let text = self.index.sources.text(collection.span);
                let message = format!("`{text}` has no elements: it is `{}`", collection.ty);
                let diagnostic = Diagnostic::error("not-a-collection", collection.span, message)
                    .with_help("only arrays, sets, maps and records have elements");
                self.report(diagnostic);
            }
            (Type::Any, Type::Any)
        })
    }

    /// Writes the iterations of references ahead, where another part of the same condition uses their variables.
    pub(super) fn bind_references(&mut self, exprs: &[&'e Expr]) {
        for expr in exprs {
            if let ExprKind::Reference(reference) = &expr.kind {
                let unbound = reference.steps.iter().any(|step| match step {
                    Step::Field(_) => false,
                    Step::Index(index) => self.has_unbound(index),
                });
                let ready = match &reference.head.kind {
                    ExprKind::Variable(name) => !self.is_unbound(name),
                    _ => true,
                };
                if unbound && ready {
                    let value = self.reference(reference);
                    self.ahead.insert(std::ptr::from_ref(*expr).addr(), value);
                }
                continue;
            }
            let mut inner = Vec::new();
            crate::resolve::visit::parts(expr, &mut |part| {
                if let crate::resolve::visit::Part::Expr(expr) = part {
                    inner.push(expr);
                }
            });
            self.bind_references(&inner);
        }
    }
}

fn step_span(step: &Step) -> Span {
    match step {
        Step::Field(name) => name.span,
        Step::Index(index) => index.span,
    }
}
