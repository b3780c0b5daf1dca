//! From an expression as people write it to one that `croner` reads in one way only.
//!
//! Names and the numbers of weekdays are translated here, field by field. `croner` would replace names wherever they
//! stand (a month `MON` would be January) and takes a lone `L` for a weekday, but one that never comes; its own Quartz
//! mode refuses `FRI-SUN` and says "Position 0 is less than the input offset 1" of a 0.

use croner::CronPattern;
use croner::parser::{CronParser, Seconds};

use super::pattern::{HourKind, Pattern};
use super::{WeekdayNumbers, YEARS};

const FIELDS: [&str; 7] = [
    "second",
    "minute",
    "hour",
    "day of month",
    "month",
    "day of week",
    "year",
];
const HOUR: usize = 2;
const DAY_OF_MONTH: usize = 3;
const MONTH: usize = 4;
const DAY_OF_WEEK: usize = 5;

const MONTHS: [&str; 12] = [
    "JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC",
];
const WEEKDAYS: [&str; 7] = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"];

/// Reads an expression, or says what is wrong with it.
pub(super) fn read(expression: &str, numbers: WeekdayNumbers) -> Result<Pattern, String> {
    let upper = expression.to_uppercase();
    let mut fields: Vec<_> = upper.split_whitespace().map(str::to_owned).collect();
    if !(6..=7).contains(&fields.len()) {
        return Err(format!("it has {} fields", fields.len()));
    }
    let hour_kind = hour_kind(&fields[HOUR]);
    if numbers == WeekdayNumbers::Quartz {
        one_kind_of_day(&fields)?;
    }
    for (index, field) in fields.iter_mut().enumerate() {
        *field = translate(index, field, numbers)
            .map_err(|reason| format!("{} {field:?}: {reason}", FIELDS[index]))?;
    }
    let pattern = parse(&fields, numbers)?;
    Pattern::new(pattern, hour_kind)
        .ok_or_else(|| format!("no date from {} to {} matches", YEARS.start(), YEARS.end()))
}

/// A part that has no end runs on through the day.
fn hour_kind(field: &str) -> HourKind {
    let runs_on = |part: &str| part.starts_with('*') || (part.contains('/') && !part.contains('-'));
    if field.split(',').any(runs_on) {
        HourKind::Running
    } else {
        HourKind::Fixed
    }
}

/// Quartz demands a `?` for one of the two; a `*` leaves as little doubt.
fn one_kind_of_day(fields: &[String]) -> Result<(), String> {
    let (month_day, weekday) = (fields[DAY_OF_MONTH].as_str(), fields[DAY_OF_WEEK].as_str());
    match (month_day, weekday) {
        ("?", "?") => Err("day of month and day of week cannot both be ?".to_owned()),
        ("?" | "*", _) | (_, "?" | "*") => Ok(()),
        _ => Err("with Quartz's weekdays either day of month or day of week has to be ?".to_owned()),
    }
}

fn translate(index: usize, field: &str, numbers: WeekdayNumbers) -> Result<String, String> {
    let is_day = [DAY_OF_MONTH, DAY_OF_WEEK].contains(&index);
    if is_day && field == "?" {
        return Ok("*".to_owned());
    }
    if field.contains('?') {
        return Err("? stands alone, for a day of month or a day of week".to_owned());
    }
    let translated = match index {
        MONTH => with_month_numbers(field),
        DAY_OF_WEEK => with_posix_weekdays(field, numbers)?,
        _ => field.to_owned(),
    };
    let special = if is_day { "LW" } else { "" };
    match translated
        .chars()
        .find(|c| c.is_alphabetic() && !special.contains(*c))
    {
        Some(letter) => Err(format!("the letter {letter} means nothing there")),
        None => Ok(translated),
    }
}

fn with_month_numbers(field: &str) -> String {
    let mut numbered = field.to_owned();
    for (name, number) in MONTHS.iter().zip(1..) {
        numbered = numbered.replace(name, &number.to_string());
    }
    numbered
}

fn with_posix_weekdays(field: &str, numbers: WeekdayNumbers) -> Result<String, String> {
    let (both, list) = match field.strip_prefix('+') {
        Some(list) => ("+", list),
        None => ("", field),
    };
    let parts: Result<Vec<String>, String> = list
        .split(',')
        .map(|part| posix_weekday_part(part, numbers))
        .collect();
    Ok(format!("{both}{}", parts?.join(",")))
}

/// One part of a list: days, then `#` with a number or `L`, or a step.
fn posix_weekday_part(part: &str, numbers: WeekdayNumbers) -> Result<String, String> {
    let ends = part.find(['#', '/']).unwrap_or(part.len());
    let ends = if ends == part.len() && ends > 1 && part.ends_with('L') {
        ends - 1
    } else {
        ends
    };
    let (days, rest) = part.split_at(ends);
    let single = |day| weekday(day, numbers);
    let days = match (days, days.split_once('-')) {
        ("*", _) => "*".to_owned(),
        ("L", _) if numbers == WeekdayNumbers::Quartz => "6".to_owned(),
        ("L", _) => return Err("L stands behind a weekday, as in 5L".to_owned()),
        (_, Some((from, to))) => {
            let (from, to) = (single(from)?, single(to)?);
            // Sunday begins the week as well as it ends it.
            match (from, to) {
                (1..=6, 0) => format!("{from}-7"),
                (7, 0..=6) => format!("0-{to}"),
                _ => format!("{from}-{to}"),
            }
        }
        (day, None) if rest.starts_with('/') && numbers == WeekdayNumbers::Quartz => {
            format!("{}-6", single(day)?)
        }
        (day, None) => single(day)?.to_string(),
    };
    Ok(format!("{days}{rest}"))
}

fn weekday(text: &str, numbers: WeekdayNumbers) -> Result<usize, String> {
    if let Some(number) = WEEKDAYS.iter().position(|name| *name == text) {
        return Ok(number);
    }
    match (text.parse::<usize>(), numbers) {
        (Ok(number @ 0..=7), WeekdayNumbers::Posix) => Ok(number),
        (Ok(number @ 1..=7), WeekdayNumbers::Quartz) => Ok(number - 1),
        (_, WeekdayNumbers::Posix) => Err(format!(
            "{text:?} is no weekday; they are 0 or 7 or SUN, 1 or MON, to 6 or SAT"
        )),
        (_, WeekdayNumbers::Quartz) => Err(format!(
            "{text:?} is no weekday of Quartz; they are 1 or SUN, 2 or MON, to 7 or SAT"
        )),
    }
}

fn parse(fields: &[String], numbers: WeekdayNumbers) -> Result<CronPattern, String> {
    let parser = CronParser::builder()
        .seconds(Seconds::Required)
        .sloppy_ranges(numbers == WeekdayNumbers::Quartz)
        .build();
    let parsed = parser.parse(&fields.join(" "));
    parsed.map(|cron| cron.pattern).map_err(|error| {
        // Its errors do not say which field they mean: it is the one that is refused among asterisks.
        let refused = |index: &usize| {
            let mut alone = vec!["*"; fields.len()];
            alone[*index] = &fields[*index];
            parser.parse(&alone.join(" ")).is_err()
        };
        match (0..fields.len()).find(refused) {
            Some(index) => format!("{} {:?}: {error}", FIELDS[index], fields[index]),
            None => error.to_string(),
        }
    })
}
