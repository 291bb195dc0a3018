//! Machine code lives as long as its owner, and nothing gets out of it.

use std::sync::Arc;

use hpol_compiler::context::{Context, codes};
use hpol_compiler::jit::{self, CompiledCode};
use hpol_compiler::machine;
use hpol_compiler::plan::{Program, StatementKind};
use hpol_compiler::{CompileError, Options, compile};
use hpol_stdlib::heap::{Kind, Word};

use crate::support::{Machine, checked, plan};

const SOURCE: &str = "package p\n\na := count([x | some x in input.list; x > 1])";

#[test]
fn code_can_be_shared_between_threads() {
    fn shareable<T: Send + Sync>(_: &T) {}
    let program = plan(&[("p.rego", SOURCE)], &Options::default());
    let code = jit::compile(&program).expect("there is machine code");
    shareable(&code);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                let mut context = Context::new(&program);
                context.set_input(&hpol_lang::value::Value::object([("list", list())])).expect("it fits");
                let result = machine::query(&code, program.rules["data.p.a"], &[], &mut context);
                assert_eq!(result, Ok(Word::from_small_int(2)));
            });
        }
    });
}

fn list() -> hpol_lang::value::Value {
    hpol_lang::value::Value::array([1, 2, 3].map(hpol_lang::value::Value::from))
}

/// Anonymous memory that can be executed, in mappings; what the process began with stays the same.
#[cfg(target_os = "linux")]
fn executable_mappings() -> (usize, usize) {
    let maps = std::fs::read_to_string("/proc/self/maps").expect("Linux has it");
    let anonymous = maps.lines().filter(|line| line.split_whitespace().count() == 5);
    let rights = anonymous.filter_map(|line| line.split_whitespace().nth(1).map(str::to_owned));
    let rights: Vec<String> = rights.collect();
    let executable = rights.iter().filter(|rights| rights.contains('x'));
    let both = rights.iter().filter(|rights| rights.contains('x') && rights.contains('w'));
    (executable.count(), both.count())
}

/// Run in a process of its own, so that other tests' code is not counted.
#[test]
#[cfg(target_os = "linux")]
fn code_is_freed_and_never_writable() {
    const CHILD: &str = "HPOL_TEST_CODE_MEMORY";
    if std::env::var_os(CHILD).is_none() {
        let program = std::env::current_exe().expect("the test runs from a file");
        let status = std::process::Command::new(program)
            .args(["--exact", "code_memory::code_is_freed_and_never_writable"])
            .env(CHILD, "1")
            .stdout(std::process::Stdio::null())
            .status();
        assert!(status.expect("it can be started").success());
        return;
    }
    let program = plan(&[("p.rego", SOURCE)], &Options::default());
    let before = executable_mappings();
    let one = jit::compile(&program).expect("there is machine code");
    let with_one = executable_mappings();
    assert!(with_one.0 > before.0, "{before:?} {with_one:?}");
    for _ in 0..200 {
        let next = jit::compile(&program).expect("there is machine code");
        assert_eq!(executable_mappings().1, 0, "memory is writable and executable");
        drop(next);
    }
    assert_eq!(executable_mappings(), with_one);
    drop(one);
    assert_eq!(executable_mappings(), before);
}

#[test]
fn code_refuses_another_programs_context() {
    let program = plan(&[("p.rego", SOURCE)], &Options::default());
    let other = plan(&[("p.rego", SOURCE)], &Options::default());
    let code = jit::compile(&program).expect("there is machine code");
    let mut context = Context::new(&other);
    let fault = machine::query(&code, other.rules["data.p.a"], &[], &mut context).expect_err("it must be refused");
    assert_eq!(fault.code, codes::INTERNAL);
}

#[test]
fn a_panic_below_machine_code_is_an_error() {
    let mut program = Program::clone(&plan(&[("p.rego", "package p\n\na := upper(\"x\")")], &Options::none()));
    // A string that is not there: whoever looks at it panics.
    let broken = Word::from_bits(0xFFFF_FF00_0000_0018);
    for statement in program.functions.iter_mut().flat_map(|function| &mut function.body.statements) {
        break_texts(statement, broken);
    }
    let program = Arc::new(program);
    let code = jit::compile(&program).expect("there is machine code");
    let mut context = Context::new(&program);
    let fault = machine::query(&code, program.rules["data.p.a"], &[], &mut context).expect_err("it can't work");
    assert_eq!(fault.code, codes::INTERNAL);
}

fn break_texts(statement: &mut hpol_compiler::plan::Statement, broken: Word) {
    if let StatementKind::Constant { value, .. } = &mut statement.kind
        && value.kind() == Kind::String
    {
        *value = broken;
    } else if let StatementKind::Scope { body, .. } = &mut statement.kind {
        body.statements.iter_mut().for_each(|statement| break_texts(statement, broken));
    }
}

fn chain(length: usize) -> String {
    let rules = (1..length).map(|index| format!("r{index} := x if {{ some _ in [1]; x := r{} }}", index - 1));
    format!("package p\n\nr0 := input.n\n{}", rules.collect::<Vec<_>>().join("\n"))
}

#[test]
fn deep_chains_of_rules_fit_a_small_stack_or_are_refused() {
    let run = || {
        let mut machine = Machine::new(&[("p.rego", &chain(120))], &Options::none());
        assert_eq!(machine.show("data.p.r119", r#"{"n": 5}"#), "5");
    };
    let thread = std::thread::Builder::new().stack_size(2 << 20).spawn(run).expect("there is a thread");
    thread.join().expect("the stack is deep enough");
    let error = compile(&checked(&[("p.rego", &chain(1_000))]), &Options::default()).expect_err("it is too deep");
    assert!(matches!(error, CompileError::CallsTooDeep { .. }), "{error}");
}

#[test]
fn thousands_of_rules_compile() {
    let rules = (0..2_000).map(|index| format!("r{index} if {{ input.a == {index}; input.b == \"x{index}\" }}"));
    let source = format!("package p\n\n{}", rules.collect::<Vec<_>>().join("\n"));
    let mut machine = Machine::new(&[("p.rego", &source)], &Options::default());
    assert_eq!(machine.show("data.p.r1234", r#"{"a": 1234, "b": "x1234"}"#), "true");
    assert_eq!(machine.show("data.p.r1235", r#"{"a": 1234, "b": "x1234"}"#), "undefined");
}

#[test]
fn code_says_how_large_it_is() {
    let program = plan(&[("p.rego", SOURCE)], &Options::default());
    let code: CompiledCode = jit::compile(&program).expect("there is machine code");
    assert!(format!("{code:?}").contains("functions: 1"));
    assert!(Arc::ptr_eq(code.program(), &program));
}
