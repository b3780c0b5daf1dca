//! Where a request carries its token.

use axum::http::HeaderMap;
use axum::http::header::{AUTHORIZATION, COOKIE};

use crate::problem::Problem;

/// The cookie that may carry the token.
pub const COOKIE_NAME: &str = "lastcall_token";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Carrier {
    /// A header that only programs set which have the token.
    Header,
    /// A cookie, which browsers add by themselves.
    Cookie,
}

/// The token of a request. The header wins: whoever sets it means it.
pub(super) fn token(headers: &HeaderMap) -> Result<(&str, Carrier), Problem> {
    let header = bearer(headers)?.map(|token| (token, Carrier::Header));
    let found = header.or_else(|| cookie(headers).map(|token| (token, Carrier::Cookie)));
    found.ok_or_else(|| {
        Problem::unauthenticated(format!(
            "send a token as \"Authorization: Bearer …\" or in the cookie {COOKIE_NAME}"
        ))
    })
}

/// The token of `Authorization: Bearer …`, if that header is there.
pub(crate) fn bearer(headers: &HeaderMap) -> Result<Option<&str>, Problem> {
    let Some(value) = headers.get(AUTHORIZATION) else {
        return Ok(None);
    };
    let token = value.to_str().ok().and_then(|text| {
        let (scheme, token) = text.split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
    });
    token
        .map(Some)
        .ok_or_else(|| Problem::unauthenticated("the Authorization header is not \"Bearer <token>\""))
}

fn cookie(headers: &HeaderMap) -> Option<&str> {
    let cookies = headers
        .get_all(COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok());
    cookies.flat_map(|line| line.split(';')).find_map(|pair| {
        let (name, value) = pair.trim().split_once('=')?;
        (name == COOKIE_NAME).then_some(value)
    })
}
