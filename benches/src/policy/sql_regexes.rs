//! A guard for SQL text: ten regexes that refuse, and a set of tables that may be used.

use std::borrow::Cow;
use std::collections::HashSet;

use fastrand::Rng;
use regex::RegexSet;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Cel, Earlier, Policy, Rego, list, pick, text};
use crate::answer::Answer;

/// What is refused, and how it is called.
const REFUSED: [(&str, &str); 10] = [
    ("dropping", r"(?i)\bdrop\s+(table|schema|database)\b"),
    ("truncation", r"(?i)\btruncate\s+table\b"),
    ("grants", r"(?i)\b(grant|revoke)\s+\w+\s+on\b"),
    ("server files", r"(?i)\b(pg_read_file|lo_import|load_file)\s*\("),
    ("writing files", r"(?i)\binto\s+(outfile|dumpfile)\b"),
    ("conditional comment", r"/\*![0-9]*"),
    ("always true", r"(?i)\bor\s+1\s*=\s*1\b"),
    ("sleeping", r"(?i)\b(pg_sleep|sleep|benchmark)\s*\("),
    ("union with nothing", r"(?i)\bunion\s+(all\s+)?select\s+null\b"),
    ("catalogue", r"(?i)\b(information_schema|pg_catalog)\."),
];

const EXAMPLES: [&str; 10] = [
    "DROP TABLE orders",
    "truncate table orders",
    "GRANT SELECT ON orders TO eve",
    "SELECT pg_read_file('/etc/passwd')",
    "SELECT 1 INTO OUTFILE '/tmp/x'",
    "SELECT /*!50000 1 */ 1",
    "SELECT id FROM orders WHERE id = 7 OR 1 = 1",
    "SELECT pg_sleep(10)",
    "SELECT id FROM orders UNION ALL SELECT NULL",
    "SELECT * FROM pg_catalog.pg_user",
];

/// Tables that may be used.
const TABLES: usize = 200;

/// The policy.
#[derive(Debug)]
pub(super) struct SqlRegexes {
    refused: RegexSet,
    tables: HashSet<String>,
}

/// The fields that are looked at.
#[derive(Debug, Deserialize)]
pub(super) struct Statement {
    text: String,
    tables: Vec<String>,
}

fn table(at: usize) -> String {
    format!("app.table_{at}")
}

impl SqlRegexes {
    pub(super) fn new() -> Self {
        let refused = RegexSet::new(REFUSED.map(|(_, pattern)| pattern));
        let refused = refused.unwrap_or_else(|error| panic!("a pattern of the policy is none: {error}"));
        Self { refused, tables: (0..TABLES).map(table).collect() }
    }

    fn reasons(&self, statement: &str) -> Vec<Cow<'static, str>> {
        let matches = self.refused.matches(statement);
        matches.iter().map(|at| Cow::Borrowed(REFUSED[at].0)).collect()
    }
}

fn draw(random: &mut Rng, spoil: Option<usize>) -> Value {
    let (one, other) = (table(random.usize(..TABLES)), table(random.usize(..TABLES)));
    let (statement, tables) = match spoil {
        Some(at) if at < EXAMPLES.len() => (EXAMPLES[at].to_owned(), vec![one]),
        Some(_) => ("SELECT name FROM hr.salaries".to_owned(), vec![one, "hr.salaries".to_owned()]),
        None => {
            let column = pick(random, &["id", "total", "created_at", "customer_id"]);
            let text = format!(
                "SELECT a.{column}, count(*) FROM {one} AS a JOIN {other} AS b ON a.id = b.id WHERE a.{column} > {} GROUP BY 1 ORDER BY 2 DESC LIMIT 50",
                random.u32(..10_000)
            );
            (text, vec![one, other])
        }
    };
    json!({"user": format!("user-{}", random.u32(..100)), "text": statement, "tables": tables})
}

impl Policy for SqlRegexes {
    type Request = Statement;

    fn name(&self) -> String {
        "sql_regexes".to_owned()
    }

    fn title(&self) -> String {
        "SQL text: ten regexes, table set".to_owned()
    }

    fn kind(&self) -> &'static str {
        "Statement"
    }

    fn hpol(&self) -> Vec<(String, String)> {
        let mut policy = "package bench.policy\n\ninput: Statement\n\ntype Statement = {user: string, text: string, tables: array[string]}\n\n".to_owned();
        let tables: Vec<String> = (0..TABLES).map(|at| format!("  \"{}\"", table(at))).collect();
        policy.push_str(&format!("tables := {{\n{},\n}}\n\n", tables.join(",\n")));
        policy.push_str("allow \"known tables\" if every table in input.tables { table in tables }\n");
        for (id, pattern) in REFUSED {
            policy.push_str(&format!("\ndeny \"{id}\" if regex.match(`{pattern}`, input.text)\n"));
        }
        vec![("bench/policy.hpol".to_owned(), policy)]
    }

    fn rego(&self) -> Option<Rego> {
        let tables: Vec<String> = (0..TABLES).map(|at| format!("\"{}\"", table(at))).collect();
        let mut module = format!("package peer\n\ntables := {{{}}}\n", tables.join(", "));
        for (id, pattern) in REFUSED {
            module.push_str(&format!("\ndeny contains \"{id}\" if regex.match(`{pattern}`, input.text)\n"));
        }
        module.push_str(include_str!("sql_regexes/answer.rego"));
        Some(Rego { module, data: json!({}) })
    }

    fn cel(&self) -> Option<Cel> {
        let deny = REFUSED.iter().map(|(_, pattern)| format!("input.text.matches(r'{pattern}')")).collect();
        let allow = vec!["input.tables.all(table, table in data.tables)".to_owned()];
        let tables: Vec<(String, Value)> = (0..TABLES).map(|at| (table(at), json!(true))).collect();
        Some(Cel { allow, deny, data: json!({"tables": Value::Object(tables.into_iter().collect())}) })
    }

    fn requests(&self, random: &mut Rng) -> Vec<Value> {
        (0..16).map(|at| draw(random, (at % 4 == 3).then_some(at % 11))).collect()
    }

    fn further_requests(&self, random: &mut Rng) -> Vec<Value> {
        (0..11).map(|spoil| draw(random, Some(spoil))).collect()
    }

    fn typed(&self, statement: &Statement, _: &Earlier) -> Answer {
        let known = statement.tables.iter().all(|table| self.tables.contains(table.as_str()));
        Answer::unless(self.reasons(&statement.text), known)
    }

    fn untyped(&self, statement: &Value, _: &Earlier) -> Answer {
        let known = |table: &Value| table.as_str().is_some_and(|table| self.tables.contains(table));
        Answer::unless(self.reasons(text(statement, "text")), list(statement, "tables").iter().all(known))
    }
}
