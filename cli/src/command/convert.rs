//! `hpol convert`.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use clap::Args;
use hpol_lang::convert::{Conversion, ConvertOptions, convert, with_findings};
use hpol_lang::diagnostic;
use hpol_runtime::source::Files;

use crate::admin::print_json;
use crate::exit::{Exit, Usage};
use crate::policy::{self, count};
use crate::terminal;

/// Turn a `.rego` file into a typed `.hpol` one
///
/// `allow` and `deny` become decision rules with ids, `test_` rules become tests, and the input gets a type: from a schema,
/// or a draft of one from what the rules read. The new text is printed; what is left to do stands in it as
/// `# TODO(convert)` comments and is told on standard error, with exit code 1. Nothing that is left can widen what is
/// allowed.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  hpol convert guard.rego                                    show the new text
  hpol convert guard.rego --write                            write guard.hpol beside it
  hpol convert guard.rego --schema input=order.schema.json   take the input's type from a schema
  hpol convert guard.rego --json                             text and notes for programs")]
pub(crate) struct Convert {
    /// The file
    file: PathBuf,
    /// JSON Schema of the input, in the folder of the file or below
    #[arg(long, value_name = "input=FILE")]
    schema: Option<String>,
    /// Write the new file beside the old one, which stays: remove or move it, because the two define the same rules
    #[arg(long, conflicts_with = "json")]
    write: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(options: &Convert) -> anyhow::Result<Exit> {
    let path = &options.file;
    if path.extension().is_none_or(|extension| extension != "rego") {
        return Err(Usage(format!("`{}` is no `.rego` file", path.display())).into());
    }
    let text = fs::read_to_string(path).with_context(|| format!("could not read `{}`", path.display()))?;
    let wanted = ConvertOptions { schema: options.schema.as_deref().map(schema_file).transpose()? };
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let environment = hpol_stdlib::environment();
    let conversion = match convert(&name, &text, &wanted, &environment) {
        Ok(conversion) => conversion,
        Err((sources, findings)) => {
            anstream::eprint!("{}", diagnostic::render(&findings, &sources, terminal::stderr_color()));
            return Ok(Exit::Findings);
        }
    };
    let conversion = checked(conversion, path, &name)?;
    if options.json {
        print_json(&conversion)?;
    } else if options.write {
        write(path, &conversion)?;
    } else {
        print!("{}", conversion.text);
    }
    if !options.json {
        report(&conversion);
    }
    Ok(if conversion.is_complete() { Exit::Success } else { Exit::Findings })
}

/// The file in `input=FILE`.
fn schema_file(schema: &str) -> anyhow::Result<String> {
    match schema.split_once('=') {
        Some(("input", file)) if !file.is_empty() => Ok(file.to_owned()),
        _ => Err(Usage("--schema wants `input=FILE`, such as `input=order.schema.json`".to_owned()).into()),
    }
}

/// Checks the new file in the place of the old one, among the files around it.
fn checked(conversion: Conversion, path: &Path, name: &str) -> anyhow::Result<Conversion> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let new = name.replace(".rego", ".hpol");
    let around = policy::read(folder)?;
    let others = around.iter().filter(|(path, _)| ***path != *name && ***path != *new);
    let mut files: Vec<(String, Vec<u8>)> = others.map(|(path, bytes)| (path.to_string(), bytes.to_vec())).collect();
    files.push((new.clone(), conversion.text.clone().into_bytes()));
    let checked = hpol_runtime::check(&Files::from_memory(files));
    Ok(with_findings(conversion, &new, &checked))
}

fn write(path: &Path, conversion: &Conversion) -> anyhow::Result<()> {
    let new = path.with_extension("hpol");
    if new.exists() {
        return Err(Usage(format!("`{}` is there already; remove it first", new.display())).into());
    }
    fs::write(&new, &conversion.text).with_context(|| format!("could not write `{}`", new.display()))?;
    println!("{}", new.display());
    Ok(())
}

fn report(conversion: &Conversion) {
    for note in &conversion.notes {
        let kind = if note.left { terminal::yellow("left") } else { terminal::dim("note") };
        anstream::eprintln!("{kind} {}: {}", note.location, note.message);
    }
    let left = conversion.notes.iter().filter(|note| note.left).count();
    if left == 0 {
        anstream::eprintln!("{}", terminal::green("converted; it compiles"));
    } else {
        anstream::eprintln!("{}", terminal::bold(&format!("{} left to do", count(left, "thing"))));
    }
}
