use std::collections::HashSet;

use axum::http::uri::Authority;
use chrono::{DateTime, Utc};
use domain::catalogue::{MAX_ID_BYTES, MAX_TITLE_BYTES};
use proto_schemas::events::v1;
use serde::Deserialize;
use service_kit::problem::Problem;
use unic_langid::LanguageIdentifier;
use utoipa::ToSchema;

use crate::lines::line;

/// The most languages of one announcement.
const MAX_LANGUAGES: usize = 20;

/// The longest body, in bytes.
const MAX_BODY_BYTES: usize = 4_000;

/// The longest link, in bytes. Browsers and mail programs begin to cut at about that length.
const MAX_LINK_BYTES: usize = 2_048;

/// Something that everybody is to be told.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct AnnouncementRequest {
    /// What to call it: the same id twice is the same announcement. Without, each request is one of its own, but for those
    /// with the same Idempotency-Key.
    #[serde(default)]
    #[schema(min_length = 1, max_length = 128, example = "maintenance-2026-12")]
    id: Option<String>,
    /// What people read, once for each language; the first one is for all other languages.
    #[schema(min_items = 1, max_items = 20)]
    words: Vec<WordsRequest>,
    /// Where to read more: an absolute URL of http or https, or a path of the site, which begins with one slash.
    #[serde(default)]
    #[schema(max_length = 2048, example = "/news/7")]
    link: Option<String>,
    /// When it stops mattering: in the future.
    #[serde(default)]
    expires_at: Option<DateTime<Utc>>,
}

/// What people read in one language.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct WordsRequest {
    /// BCP 47 tag of the language.
    #[schema(min_length = 1, max_length = 35, example = "en")]
    locale: String,
    /// One line of at most 1000 bytes.
    #[schema(min_length = 1, max_length = 1000, example = "Maintenance tonight")]
    title: String,
    /// A sentence or two: one line of at most 4000 bytes.
    #[schema(
        min_length = 1,
        max_length = 4000,
        example = "From 02:00 to 03:00 nothing can be bought."
    )]
    body: String,
}

/// An announcement that can be made.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Announcement {
    /// As the client calls it.
    pub(crate) id: Option<String>,
    pub(crate) words: Vec<v1::Words>,
    pub(crate) link: Option<String>,
    pub(crate) expires_at: Option<DateTime<Utc>>,
}

impl AnnouncementRequest {
    pub(crate) fn checked(self) -> Result<Announcement, Problem> {
        let refused = |field: String, reason: String| Problem::malformed(format!("{field}: {reason}"));
        if let Some(id) = &self.id {
            check_id(id).map_err(|reason| refused("id".to_owned(), reason))?;
        }
        if let Some(link) = &self.link {
            check_link(link).map_err(|reason| refused("link".to_owned(), reason))?;
        }
        if !(1..=MAX_LANGUAGES).contains(&self.words.len()) {
            let found = self.words.len();
            let reason = format!("has {found} entries; 1 to {MAX_LANGUAGES} languages can be written in");
            return Err(refused("words".to_owned(), reason));
        }
        let mut locales = HashSet::new();
        let mut words = Vec::new();
        for (place, one) in self.words.into_iter().enumerate() {
            let one = one
                .checked(&mut locales)
                .map_err(|reason| refused(format!("words[{place}]"), reason))?;
            words.push(one);
        }
        Ok(Announcement {
            id: self.id,
            words,
            link: self.link,
            expires_at: self.expires_at,
        })
    }
}

impl WordsRequest {
    fn checked(self, locales: &mut HashSet<LanguageIdentifier>) -> Result<v1::Words, String> {
        let locale: LanguageIdentifier = self
            .locale
            .parse()
            .map_err(|_| format!("locale {:?} is no BCP 47 tag such as en or pt-BR", self.locale))?;
        let tag = locale.to_string();
        if !locales.insert(locale) {
            return Err(format!("locale {tag} is there already"));
        }
        Ok(v1::Words {
            locale: tag,
            title: line(self.title, MAX_TITLE_BYTES).map_err(|reason| format!("title {reason}"))?,
            body: line(self.body, MAX_BODY_BYTES).map_err(|reason| format!("body {reason}"))?,
        })
    }
}

fn check_id(id: &str) -> Result<(), String> {
    if (1..=MAX_ID_BYTES).contains(&id.len()) && !id.chars().any(char::is_control) {
        return Ok(());
    }
    Err(format!("has 1 to {MAX_ID_BYTES} bytes and no control characters"))
}

/// Refuses what would do something else than lead somewhere, and what browsers take for the address of another site though
/// it looks like a path: two slashes, also where one or both are written the other way.
fn check_link(link: &str) -> Result<(), String> {
    let reason =
        || "is an absolute URL of http or https, or a path of the site that begins with one slash".to_owned();
    if link.len() > MAX_LINK_BYTES {
        return Err(format!("has {} bytes; {MAX_LINK_BYTES} is the most", link.len()));
    }
    let odd = |character: char| character.is_whitespace() || character.is_control() || character == '\\';
    if link.contains(odd) {
        return Err(reason());
    }
    if let Some(path) = link.strip_prefix('/') {
        return if path.starts_with('/') {
            Err(reason())
        } else {
            Ok(())
        };
    }
    let (scheme, rest) = link.split_once("://").ok_or_else(reason)?;
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let is_web = scheme.eq_ignore_ascii_case("http") || scheme.eq_ignore_ascii_case("https");
    let has_host = authority
        .parse::<Authority>()
        .is_ok_and(|authority| !authority.host().is_empty() && !authority.as_str().contains('@'));
    if is_web && has_host { Ok(()) } else { Err(reason()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_lead_to_the_site_or_somewhere_on_the_web() {
        for good in [
            "/",
            "/news/7?from=bell#top",
            "/소식",
            "https://shop.example",
            "https://shop.example:8443/news?x=http://y",
            "http://127.0.0.1/",
            "HTTPS://Shop.example/",
        ] {
            assert_eq!(check_link(good), Ok(()), "{good}");
        }
        let long = format!("/{}", "x".repeat(MAX_LINK_BYTES));
        for bad in [
            "",
            "news",
            "//evil.example",
            "/\\evil.example",
            "\\\\evil.example",
            "javascript:alert(1)",
            "javascript://x/%0aalert(1)",
            "data:text/html,x",
            "https://",
            "https:///path",
            "https://u:p@shop.example/",
            "ftp://shop.example/",
            "/a b",
            "/a\u{7f}",
            "/\t/evil.example",
            &long,
        ] {
            assert!(check_link(bad).is_err(), "{bad}");
        }
    }
}
