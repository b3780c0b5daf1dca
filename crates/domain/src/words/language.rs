//! One language: its messages, and its dates.

use std::collections::HashMap;
use std::sync::{LazyLock, Mutex, PoisonError};

use chrono::{Datelike as _, NaiveDate};
use fluent_bundle::concurrent::FluentBundle;
use fluent_bundle::{FluentArgs, FluentError, FluentResource};
use unic_langid::LanguageIdentifier;

/// A run says a few dates over and over. So many are kept, in case somebody says many.
const DATES: usize = 256;

pub(crate) struct Language {
    tag: LanguageIdentifier,
    name: String,
    bundle: FluentBundle<FluentResource>,
    /// Dates as they are said. Making one takes as long as all else of a message.
    dates: Mutex<HashMap<NaiveDate, String>>,
}

/// English first: it is the one for everybody else.
static LANGUAGES: LazyLock<[Language; 2]> = LazyLock::new(|| {
    [
        Language::load("en", include_str!("../../words/en.ftl")),
        Language::load("ko", include_str!("../../words/ko.ftl")),
    ]
});

impl Language {
    pub(crate) fn for_reader(locale: &LanguageIdentifier) -> &'static Self {
        let [english, others @ ..] = &*LANGUAGES;
        others
            .iter()
            .find(|language| language.tag.language == locale.language)
            .unwrap_or(english)
    }

    /// The files are part of the program and a test reads every message of each, so that one with a mistake is never
    /// released; at run time such a mistake shows as the message's name.
    fn load(tag: &str, source: &str) -> Self {
        let tag: LanguageIdentifier = tag.parse().unwrap_or_default();
        let resource = FluentResource::try_new(source.to_owned()).unwrap_or_else(|(parsed, _)| parsed);
        let mut bundle = FluentBundle::new_concurrent(vec![tag.clone()]);
        // Isolation marks are invisible characters around each value; they break comparisons, search and text messages.
        bundle.set_use_isolating(false);
        bundle.add_resource_overriding(resource);
        Self {
            name: tag.to_string(),
            tag,
            bundle,
            dates: Mutex::default(),
        }
    }

    /// Its BCP 47 tag.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// An attribute of a message.
    pub(crate) fn format(&self, message: &str, attribute: &str, args: &FluentArgs<'_>) -> String {
        self.render(message, Some(attribute), args, &mut Vec::new())
            .unwrap_or_else(|| message.to_owned())
    }

    /// A date of the reader's calendar.
    pub(crate) fn date(&self, date: NaiveDate) -> String {
        let mut dates = self.dates.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(said) = dates.get(&date) {
            return said.clone();
        }
        if dates.len() == DATES {
            dates.clear();
        }
        let said = self
            .render("date", None, &date_args(date), &mut Vec::new())
            .unwrap_or_else(|| date.to_string());
        dates.insert(date, said.clone());
        said
    }

    /// An attribute of a message or, without one, the message itself, as far as it can be made out. Nothing when there is
    /// none.
    pub(crate) fn render(
        &self,
        message: &str,
        attribute: Option<&str>,
        args: &FluentArgs<'_>,
        errors: &mut Vec<FluentError>,
    ) -> Option<String> {
        let message = self.bundle.get_message(message)?;
        let pattern = match attribute {
            Some(attribute) => message.get_attribute(attribute)?.value(),
            None => message.value()?,
        };
        Some(
            self.bundle
                .format_pattern(pattern, Some(args), errors)
                .into_owned(),
        )
    }
}

fn date_args(date: NaiveDate) -> FluentArgs<'static> {
    let mut args = FluentArgs::new();
    args.set("year", date.year());
    args.set("month", date.month());
    args.set("day", date.day());
    args
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_files_have_no_mistakes() {
        for source in [
            include_str!("../../words/en.ftl"),
            include_str!("../../words/ko.ftl"),
        ] {
            assert!(FluentResource::try_new(source.to_owned()).is_ok());
        }
    }

    #[test]
    fn every_date_is_said_whole_in_every_language_however_many_were_said_before() {
        let mut date = NaiveDate::from_ymd_opt(2023, 1, 1).unwrap();
        for language in &*LANGUAGES {
            for _ in 0..2 * DATES {
                let mut errors = Vec::new();
                let said = language
                    .render("date", None, &date_args(date), &mut errors)
                    .unwrap();
                assert!(errors.is_empty(), "{} {date}: {errors:?}", language.name());
                assert_eq!((language.date(date), language.date(date)), (said.clone(), said));
                date = date.succ_opt().unwrap();
            }
        }
    }
}
