//! Colours: only on a terminal, and never against `--color never` or `NO_COLOR`.

use anstream::ColorChoice;
use clap::ValueEnum;

/// When to colour the output.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Color {
    /// On a terminal.
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// Sets the choice for everything printed later.
pub(crate) fn set_color(color: Color) {
    match color {
        Color::Auto => ColorChoice::Auto,
        Color::Always => ColorChoice::Always,
        Color::Never => ColorChoice::Never,
    }
    .write_global();
}

/// Whether standard output takes colours.
pub(crate) fn stdout_color() -> bool {
    anstream::AutoStream::choice(&std::io::stdout()) != ColorChoice::Never
}

/// Whether standard error takes colours.
pub(crate) fn stderr_color() -> bool {
    anstream::AutoStream::choice(&std::io::stderr()) != ColorChoice::Never
}

fn styled(code: &str, text: &str) -> String {
    format!("\x1b[{code}m{text}\x1b[0m")
}

/// For errors and failures. The streams of `anstream` take the codes out where they are not wanted.
pub(crate) fn bold_red(text: &str) -> String {
    styled("1;31", text)
}

/// For success.
pub(crate) fn green(text: &str) -> String {
    styled("32", text)
}

/// For what waits or changes.
pub(crate) fn yellow(text: &str) -> String {
    styled("33", text)
}

/// For headings.
pub(crate) fn bold(text: &str) -> String {
    styled("1", text)
}

/// For what matters less.
pub(crate) fn dim(text: &str) -> String {
    styled("2", text)
}
