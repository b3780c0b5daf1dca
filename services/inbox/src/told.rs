//! The types of what people are told.

use proto_schemas::Event;

/// What people do themselves.
const OWN_DOING: [&str; 2] = [
    "lastcall.notification.state.changed.v1",
    "lastcall.preferences.changed.v1",
];

/// Refuses a type that nobody is ever told of, naming those that there are.
pub(crate) fn check_type(event_type: &str) -> Result<(), String> {
    if told_types().any(|known| known == event_type) {
        return Ok(());
    }
    let known: Vec<&str> = told_types().collect();
    Err(format!(
        "{event_type:?} is no type of notification; there are {}",
        known.join(", ")
    ))
}

fn told_types() -> impl Iterator<Item = &'static str> {
    let types = Event::TYPE_NAMES.iter().copied();
    types.filter(|name| !OWN_DOING.contains(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_people_do_themselves_is_not_told_to_them() {
        assert_eq!(told_types().count() + OWN_DOING.len(), Event::TYPE_NAMES.len());
        check_type("lastcall.announcement.posted.v1").unwrap();
        for own in OWN_DOING {
            assert!(
                check_type(own)
                    .unwrap_err()
                    .contains("lastcall.announcement.posted.v1")
            );
        }
    }
}
