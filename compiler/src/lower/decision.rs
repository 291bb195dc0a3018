//! Decision rules and packages.

use hpol_lang::typed::DecisionRule;
use hpol_stdlib::heap::Word;

use crate::plan::{Decision, DecisionId, Function, FunctionId, Origin, Package, Role, StatementKind};

use super::builder::Builder;
use super::conditions::TESTS_END;
use super::{Lowered, Shared, locals, number};

pub(super) fn lower_all(
    shared: &mut Shared<'_>,
    functions: &mut Vec<Function>,
) -> Lowered<(Vec<Decision>, Vec<Package>)> {
    let program = shared.typed;
    let packages = program.packages.iter().map(|package| Package {
        path: package.path.clone(),
        input_kind: package.input_kind.clone(),
        decisions: Vec::new(),
    });
    let mut packages: Vec<Package> = packages.collect();
    let mut decisions = Vec::with_capacity(program.decisions.len());
    for (index, rule) in program.decisions.iter().enumerate() {
        if let Some(package) = packages.get_mut(rule.package as usize) {
            package.decisions.push(DecisionId(number(index)));
        }
        decisions.push(lower(shared, rule, functions)?);
    }
    Ok((decisions, packages))
}

fn lower<'t>(shared: &mut Shared<'t>, rule: &'t DecisionRule, functions: &mut Vec<Function>) -> Lowered<Decision> {
    let package = shared.typed.packages.get(rule.package as usize).map_or("", |package| &package.path);
    let name = format!("{} {package} {:?}", rule.effect.word(), rule.id);
    // What `unless` needs of the variables that the body binds.
    let handed_over: Vec<_> = match &rule.unless {
        None => Vec::new(),
        Some(unless) => {
            let (used, bound) = (locals::used(unless), locals::bound(&rule.body.conditions));
            let own = locals::bound(&unless.conditions);
            bound.into_iter().filter(|local| used.contains(local) && !own.contains(local)).collect()
        }
    };
    let mut builder = Builder::new(shared, name.as_str(), 0, rule.span);
    builder.tells_outcomes &= !package.ends_with(TESTS_END);
    builder.start_clause(&rule.locals, rule.span);
    let result = builder.register();
    builder.constant(result, Word::ABSENT, rule.span);
    builder.scope(true, rule.span, |builder, label| {
        builder.rule_body(&rule.body.conditions, rule.span, &mut |builder| {
            if let Some(because) = &rule.because {
                let value = builder.value_or_absent(because)?;
                builder.push(StatementKind::Record { role: Role::Reason, value }, because.span);
            }
            for (index, local) in rule.witnesses.iter().enumerate() {
                let value = builder.local(*local);
                builder.push(StatementKind::Record { role: Role::Witness(number(index)), value }, rule.span);
            }
            for local in &handed_over {
                let value = builder.local(*local);
                builder.push(StatementKind::Record { role: Role::ExemptionArgument, value }, rule.span);
            }
            builder.constant(result, Word::TRUE, rule.span);
            builder.push(StatementKind::Leave { label }, rule.span);
            Ok(())
        })
    })?;
    let body = FunctionId(number(functions.len()));
    functions.push(builder.finish(result, Origin::Decision));
    let exemption = match &rule.unless {
        None => None,
        Some(unless) => {
            let mut builder = Builder::new(shared, format!("unless of {name}"), number(handed_over.len()), rule.span);
            builder.tells_outcomes &= !package.ends_with(TESTS_END);
            builder.start_clause(&rule.locals, rule.span);
            for (index, local) in (0..).zip(&handed_over) {
                builder.set_local(*local, crate::plan::Register(index));
            }
            // Absent where it does not hold, so that what it looked for stays marked.
            let result = builder.register();
            builder.constant(result, Word::ABSENT, rule.span);
            builder.scope(true, rule.span, |builder, label| {
                builder.body(&unless.conditions, &mut |builder| {
                    builder.constant(result, Word::TRUE, rule.span);
                    builder.push(StatementKind::Leave { label }, rule.span);
                    Ok(())
                })
            })?;
            functions.push(builder.finish(result, Origin::Exemption));
            Some(FunctionId(number(functions.len() - 1)))
        }
    };
    let name_of = |local: &hpol_lang::typed::LocalId| rule.locals[local.0 as usize].name.clone();
    Ok(Decision {
        effect: rule.effect,
        id: rule.id.clone(),
        package: rule.package,
        annotations: rule.annotations.clone(),
        body,
        witnesses: rule.witnesses.iter().map(name_of).collect(),
        exemption,
        settled_by: None,
        approval: rule.approval.clone(),
        mask: rule.mask.clone(),
        span: rule.span,
    })
}
