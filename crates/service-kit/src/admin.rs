//! What operators, probes and scrapers ask a process, on a port of its own.
//!
//! `/livez`, `/readyz` and `/metrics` are open to whoever reaches the port. What changes something is for those who know
//! the operators' token, and for nobody as long as there is none.

use std::path::PathBuf;
use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::middleware::{self, Next};
use axum::response::Response;
use serde::Deserialize;
use subtle::ConstantTimeEq as _;

use crate::auth::bearer;
use crate::health::{self, Readiness};
use crate::metrics::{self, Registry};
use crate::problem::Problem;
use crate::secret::Secret;

/// The least bytes of the token, so that nobody tries all of them.
pub const MIN_TOKEN_BYTES: usize = 16;

/// Where operators ask, and how they are known.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// The address; nothing is served unless it is set.
    pub listen: Option<String>,
    /// The token itself; `token_file` keeps it out of the environment.
    pub token: Option<Secret>,
    /// A file that holds the token; white space around it does not count.
    pub token_file: Option<PathBuf>,
}

/// Why nobody could be known by the token.
#[derive(Debug, thiserror::Error)]
pub enum TokenError {
    /// The file cannot be read.
    #[error("cannot read admin.token_file {}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// Too short to be safe.
    #[error(
        "the token of admin.token or admin.token_file has {0} bytes; at least {MIN_TOKEN_BYTES} are needed"
    )]
    Short(usize),
}

/// Who may administer: those who know the token.
#[derive(Debug, Clone)]
pub struct Operators(Option<Arc<Secret>>);

impl Settings {
    /// Reads the token, if one is set.
    pub fn operators(&self) -> Result<Operators, TokenError> {
        let token = match (&self.token, &self.token_file) {
            (Some(token), _) => token.clone(),
            (None, Some(path)) => {
                let text = std::fs::read_to_string(path).map_err(|source| TokenError::File {
                    path: path.clone(),
                    source,
                })?;
                Secret::new(text.trim())
            }
            (None, None) => return Ok(Operators(None)),
        };
        let bytes = token.expose().len();
        if bytes < MIN_TOKEN_BYTES {
            return Err(TokenError::Short(bytes));
        }
        Ok(Operators(Some(Arc::new(token))))
    }
}

impl Operators {
    /// Lets only operators reach the routes that `router` has.
    pub fn guard(&self, router: Router) -> Router {
        router.route_layer(middleware::from_fn_with_state(self.clone(), only_operators))
    }

    fn check(&self, token: Option<&str>) -> Result<(), Problem> {
        let Some(ours) = &self.0 else {
            return Err(Problem::new(
                StatusCode::FORBIDDEN,
                "administration-off",
                "Administration over HTTP is switched off",
                "set admin.token_file (or admin.token) to switch it on",
            ));
        };
        let theirs = token.ok_or_else(|| {
            Problem::unauthenticated("send the operators' token, admin.token, as \"Authorization: Bearer …\"")
        })?;
        // How long it takes must not tell how much of the token was right.
        if ours.expose().as_bytes().ct_eq(theirs.as_bytes()).into() {
            Ok(())
        } else {
            Err(Problem::unauthenticated("this is not the operators' token"))
        }
    }
}

async fn only_operators(
    State(operators): State<Operators>,
    request: Request,
    next: Next,
) -> Result<Response, Problem> {
    operators.check(bearer(request.headers())?)?;
    Ok(next.run(request).await)
}

/// What every process shows on its admin port: `/livez`, `/readyz` and `/metrics`.
pub fn router(readiness: Readiness, registry: Registry) -> Router {
    health::router(readiness).merge(metrics::router(registry))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOKEN: &str = "0123456789abcdef";

    fn settings(token: &str) -> Settings {
        Settings {
            token: Some(Secret::new(token)),
            ..Settings::default()
        }
    }

    #[test]
    fn only_who_knows_the_token_passes() {
        let operators = settings(TOKEN).operators().unwrap();
        assert!(operators.check(Some(TOKEN)).is_ok());
        for wrong in [
            None,
            Some(""),
            Some("0123456789abcdee"),
            Some("0123456789abcdef0"),
        ] {
            assert_eq!(operators.check(wrong).unwrap_err().status, 401, "{wrong:?}");
        }
    }

    #[test]
    fn without_a_token_nobody_passes_and_is_told_what_to_set() {
        let operators = Settings::default().operators().unwrap();
        let refusal = operators.check(Some("")).unwrap_err();
        assert_eq!(refusal.status, 403);
        assert!(refusal.detail.contains("admin.token_file"), "{}", refusal.detail);
    }

    #[test]
    fn a_token_comes_from_its_file_and_a_short_one_or_a_missing_file_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("token");
        let from_file = Settings {
            token_file: Some(file.clone()),
            ..Settings::default()
        };
        assert!(matches!(from_file.operators(), Err(TokenError::File { .. })));
        std::fs::write(&file, format!("{TOKEN}\n")).unwrap();
        assert!(from_file.operators().unwrap().check(Some(TOKEN)).is_ok());
        assert!(matches!(settings("short").operators(), Err(TokenError::Short(5))));
        assert!(!format!("{:?}", settings(TOKEN)).contains(TOKEN));
    }
}
