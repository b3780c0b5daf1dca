//! What is refused at the start, and how that is said.

use std::fs;

use service_kit::http::Settings;
use service_kit::telemetry::chain;

use crate::authority::{Files, Pair, write};
use crate::server::Server;

/// What is said to settings that cannot work.
async fn refusal(settings: &Settings) -> String {
    match Server::try_start(settings).await {
        Ok(_) => panic!("it started"),
        Err(error) => chain(&error),
    }
}

#[tokio::test]
async fn one_file_without_the_other_is_refused_by_name() {
    let files = Files::with(&Pair::new());
    let mut settings = files.settings();
    settings.tls_key_file = None;
    let said = refusal(&settings).await;
    assert!(
        said.starts_with("http.tls_certificate_file is set and http.tls_key_file is not"),
        "{said}"
    );
    let mut settings = files.settings();
    settings.tls_certificate_file = None;
    let said = refusal(&settings).await;
    assert!(
        said.starts_with("http.tls_key_file is set and http.tls_certificate_file is not"),
        "{said}"
    );
}

#[tokio::test]
async fn files_that_are_no_pair_are_refused_by_name() {
    let pair = Pair::new();
    let broken = pair.certificate.replace("-----END", "----END");
    let garbage = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    for (certificate, key, names, problem) in [
        (
            pair.key.as_str(),
            pair.key.as_str(),
            "tls.crt",
            "there is no certificate",
        ),
        (&pair.certificate, &pair.certificate, "tls.key", "there is no key"),
        (&pair.certificate, "", "tls.key", "there is no key"),
        (&broken, &pair.key, "tls.crt", "is no PEM"),
        (garbage, &pair.key, "tls.crt", "cannot be used"),
        (
            &pair.certificate,
            &Pair::new().key,
            "tls.key",
            "is not that of the certificate",
        ),
        (
            &"x".repeat(300_000),
            &pair.key,
            "tls.crt",
            "has more than 262144 bytes",
        ),
    ] {
        let files = Files::with(&pair);
        write(&files.certificate, certificate);
        write(&files.key, key);
        let said = refusal(&files.settings()).await;
        assert!(said.contains(names) && said.contains(problem), "{said}");
        assert!(!said.contains("PRIVATE"), "{said}");
    }
    let files = Files::with(&pair);
    fs::remove_file(&files.key).unwrap();
    let said = refusal(&files.settings()).await;
    assert!(said.contains("cannot read") && said.contains("tls.key"), "{said}");
}
