//! Bodies of requests.

use std::fmt;
use std::marker::PhantomData;

use axum::Json;
use axum::extract::rejection::JsonRejection;
use axum::extract::{FromRequest, Request};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::de::value::MapAccessDeserializer;
use serde::de::{DeserializeOwned, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use service_kit::problem::Problem;

/// A body of JSON: an object. No other type of content: a form of another site could send it.
pub(crate) struct Body<T>(pub(crate) T);

pub(crate) struct RefusedBody(JsonRejection);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Body<T> {
    type Rejection = RefusedBody;

    async fn from_request(request: Request, state: &S) -> Result<Self, RefusedBody> {
        let Json(Object(body)) = Json::<Object<T>>::from_request(request, state).await?;
        Ok(Self(body))
    }
}

/// What is read from an object alone. A list without entries would be one whose fields are all absent, otherwise.
struct Object<T>(T);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Object<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(ObjectVisitor(PhantomData))
    }
}

struct ObjectVisitor<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for ObjectVisitor<T> {
    type Value = Object<T>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, fields: A) -> Result<Object<T>, A::Error> {
        T::deserialize(MapAccessDeserializer::new(fields)).map(Object)
    }
}

impl From<JsonRejection> for RefusedBody {
    fn from(rejection: JsonRejection) -> Self {
        Self(rejection)
    }
}

impl IntoResponse for RefusedBody {
    fn into_response(self) -> Response {
        let detail = self.0.body_text();
        let problem = match self.0.status() {
            StatusCode::UNSUPPORTED_MEDIA_TYPE => Problem::new(
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "unsupported-media-type",
                "The body is not said to be JSON",
                "send it with content-type: application/json",
            ),
            StatusCode::PAYLOAD_TOO_LARGE => Problem::body_too_large(detail),
            _ => Problem::malformed(detail),
        };
        problem.into_response()
    }
}
