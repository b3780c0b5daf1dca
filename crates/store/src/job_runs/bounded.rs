/// The beginning of a text that somebody else wrote, so that no row grows without limit.
///
/// PostgreSQL refuses text with a NUL in it, and with it the transaction that was to record the failure.
pub(super) fn bounded(text: &str, characters: usize) -> String {
    text.chars()
        .take(characters)
        .map(|c| if c == '\0' { char::REPLACEMENT_CHARACTER } else { c })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_cut_between_characters_and_has_no_nul() {
        assert_eq!(bounded("\u{1f600}\0\u{1f600}b", 3), "\u{1f600}\u{fffd}\u{1f600}");
        assert_eq!(bounded("", 3), "");
    }
}
