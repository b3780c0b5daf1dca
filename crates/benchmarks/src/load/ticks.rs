//! A clock that can be waited for together with the clients.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::Duration;

use rustix::io::Errno;
use rustix::time::{
    Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, timerfd_create, timerfd_settime,
};

/// It is ready to be read when it has ticked. The time-outs of epoll would begin anew with each client that has something,
/// and each would set a timer of the kernel's.
pub(super) struct Ticks(OwnedFd);

impl Ticks {
    pub(super) fn new() -> io::Result<Self> {
        let flags = TimerfdFlags::CLOEXEC | TimerfdFlags::NONBLOCK;
        Ok(Self(timerfd_create(TimerfdClockId::Monotonic, flags)?))
    }

    /// Ticks in this time from now on.
    pub(super) fn set(&self, every: Duration) -> io::Result<()> {
        let every = Timespec::try_from(every).map_err(io::Error::other)?;
        let times = Itimerspec {
            it_interval: every,
            it_value: every,
        };
        timerfd_settime(&self.0, TimerfdTimerFlags::empty(), &times)?;
        Ok(())
    }

    /// How often it has ticked since this was asked last.
    pub(super) fn take(&self) -> io::Result<u64> {
        let mut ticks = [0; 8];
        match rustix::io::read(&self.0, &mut ticks) {
            Ok(_) => Ok(u64::from_ne_bytes(ticks)),
            Err(Errno::AGAIN) => Ok(0),
            Err(error) => Err(error.into()),
        }
    }
}

impl AsFd for Ticks {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}
