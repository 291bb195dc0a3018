//! Lines from a terminal, with history and completion.

use std::path::PathBuf;

use anyhow::Context as _;
use hpol_runtime::repl::Repl;
use rustyline::completion::Completer;
use rustyline::error::ReadlineError;
use rustyline::highlight::Highlighter;
use rustyline::hint::Hinter;
use rustyline::history::FileHistory;
use rustyline::validate::Validator;
use rustyline::{CompletionType, Config, Context, Helper};

const HISTORY_MAX: usize = 1_000;
const COMMANDS: &[&str] =
    &[":builtin", ":explain", ":forget", ":help", ":input", ":load", ":profile", ":quit", ":reload", ":show", ":type"];

pub(super) struct Editor {
    editor: rustyline::Editor<Names, FileHistory>,
    history: Option<PathBuf>,
}

impl Editor {
    pub(super) fn new(keeps_history: bool) -> anyhow::Result<Self> {
        let config = Config::builder().completion_type(CompletionType::List);
        let config = config.max_history_size(HISTORY_MAX).context("could not start the line editor")?.build();
        let mut editor = rustyline::Editor::with_config(config).context("could not start the line editor")?;
        let history = if keeps_history { history_file() } else { None };
        if let Some(history) = &history {
            // A history that is missing or broken is an empty one.
            let _ = editor.load_history(history);
        }
        Ok(Self { editor, history })
    }

    pub(super) fn read(&mut self, prompt: &str, session: &Repl) -> Result<String, ReadlineError> {
        let mut names = session.completions("");
        names.extend(COMMANDS.iter().map(ToString::to_string));
        self.editor.set_helper(Some(Names(names)));
        self.editor.readline(prompt)
    }

    pub(super) fn remember(&mut self, entry: &str) {
        let entry = entry.trim();
        if entry.is_empty() || self.editor.add_history_entry(entry).is_err() {
            return;
        }
        if let Some(history) = &self.history {
            // Not to be able to remember is no reason to end.
            let _ = history.parent().map(std::fs::create_dir_all);
            let _ = self.editor.save_history(history);
        }
    }
}

/// `~/.local/state/hpol/history`, or where the variables of the desktop standard say.
fn history_file() -> Option<PathBuf> {
    let state = std::env::var_os("XDG_STATE_HOME").filter(|path| !path.is_empty()).map(PathBuf::from);
    let state = state.or_else(|| Some(std::env::home_dir()?.join(".local/state")))?;
    Some(state.join("hpol/history"))
}

/// The names that complete a word.
struct Names(Vec<String>);

impl Completer for Names {
    type Candidate = String;

    fn complete(&self, line: &str, at: usize, _: &Context<'_>) -> rustyline::Result<(usize, Vec<String>)> {
        let before = line.get(..at).unwrap_or(line);
        let is_name = |letter: char| letter.is_alphanumeric() || matches!(letter, '_' | '.' | ':');
        let start = before.char_indices().rev().take_while(|(_, letter)| is_name(*letter)).last();
        let start = start.map_or(at, |(start, _)| start);
        let word = before.get(start..).unwrap_or("");
        let fitting = self.0.iter().filter(|name| name.starts_with(word));
        Ok((start, fitting.cloned().collect()))
    }
}

impl Hinter for Names {
    type Hint = String;
}

impl Highlighter for Names {}

impl Validator for Names {}

impl Helper for Names {}
