//! Rows of an NDJSON file: one object a line.

use std::borrow::Cow;
use std::collections::{BTreeSet, HashMap};

use serde_json::value::RawValue;

use super::columns::Names;
use super::fields::Fields;
use super::lines::{Length, Line};
use super::reject::Fault;

/// How many unknown keys are remembered, and how much of each.
const IGNORED_KEYS: usize = 100;
const IGNORED_KEY_CHARS: usize = 100;

/// The values of a line's object. Keys that are no column go to `ignored`.
pub(super) fn fields<'a>(
    line: &'a Line,
    names: &'a Names,
    ignored: &mut BTreeSet<String>,
) -> Result<Fields<'a>, Fault> {
    if line.length == Length::TooLong {
        return Err(Fault::of_row("the line is longer than 1 MiB", &line.bytes));
    }
    let fault = |reason: String| Fault::of_row(reason, &line.bytes);
    let text = std::str::from_utf8(&line.bytes).map_err(|_| fault("the line is not UTF-8".to_owned()))?;
    let object: HashMap<Cow<'a, str>, &'a RawValue> =
        serde_json::from_str(text).map_err(|error| fault(no_object(&error)))?;
    let mut values = vec![None; names.len()];
    for (key, value) in object {
        match names.index_of_header(&key) {
            Some(index) => values[index] = scalar(&key, value.get())?,
            None if ignored.len() < IGNORED_KEYS => {
                ignored.insert(key.chars().take(IGNORED_KEY_CHARS).collect());
            }
            None => {}
        }
    }
    Ok(Fields { names, values })
}

/// A text as it is meant, and a number as it is written: read as a float, an amount would not be exact any more.
fn scalar<'a>(key: &str, json: &'a str) -> Result<Option<Cow<'a, [u8]>>, Fault> {
    match json.as_bytes() {
        [b'"', ..] => {
            let text: Result<String, _> = serde_json::from_str(json);
            let bad = |_| Fault::of_column(key, "is no valid JSON text", json.as_bytes());
            text.map(|text| Some(text.into_bytes().into())).map_err(bad)
        }
        [b'{' | b'[', ..] => Err(Fault::of_column(
            key,
            "is an object or array where one value is wanted",
            json.as_bytes(),
        )),
        b"null" => Ok(None),
        plain => Ok(Some(plain.into())),
    }
}

fn no_object(error: &serde_json::Error) -> String {
    // It counts lines within the text it was given, which is one.
    let said = error.to_string();
    let said = said.split(" at line ").next().unwrap_or_default();
    format!("the line is no JSON object: {said} at column {}", error.column())
}
