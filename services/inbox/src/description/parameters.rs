//! Headers that several routes read, each with what it means there, and a path that two have.

use domain::catalogue::MAX_ID_BYTES;
use utoipa::IntoParams;
use utoipa::openapi::Required;
use utoipa::openapi::path::{Parameter, ParameterBuilder, ParameterIn};
use utoipa::openapi::schema::{Object, SchemaType, Type};

use crate::idempotency;

macro_rules! parameters {
    ($($(#[$doc:meta])* $name:ident = [$($parameter:expr),+];)+) => {
        $(
            $(#[$doc])*
            pub(crate) struct $name;

            impl IntoParams for $name {
                fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
                    vec![$($parameter),+]
                }
            }
        )+
    };
}

parameters! {
    /// Of routes whose answers are not sent to who has them.
    IfNoneMatch = [header("if-none-match", "The ETag of an answer that the client has.", text())];

    /// Of changes of states.
    StateHeaders = [idempotency_key(
        "A name of the client's for this change. Sent again with it, the same request changes nothing and is answered the same, also when the change was undone since, for as long as the log recognises repetitions."
    )];

    /// Of announcements.
    AnnouncementHeaders = [idempotency_key(
        "A name of the client's for this request, to be sent again with. It does not count where the announcement has an id."
    )];

    /// Of changes of all preferences.
    PreferencesHeaders = [
        if_match(
            "The ETag of the preferences that are to be replaced; with other ones nothing is changed."
        ),
        key_of_change()
    ];

    /// Of changes of what is wanted of one funding.
    MutingParameters = [
        funding_id(),
        if_match(
            "The ETag of the preferences that are to be changed; with other ones nothing is changed."
        ),
        key_of_change()
    ];
}

fn key_of_change() -> Parameter {
    idempotency_key("A name of the client's for this change, to be sent again with.")
}

fn idempotency_key(description: &str) -> Parameter {
    let schema = bounded(text(), idempotency::MAX_BYTES);
    header(idempotency::HEADER, description, schema)
}

fn if_match(description: &str) -> Parameter {
    header("if-match", description, text())
}

fn funding_id() -> Parameter {
    ParameterBuilder::new()
        .name("funding_id")
        .parameter_in(ParameterIn::Path)
        .description(Some("The funding, as the site calls it."))
        .required(Required::True)
        .schema(Some(bounded(Object::with_type(Type::String), MAX_ID_BYTES)))
        .build()
}

/// One that may be left out.
fn header(name: &str, description: &str, schema: Object) -> Parameter {
    ParameterBuilder::new()
        .name(name)
        .parameter_in(ParameterIn::Header)
        .description(Some(description))
        .required(Required::False)
        .schema(Some(schema))
        .build()
}

fn text() -> Object {
    Object::with_type(SchemaType::Array(vec![Type::String, Type::Null]))
}

fn bounded(mut text: Object, most: usize) -> Object {
    text.min_length = Some(1);
    text.max_length = Some(most);
    text
}
