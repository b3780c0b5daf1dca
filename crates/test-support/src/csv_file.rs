//! Files to import.

use std::fmt::Write as _;
use std::path::Path;

/// Writes rows as [RFC 4180](https://www.rfc-editor.org/rfc/rfc4180) has it, the names of the columns first.
///
/// # Panics
///
/// When the file cannot be written.
pub fn write(path: &Path, columns: &[&str], rows: impl IntoIterator<Item = Vec<String>>) {
    let mut text = columns.join(",");
    for row in rows {
        let fields: Vec<String> = row.iter().map(|field| quoted(field)).collect();
        write!(text, "\r\n{}", fields.join(",")).expect("a String can be written");
    }
    std::fs::write(path, text + "\r\n").expect("the file can be written");
}

fn quoted(field: &str) -> String {
    format!("\"{}\"", field.replace('"', "\"\""))
}
