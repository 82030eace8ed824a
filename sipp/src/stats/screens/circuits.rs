//! The screen of the circuits of `-tdmmap`: one letter for each, and how many calls have.

use crate::stats::snapshot::Circuits;

/// The lines; a note without `-tdmmap`.
pub(super) fn lines(circuits: Option<&Circuits>) -> Vec<String> {
    let Some(Circuits { per_line, in_use }) = circuits else {
        return vec!["  Nothing to show: there is no -tdmmap.".into()];
    };
    let mut lines = vec!["TDM Circuits in use:".to_owned()];
    let letter = |in_use: &bool| if *in_use { '*' } else { '.' };
    lines.extend(in_use.chunks((*per_line).max(1)).map(|line| line.iter().map(letter).collect()));
    let (all, used) = (in_use.len(), in_use.iter().filter(|in_use| **in_use).count());
    lines.push(String::new());
    lines.push(format!("{used}/{all} circuits ({}%) in use", used * 100 / all.max(1)));
    lines
}

#[cfg(test)]
mod tests {
    use super::{Circuits, lines};

    /// Measured on SIPp 3.6.1 with `-tdmmap {1-2}{7}{5-6}{1-3}`.
    #[test]
    fn circuits_stand_in_lines_with_their_sum() {
        let in_use = (0..12).map(|place| place != 5).collect();
        let shown = lines(Some(&Circuits { per_line: 3, in_use }));
        let expected =
            ["TDM Circuits in use:", "***", "**.", "***", "***", "", "11/12 circuits (91%) in use"];
        assert_eq!(shown, expected);
    }
}
