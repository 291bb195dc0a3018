//! `hpol repl`.

use std::io::{BufRead as _, IsTerminal as _};
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use clap::{Args, ValueEnum};
use hpol_lang::source::Profile;
use hpol_lang::value::{JsonLimits, parse_json};
use hpol_runtime::EngineOptions;
use hpol_runtime::repl::{Repl as Session, ReplError};
use hpol_stdlib::reference;
use rustyline::error::ReadlineError;

use crate::exit::Exit;
use crate::policy::{self, Evaluator};
use crate::terminal;

mod editor;

use editor::Editor;

/// Lines that one entry may have.
const LINES_MAX: usize = 1_000;

const HELP: &str = "\
Type an expression or conditions to evaluate them, or a rule, an import or a type to declare it.
Brackets that are open go on in the next line; an empty line gives up.

  package PATH        look names up in this package
  :input [JSON|@FILE] show or set the input; `:input none` takes it away
  :load [PATH]        put a policy under the session; :reload reads it again
  :type QUERY         the type of a value
  :explain QUERY      why a rule has its value, or why a query holds or not
  :builtin NAME       what a builtin does
  :show               what was declared here
  :forget NAME        take a declaration back
  :profile hpol|rego  the language of what is typed
  :help, :quit";

/// Type in rules and queries and see what they give
///
/// Reads expressions, conditions, rules and imports, `:help` tells the rest. With a policy, names are those of the policy.
/// Without a terminal (`hpol repl < file`) there is no prompt, and the first error ends it with exit code 1.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  hpol repl                                              an empty session
  hpol repl policies --package guard -i request.json     ask a policy about a request
  echo 'count([1, 2])' | hpol repl                       one answer, for scripts")]
pub(crate) struct Repl {
    /// Folder with a policy, or a single file
    #[arg(value_name = "PATH")]
    policy: Option<PathBuf>,
    /// Package in which names are looked up
    #[arg(long, value_name = "PACKAGE")]
    package: Option<String>,
    /// File with the input as JSON
    #[arg(long, short, value_name = "FILE")]
    input: Option<PathBuf>,
    /// Language of what is typed; that of the policy's files if they have one only, else Rego
    #[arg(long, value_enum)]
    profile: Option<Language>,
    /// The evaluator
    #[arg(long, value_enum, default_value_t = Evaluator::Jit)]
    engine: Evaluator,
    /// Keep no history
    #[arg(long)]
    no_history: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Language {
    /// Typed
    Hpol,
    /// Untyped
    Rego,
}

impl From<Language> for Profile {
    fn from(language: Language) -> Self {
        match language {
            Language::Hpol => Self::Hpol,
            Language::Rego => Self::Rego,
        }
    }
}

/// What a line does to the session.
enum Next {
    GoOn,
    Quit,
}

pub(crate) fn run(options: &Repl) -> anyhow::Result<Exit> {
    let engine = EngineOptions { kind: options.engine.into(), ..EngineOptions::default() };
    let mut shell = Shell { session: Session::new(engine), policy: None };
    if let Err(error) = shell.start(options) {
        anstream::eprintln!("{error}");
        return Ok(Exit::Findings);
    }
    if std::io::stdin().is_terminal() { interactive(&mut shell, options) } else { piped(&mut shell) }
}

fn interactive(shell: &mut Shell, options: &Repl) -> anyhow::Result<Exit> {
    let mut editor = Editor::new(!options.no_history)?;
    anstream::println!("{}", terminal::dim("`:help` tells what there is; Ctrl-D ends."));
    loop {
        let mut entry = String::new();
        loop {
            let prompt = if entry.is_empty() { format!("{}> ", shell.session.package()) } else { "… ".to_owned() };
            let line = match editor.read(&prompt, &shell.session) {
                Ok(line) => line,
                Err(ReadlineError::Interrupted) => {
                    entry.clear();
                    continue;
                }
                Err(ReadlineError::Eof) => return Ok(Exit::Success),
                Err(error) => return Err(error).context("could not read a line"),
            };
            let given_up = line.trim().is_empty();
            entry.push_str(&line);
            if given_up || !shell.goes_on(&entry) {
                break;
            }
            entry.push('\n');
        }
        editor.remember(&entry);
        match shell.enter(&entry) {
            Ok(Next::GoOn) => {}
            Ok(Next::Quit) => return Ok(Exit::Success),
            Err(error) => anstream::println!("{error}"),
        }
    }
}

fn piped(shell: &mut Shell) -> anyhow::Result<Exit> {
    let mut entry = String::new();
    for line in std::io::stdin().lock().lines() {
        entry.push_str(&line.context("could not read standard input")?);
        if shell.goes_on(&entry) {
            entry.push('\n');
            continue;
        }
        match shell.enter(&std::mem::take(&mut entry)) {
            Ok(Next::GoOn) => {}
            Ok(Next::Quit) => return Ok(Exit::Success),
            Err(error) => return Ok(failed(&error)),
        }
    }
    // What is still open at the end is an error of its own.
    match shell.enter(&entry) {
        Ok(_) => Ok(Exit::Success),
        Err(error) => Ok(failed(&error)),
    }
}

fn failed(error: &ReplError) -> Exit {
    anstream::eprintln!("{error}");
    Exit::Findings
}

struct Shell {
    session: Session,
    policy: Option<PathBuf>,
}

impl Shell {
    fn start(&mut self, options: &Repl) -> Result<(), ReplError> {
        if let Some(path) = &options.policy {
            self.load(path)?;
        }
        if let Some(language) = options.profile {
            self.session.set_profile(language.into());
        }
        if let Some(package) = &options.package {
            self.session.set_package(package)?;
        }
        if let Some(path) = &options.input {
            self.session.set_input(Some(policy::read_json(path).map_err(said)?));
        }
        Ok(())
    }

    fn load(&mut self, path: &Path) -> Result<(), ReplError> {
        let files = policy::read(path).map_err(said)?;
        let has = |ending: &str| files.iter().any(|(path, _)| path.ends_with(ending));
        let profile = if has(".hpol") && !has(".rego") { Profile::Hpol } else { Profile::Rego };
        if self.policy.is_none() {
            self.session.set_profile(profile);
        }
        self.session.load(files)?;
        self.policy = Some(path.to_owned());
        Ok(())
    }

    /// Whether an entry is not at its end.
    fn goes_on(&self, entry: &str) -> bool {
        !entry.trim_start().starts_with(':') && entry.lines().count() < LINES_MAX && self.session.is_incomplete(entry)
    }

    fn enter(&mut self, entry: &str) -> Result<Next, ReplError> {
        let Some(command) = entry.trim().strip_prefix(':') else {
            let answer = self.session.enter(entry)?.to_string();
            if !answer.is_empty() {
                anstream::println!("{answer}");
            }
            return Ok(Next::GoOn);
        };
        let (word, rest) = command.split_once(char::is_whitespace).unwrap_or((command, ""));
        self.command(word, rest.trim())
    }

    fn command(&mut self, word: &str, rest: &str) -> Result<Next, ReplError> {
        match word {
            "quit" | "q" | "exit" => return Ok(Next::Quit),
            "help" | "h" | "?" => anstream::println!("{HELP}"),
            "input" => self.input(rest)?,
            "load" if rest.is_empty() => return Err(told("give the path of a policy: `:load policies`")),
            "load" => self.load(Path::new(rest))?,
            "reload" => match self.policy.clone() {
                Some(path) => self.load(&path)?,
                None => return Err(told("no policy was loaded: `:load PATH` does")),
            },
            "type" => anstream::println!("{}", self.session.type_of(rest)?),
            "explain" => anstream::print!("{}", self.session.explain(rest)?),
            "builtin" => builtin(rest)?,
            "show" => anstream::print!("{}", self.session.declarations()),
            "forget" if self.session.forget(rest) => {}
            "forget" => return Err(told(&format!("nothing called `{rest}` was declared here"))),
            "profile" => match Language::from_str(rest, true) {
                Ok(language) => self.session.set_profile(language.into()),
                Err(_) => return Err(told("the profiles are `hpol` and `rego`")),
            },
            _ => return Err(told(&format!("there is no command `:{word}`; `:help` tells what there is"))),
        }
        Ok(Next::GoOn)
    }

    fn input(&mut self, rest: &str) -> Result<(), ReplError> {
        match (rest, rest.strip_prefix('@')) {
            ("", _) => match self.session.input() {
                Some(input) => anstream::println!("{input}"),
                None => anstream::println!("there is no input"),
            },
            ("none", _) => self.session.set_input(None),
            (_, Some(file)) => self.session.set_input(Some(policy::read_json(Path::new(file)).map_err(said)?)),
            (json, None) => {
                let value = parse_json(json, JsonLimits::default());
                self.session.set_input(Some(value.map_err(|error| told(&format!("input: {}", error.message)))?));
            }
        }
        Ok(())
    }
}

fn builtin(name: &str) -> Result<(), ReplError> {
    let found = reference::named(name).map_err(|error| told(&error.to_string()))?;
    for builtin in found {
        anstream::println!("{}{}\n  {}", terminal::bold(builtin.name), builtin.signature, builtin.doc);
        builtin.examples.iter().for_each(|example| anstream::println!("  {}  # {}", example.call, example.result));
    }
    Ok(())
}

fn said(error: anyhow::Error) -> ReplError {
    told(&format!("{error:#}"))
}

fn told(message: &str) -> ReplError {
    ReplError { message: message.to_owned() }
}
