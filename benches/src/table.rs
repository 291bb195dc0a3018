//! Tables as they are printed: names to the left, figures to the right.

use std::fmt;

/// A table with a heading over each column.
#[derive(Debug, Default)]
pub struct Table {
    rows: Vec<Vec<String>>,
}

impl Table {
    /// A table with these headings.
    pub fn new<S: Into<String>>(headings: impl IntoIterator<Item = S>) -> Self {
        Self { rows: vec![headings.into_iter().map(Into::into).collect()] }
    }

    /// One more row.
    pub fn row<S: Into<String>>(&mut self, cells: impl IntoIterator<Item = S>) {
        self.rows.push(cells.into_iter().map(Into::into).collect());
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let columns = self.rows.iter().map(Vec::len).max().unwrap_or(0);
        let wide =
            |column: usize| self.rows.iter().filter_map(move |row| row.get(column)).map(|cell| cell.chars().count());
        let widths: Vec<usize> = (0..columns).map(|column| wide(column).max().unwrap_or(0)).collect();
        for row in &self.rows {
            let mut line = String::new();
            for (column, (cell, width)) in row.iter().zip(&widths).enumerate() {
                match column {
                    0 => line.push_str(&format!("{cell:<width$}")),
                    _ => line.push_str(&format!("  {cell:>width$}")),
                }
            }
            writeln!(f, "{}", line.trim_end())?;
        }
        Ok(())
    }
}

/// A figure of nanoseconds or a count, with its thousands apart.
pub fn whole(figure: f64) -> String {
    if figure.is_nan() {
        return "–".to_owned();
    }
    let digits = format!("{figure:.0}");
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A ratio, with as many digits as tell something.
pub fn ratio(figure: f64) -> String {
    match figure {
        _ if figure.is_nan() => "–".to_owned(),
        _ if figure < 10.0 => format!("{figure:.2}×"),
        _ => format!("{}×", whole(figure)),
    }
}

/// Bytes in a unit that people read.
pub fn bytes(figure: f64) -> String {
    match figure {
        _ if figure >= 1e6 => format!("{:.1} MB", figure / 1e6),
        _ if figure >= 1e3 => format!("{:.1} KB", figure / 1e3),
        _ => format!("{figure:.0} B"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_read_well() {
        assert_eq!([whole(7.4), whole(1234.0), whole(1_234_567.0)], ["7", "1,234", "1,234,567"]);
        assert_eq!([ratio(1.234), ratio(25.0), ratio(f64::NAN)], ["1.23×", "25×", "–"]);
        assert_eq!([bytes(12.0), bytes(1_200.0), bytes(3_400_000.0)], ["12 B", "1.2 KB", "3.4 MB"]);
    }

    #[test]
    fn columns_stand_in_line() {
        let mut table = Table::new(["policy", "ns"]);
        table.row(["a", "1,000"]);
        assert_eq!(table.to_string(), "policy     ns\na       1,000\n");
    }
}
