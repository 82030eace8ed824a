//! Long texts on a terminal go through a pager: `$PAGER`, else pager, less or more, whichever there is.
//!
//! An empty `$PAGER` means none. Where no pager starts, the text is printed as it is.

use std::io::{self, Write};
use std::process::{Command, Stdio};

/// Shows a text to whoever sits at the terminal. Errors: standard output is gone.
pub(crate) fn show(text: &str) -> io::Result<()> {
    let chosen = std::env::var("PAGER").ok();
    if chosen.as_deref() != Some("") && pagers(chosen).iter().any(|pager| page(pager, text)) {
        return Ok(());
    }
    print(text)
}

/// Prints a text. Errors: standard output is gone.
pub(crate) fn print(text: &str) -> io::Result<()> {
    let mut out = io::stdout();
    out.write_all(text.as_bytes())?;
    out.flush()
}

/// The pagers to try, in order.
fn pagers(chosen: Option<String>) -> Vec<String> {
    chosen.into_iter().chain(["pager", "less", "more"].map(str::to_owned)).collect()
}

/// Runs one. False when there is none of that name.
fn page(pager: &str, text: &str) -> bool {
    // Looked for by its first word, since the shell would say itself that it is not there.
    let Some(word) = pager.split_whitespace().next() else { return false };
    if !is_there(word) {
        return false;
    }
    let Ok(mut child) = Command::new("sh").args(["-c", pager]).stdin(Stdio::piped()).spawn() else {
        return false;
    };
    if let Some(mut input) = child.stdin.take() {
        // Whoever leaves the pager early has read enough.
        let _ = input.write_all(text.as_bytes());
    }
    // Its exit code says nothing about the text.
    let _ = child.wait();
    true
}

/// Whether a program of that name can be found.
fn is_there(word: &str) -> bool {
    let folders = std::env::var_os("PATH").unwrap_or_default();
    word.contains('/') && std::path::Path::new(word).is_file()
        || std::env::split_paths(&folders).any(|folder| folder.join(word).is_file())
}
