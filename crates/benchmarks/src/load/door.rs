//! Where clients come in.

use std::io::Write as _;
use std::net::{Ipv4Addr, SocketAddr, TcpStream};

use socket2::{Domain, Socket, Type};

/// Clients with the same address. Near the end of the ports of one address the kernel searches long for a free one.
const AT_ONE_ADDRESS: usize = 4_000;

/// Where clients connect, and what each of them says there.
#[derive(Debug, Clone)]
pub struct Door {
    /// Where.
    pub address: SocketAddr,
    /// The request of each client, without the id of its last event and the empty line, which go behind it.
    pub requests: Vec<String>,
    /// How much the kernel is to keep for a client that does not read, if not as usual.
    pub receive_buffer: Option<usize>,
}

impl Door {
    /// Connects a client and sends its request.
    pub(super) fn connect(&self, client: usize, last_id: &str) -> anyhow::Result<TcpStream> {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
        if let Some(bytes) = self.receive_buffer {
            socket.set_recv_buffer_size(bytes)?;
        }
        let host = u8::try_from(client / AT_ONE_ADDRESS + 1)?;
        socket.bind(&SocketAddr::from((Ipv4Addr::new(127, 0, 1, host), 0)).into())?;
        // Over the loopback device this is done when it returns, if the listen queue has room.
        socket.connect(&self.address.into())?;
        let mut socket = TcpStream::from(socket);
        let mut request = self.requests[client].clone();
        if !last_id.is_empty() {
            request += "Last-Event-ID: ";
            request += last_id;
            request += "\r\n";
        }
        request += "\r\n";
        socket.write_all(request.as_bytes())?;
        socket.set_nonblocking(true)?;
        Ok(socket)
    }
}
