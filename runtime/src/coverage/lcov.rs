//! The tracefile format of LCOV, which CI servers and editors read.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::{ConditionKind, Coverage, FileCoverage};

pub(super) fn render(coverage: &Coverage) -> String {
    let mut out = String::new();
    for file in &coverage.files {
        // Writing to a string does not fail.
        let _ = render_file(file, &mut out);
    }
    out
}

fn render_file(file: &FileCoverage, out: &mut String) -> std::fmt::Result {
    writeln!(out, "TN:\nSF:{}", file.path)?;
    let (mut branches, mut branches_hit) = (0, 0);
    let mut lines: BTreeMap<u32, u64> = BTreeMap::new();
    for (block, condition) in file.conditions.iter().enumerate() {
        let line = condition.location.line;
        let reached = lines.entry(line).or_default();
        *reached = condition.reached.max(*reached);
        let taken: &[u64] = match condition.kind {
            ConditionKind::Test => &[condition.met, condition.not_met],
            ConditionKind::Binding => &[condition.met],
            ConditionKind::Rule => &[],
        };
        for (branch, taken) in taken.iter().enumerate() {
            branches += 1;
            branches_hit += u32::from(*taken > 0);
            // A branch of what was never reached is not a branch that was not taken.
            let taken = if condition.reached == 0 { "-".to_owned() } else { taken.to_string() };
            writeln!(out, "BRDA:{line},{block},{branch},{taken}")?;
        }
    }
    writeln!(out, "BRF:{branches}\nBRH:{branches_hit}")?;
    for (line, reached) in &lines {
        writeln!(out, "DA:{line},{reached}")?;
    }
    let lines_hit = lines.values().filter(|reached| **reached > 0).count();
    writeln!(out, "LF:{}\nLH:{lines_hit}\nend_of_record", lines.len())
}
