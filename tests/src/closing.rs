//! Reads the closing statistics that SIPp and our sipp print.

/// The cumulative count of a row such as `Successful call`; `None` when there is no such row.
///
/// `text`: standard output; rows look like `  Successful call        |        0 |        7 `. The last counts.
pub fn cumulative(text: &str, row: &str) -> Option<u64> {
    text.lines().rev().find_map(|line| {
        let mut columns = line.split('|').map(str::trim);
        (columns.next() == Some(row)).then(|| columns.nth(1).and_then(|count| count.parse().ok())).flatten()
    })
}

#[cfg(test)]
mod tests {
    use super::cumulative;

    #[test]
    fn takes_the_cumulative_column_of_the_last_row() {
        let text = "  Successful call        |        1                  |        3                 \n\
                    -----\n  Successful call        |        0                  |       14                 \n";
        assert_eq!(cumulative(text, "Successful call"), Some(14));
        assert_eq!(cumulative(text, "Failed call"), None);
    }
}
