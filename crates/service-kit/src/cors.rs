//! Which pages of other origins may ask with a person's credentials ([CORS](https://fetch.spec.whatwg.org/#http-cors-protocol)).
//!
//! Nobody may unless the settings name them, one by one. Then browsers let those pages read every answer, refusals
//! included: a page that cannot read why it was refused cannot tell its user.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::header::{
    ACCEPT, AUTHORIZATION, CACHE_CONTROL, CONTENT_TYPE, ETAG, HeaderName, IF_MATCH, IF_NONE_MATCH, LOCATION,
    ORIGIN, RETRY_AFTER, WWW_AUTHENTICATE,
};
use axum::http::uri::Authority;
use axum::http::{HeaderValue, Method, Uri};
use axum::middleware::{self, Next};
use axum::response::Response;
use serde::{Deserialize, Deserializer, de};
use tower_http::cors::{AllowOrigin, CorsLayer};

use crate::settings;

/// What our routes take.
const METHODS: [Method; 5] = [
    Method::GET,
    Method::POST,
    Method::PUT,
    Method::PATCH,
    Method::DELETE,
];

/// Not among the headers that axum names.
const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");

/// Nor is this one: it makes a request that is sent again the same request.
const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// Nor this: where in the log an answer is current to.
const CURSOR: HeaderName = HeaderName::from_static("lastcall-cursor");

/// What clients of ours set. Some stand-ins for `EventSource` send `Cache-Control`.
const HEADERS: [HeaderName; 8] = [
    ACCEPT,
    AUTHORIZATION,
    CACHE_CONTROL,
    CONTENT_TYPE,
    IDEMPOTENCY_KEY,
    IF_MATCH,
    IF_NONE_MATCH,
    LAST_EVENT_ID,
];

/// What pages may read of an answer's head besides what they always may.
const EXPOSED: [HeaderName; 5] = [CURSOR, ETAG, LOCATION, RETRY_AFTER, WWW_AUTHENTICATE];

/// How long a browser need not ask again what it may send.
const PREFLIGHT_AGE: Duration = Duration::from_secs(3_600);

/// The origins whose pages may ask.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Origins(Arc<[HeaderValue]>);

/// A text that names no origin.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum OriginError {
    /// All of them at once.
    #[error(
        "cors_origins has {0:?}: a page of any origin at all could then read what is a person's own with that person's cookie, and browsers refuse it; name each origin"
    )]
    Any(String),
    /// Every sandboxed page has this one.
    #[error("cors_origins has \"null\", which is the origin of every sandboxed page and every local file")]
    Null,
    /// Not as browsers write it, so that it would never be met.
    #[error(
        "cors_origins has {0:?}, which is no origin as browsers send it, like \"https://shop.example\" or \"http://localhost:3000\""
    )]
    Malformed(String),
}

/// A mark on requests that a page of a listed origin made.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ListedOrigin;

impl Origins {
    /// These and no others.
    pub fn new<'a>(origins: impl IntoIterator<Item = &'a str>) -> Result<Self, OriginError> {
        let origins = origins.into_iter().map(parse);
        origins
            .collect::<Result<Vec<_>, _>>()
            .map(|origins| Self(origins.into()))
    }

    /// The same routes, which answer preflights and tell browsers who may read. Without origins nothing is added. To be
    /// put around everything that answers, or browsers hide what stands outside.
    pub fn around(&self, router: Router) -> Router {
        if self.0.is_empty() {
            return router;
        }
        let layer = CorsLayer::new()
            .allow_origin(AllowOrigin::list(self.0.iter().cloned()))
            .allow_credentials(true)
            .allow_methods(METHODS)
            .allow_headers(HEADERS)
            .expose_headers(EXPOSED)
            .max_age(PREFLIGHT_AGE);
        router
            .layer(middleware::from_fn_with_state(self.clone(), mark))
            .layer(layer)
    }
}

async fn mark(State(origins): State<Origins>, mut request: Request, next: Next) -> Response {
    let origin = request.headers().get(ORIGIN);
    if origin.is_some_and(|origin| origins.0.contains(origin)) {
        request.extensions_mut().insert(ListedOrigin);
    }
    next.run(request).await
}

/// Browsers compare origins byte by byte, so one that is written in another way would silently let nobody in.
fn parse(text: &str) -> Result<HeaderValue, OriginError> {
    if text.contains('*') {
        return Err(OriginError::Any(text.to_owned()));
    }
    if text == "null" {
        return Err(OriginError::Null);
    }
    let malformed = || OriginError::Malformed(text.to_owned());
    let uri: Uri = text.parse().map_err(|_| malformed())?;
    let (Some(scheme), Some(authority)) = (uri.scheme_str(), uri.authority()) else {
        return Err(malformed());
    };
    let exact = format!("{scheme}://{authority}") == text && text == text.to_ascii_lowercase();
    if !exact || authority.as_str().contains('@') || has_default_port(scheme, authority) {
        return Err(malformed());
    }
    HeaderValue::from_str(text).map_err(|_| malformed())
}

fn has_default_port(scheme: &str, authority: &Authority) -> bool {
    let ports = [("http", ":80"), ("https", ":443"), (scheme, ":")];
    let mut defaults = ports.iter().filter(|(of, _)| *of == scheme);
    defaults.any(|(_, port)| authority.as_str().ends_with(port))
}

impl<'de> Deserialize<'de> for Origins {
    /// A list, or one text with commas between the origins, as flags and the environment give it.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let origins = settings::list(deserializer)?;
        Self::new(origins.iter().map(String::as_str)).map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::Sources;

    #[derive(Debug, Deserialize)]
    struct All {
        http: Http,
    }

    #[derive(Debug, Deserialize)]
    struct Http {
        cors_origins: Origins,
    }

    fn set(text: &str) -> Result<Origins, String> {
        let sources = Sources {
            flags: vec![("http.cors_origins".to_owned(), text.to_owned())],
            ..Sources::default()
        };
        let all = sources.load::<All>("[http]\ncors_origins = []\n");
        all.map(|all| all.http.cors_origins)
            .map_err(|error| crate::telemetry::chain(&error))
    }

    #[test]
    fn origins_are_a_list_or_a_text_with_commas() {
        let two = ["https://shop.example", "capacitor://localhost"];
        assert_eq!(set(&two.join(", ")).unwrap(), Origins::new(two).unwrap());
        let defaults = format!("[http]\ncors_origins = {two:?}\n");
        let all: All = Sources::default().load(&defaults).unwrap();
        assert_eq!(all.http.cors_origins, Origins::new(two).unwrap());
        assert_eq!(set("").unwrap(), Origins::default());
    }

    #[test]
    fn what_no_browser_sends_is_refused_with_the_reason() {
        let wrong = [
            "https://shop.example/",
            "https://Shop.example",
            "https://shop.example:443",
            "http://shop.example:80",
            "https://shop.example:",
            "https://u@shop.example",
            "https://shop.example/app",
            "shop.example",
            "//shop.example",
            "/",
            "https://",
            "https://shöp.example",
            "https://a b",
        ];
        for origin in wrong {
            let error = set(origin).unwrap_err();
            assert!(
                error.contains("no origin as browsers send it"),
                "{origin}: {error}"
            );
            assert!(error.contains(origin), "{origin}: {error}");
        }
        for any in ["*", "https://*.shop.example", "https://shop.example,*"] {
            let error = set(any).unwrap_err();
            assert!(error.contains("with that person's cookie"), "{any}: {error}");
        }
        assert!(set("null").unwrap_err().contains("sandboxed"));
    }
}
