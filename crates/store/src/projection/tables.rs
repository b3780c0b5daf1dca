/// The tables that a projection is written to.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Tables {
    pub(crate) notifications: &'static str,
    pub(crate) announcements: &'static str,
    pub(crate) announcement_states: &'static str,
    pub(crate) preferences: &'static str,
    pub(crate) set_aside: &'static str,
}

impl Tables {
    /// Those that everybody reads.
    pub(crate) const LIVE: Self = Self {
        notifications: "notifications",
        announcements: "announcements",
        announcement_states: "announcement_states",
        preferences: "preferences",
        set_aside: "set_aside",
    };
}
