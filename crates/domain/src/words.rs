//! Words for people: Fluent messages in English and Korean, rendered when an event is emitted.
//!
//! Who reads another language is spoken to in English. Dates and times are those of the reader's own clock.

use std::fmt;
use std::sync::LazyLock;

use chrono::{DateTime, Datelike, Utc};
use chrono_tz::Tz;
use fluent_bundle::concurrent::FluentBundle;
use fluent_bundle::{FluentArgs, FluentResource};
use proto_schemas::events::v1;
use unic_langid::LanguageIdentifier;

use crate::money::Money;
use crate::reminder::TimeOfDay;
use crate::settlement::{Outcome, Role};

/// Whom words are for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reader {
    /// The language they prefer.
    pub locale: LanguageIdentifier,
    /// The zone of their clock.
    pub zone: Tz,
}

/// What there is to say.
#[derive(Debug, Clone, Copy)]
#[allow(missing_docs)]
pub enum Phrase<'a> {
    /// A coupon that came from nowhere in particular expires.
    CouponExpiring {
        coupon: &'a str,
        amount: Option<Money>,
        expires_at: DateTime<Utc>,
    },
    /// A coupon from a funding expires.
    CouponExpiringOf {
        funding: &'a str,
        amount: Option<Money>,
        expires_at: DateTime<Utc>,
    },
    /// A backer got a coupon.
    CouponIssued {
        funding: &'a str,
        amount: Option<Money>,
        expires_at: DateTime<Utc>,
    },
    /// A funding closes.
    FundingClosing {
        funding: &'a str,
        closes_at: DateTime<Utc>,
    },
    /// A funding has ended.
    FundingSettled {
        outcome: Outcome,
        role: Role,
        funding: &'a str,
        raised: Money,
        goal: Money,
    },
    /// A reminder came due.
    AlertDue { alert: &'a str, at: TimeOfDay },
}

impl Phrase<'_> {
    /// The words for one reader.
    pub fn speak(&self, reader: &Reader) -> v1::Words {
        let language = Language::for_reader(&reader.locale);
        let args = self.args(reader.zone);
        v1::Words {
            locale: language.tag.to_string(),
            title: language.format(self.message(), "title", &args),
            body: language.format(self.message(), "body", &args),
        }
    }

    fn message(&self) -> &'static str {
        match self {
            Self::CouponExpiring { amount: None, .. } => "coupon-expiring",
            Self::CouponExpiring { amount: Some(_), .. } => "coupon-expiring-worth",
            Self::CouponExpiringOf { amount: None, .. } => "coupon-expiring-of",
            Self::CouponExpiringOf { amount: Some(_), .. } => "coupon-expiring-of-worth",
            Self::CouponIssued { amount: None, .. } => "coupon-issued",
            Self::CouponIssued { amount: Some(_), .. } => "coupon-issued-worth",
            Self::FundingClosing { .. } => "funding-closing",
            Self::AlertDue { .. } => "alert-due",
            Self::FundingSettled { outcome, role, .. } => match (outcome, role) {
                (Outcome::Succeeded, Role::Maker) => "funding-succeeded-maker",
                (Outcome::Succeeded, Role::Backer) => "funding-succeeded-backer",
                (Outcome::Succeeded, Role::Follower) => "funding-succeeded-follower",
                (Outcome::Failed, Role::Maker) => "funding-failed-maker",
                (Outcome::Failed, Role::Backer) => "funding-failed-backer",
                (Outcome::Failed, Role::Follower) => "funding-failed-follower",
            },
        }
    }

    fn args(&self, zone: Tz) -> FluentArgs<'_> {
        let mut args = FluentArgs::new();
        match *self {
            Self::CouponExpiring {
                coupon,
                amount,
                expires_at,
            } => {
                args.set("coupon", coupon);
                set_amount(&mut args, amount);
                set_clock(&mut args, expires_at, zone);
            }
            Self::CouponExpiringOf {
                funding,
                amount,
                expires_at,
            }
            | Self::CouponIssued {
                funding,
                amount,
                expires_at,
            } => {
                args.set("funding", funding);
                set_amount(&mut args, amount);
                set_clock(&mut args, expires_at, zone);
            }
            Self::FundingClosing { funding, closes_at } => {
                args.set("funding", funding);
                set_clock(&mut args, closes_at, zone);
            }
            Self::FundingSettled {
                funding,
                raised,
                goal,
                ..
            } => {
                args.set("funding", funding);
                args.set("raised", raised.to_string());
                args.set("goal", goal.to_string());
            }
            Self::AlertDue { alert, at } => {
                args.set("alert", alert);
                args.set("time", at.to_string());
            }
        }
        args
    }
}

fn set_amount(args: &mut FluentArgs<'_>, amount: Option<Money>) {
    if let Some(amount) = amount {
        args.set("amount", amount.to_string());
    }
}

fn set_clock(args: &mut FluentArgs<'_>, instant: DateTime<Utc>, zone: Tz) {
    let local = instant.with_timezone(&zone);
    args.set("year", local.year());
    args.set("month", local.month());
    args.set("day", local.day());
    args.set("time", local.format("%H:%M").to_string());
}

struct Language {
    tag: LanguageIdentifier,
    bundle: FluentBundle<FluentResource>,
}

/// English first: it is the one for everybody else.
static LANGUAGES: LazyLock<[Language; 2]> = LazyLock::new(|| {
    [
        Language::load("en", include_str!("../words/en.ftl")),
        Language::load("ko", include_str!("../words/ko.ftl")),
    ]
});

impl Language {
    fn for_reader(locale: &LanguageIdentifier) -> &'static Self {
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
        Self { tag, bundle }
    }

    fn format(&self, message: &str, attribute: &str, args: &FluentArgs<'_>) -> String {
        let pattern = self
            .bundle
            .get_message(message)
            .and_then(|m| m.get_attribute(attribute));
        match pattern {
            Some(pattern) => self
                .bundle
                .format_pattern(pattern.value(), Some(args), &mut Vec::new())
                .into_owned(),
            None => message.to_owned(),
        }
    }
}

impl fmt::Debug for Language {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.tag.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reader(locale: &str, zone: Tz) -> Reader {
        Reader {
            locale: locale.parse().unwrap(),
            zone,
        }
    }

    fn phrases() -> Vec<Phrase<'static>> {
        let instant = "2023-12-31T14:59:59Z".parse().unwrap();
        let money = Money::from_major("1250.50", "USD".parse().unwrap()).unwrap();
        let settled = [Outcome::Succeeded, Outcome::Failed]
            .into_iter()
            .flat_map(|outcome| {
                [Role::Maker, Role::Backer, Role::Follower].map(|role| Phrase::FundingSettled {
                    outcome,
                    role,
                    funding: "A \"quoted\", title",
                    raised: money,
                    goal: money,
                })
            });
        let mut all: Vec<_> = settled.collect();
        for amount in [None, Some(money)] {
            all.extend([
                Phrase::CouponExpiring {
                    coupon: "c771",
                    amount,
                    expires_at: instant,
                },
                Phrase::CouponExpiringOf {
                    funding: "달빛 양조장",
                    amount,
                    expires_at: instant,
                },
                Phrase::CouponIssued {
                    funding: "달빛 양조장",
                    amount,
                    expires_at: instant,
                },
            ]);
        }
        all.extend([
            Phrase::FundingClosing {
                funding: "달빛 양조장",
                closes_at: instant,
            },
            Phrase::AlertDue {
                alert: "Stretch",
                at: "07:30".parse().unwrap(),
            },
        ]);
        all
    }

    #[test]
    fn every_phrase_is_spoken_whole_in_every_language() {
        for tag in ["en", "ko"] {
            let language = Language::for_reader(&tag.parse().unwrap());
            for phrase in phrases() {
                let args = phrase.args(Tz::UTC);
                for attribute in ["title", "body"] {
                    let message = language.bundle.get_message(phrase.message()).unwrap();
                    let pattern = message.get_attribute(attribute).unwrap().value();
                    let mut errors = Vec::new();
                    language.bundle.format_pattern(pattern, Some(&args), &mut errors);
                    assert!(
                        errors.is_empty(),
                        "{tag} {} {attribute}: {errors:?}",
                        phrase.message()
                    );
                }
            }
        }
    }

    #[test]
    fn the_files_have_no_mistakes() {
        for source in [include_str!("../words/en.ftl"), include_str!("../words/ko.ftl")] {
            assert!(FluentResource::try_new(source.to_owned()).is_ok());
        }
    }

    #[test]
    fn dates_are_those_of_the_readers_clock_in_the_readers_form() {
        let phrase = Phrase::CouponExpiringOf {
            funding: "달빛 양조장",
            amount: None,
            expires_at: "2023-12-31T14:59:59Z".parse().unwrap(),
        };
        let korean = phrase.speak(&reader("ko-KR", chrono_tz::Asia::Seoul));
        assert_eq!(korean.locale, "ko");
        assert_eq!(
            korean.body,
            "‘달빛 양조장’ 쿠폰은 2023년 12월 31일까지 사용할 수 있습니다."
        );
        let auckland = phrase.speak(&reader("en", chrono_tz::Pacific::Auckland));
        assert_eq!(
            auckland.body,
            "Your coupon from “달빛 양조장” can be used until January 1, 2024."
        );
    }

    #[test]
    fn what_a_coupon_is_worth_is_said_where_it_is_stated() {
        let phrase = Phrase::CouponIssued {
            funding: "달빛 양조장",
            amount: Some(Money::from_major("5000", "KRW".parse().unwrap()).unwrap()),
            expires_at: "2023-12-31T14:59:59Z".parse().unwrap(),
        };
        let said = |locale| phrase.speak(&reader(locale, Tz::UTC)).body;
        assert_eq!(
            said("en"),
            "A coupon worth 5000 KRW from “달빛 양조장” is yours until December 31, 2023."
        );
        assert_eq!(
            said("ko"),
            "‘달빛 양조장’ 5000 KRW 쿠폰을 2023년 12월 31일까지 사용할 수 있습니다."
        );
    }

    #[test]
    fn who_reads_another_language_is_spoken_to_in_english() {
        let phrase = Phrase::AlertDue {
            alert: "Stretch",
            at: "07:30".parse().unwrap(),
        };
        let words = phrase.speak(&reader("fr-CH", Tz::UTC));
        assert_eq!((words.locale.as_str(), words.title.as_str()), ("en", "Stretch"));
        assert_eq!(words.body, "It is 07:30: you asked to be reminded of “Stretch”.");
    }
}
