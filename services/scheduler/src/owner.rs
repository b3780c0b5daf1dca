//! Who works on a run: `host/pid/start/task`.
//!
//! A process that was killed cannot give its leases back. Whoever finds them on the same host can see that it is gone and
//! need not wait for them to lapse; leases of other hosts are waited for.

use std::sync::atomic::{AtomicU64, Ordering};

use rustix::process::{Pid, getpid, test_kill_process};
use uuid::Uuid;

/// What tells this process from one with the same id before it: containers give each of them the id 1.
#[derive(Debug, Clone)]
pub(crate) struct Process {
    host: String,
    pid: i32,
    start: String,
}

impl Process {
    /// This one.
    pub(crate) fn this() -> Self {
        let host = rustix::system::uname().nodename().to_string_lossy().into_owned();
        Self {
            host: host.replace('/', "_"),
            pid: getpid().as_raw_nonzero().get(),
            start: Uuid::new_v4().simple().to_string()[..8].to_owned(),
        }
    }

    /// A task of this process that never works on two runs at once.
    pub(crate) fn task(&self, name: &str) -> String {
        format!("{}/{}/{}/{name}", self.host, self.pid, self.start)
    }

    /// A task of this process like no other.
    pub(crate) fn request(&self) -> String {
        static REQUESTS: AtomicU64 = AtomicU64::new(1);
        let number = REQUESTS.fetch_add(1, Ordering::Relaxed);
        self.task(&format!("request-{number}"))
    }

    /// Whether that owner was a process of this host that has ended. Nothing is known of other hosts.
    pub(crate) fn knows_gone(&self, owner: &str) -> bool {
        let mut parts = owner.splitn(4, '/');
        let (Some(host), Some(pid), Some(start)) = (parts.next(), parts.next(), parts.next()) else {
            return false;
        };
        if host != self.host || start == self.start {
            return false;
        }
        let Some(pid) = pid.parse().ok().and_then(Pid::from_raw) else {
            return false;
        };
        // Another start under this process's own id is an earlier life of it.
        pid.as_raw_nonzero().get() == self.pid || test_kill_process(pid) == Err(rustix::io::Errno::SRCH)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_process_of_this_host_that_has_ended_is_known_to_be_gone() {
        let this = Process::this();
        let mut ended = std::process::Command::new("true").spawn().unwrap();
        let ended_pid = ended.id();
        ended.wait().unwrap();
        let parent = rustix::process::getppid().unwrap().as_raw_nonzero();
        let Process { host, pid, .. } = &this;

        assert!(this.knows_gone(&format!("{host}/{ended_pid}/0a0b0c0d/alert-due")));
        assert!(this.knows_gone(&format!("{host}/{pid}/0a0b0c0d/alert-due")));
        assert!(!this.knows_gone(&this.task("alert-due")));
        assert!(!this.knows_gone(&format!("{host}/{parent}/0a0b0c0d/alert-due")));
        assert!(!this.knows_gone(&format!("elsewhere-{host}/{ended_pid}/0a0b0c0d/alert-due")));
        for nonsense in ["", "a", "a/b/c", "//"] {
            assert!(!this.knows_gone(nonsense), "{nonsense:?}");
        }
    }
}
