//! What all these programs do alike: they are called with the URL of a stream and a token, and print a line of JSON for each
//! event that their library gives them.

use std::io::Write as _;

/// The URL and the token.
pub fn arguments() -> (String, String) {
    let mut arguments = std::env::args().skip(1);
    let next = arguments.next().zip(arguments.next());
    next.expect("called with a URL and a token")
}

/// Prints an event.
pub fn print(id: &str, kind: &str, data: &str) {
    let line = serde_json::json!({ "id": id, "type": kind, "data": data });
    let mut out = std::io::stdout().lock();
    // Whoever read it is gone, and so is the reason to go on.
    if writeln!(out, "{line}").and_then(|()| out.flush()).is_err() {
        std::process::exit(1);
    }
}
