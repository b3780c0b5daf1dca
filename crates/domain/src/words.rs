//! Words for people: Fluent messages in English and Korean, rendered when an event is emitted.
//!
//! Who reads another language is spoken to in English. Dates and times are those of the reader's own clock.

mod language;

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use fluent_bundle::FluentArgs;
use proto_schemas::events::v1;
use unic_langid::LanguageIdentifier;

use crate::money::Money;
use crate::reminder::TimeOfDay;
use crate::settlement::{Outcome, Role};
use crate::words::language::Language;

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
        let args = self.args(language, reader.zone);
        v1::Words {
            locale: language.name().to_owned(),
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

    fn args(&self, language: &Language, zone: Tz) -> FluentArgs<'_> {
        let mut args = FluentArgs::new();
        let date = |instant: DateTime<Utc>| language.date(instant.with_timezone(&zone).date_naive());
        match *self {
            Self::CouponExpiring {
                coupon,
                amount,
                expires_at,
            } => {
                args.set("coupon", coupon);
                set_amount(&mut args, amount);
                args.set("date", date(expires_at));
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
                args.set("date", date(expires_at));
            }
            Self::FundingClosing { funding, closes_at } => {
                args.set("funding", funding);
                args.set("date", date(closes_at));
                args.set("time", closes_at.with_timezone(&zone).format("%H:%M").to_string());
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
                let args = phrase.args(language, Tz::UTC);
                for attribute in ["title", "body"] {
                    let (message, mut errors) = (phrase.message(), Vec::new());
                    let said = language.render(message, Some(attribute), &args, &mut errors);
                    assert!(
                        said.is_some() && errors.is_empty(),
                        "{tag} {message} {attribute}: {errors:?}"
                    );
                }
            }
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
