//! The nearest of some names, for "did you mean".

/// The candidate that is nearest to `name` if one is near enough to be a slip; the first in order of the text among equals.
///
/// ```
/// assert_eq!(hpol_lang::nearest("cuont", ["count", "sum"]), Some("count"));
/// ```
pub fn nearest<'n>(name: &str, candidates: impl IntoIterator<Item = &'n str>) -> Option<&'n str> {
    const LENGTH_MAX: usize = 64;
    const CANDIDATES_MAX: usize = 5_000;
    if name.chars().count() > LENGTH_MAX {
        return None;
    }
    let allowed = match name.chars().count() {
        0..=3 => 1,
        4..=7 => 2,
        _ => 3,
    };
    candidates
        .into_iter()
        .take(CANDIDATES_MAX)
        .filter(|candidate| candidate.len().abs_diff(name.len()) <= allowed && *candidate != name)
        .map(|candidate| (distance(&name.to_lowercase(), &candidate.to_lowercase()), candidate))
        .filter(|(distance, candidate)| *distance <= allowed && *distance < candidate.chars().count())
        .min_by(|a, b| (a.0, a.1).cmp(&(b.0, b.1)))
        .map(|(_, candidate)| candidate)
}

/// Edits between two words, where two exchanged neighbours count as one.
fn distance(left: &str, right: &str) -> usize {
    let (left, right): (Vec<char>, Vec<char>) = (left.chars().collect(), right.chars().collect());
    let mut before: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=right.len()).collect();
    for (row, a) in left.iter().enumerate() {
        let mut current = vec![row + 1];
        for (column, b) in right.iter().enumerate() {
            let mut cost = (last[column] + usize::from(a != b)).min(last[column + 1] + 1).min(current[column] + 1);
            if row > 0 && column > 0 && *a == right[column - 1] && left[row - 1] == *b {
                cost = cost.min(before[column - 1] + 1);
            }
            current.push(cost);
        }
        before = std::mem::replace(&mut last, current);
    }
    last.last().copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slips_are_found_and_other_words_are_not() {
        let names = ["groups", "email", "sub", "allowed"];
        assert_eq!(nearest("group", names), Some("groups"));
        assert_eq!(nearest("emial", names), Some("email"));
        assert_eq!(nearest("Sub", names), Some("sub"));
        assert_eq!(nearest("department", names), None);
        assert_eq!(nearest("x", ["y"]), None);
    }
}
