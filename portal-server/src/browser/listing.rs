//! What runs: every container of this server, with who is let in and who has control. What ended by itself is removed.
//!
//! A neko that does not answer is the hard case. It runs as far as anybody knows, and the keeper, which asks again every
//! 15 seconds, knows who is let in; unless this process never heard of that browser before. Then nobody can say who is
//! let in, and all of them go before the first is let in, or as soon as it answers. After three times without an
//! answer it counts as dead, and goes with its container: nobody sees anything in it.
//!
//! The surprise: there may be members whom nobody here let in. Whoever has control can run programs within the container
//! if a page breaks the browser, and such a program may read what opens neko; so accounts with names of their own, and
//! admins, go as soon as they are seen.

use std::collections::BTreeSet;
use std::sync::Arc;

use portal_core::backend::{Fault, FaultKind, Running};
use portal_core::model::RunId;
use tokio::task::JoinSet;

use super::container::{Labelled, label_of};
use super::engine::{Engine, Listed};
use super::room::{Member, Room, user_of};
use super::{Neko, held};

/// How often in a row a neko may not answer.
const MISSES: u32 = 3;

/// Whether it is known who is let in to a browser.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Knowledge {
    /// This process never heard of it.
    #[default]
    None,
    /// It was listed as if there were nobody.
    Wrong,
    Right,
}

/// What is remembered of a run.
#[derive(Debug, Default)]
pub(super) struct Seen {
    knowledge: Knowledge,
    /// How often in a row its neko did not answer.
    misses: u32,
}

impl Seen {
    /// Of a browser that was just started: nobody is let in.
    pub(super) fn new_one() -> Self {
        Self {
            knowledge: Knowledge::Right,
            misses: 0,
        }
    }
}

/// A neko, and what it says itself.
type Heard = (Room, Result<Vec<Member>, Fault>);

struct Asked {
    container: Listed,
    labels: Labelled,
    /// What the engine says of it; none if it is gone.
    answer: Result<Option<Heard>, Fault>,
}

pub(super) async fn list(neko: &Neko) -> Result<Vec<Running>, Fault> {
    let engine = Arc::new(Engine::new(&neko.setup));
    let mut asking = JoinSet::new();
    let known = remembered(neko);
    let mut there = BTreeSet::new();
    for container in engine.list(&label_of(&neko.setup)).await? {
        let Some(labels) = Labelled::listed(&container) else {
            continue;
        };
        there.insert(labels.run.clone());
        // What starts is its start's business.
        if held(&neko.starting).contains_key(&labels.run) {
            continue;
        }
        let runs = matches!(container.state.as_str(), "running" | "paused");
        if !runs && !runs_by_now(neko, &container, &labels).await? {
            continue;
        }
        asking.spawn(ask(
            Arc::clone(&engine),
            container,
            labels,
            neko.setup.room_within,
        ));
    }
    forget(neko, known.difference(&there));
    let mut running = Vec::new();
    while let Some(asked) = asking.join_next().await {
        let asked = asked.map_err(|error| Fault::new(FaultKind::Failed, error.to_string()))?;
        let run = asked.labels.run;
        // Of an engine that does not answer nothing is known, so nothing is taken for gone.
        let Some((room, members)) = asked.answer? else {
            continue;
        };
        let members = match members {
            Ok(members) => heard(neko, &run, &room, members).await,
            Err(_) if is_dead(neko, &run) => {
                remove(neko, &asked.container).await;
                continue;
            }
            Err(_) => Some(Vec::new()),
        };
        let Some(members) = members else {
            end(neko, &asked.container).await;
            continue;
        };
        let controller = members.iter().find(|member| member.profile.can_host);
        running.push(Running {
            chat: asked.labels.chat,
            run,
            controller: controller.and_then(|member| user_of(&member.id)),
            viewers: members
                .iter()
                .filter_map(|member| user_of(&member.id))
                .collect(),
        });
    }
    running.sort_by(|one, other| one.run.cmp(&other.run));
    Ok(running)
}

/// The runs of which something is remembered.
fn remembered(neko: &Neko) -> BTreeSet<RunId> {
    let mut runs: BTreeSet<RunId> = held(&neko.seen).keys().cloned().collect();
    runs.extend(held(&neko.turns).keys().cloned());
    runs
}

/// Remembers nothing more of runs that are gone without having been stopped.
fn forget<'a>(neko: &Neko, gone: impl Iterator<Item = &'a RunId>) {
    for run in gone {
        if held(&neko.starting).contains_key(run) {
            continue;
        }
        held(&neko.seen).remove(run);
        held(&neko.turns).remove(run);
    }
}

/// Removes what does not run, unless it does by now: its start may have ended since it was listed, or one for the same
/// run may have begun, which makes another container of that name.
async fn runs_by_now(neko: &Neko, container: &Listed, labels: &Labelled) -> Result<bool, Fault> {
    let Some(found) = neko.engine.inspect(&container.id).await? else {
        return Ok(false);
    };
    if !found.state.running && !held(&neko.starting).contains_key(&labels.run) {
        remove(neko, container).await;
    }
    Ok(found.state.running)
}

async fn ask(
    engine: Arc<Engine>,
    container: Listed,
    labels: Labelled,
    within: std::time::Duration,
) -> Asked {
    let answer = async {
        let Some(inspected) = engine.inspect(&container.id).await? else {
            return Ok(None);
        };
        let room = labels.room(&inspected, within);
        let members = room.members().await;
        Ok(Some((room, members)))
    }
    .await;
    Asked {
        container,
        labels,
        answer,
    }
}

/// Removes a container; what stays is tried again with the next listing.
async fn remove(neko: &Neko, container: &Listed) {
    let (id, status) = (&container.id, &container.status);
    let labels = Labelled::listed(container);
    let chat = labels.as_ref().map(|labels| labels.chat.get());
    let run = labels.as_ref().map(|labels| labels.run.as_str());
    match neko.engine.remove(id).await {
        Ok(()) => tracing::warn!(chat, run, status, "removed a browser that ended by itself"),
        Err(fault) => tracing::warn!(chat, run, status, %fault, "a browser that ended stays"),
    }
}

/// Ends a browser that somebody within has opened to others.
async fn end(neko: &Neko, container: &Listed) {
    let id = &container.id;
    tracing::warn!(
        container = id,
        "a browser whose viewers cannot be told apart is ended"
    );
    if let Err(fault) = neko.engine.remove(id).await {
        tracing::warn!(container = id, %fault, "it stays for now");
    }
}

/// Who is let in, of a neko that answers; none if it is to end. Of one that was listed without them, they go.
async fn heard(neko: &Neko, run: &RunId, room: &Room, members: Vec<Member>) -> Option<Vec<Member>> {
    let knowledge = {
        let mut seen = held(&neko.seen);
        let of_run = seen.entry(run.clone()).or_default();
        of_run.misses = 0;
        if of_run.knowledge == Knowledge::None {
            of_run.knowledge = Knowledge::Right;
        }
        of_run.knowledge
    };
    if knowledge == Knowledge::Right {
        return ours(neko, run, room, members).await;
    }
    // Whoever is busy with it clears it if that matters.
    let turn = neko.turn(run);
    if let Ok(_turn) = turn.try_lock()
        && let Err(fault) = clear_if_unknown(neko, run, room).await
    {
        tracing::warn!(%fault, "a browser's unknown viewers stay for now");
    }
    Some(Vec::new())
}

/// Those whom this server let in, as they were let in; the others go. None if one has a name by which neko cannot be asked
/// to take them away.
async fn ours(neko: &Neko, run: &RunId, room: &Room, members: Vec<Member>) -> Option<Vec<Member>> {
    let is_ours = |member: &Member| user_of(&member.id).is_some() && !member.profile.is_admin;
    let (ours, strangers): (Vec<_>, Vec<_>) = members.into_iter().partition(is_ours);
    let is_plain = |b: u8| b.is_ascii_alphanumeric() || b"-_.~".contains(&b);
    if strangers
        .iter()
        .any(|member| matches!(member.id.as_str(), "." | "..") || !member.id.bytes().all(is_plain))
    {
        return None;
    }
    // Whoever is busy with it may be letting one of them in just now: the next listing sees what came of it.
    let turn = neko.turn(run);
    if !strangers.is_empty()
        && let Ok(_turn) = turn.try_lock()
    {
        for Member { id, .. } in strangers {
            tracing::warn!(
                run = run.as_str(),
                id,
                "somebody whom nobody here let in goes from a browser"
            );
            if let Err(fault) = room.dismiss(&id).await {
                tracing::warn!(run = run.as_str(), id, %fault, "they stay for now");
            }
        }
    }
    Some(ours)
}

/// Counts once more that a neko did not answer; whether that was too often.
fn is_dead(neko: &Neko, run: &RunId) -> bool {
    let mut seen = held(&neko.seen);
    let of_run = seen.entry(run.clone()).or_default();
    of_run.misses += 1;
    if of_run.knowledge == Knowledge::None {
        of_run.knowledge = Knowledge::Wrong;
    }
    let is_dead = of_run.misses >= MISSES;
    if is_dead {
        seen.remove(run);
    }
    is_dead
}

/// Takes everybody away, if they were not in the list when it was asked.
pub(super) async fn clear_if_unknown(neko: &Neko, run: &RunId, room: &Room) -> Result<(), Fault> {
    let knowledge = held(&neko.seen).get(run).map(|seen| seen.knowledge);
    if knowledge != Some(Knowledge::Wrong) {
        return Ok(());
    }
    for member in room.members().await? {
        room.dismiss(&member.id).await?;
    }
    if let Some(seen) = held(&neko.seen).get_mut(run) {
        seen.knowledge = Knowledge::Right;
    }
    Ok(())
}
