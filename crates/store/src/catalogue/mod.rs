//! What the shop and the site hand over: rows that are added, or brought up to date, by their key.

mod alerts;
mod coupons;
mod follows;
mod fundings;
mod pledges;
mod upsert;
mod users;
