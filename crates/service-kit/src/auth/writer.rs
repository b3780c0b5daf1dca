use std::sync::Arc;

use axum::extract::{FromRef, FromRequestParts};
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode};
use chrono::{DateTime, Utc};
use proto_schemas::UserId;

use super::carrier::Carrier;
use super::{Authenticator, Scopes};
use crate::cors::ListedOrigin;
use crate::problem::Problem;

/// What browsers say of the site that a request comes from ([Fetch metadata](https://www.w3.org/TR/fetch-metadata/)).
const SEC_FETCH_SITE: &str = "sec-fetch-site";

/// Who is asking to change something, and not another site through their browser.
///
/// A request with the token in its `Authorization` header is made by a program that has the token. One with the cookie is
/// refused with 403 when the browser says that another site made it, unless that site is in the list of
/// [`Origins`](crate::cors::Origins). Browsers that do not say so (all before 2023 or so)
/// ask beforehand for whatever no form can send, such as another method than `POST` or a body of JSON, and are not
/// allowed it: handlers must take nothing else.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Writer {
    /// The user.
    pub user: UserId,
    /// When the token ends, as in [`Identity`](super::Identity).
    pub expires_at: DateTime<Utc>,
    /// What the token allows besides what is the user's own.
    pub scopes: Scopes,
}

impl<S> FromRequestParts<S> for Writer
where
    Arc<Authenticator>: FromRef<S>,
    S: Send + Sync,
{
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let authenticator = Arc::<Authenticator>::from_ref(state);
        let (identity, carrier) = authenticator.identify(&parts.headers).await?;
        let foreign =
            made_by_another_site(&parts.headers) && parts.extensions.get::<ListedOrigin>().is_none();
        if carrier == Carrier::Cookie && foreign {
            return Err(Problem::new(
                StatusCode::FORBIDDEN,
                "cross-site-request",
                "Another site may not do this",
                "a page of another site made this request; from there, send the token in the Authorization header",
            ));
        }
        Ok(Self {
            user: identity.user,
            expires_at: identity.expires_at,
            scopes: identity.scopes,
        })
    }
}

fn made_by_another_site(headers: &HeaderMap) -> bool {
    let mut sites = headers.get_all(SEC_FETCH_SITE).iter();
    sites.any(|site| site.as_bytes().eq_ignore_ascii_case(b"cross-site"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::tests::{KEY, settings, token};
    use axum::http::Request;
    use chrono::TimeDelta;

    async fn asked(carrier: (&str, String), site: Option<&str>) -> Result<String, u16> {
        let settings = settings(KEY);
        let authenticator = Arc::new(Authenticator::new(&settings).unwrap());
        let mut request = Request::builder().header(carrier.0, carrier.1);
        if let Some(site) = site {
            request = request.header(SEC_FETCH_SITE, site);
        }
        let mut parts = request.body(()).unwrap().into_parts().0;
        let writer = Writer::from_request_parts(&mut parts, &authenticator).await;
        writer
            .map(|writer| writer.user.as_str().to_owned())
            .map_err(|problem| problem.status)
    }

    #[tokio::test]
    async fn another_site_changes_nothing_through_somebodys_cookie() {
        let token = token(&settings(KEY), "u42", TimeDelta::hours(1));
        let cookie = || ("cookie", format!("{}={token}", crate::auth::COOKIE_NAME));
        let header = || ("authorization", format!("Bearer {token}"));
        assert_eq!(asked(cookie(), Some("cross-site")).await, Err(403));
        for site in [Some("same-origin"), Some("same-site"), Some("none"), None] {
            assert_eq!(asked(cookie(), site).await, Ok("u42".to_owned()), "{site:?}");
        }
        // Whoever sets the header has the token.
        assert_eq!(asked(header(), Some("cross-site")).await, Ok("u42".to_owned()));
    }
}
