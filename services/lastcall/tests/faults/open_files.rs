//! How many clients this process may have: each takes five of its open files, itself and the two networks before the edge.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

const FILES_OF_A_CLIENT: u64 = 5;

/// For everything else.
const OTHER_FILES: u64 = 1_000;

/// Raises the limit as far as it can be raised. As many clients as are wanted, or as there is room for.
pub(crate) fn room_for(clients: usize) -> usize {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit {
        current: limit.maximum,
        maximum: limit.maximum,
    };
    let files = match setrlimit(Resource::Nofile, raised) {
        Ok(()) => limit.maximum,
        Err(_) => limit.current,
    };
    let room = files.map_or(u64::MAX, |files| {
        files.saturating_sub(OTHER_FILES) / FILES_OF_A_CLIENT
    });
    let room = usize::try_from(room).unwrap_or(usize::MAX);
    if room < clients {
        eprintln!("only {room} clients instead of {clients}: no more files may be open (ulimit -n)");
    }
    clients.min(room)
}
