//! The example policy for SQL statements: regexes, approvals, masks.

use std::borrow::Cow;
use std::collections::HashSet;

use aho_corasick::AhoCorasick;
use fastrand::Rng;
use regex::Regex;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Earlier, Policy, Rego, has, list, pick, text, truth};
use crate::answer::{Answer, Effect};

const TABLES: &str = include_str!("../../../policies-examples/sql_guard/tables.json");

/// The policy.
#[derive(Debug)]
pub(super) struct SqlGuard {
    readable: HashSet<String>,
    secret_columns: Vec<String>,
    secrets: AhoCorasick,
    comments: Regex,
    files: Regex,
}

/// The document beside the policy.
#[derive(Debug, Deserialize)]
struct Tables {
    readable: HashSet<String>,
    secret_columns: Vec<String>,
}

/// The fields that are looked at.
#[derive(Debug, Deserialize)]
pub(super) struct Statement {
    groups: Vec<String>,
    environment: String,
    parsed: bool,
    kind: Option<String>,
    text: String,
    tables: Vec<String>,
    has_where: bool,
}

/// What both forms look at.
struct Facts<'r> {
    dba: bool,
    production: bool,
    parsed: bool,
    kind: &'r str,
    text: &'r str,
    has_where: bool,
}

impl SqlGuard {
    pub(super) fn new() -> Self {
        Self::load().unwrap_or_else(|error| panic!("the policy can't be made: {error}"))
    }

    fn load() -> Result<Self, Box<dyn std::error::Error>> {
        let Tables { readable, secret_columns } = serde_json::from_str(TABLES)?;
        Ok(Self {
            readable,
            secrets: AhoCorasick::builder().ascii_case_insensitive(true).build(&secret_columns)?,
            secret_columns,
            comments: Regex::new(r"/\*!|--\s*$")?,
            files: Regex::new(r"(?i)\b(pg_read_file|lo_import|load_file|into\s+(out|dump)file)\b")?,
        })
    }

    fn decide(&self, facts: &Facts<'_>, readable: impl FnOnce() -> bool) -> Answer {
        let mut reasons: Vec<Cow<'static, str>> = Vec::new();
        if !facts.parsed {
            reasons.push("the statement could not be taken apart".into());
        }
        if matches!(facts.kind, "update" | "delete") && !facts.has_where {
            reasons.push(format!("{} without WHERE changes every row", facts.kind).into());
        }
        for found in self.secrets.find_iter(facts.text) {
            let reason = format!("{} is never read", self.secret_columns[found.pattern()]);
            if !reasons.iter().any(|known| *known == reason) {
                reasons.push(reason.into());
            }
        }
        if self.comments.is_match(facts.text) {
            reasons.push("comment tricks".into());
        }
        if self.files.is_match(facts.text) {
            reasons.push("server files".into());
        }
        if !reasons.is_empty() || !(facts.dba || (facts.kind == "select" && readable())) {
            return Answer::deny(reasons);
        }
        let approve = facts.production && matches!(facts.kind, "insert" | "update" | "delete" | "ddl");
        let mut notes: Vec<Cow<'static, str>> = Vec::with_capacity(2);
        notes.push("cards".into());
        if approve {
            notes.push("production writes".into());
        }
        if !facts.dba {
            notes.push("e-mail".into());
        }
        Answer { effect: if approve { Effect::Approve } else { Effect::Mask }, notes }
    }
}

fn draw(random: &mut Rng, at: usize) -> Value {
    let mut statement = json!({
        "user": format!("user-{}", random.u32(..100)),
        "groups": if at.is_multiple_of(3) { ["staff", "dba"] } else { ["staff", "analysts"] },
        "environment": pick(random, &["dev", "staging", "prod"]),
        "parsed": true,
        "kind": "select",
        "text": format!("SELECT id, total, created_at FROM app.orders WHERE customer_id = {} ORDER BY created_at DESC LIMIT 100", random.u32(..100_000)),
        "tables": ["app.orders", "app.products"],
        "has_where": true,
    });
    match at % 16 {
        6 => (statement["kind"], statement["has_where"]) = (json!("delete"), json!(false)),
        7 => statement["text"] = json!("SELECT id, password_hash FROM app.orders"),
        9 | 12 => {
            (statement["kind"], statement["environment"]) = (json!("update"), json!("prod"));
            statement["text"] = json!("UPDATE app.orders SET paid = true WHERE id = 17");
        }
        10 => statement["tables"] = json!(["app.orders", "hr.salaries"]),
        11 => statement["text"] = json!("SELECT /*!50000 1 */ FROM app.orders"),
        13 => statement["text"] = json!("SELECT pg_read_file('/etc/passwd') FROM app.orders"),
        14 => (statement["parsed"], statement["kind"]) = (json!(false), json!("other")),
        _ => {}
    }
    statement
}

impl Policy for SqlGuard {
    type Request = Statement;

    fn name(&self) -> String {
        "sql_guard".to_owned()
    }

    fn title(&self) -> String {
        "SQL statements: regexes, approvals, masks".to_owned()
    }

    fn kind(&self) -> &'static str {
        "SqlStatement"
    }

    fn hpol(&self) -> Vec<(String, String)> {
        let file = |name: &str, text: &str| (format!("sql_guard/{name}"), text.to_owned());
        vec![
            file("policy.hpol", include_str!("../../../policies-examples/sql_guard/policy.hpol")),
            file("tables.json", TABLES),
            file("tables.schema.json", include_str!("../../../policies-examples/sql_guard/tables.schema.json")),
        ]
    }

    fn rego(&self) -> Option<Rego> {
        let tables: Value = serde_json::from_str(TABLES).unwrap_or_default();
        Some(Rego { module: include_str!("sql_guard/policy.rego").to_owned(), data: json!({"tables": tables}) })
    }

    fn requests(&self, random: &mut Rng) -> Vec<Value> {
        (0..16).map(|at| draw(random, at)).collect()
    }

    fn further_requests(&self, random: &mut Rng) -> Vec<Value> {
        (16..80).map(|at| draw(random, at)).collect()
    }

    fn typed(&self, statement: &Statement, _: &Earlier) -> Answer {
        let facts = Facts {
            dba: statement.groups.iter().any(|group| group == "dba"),
            production: statement.environment == "prod",
            parsed: statement.parsed,
            kind: statement.kind.as_deref().unwrap_or_default(),
            text: &statement.text,
            has_where: statement.has_where,
        };
        let tables = &statement.tables;
        self.decide(&facts, || !tables.is_empty() && tables.iter().all(|table| self.readable.contains(table)))
    }

    fn untyped(&self, statement: &Value, _: &Earlier) -> Answer {
        let facts = Facts {
            dba: has(statement, "groups", "dba"),
            production: text(statement, "environment") == "prod",
            parsed: truth(statement, "parsed"),
            kind: text(statement, "kind"),
            text: text(statement, "text"),
            has_where: truth(statement, "has_where"),
        };
        let tables = list(statement, "tables");
        let readable = |table: &Value| table.as_str().is_some_and(|table| self.readable.contains(table));
        self.decide(&facts, || !tables.is_empty() && tables.iter().all(readable))
    }
}
