//! What the documents name is there.

// Tests fail by panicking, here and in what they share.
#![allow(clippy::unwrap_used)]

use std::fs;
use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn documents() -> Vec<PathBuf> {
    let mut documents = ["README.md", "clients/browser/README.md"]
        .map(|file| root().join(file))
        .to_vec();
    for folder in [root().join("docs"), root().join("docs/decisions")] {
        let files = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
        documents.extend(files.filter(|file| file.extension().is_some_and(|extension| extension == "md")));
    }
    documents
}

/// Text and target of every link in a Markdown text.
fn links(text: &str) -> Vec<(&str, &str)> {
    let ends = text.match_indices("](");
    ends.filter_map(|(at, _)| {
        let label = &text[text[..at].rfind('[')? + 1..at];
        let target = &text[at + 2..];
        Some((label, &target[..target.find(')')?]))
    })
    .collect()
}

#[test]
fn every_promise_names_a_test_that_exists() {
    let path = root().join("docs/GUARANTEES.md");
    let text = fs::read_to_string(&path).unwrap();
    let promises: Vec<&str> = text
        .split("\n")
        .filter(|line| line.starts_with(|c: char| c.is_ascii_digit()))
        .collect();
    let mut proofs = 0;
    for (label, target) in links(&text) {
        let Some(test) = label.strip_prefix('`').and_then(|label| label.strip_suffix('`')) else {
            continue;
        };
        let source = fs::read_to_string(path.with_file_name(target)).unwrap();
        let written = if target.ends_with(".ts") {
            format!("test(\"{test}\"")
        } else {
            format!("fn {test}(")
        };
        assert!(source.contains(&written), "{target} has no test {test}");
        proofs += 1;
    }
    assert!(
        proofs >= promises.len(),
        "{} promises, {proofs} tests",
        promises.len()
    );
}

#[test]
fn every_link_leads_somewhere() {
    for document in documents() {
        for (label, target) in links(&fs::read_to_string(&document).unwrap()) {
            let file = target.split('#').next().unwrap_or_default();
            let external = target.contains("://");
            let found = external || document.with_file_name(file).exists();
            assert!(found, "{}: [{label}]({target})", document.display());
        }
    }
}
