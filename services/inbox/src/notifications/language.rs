//! Which of an announcement's languages a reader gets, by what their browser says they read.
//!
//! This is the lookup of [RFC 4647 §3.4](https://www.rfc-editor.org/rfc/rfc4647#section-3.4) over the ranges of
//! [`Accept-Language`](https://www.rfc-editor.org/rfc/rfc9110#section-12.5.4), and one step more: who reads `en-US` and
//! finds no `en` rather gets `en-GB` than a language that they did not name.

use axum::http::HeaderMap;
use axum::http::header::ACCEPT_LANGUAGE;
use proto_schemas::events::v1::Words;

/// Ranges that are looked at. Browsers send a handful.
const MAX_RANGES: usize = 32;

/// What a reader reads, the best first.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Languages(Vec<String>);

impl Languages {
    pub(crate) fn of(request: &HeaderMap) -> Self {
        let values = request.get_all(ACCEPT_LANGUAGE).into_iter();
        let lists = values.filter_map(|value| value.to_str().ok());
        let ranges = lists.flat_map(|list| list.split(',')).take(MAX_RANGES);
        let mut ranges: Vec<(u16, String)> = ranges.filter_map(range).collect();
        ranges.sort_by_key(|(quality, _)| std::cmp::Reverse(*quality));
        Self(ranges.into_iter().map(|(_, range)| range).collect())
    }

    /// The words for this reader: the first where none of them are in a language that they read.
    pub(crate) fn choose<'a>(&self, translations: &'a [Words]) -> Option<&'a Words> {
        let found = self.0.iter().find_map(|range| match range.as_str() {
            "*" => translations.first(),
            range => lookup(range, translations),
        });
        found.or(translations.first())
    }
}

/// A range in lower case with its quality in thousandths, unless it is none or not wanted.
fn range(written: &str) -> Option<(u16, String)> {
    let mut parts = written.split(';').map(str::trim);
    let range = parts.next().filter(|range| !range.is_empty())?;
    let quality = match parts.find_map(|part| part.strip_prefix("q=").or(part.strip_prefix("Q="))) {
        Some(quality) => thousandths(quality)?,
        None => 1_000,
    };
    (quality > 0).then(|| (quality, range.to_ascii_lowercase()))
}

fn thousandths(quality: &str) -> Option<u16> {
    let quality: f32 = quality.parse().ok()?;
    let is_one = (0.0..=1.0).contains(&quality);
    // Between 0 and 1000.
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    is_one.then(|| (quality * 1_000.0).round() as u16)
}

fn lookup<'a>(range: &str, translations: &'a [Words]) -> Option<&'a Words> {
    let mut shorter = Some(range);
    while let Some(tag) = shorter {
        let found = translations
            .iter()
            .find(|words| words.locale.eq_ignore_ascii_case(tag));
        if found.is_some() {
            return found;
        }
        shorter = tag.rsplit_once('-').map(|(shorter, _)| shorter);
    }
    let language = primary(range);
    translations
        .iter()
        .find(|words| primary(&words.locale).eq_ignore_ascii_case(language))
}

fn primary(tag: &str) -> &str {
    tag.split_once('-').map_or(tag, |(language, _)| language)
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    fn chosen(accept: &str, locales: &[&str]) -> String {
        let words = |locale: &&str| Words {
            locale: (*locale).to_owned(),
            ..Words::default()
        };
        let translations: Vec<Words> = locales.iter().map(words).collect();
        let mut request = HeaderMap::new();
        request.insert(ACCEPT_LANGUAGE, HeaderValue::from_str(accept).unwrap());
        Languages::of(&request)
            .choose(&translations)
            .unwrap()
            .locale
            .clone()
    }

    #[test]
    fn readers_get_the_language_that_they_like_best() {
        let both = ["en", "ko"];
        for (accept, locale) in [
            ("ko", "ko"),
            ("ko-KR", "ko"),
            ("KO-kr,en;q=0.8", "ko"),
            ("fr, ko;q=0.5, en;q=0.9", "en"),
            ("en;q=0.5, ko", "ko"),
            ("ko;q=0", "en"),
            ("fr", "en"),
            ("", "en"),
            ("*, ko;q=0.1", "en"),
            ("ko;q=many, en", "en"),
            (";;;,,=", "en"),
        ] {
            assert_eq!(chosen(accept, &both), locale, "{accept:?}");
        }
        assert_eq!(chosen("en-US", &["ko", "en-GB"]), "en-GB");
        assert_eq!(chosen("zh-Hant-TW", &["en", "zh-Hans", "zh-Hant"]), "zh-Hant");
    }
}
