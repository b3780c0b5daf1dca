//! What the benchmark programs are made of.
//!
//! Each program starts the servers that it needs, runs the released binary beside a peer on the same machine in turns,
//! prints a table for people and, on its last line, the figures as JSON.

pub mod bare;
pub mod bare_copy;
pub mod binary;
pub mod coupons;
pub mod edge_report;
pub mod job_run;
pub mod load;
pub mod machine;
pub mod messages;
pub mod mixed_log;
pub mod open_files;
pub mod phase;
pub mod report;
pub mod server;
