//! Keeps a defect from ending the host: a panic becomes an answer.
//!
//! Generated code has its own guard at every host function. This one is for what runs around it, and for the reference
//! evaluator.

use std::panic::{AssertUnwindSafe, catch_unwind};

/// What is told where a defect was met. What it was stands in the panic's own message on standard error.
pub(crate) const DEFECT: &str = "the evaluator has a defect: please report it";

/// Stack for reading and compiling policies, which recurse over what they read; the host's own may be small.
const BUILD_STACK_BYTES: usize = 32 << 20;

/// Runs `work`; `None` if it panics. What it worked on must not be used again then.
pub(crate) fn guarded<T>(work: impl FnOnce() -> T) -> Option<T> {
    catch_unwind(AssertUnwindSafe(work)).ok()
}

/// Runs `work` on a thread with room for deep recursion; an error if there is no thread or it panics.
pub(crate) fn with_deep_stack<T: Send>(work: impl FnOnce() -> T + Send) -> Result<T, String> {
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().name("hpol-build".to_owned()).stack_size(BUILD_STACK_BYTES);
        let thread =
            thread.spawn_scoped(scope, work).map_err(|error| format!("there is no thread to compile on: {error}"))?;
        thread.join().map_err(|_| DEFECT.to_owned())
    })
}

/// Runs `work` on a thread of its own with room for deep recursion, which nobody waits for.
pub(crate) fn spawn_deep(name: &str, work: impl FnOnce() + Send + 'static) -> std::io::Result<()> {
    let thread = std::thread::Builder::new().name(name.to_owned()).stack_size(BUILD_STACK_BYTES);
    thread.spawn(work).map(drop)
}

#[cfg(test)]
mod tests {
    use super::{DEFECT, guarded, with_deep_stack};

    #[test]
    fn a_panic_becomes_an_answer() {
        assert_eq!(guarded(|| 1), Some(1));
        assert_eq!(guarded(|| -> u8 { panic!("a defect, made up for this test") }), None);
        assert_eq!(with_deep_stack(|| 1), Ok(1));
        let result = with_deep_stack(|| -> u8 { panic!("a defect, made up for this test") });
        assert_eq!(result, Err(DEFECT.to_owned()));
    }
}
