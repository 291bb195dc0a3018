//! For people.

use std::fmt;

use super::{Coverage, Share};

/// Of a condition's text; more does not fit a line.
const CHARACTERS_MAX: usize = 80;

impl fmt::Display for Coverage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "coverage: {}", self.total)?;
        for file in &self.files {
            write!(f, "\n  {}: {}", file.path, file.share)?;
            for condition in &file.conditions {
                let Some(missing) = condition.missing else { continue };
                let (location, text) = (&condition.location, short(&condition.text));
                write!(f, "\n    {location}: {}: {text}", missing.words())?;
            }
        }
        Ok(())
    }
}

impl fmt::Display for Share {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Rounded down, so that 100.0% means all of them.
        let percent = (self.percent * 10.0).floor() / 10.0;
        write!(f, "{percent:.1}% ({} of {} conditions)", self.covered, self.conditions)
    }
}

fn short(text: &str) -> String {
    if text.chars().count() <= CHARACTERS_MAX {
        return text.to_owned();
    }
    text.chars().take(CHARACTERS_MAX).chain("…".chars()).collect()
}
