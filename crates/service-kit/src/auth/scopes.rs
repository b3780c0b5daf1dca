use std::sync::Arc;

use serde_json::Value;

/// What a token allows besides what is its user's own: the words of its `scope`
/// ([RFC 8693 §4.2](https://www.rfc-editor.org/rfc/rfc8693#section-4.2)).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Scopes(Arc<[String]>);

impl Scopes {
    /// Those of a claim. One in another form than a text with spaces allows nothing: some issuers use the name for
    /// something of theirs, and their tokens are good for all else.
    pub(super) fn of(claim: Option<&Value>) -> Self {
        let text = claim.and_then(Value::as_str).unwrap_or_default();
        Self(
            text.split(' ')
                .filter(|scope| !scope.is_empty())
                .map(str::to_owned)
                .collect(),
        )
    }

    /// Whether this one is among them, letter by letter.
    pub fn allow(&self, scope: &str) -> bool {
        self.0.iter().any(|allowed| allowed == scope)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn scopes_are_words_and_nothing_else_is_one() {
        let scopes = Scopes::of(Some(&json!("announcements:write  other")));
        assert!(scopes.allow("announcements:write") && scopes.allow("other"));
        for other in ["", " ", "announcements", "Other", "announcements:write  other"] {
            assert!(!scopes.allow(other), "{other:?}");
        }
        for none in [
            None,
            Some(json!(null)),
            Some(json!(["other"])),
            Some(json!(7)),
            Some(json!("")),
        ] {
            assert_eq!(Scopes::of(none.as_ref()), Scopes::default(), "{none:?}");
        }
    }
}
