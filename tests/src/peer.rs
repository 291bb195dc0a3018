//! Regorus, another engine for Rego: what both define must come out alike.
//!
//! Where it does not, [`not_asked`] and [`known_difference`] say why; a difference that they do not explain is a finding.

use std::panic::{AssertUnwindSafe, catch_unwind};

use hpol_lang::typed::{Rule, RuleKind};
use hpol_lang::value::{JsonLimits, Value, parse_json};
use regorus::Value as Theirs;

/// What regorus says to a question: a value, nothing, or that it fails.
pub type Answer = Result<Option<Value>, String>;

/// A policy in regorus.
#[derive(Debug)]
pub struct Peer {
    engine: regorus::Engine,
}

impl Peer {
    /// Loads a module.
    ///
    /// # Errors
    ///
    /// What regorus says against it.
    pub fn load(text: &str) -> Result<Self, String> {
        let mut engine = regorus::Engine::new();
        engine.set_strict_builtin_errors(false);
        engine.add_policy("made.rego".to_owned(), text.to_owned()).map_err(|error| error.to_string())?;
        Ok(Self { engine })
    }

    /// The value of a rule such as `data.made.r0`.
    pub fn query(&self, path: &str, input: &Value) -> Answer {
        // A clone, because an engine keeps what it evaluated before the input changed.
        let mut engine = self.engine.clone();
        engine.set_input_json(&input.to_json()).map_err(|error| error.to_string())?;
        let evaluated = catch_unwind(AssertUnwindSafe(|| engine.eval_rule(path.to_owned())));
        let value = evaluated.map_err(|_| "panicked".to_owned())?.map_err(|error| error.to_string())?;
        ours(&value)
    }
}

/// The value in our form.
fn ours(value: &Theirs) -> Answer {
    let all = |values: &mut dyn Iterator<Item = &Theirs>| values.map(defined).collect::<Result<Vec<Value>, String>>();
    Ok(Some(match value {
        Theirs::Undefined => return Ok(None),
        Theirs::Null => Value::Null,
        Theirs::Bool(truth) => Value::Bool(*truth),
        Theirs::String(text) => Value::from(&**text),
        Theirs::Number(number) => {
            let text = number.format_decimal();
            parse_json(&text, JsonLimits::default()).map_err(|error| format!("{text}: {error}"))?
        }
        Theirs::Array(items) => Value::array(all(&mut items.iter())?),
        Theirs::Set(items) => Value::set(all(&mut items.iter())?),
        Theirs::Object(entries) => {
            let entries = entries.iter().map(|(key, value)| Ok((defined(key)?, defined(value)?)));
            Value::object(entries.collect::<Result<Vec<_>, String>>()?)
        }
    }))
}

fn defined(value: &Theirs) -> Result<Value, String> {
    ours(value)?.ok_or_else(|| "a value has a part that is undefined".to_owned())
}

/// What regorus is not asked, with the reason.
const NOT_ASKED: &[(&str, &str)] = &[
    ("numbers.range", "it makes room for the whole range before it looks at any limit, and ends the process"),
    ("indexof", "it finds the empty text, or panics, where OPA refuses it"),
    ("time.", "it takes fractions, and times that are too large for the last one"),
    ("substring", "it takes a fraction for a length"),
    ("to_number", "a set or an object loses what its definition found before the value is undefined in one way"),
    ("sprintf", "it fails where Go writes what is wrong into the text"),
    (
        "bits.",
        "what a division gives may be whole with floating point and not exactly; shifts by more than 63 are refused",
    ),
];

/// What regorus may fail with where there is a value, with the reason.
const THEIR_ERRORS: &[(&str, &str)] = &[
    ("could not find function", "it lacks some builtins, and operators can't be called by their names"),
    ("not a valid rule path", "it can't be asked for a rule whose path has a key that is no name"),
    ("panicked", "it panics"),
    ("expects numeric argument", "an operand of the wrong type ends its evaluation, which OPA goes on from"),
    ("not an object", "an object whose values are undefined in one of several ways is none"),
    (
        "incompatible destructuring patterns",
        "it takes `[x, y] = [v, 2]` for impossible where `v` is bound by an `every` around it",
    ),
];

/// Whether two values are the same, but for what is lost where regorus computes with floating-point numbers and hpol exactly.
pub fn alike(ours: &Value, theirs: &Value) -> bool {
    match (ours, theirs) {
        (Value::Number(ours), Value::Number(theirs)) => {
            let (ours, theirs) = (ours.to_f64(), theirs.to_f64());
            ours == theirs || (ours - theirs).abs() <= ours.abs() * 1e-12
        }
        (Value::Array(ours), Value::Array(theirs)) => all_alike(ours.iter(), theirs.iter()),
        (Value::Set(ours), Value::Set(theirs)) => all_alike(ours.iter(), theirs.iter()),
        (Value::Object(ours), Value::Object(theirs)) => {
            all_alike(ours.keys(), theirs.keys()) && all_alike(ours.values(), theirs.values())
        }
        (ours, theirs) => ours == theirs,
    }
}

fn all_alike<'v>(
    ours: impl ExactSizeIterator<Item = &'v Value>,
    theirs: impl ExactSizeIterator<Item = &'v Value>,
) -> bool {
    ours.len() == theirs.len() && ours.zip(theirs).all(|(ours, theirs)| alike(ours, theirs))
}

/// Collections that are always there.
const COLLECTIONS: [&str; 4] = ["input.c {", "[1, 2] {", "{1, 2} {", "{7, 3} {"];

/// Why regorus is not asked about a program, if it is not.
pub fn not_asked(text: &str) -> Option<&'static str> {
    let mut every = text.split("every ").skip(1).filter_map(|rest| rest.split_once(" in "));
    if every.any(|(_, collection)| !COLLECTIONS.iter().any(|known| collection.starts_with(known))) {
        return Some("an `every` over what is undefined holds there");
    }
    let mut patterns = text.split("some {\"n\": ").skip(1).filter_map(|rest| rest.split_once('}'));
    if patterns.any(|(variables, _)| !variables.contains(',')) {
        return Some("an object's pattern matches objects with more keys there");
    }
    NOT_ASKED.iter().find(|(word, _)| text.contains(word)).map(|(_, reason)| *reason)
}

/// Why the answers to a rule may differ, if they may.
pub fn known_difference(rule: &Rule, ours: &Answer, theirs: &Answer) -> Option<&'static str> {
    // All defaults of made-up programs are 0.
    let without = rule.default.as_ref().map(|_| Value::from(0));
    let message = match (ours, theirs) {
        (Ok(Some(_)), Ok(value)) if rule.kind == RuleKind::Complete && *value == without => {
            return Some("where a definition holds in several ways it drops all if the value is undefined in one");
        }
        (_, Ok(_)) => return None,
        (_, Err(message)) => message,
    };
    if let Ok(Some(Value::Number(number))) = ours
        && number.as_i64().is_none()
        && message.contains("must not produce multiple outputs")
    {
        return Some("a number that leaves 64 bits is not the same as itself there");
    }
    THEIR_ERRORS.iter().find(|(word, _)| message.contains(word)).map(|(_, reason)| *reason)
}
