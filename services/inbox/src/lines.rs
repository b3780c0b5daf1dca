//! Lines of text that stand in events.

/// A line that is shown to people and stands in events: control characters would break lines there, and take six bytes
/// each in JSON, so that an event of some hundreds of them would be more than the log takes.
pub(crate) fn line(text: String, most: usize) -> Result<String, String> {
    if text.trim().is_empty() {
        return Err("is blank".to_owned());
    }
    if text.len() > most {
        return Err(format!("has {} bytes; {most} is the most", text.len()));
    }
    if text.chars().any(char::is_control) {
        return Err("has a line break or another control character in it".to_owned());
    }
    Ok(text)
}
