//! The typed tree as text, for tests and for looking at what a policy became. Rules are named by path, variables by name.

use std::fmt::{self, Write as _};
use std::sync::Arc;

use super::{
    Body, Clause, Condition, ConditionKind, Counter, DecisionRule, Expectation, Expr, ExprKind, LabelRule, Local,
    LocalId, PackageStep, Pattern, Program, Replacement, ReplacementTarget, Rule, RuleId, RuleKind, TemplatePart, Test,
    TestRuns, TestStep,
};
use crate::ast::{BinaryOperator, EffectKeyword};

impl fmt::Display for Program {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut writer = Writer { program: self, locals: &[], out: String::new(), indent: 0 };
        self.rules.iter().for_each(|rule| writer.rule(rule));
        self.decisions.iter().for_each(|decision| writer.decision(decision));
        self.counters.iter().for_each(|counter| writer.counter(counter));
        self.labels.iter().for_each(|label| writer.label(label));
        self.tests.iter().for_each(|test| writer.test(test));
        f.write_str(&writer.out)
    }
}

struct Writer<'p> {
    program: &'p Program,
    locals: &'p [Local],
    out: String,
    indent: usize,
}

impl<'p> Writer<'p> {
    fn line(&mut self, text: &str) {
        let indent = "  ".repeat(self.indent);
        self.out.push_str(&indent);
        self.out.push_str(text);
        self.out.push('\n');
    }

    fn rule(&mut self, rule: &'p Rule) {
        let kind = match rule.kind {
            RuleKind::Complete => "value".to_owned(),
            RuleKind::Set => "set".to_owned(),
            RuleKind::Object { depth } => format!("object/{depth}"),
            RuleKind::Function => format!("function/{}", rule.parameters),
        };
        self.line(&format!("{kind} {}: {}", rule.path, rule.ty));
        self.indent += 1;
        rule.clauses.iter().for_each(|clause| self.clause(clause, ""));
        if let Some(default) = &rule.default {
            self.locals = &rule.default_locals;
            let text = format!("default {}", self.expr(default));
            self.line(&text);
        }
        self.indent -= 1;
    }

    fn clause(&mut self, clause: &'p Clause, prefix: &str) {
        self.locals = &clause.locals;
        let mut head = String::from(prefix);
        if !clause.parameters.is_empty() {
            let parameters: Vec<String> = clause.parameters.iter().map(|pattern| self.pattern(pattern)).collect();
            let _ = write!(head, "({}) ", parameters.join(", "));
        }
        if let Some(key) = &clause.key {
            let _ = write!(head, "[{}] ", self.expr(key));
        }
        let _ = write!(head, "= {}", self.expr(&clause.value));
        self.line(&head);
        self.body(&clause.body);
        if let Some(next) = &clause.else_clause {
            self.clause(next, "else ");
        }
    }

    fn decision(&mut self, decision: &'p DecisionRule) {
        self.locals = &decision.locals;
        let effect = effect(decision.effect);
        let package = usize::try_from(decision.package).ok().and_then(|at| self.program.packages.get(at));
        let package = package.map_or("?", |package| &package.path);
        self.line(&format!("{effect} {:?} in {package}", decision.id));
        self.body(&decision.body);
        self.indent += 1;
        let witnesses: Vec<String> = decision.witnesses.iter().map(|local| self.local(*local)).collect();
        if !witnesses.is_empty() {
            self.line(&format!("witnesses {}", witnesses.join(", ")));
        }
        if let Some(because) = &decision.because {
            let text = format!("because {}", self.expr(because));
            self.line(&text);
        }
        if let Some(unless) = &decision.unless {
            self.line("unless");
            self.body(unless);
        }
        if let Some(approval) = &decision.approval {
            self.line(&format!("{approval:?}"));
        }
        if let Some(mask) = &decision.mask {
            self.line(&format!("{mask:?}"));
        }
        self.indent -= 1;
    }

    fn counter(&mut self, counter: &'p Counter) {
        self.locals = &counter.locals;
        let text =
            format!("counter {} adds {} for {}ns", counter.name, self.expr(&counter.entry), counter.window_nanoseconds);
        self.line(&text);
        self.body(&counter.body);
    }

    fn label(&mut self, label: &'p LabelRule) {
        self.locals = &label.locals;
        let package = usize::try_from(label.package).ok().and_then(|at| self.program.packages.get(at));
        self.line(&format!("label {:?} in {}", label.label, package.map_or("?", |package| &package.path)));
        self.body(&label.body);
    }

    fn test(&mut self, test: &'p Test) {
        self.locals = &test.locals;
        self.line(&format!("test {:?} in {}", test.name, test.package));
        self.indent += 1;
        match &test.runs {
            TestRuns::Once => {}
            TestRuns::Cases(local, cases) => {
                let text = format!("for {} in {}", self.local(*local), self.expr(cases));
                self.line(&text);
            }
            TestRuns::Drawn { variable, ty, assumptions, .. } => {
                let text = format!("for {}: {ty} under {assumptions} assumptions", self.local(*variable));
                self.line(&text);
            }
        }
        for step in &test.steps {
            match step {
                TestStep::Condition(condition) => self.condition(condition),
                TestStep::Holds(condition) => {
                    self.line("expect");
                    self.indent += 1;
                    self.condition(condition);
                    self.indent -= 1;
                }
                TestStep::Decision(expectation) => self.expectation(expectation),
            }
        }
        self.indent -= 1;
    }

    fn expectation(&mut self, expectation: &'p Expectation) {
        let package = usize::try_from(expectation.package).ok().and_then(|at| self.program.packages.get(at));
        let mut text = format!("expect {}", package.map_or("?", |package| &package.path));
        if expectation.negated {
            text.push_str(" not");
        }
        let _ = write!(text, " {}", effect(expectation.effect));
        for (word, part) in [("", &expectation.id), (" because", &expectation.because), (" masks", &expectation.masks)]
        {
            if let Some(part) = part {
                let _ = write!(text, "{word} {}", self.expr(part));
            }
        }
        text.push_str(&self.replacements(&expectation.with));
        self.line(&text);
    }

    fn body(&mut self, body: &'p Body) {
        self.indent += 1;
        body.conditions.iter().for_each(|condition| self.condition(condition));
        self.indent -= 1;
    }

    fn condition(&mut self, condition: &'p Condition) {
        match &condition.kind {
            ConditionKind::Test(expr) => {
                let text = format!("test {}", self.expr(expr));
                self.line(&text);
            }
            ConditionKind::Match(pattern, expr) => {
                let text = format!("match {} = {}", self.pattern(pattern), self.expr(expr));
                self.line(&text);
            }
            ConditionKind::Each { key, value, collection } => {
                let text = format!("each {}, {} in {}", self.pattern(key), self.pattern(value), self.expr(collection));
                self.line(&text);
            }
            ConditionKind::Not(body) => {
                self.line("not");
                self.body(body);
            }
            ConditionKind::Every { key, value, collection, body } => {
                let text = format!("every {}, {} in {}", self.pattern(key), self.pattern(value), self.expr(collection));
                self.line(&text);
                self.body(body);
            }
            ConditionKind::With { replacements, body } => {
                let text = format!("under{}", self.replacements(replacements));
                self.line(&text);
                self.body(body);
            }
            ConditionKind::Any(bodies) => {
                self.line("any");
                for body in bodies {
                    self.indent += 1;
                    self.line("of");
                    self.body(body);
                    self.indent -= 1;
                }
            }
        }
    }

    fn inline(&self, body: &'p Body) -> String {
        let mut writer = Writer { program: self.program, locals: self.locals, out: String::new(), indent: 0 };
        body.conditions.iter().for_each(|condition| writer.condition(condition));
        let lines: Vec<&str> = writer.out.lines().map(str::trim).collect();
        lines.join("; ")
    }

    fn local(&self, local: LocalId) -> String {
        let name = usize::try_from(local.0).ok().and_then(|at| self.locals.get(at)).map(|local| local.name.clone());
        name.map_or_else(|| format!("?{}", local.0), |name| name.to_string())
    }

    fn path(&self, rule: RuleId) -> Arc<str> {
        let rule = usize::try_from(rule.0).ok().and_then(|at| self.program.rules.get(at));
        rule.map_or_else(|| "?".into(), |rule| rule.path.clone())
    }

    fn replacements(&self, replacements: &'p [Replacement]) -> String {
        let mut text = String::new();
        for replacement in replacements {
            let (target, by) = match &replacement.target {
                ReplacementTarget::Input(path) => (dotted("input", path), None),
                ReplacementTarget::Data(path) => (dotted("data", path), None),
                ReplacementTarget::Builtin(name) => (name.to_string(), None),
                ReplacementTarget::BuiltinByRule(name, by) => (name.to_string(), Some(self.path(*by))),
                ReplacementTarget::BuiltinByBuiltin(name, by) => (name.to_string(), Some(by.clone())),
                ReplacementTarget::Function(rule) => (self.path(*rule).to_string(), None),
                ReplacementTarget::FunctionByRule(rule, by) => (self.path(*rule).to_string(), Some(self.path(*by))),
                ReplacementTarget::FunctionByBuiltin(rule, by) => (self.path(*rule).to_string(), Some(by.clone())),
            };
            let by = by.map_or_else(|| self.expr(&replacement.value), |by| by.to_string());
            let _ = write!(text, " with {target} as {by}");
        }
        text
    }

    fn pattern(&self, pattern: &'p Pattern) -> String {
        match pattern {
            Pattern::Wildcard => "_".to_owned(),
            Pattern::Bind(local) => self.local(*local),
            Pattern::Equal(expr) => format!("== {}", self.expr(expr)),
            Pattern::Array(items) => {
                let items: Vec<String> = items.iter().map(|item| self.pattern(item)).collect();
                format!("[{}]", items.join(", "))
            }
            Pattern::Object(entries) => {
                let entries: Vec<String> =
                    entries.iter().map(|(key, value)| format!("{}: {}", self.expr(key), self.pattern(value))).collect();
                format!("{{{}}}", entries.join(", "))
            }
        }
    }

    fn list(&self, items: &'p [Expr]) -> String {
        let items: Vec<String> = items.iter().map(|item| self.expr(item)).collect();
        items.join(", ")
    }

    fn package_step(&self, step: &'p PackageStep) -> String {
        match step {
            PackageStep::Name(name) => format!(".{name}"),
            PackageStep::Key(key) => format!("[{}]", self.expr(key)),
            PackageStep::Any => "[_]".to_owned(),
        }
    }

    fn expr(&self, expr: &'p Expr) -> String {
        match &expr.kind {
            ExprKind::Constant(value) => value.to_string(),
            ExprKind::Local(local) => self.local(*local),
            ExprKind::Input => "input".to_owned(),
            ExprKind::Data(path) => dotted("data", path),
            ExprKind::Rule(rule) => format!("<{}>", self.path(*rule)),
            ExprKind::Package(path, below) => {
                let below: String = below.iter().map(|step| self.package_step(step)).collect();
                format!("<package {}{below}>", dotted("data", path))
            }
            ExprKind::Field(base, name) => format!("{}.{name}", self.expr(base)),
            ExprKind::Index(base, key) => format!("{}[{}]", self.expr(base), self.expr(key)),
            ExprKind::Builtin(name, items) => format!("{name}({})", self.list(items)),
            ExprKind::Function(rule, items) => format!("<{}>({})", self.path(*rule), self.list(items)),
            ExprKind::Binary(operator, left, right) => {
                format!("({} {} {})", self.expr(left), sign(*operator), self.expr(right))
            }
            ExprKind::Negate(inner) => format!("-{}", self.expr(inner)),
            ExprKind::Membership { key, value, collection } => {
                let key = key.as_deref().map_or(String::new(), |key| format!("{}, ", self.expr(key)));
                format!("({key}{} in {})", self.expr(value), self.expr(collection))
            }
            ExprKind::Array(items) => format!("[{}]", self.list(items)),
            ExprKind::Set(items) => format!("{{{}}}", self.list(items)),
            ExprKind::Object(entries) => {
                let entries: Vec<String> =
                    entries.iter().map(|(key, value)| format!("{}: {}", self.expr(key), self.expr(value))).collect();
                format!("{{{}}}", entries.join(", "))
            }
            ExprKind::ArrayComprehension(head, body) => format!("[{} | {}]", self.expr(head), self.inline(body)),
            ExprKind::SetComprehension(head, body) => format!("{{{} | {}}}", self.expr(head), self.inline(body)),
            ExprKind::ObjectComprehension(key, value, body) => {
                format!("{{{}: {} | {}}}", self.expr(key), self.expr(value), self.inline(body))
            }
            ExprKind::Template(parts) => {
                let parts: Vec<String> = parts
                    .iter()
                    .map(|part| match part {
                        TemplatePart::Text(text) => text.to_string(),
                        TemplatePart::Expr(expr) => format!("{{{}}}", self.expr(expr)),
                    })
                    .collect();
                format!("$\"{}\"", parts.concat())
            }
            ExprKind::Holds(body) => format!("holds({})", self.inline(body)),
        }
    }
}

fn dotted(root: &str, path: &[Arc<str>]) -> String {
    path.iter().fold(root.to_owned(), |text, part| format!("{text}.{part}"))
}

fn effect(effect: EffectKeyword) -> &'static str {
    match effect {
        EffectKeyword::Deny => "deny",
        EffectKeyword::Approve => "approve",
        EffectKeyword::Mask => "mask",
        EffectKeyword::Allow => "allow",
    }
}

fn sign(operator: BinaryOperator) -> &'static str {
    match operator {
        BinaryOperator::Assign => ":=",
        BinaryOperator::Unify => "=",
        BinaryOperator::Or => "or",
        BinaryOperator::And => "and",
        BinaryOperator::Equal => "==",
        BinaryOperator::NotEqual => "!=",
        BinaryOperator::Less => "<",
        BinaryOperator::LessEqual => "<=",
        BinaryOperator::Greater => ">",
        BinaryOperator::GreaterEqual => ">=",
        BinaryOperator::Union => "|",
        BinaryOperator::Intersection => "&",
        BinaryOperator::Add => "+",
        BinaryOperator::Subtract => "-",
        BinaryOperator::Multiply => "*",
        BinaryOperator::Divide => "/",
        BinaryOperator::Remainder => "%",
    }
}
