//! Both versions on one port, by a client that nobody here wrote.

use reqwest::{Client, StatusCode, Version};

use crate::server::Server;

#[tokio::test]
async fn one_port_answers_both_versions() {
    let server = Server::start().await;
    let plain = Client::new();
    let known = Client::builder().http2_prior_knowledge().build().unwrap();
    for (client, version) in [(plain, Version::HTTP_11), (known, Version::HTTP_2)] {
        let url = |path: &str| format!("http://{}{path}", server.address);
        let said = client.get(url("/version")).send().await.unwrap();
        assert_eq!(said.version(), version);
        assert_eq!(said.text().await.unwrap(), format!("{version:?}"));
        let small = client
            .post(url("/echo"))
            .body("x".repeat(64 * 1024))
            .send()
            .await
            .unwrap();
        assert_eq!(small.text().await.unwrap().len(), 64 * 1024);
        let large = client
            .post(url("/echo"))
            .body("x".repeat(64 * 1024 + 1))
            .send()
            .await
            .unwrap();
        assert_eq!(large.status(), StatusCode::PAYLOAD_TOO_LARGE);
        let refused = client
            .get(url("/hello"))
            .header("x", "y".repeat(17 * 1024))
            .send()
            .await;
        // A client that was told the bound does not even ask.
        assert!(
            refused.is_err() || refused.unwrap().status() == 431,
            "{version:?}"
        );
        assert_eq!(
            client
                .get(url("/hello"))
                .send()
                .await
                .unwrap()
                .text()
                .await
                .unwrap(),
            "hello"
        );
    }
}

#[tokio::test]
async fn one_client_that_stalls_costs_the_others_of_its_connection_nothing() {
    let server = Server::start().await;
    let client = Client::builder()
        .http2_prior_knowledge()
        .http2_initial_stream_window_size(65_535)
        .build()
        .unwrap();
    let url = |path: &str| format!("http://{}{path}", server.address);
    let stalled = client.get(url("/endless")).send().await.unwrap();
    server.gives(1).await;
    let others = async {
        loop {
            let hello = client.get(url("/hello")).send().await.unwrap();
            assert_eq!(hello.text().await.unwrap(), "hello");
        }
    };
    tokio::select! {
        () = server.gives(0) => {}
        () = others => {}
    }
    let taken = stalled.bytes().await;
    assert!(taken.is_err(), "it was cut off in the middle");
}
