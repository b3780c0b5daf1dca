//! Pages of an inbox.
//!
//! A page of a person's own lines comes by an index in its order: that of all of the person's lines, or one that holds
//! only unread or archived ones. What such an index does not tell (a type, an age) is looked for along it, so a
//! page costs at most as much as reading all that the person has in that state. A page of announcements is looked for
//! from the newest on, at most through all there ever were.

use std::cmp::Reverse;

use domain::inbox::State;
use domain::notification::Notification;
use domain::preferences::{Preferences, Silence};
use proto_schemas::UserId;
use proto_schemas::events::v1::Words;
use sea_orm::sea_query::{Condition, Expr, ExprTrait as _};
use sea_orm::{
    ColumnTrait, ConnectionTrait, DbErr, EntityTrait, JoinType, QueryFilter, QueryOrder, QuerySelect,
    RelationDef, Select,
};

use super::counts::counts;
use super::preferences::stored_preferences;
use super::{AsOf, Audience, Filter, InboxPage, InboxRow, StateColumns, close};
use crate::entity::{announcement, announcement_state, notification};
use crate::error::Attempting;
use crate::instant::stored;
use crate::projection::{sequence_from, sequence_to};
use crate::{Store, StoreError};

pub(super) const OWN: StateColumns<notification::Column> = StateColumns {
    seen: notification::Column::SeenAt,
    read: notification::Column::ReadAt,
    archived: notification::Column::ArchivedAt,
};

pub(super) const GENERAL: StateColumns<announcement_state::Column> = StateColumns {
    seen: announcement_state::Column::SeenAt,
    read: announcement_state::Column::ReadAt,
    archived: announcement_state::Column::ArchivedAt,
};

impl Store {
    /// At most `limit` of the lines asked for of a person's inbox, those below `before`, newest first, with the counts
    /// of the whole inbox.
    pub async fn list_notifications(
        &self,
        user: &UserId,
        filter: &Filter,
        before: Option<u64>,
        limit: u64,
    ) -> Result<AsOf<InboxPage>, StoreError> {
        let attempted = "reading notifications";
        let before = before.map_or(i64::MAX, sequence_to);
        let snapshot = self.begin_inbox_snapshot().await.attempting(attempted)?;
        let own = own_lines(user, filter, before).limit(limit).all(&snapshot);
        let own = own.await.attempting(attempted)?;
        let general = general_page(&snapshot, user, filter, before, limit).await;
        let general = general.attempting(attempted)?;
        let preferences = match general.is_empty() {
            true => Preferences::default(),
            false => present_preferences(&snapshot, user).await?,
        };
        let counts = counts(&snapshot, user).await.attempting(attempted)?;
        let position = close(snapshot).await?;

        let own = own.into_iter().map(personal);
        let general = general
            .into_iter()
            .map(|(row, state)| announced(row, state.as_ref(), &preferences));
        let mut rows = own.chain(general).collect::<Result<Vec<_>, _>>()?;
        // The newest `limit` of both are among the newest `limit` of each.
        rows.sort_unstable_by_key(|row| Reverse(row.sequence));
        rows.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
        Ok(AsOf {
            value: InboxPage { rows, counts },
            position,
        })
    }
}

pub(super) fn own_lines(user: &UserId, filter: &Filter, before: i64) -> Select<notification::Entity> {
    let told = told(
        filter,
        notification::Column::EventType,
        notification::Column::OccurredAt,
    );
    notification::Entity::find()
        .filter(notification::Column::UserId.eq(user.as_str()))
        .filter(notification::Column::Sequence.lt(before))
        .filter(OWN.are(filter.state))
        .filter(told)
        .order_by_desc(notification::Column::Sequence)
}

async fn general_page(
    snapshot: &impl ConnectionTrait,
    user: &UserId,
    filter: &Filter,
    before: i64,
    limit: u64,
) -> Result<Vec<(announcement::Model, Option<announcement_state::Model>)>, DbErr> {
    let told = told(
        filter,
        announcement::Column::EventType,
        announcement::Column::OccurredAt,
    );
    announcement::Entity::find()
        .join(JoinType::LeftJoin, states_of(user))
        .select_also(announcement_state::Entity)
        .filter(announcement::Column::Sequence.lt(before))
        .filter(GENERAL.are(filter.state))
        .filter(told)
        .order_by_desc(announcement::Column::Sequence)
        .limit(limit)
        .all(snapshot)
        .await
}

/// Those that this version does not read silence nothing, as when something is told to one person.
async fn present_preferences(
    snapshot: &impl ConnectionTrait,
    user: &UserId,
) -> Result<Preferences, StoreError> {
    match stored_preferences(snapshot, user).await {
        Ok(stored) => Ok(stored.map(|stored| stored.preferences).unwrap_or_default()),
        Err(error @ StoreError::Stored { .. }) => {
            tracing::warn!(%error, "silencing nothing");
            Ok(Preferences::default())
        }
        Err(error) => Err(error),
    }
}

/// From an announcement to what this person did with it.
pub(super) fn states_of(user: &UserId) -> RelationDef {
    let user = user.as_str().to_owned();
    announcement::Entity::belongs_to(announcement_state::Entity)
        .from(announcement::Column::EventId)
        .to(announcement_state::Column::EventId)
        .on_condition(move |_, states| {
            let of_person = Expr::col((states, announcement_state::Column::UserId)).eq(user.as_str());
            Condition::all().add(of_person)
        })
        .into()
}

/// What a filter asks of what was said.
fn told<C: ColumnTrait>(filter: &Filter, event_type: C, occurred_at: C) -> Condition {
    let types = &filter.event_types;
    let of_types = (!types.is_empty()).then(|| event_type.is_in(types.iter().map(String::as_str)));
    let since = filter.since.map(|since| occurred_at.gte(stored(since)));
    Condition::all().add_option(of_types).add_option(since)
}

fn personal(row: notification::Model) -> Result<InboxRow, StoreError> {
    let silenced = row.silenced.as_deref().map(str::parse::<Silence>).transpose();
    let silenced = silenced.map_err(|_| StoreError::Stored {
        row: format!("notifications {}", row.event_id),
        column: "silenced",
        found: row.silenced.clone().unwrap_or_default(),
    })?;
    Ok(InboxRow {
        sequence: sequence_from(row.sequence),
        audience: Audience::Personal,
        state: State::from(&row),
        silenced,
        translations: Vec::new(),
        link: None,
        notification: Notification {
            event_id: row.event_id,
            event_type: row.event_type,
            subject: row.subject,
            title: row.title,
            body: row.body,
            locale: row.locale,
            occurred_at: row.occurred_at,
            expires_at: row.expires_at,
        },
    })
}

fn announced(
    row: announcement::Model,
    state: Option<&announcement_state::Model>,
    preferences: &Preferences,
) -> Result<InboxRow, StoreError> {
    let translations: Vec<Words> = serde_json::from_str(&row.words).map_err(|_| StoreError::Stored {
        row: format!("announcements {}", row.event_id),
        column: "words",
        found: row.words.clone(),
    })?;
    let funding_id = row.subject.strip_prefix("funding/");
    Ok(InboxRow {
        sequence: sequence_from(row.sequence),
        audience: Audience::Everybody,
        state: state.map(State::from).unwrap_or_default(),
        silenced: preferences.silence(&row.event_type, funding_id, row.stored_at),
        translations,
        link: row.link,
        notification: Notification {
            event_id: row.event_id,
            event_type: row.event_type,
            subject: row.subject,
            title: row.title,
            body: row.body,
            locale: row.locale,
            occurred_at: row.occurred_at,
            expires_at: row.expires_at,
        },
    })
}

impl From<&notification::Model> for State {
    fn from(row: &notification::Model) -> Self {
        Self {
            seen_at: row.seen_at,
            read_at: row.read_at,
            archived_at: row.archived_at,
        }
    }
}

impl From<&announcement_state::Model> for State {
    fn from(row: &announcement_state::Model) -> Self {
        Self {
            seen_at: row.seen_at,
            read_at: row.read_at,
            archived_at: row.archived_at,
        }
    }
}
