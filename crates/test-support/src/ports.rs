//! Ports for servers that are killed and started again on the same one.

/// Below the ports that the kernel hands out to outgoing connections. In that range another test's connection may sit
/// on the port while the server is down, and a client that keeps dialling a closed port may even connect to itself.
const PORTS: std::ops::Range<u16> = 15_000..32_000;

/// A port of 127.0.0.1 that nobody has now. Somebody else may take it before it is used.
pub fn free_port() -> u16 {
    let span = u128::from(PORTS.end - PORTS.start);
    loop {
        let offset = u16::try_from(uuid::Uuid::new_v4().as_u128() % span).unwrap_or_default();
        let port = PORTS.start + offset;
        if std::net::TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
}
