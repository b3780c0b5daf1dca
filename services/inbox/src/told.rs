//! The types of what people are told.

use proto_schemas::Event;

/// Refuses a type that nobody is ever told of, naming those that there are.
pub(crate) fn check_type(event_type: &str) -> Result<(), String> {
    if Event::TOLD_TYPE_NAMES.contains(&event_type) {
        return Ok(());
    }
    Err(format!(
        "{event_type:?} is no type of notification; there are {}",
        Event::TOLD_TYPE_NAMES.join(", ")
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_people_do_themselves_is_not_told_to_them() {
        check_type("lastcall.announcement.posted.v1").unwrap();
        for own in [
            "lastcall.notification.state.changed.v1",
            "lastcall.preferences.changed.v1",
        ] {
            assert!(
                check_type(own)
                    .unwrap_err()
                    .contains("lastcall.announcement.posted.v1")
            );
        }
    }
}
