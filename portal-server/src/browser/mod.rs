//! The `neko` backend (SPEC 11.3): each chat's browser is a container of [neko], run by a container engine.
//!
//! What runs is known by the engine alone. A container carries its chat and run as labels, and what opens its neko; so
//! a restarted server finds everything again, and nothing of it is in the database. A container that has no such
//! label, or another server's, is never touched.
//!
//! Each call has an end to its patience, for the engine and for neko: [`Setup`] says which. It must not be called on a
//! thread that drives a runtime, since it waits.
//!
//! The surprise: next to nothing is remembered between calls: each asks the engine anew where the container is and whether
//! it runs.
//!
//! [neko]: https://github.com/m1k1o/neko

mod container;
mod engine;
mod firewall;
mod http;
mod listing;
mod room;
mod setup;
mod start;
mod tailor;
mod tar;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use portal_core::backend::{
    Access, BrowserBackend, BrowserOrder, Fault, FaultKind, Picture, Running, Viewer,
};
use portal_core::model::{RunId, Secret, UserId};
use portal_core::random::{Random as _, SystemRandom};

use container::{Labelled, name_of};
use engine::Engine;
pub use firewall::rules as firewall_rules;
use room::{Room, member_of};
pub use setup::{Name, PageUrl, Ports, Setup, Subnet};

/// Runs browsers in containers of neko.
#[derive(Debug)]
pub struct Neko {
    setup: Setup,
    engine: Engine,
    /// The starts under way, and the port that each tries for.
    starting: Mutex<BTreeMap<RunId, u16>>,
    /// Of each run that is busy: for the calls that must not be mixed.
    turns: Mutex<BTreeMap<RunId, Arc<Turn>>>,
    /// What is remembered of each run for the next listing.
    seen: Mutex<BTreeMap<RunId, listing::Seen>>,
}

/// Whoever has it is the only one that asks a run's neko.
type Turn = tokio::sync::Mutex<()>;

impl Neko {
    /// A backend as told. Nothing is asked of the engine yet.
    pub fn new(setup: Setup) -> Self {
        Self {
            engine: Engine::new(&setup),
            setup,
            starting: Mutex::default(),
            turns: Mutex::default(),
            seen: Mutex::default(),
        }
    }

    /// Does something with the neko of a run, which must be running; one call after the other.
    fn within<T>(
        &self,
        run: &RunId,
        does: impl AsyncFnOnce(&Room, &Labelled) -> Result<T, Fault>,
    ) -> Result<T, Fault> {
        let turn = self.turn(run);
        wait(async {
            let _turn = turn.lock().await;
            let (room, labels) = self.room(run).await?;
            match does(&room, &labels).await {
                // Its container may have ended meanwhile, which is another thing than silence.
                Err(fault) if fault.kind == FaultKind::Unreachable => {
                    self.room(run).await?;
                    Err(fault)
                }
                done => done,
            }
        })
    }

    fn turn(&self, run: &RunId) -> Arc<Turn> {
        Arc::clone(held(&self.turns).entry(run.clone()).or_default())
    }

    async fn room(&self, run: &RunId) -> Result<(Room, Labelled), Fault> {
        let name = name_of(run);
        let gone = |why: &str| Fault::new(FaultKind::Gone, format!("the container {name} {why}"));
        let container = self.engine.inspect(&name).await?;
        let container = container.ok_or_else(|| gone("is not there"))?;
        let labels = Labelled::inspected(&container).filter(|labels| labels.run == *run);
        let labels = labels.ok_or_else(|| gone("is none of ours"))?;
        if !container.state.running {
            return Err(gone(&start::ended(&container)));
        }
        let room = labels.room(&container, self.setup.room_within);
        Ok((room, labels))
    }
}

impl BrowserBackend for Neko {
    fn start(&self, order: &BrowserOrder) -> Result<(), Fault> {
        let starting = Starting(self, &order.run);
        let started = wait(start::run(self, order));
        if started.is_ok() {
            held(&self.seen).insert(order.run.clone(), listing::Seen::new_one());
        }
        drop(starting);
        started
    }

    fn stop(&self, run: &RunId) -> Result<(), Fault> {
        wait(self.engine.remove(&name_of(run)))?;
        held(&self.turns).remove(run);
        held(&self.seen).remove(run);
        Ok(())
    }

    fn list(&self) -> Result<Vec<Running>, Fault> {
        wait(listing::list(self))
    }

    fn admit(&self, run: &RunId, viewer: &Viewer) -> Result<Access, Fault> {
        let password = secret();
        self.within(run, async |room, labels| {
            listing::clear_if_unknown(self, run, room).await?;
            room.admit(viewer.user, viewer.name.as_str(), &password)
                .await?;
            Ok(Access {
                url: labels.url.clone(),
                username: member_of(viewer.user),
                password: password.clone(),
            })
        })
    }

    fn dismiss(&self, run: &RunId, viewer: UserId) -> Result<(), Fault> {
        self.within(run, async |room, _| room.dismiss(&member_of(viewer)).await)
    }

    fn give_control(&self, run: &RunId, to: Option<UserId>) -> Result<(), Fault> {
        let to = to.map(member_of);
        self.within(run, async |room, _| room.give(to.as_deref()).await)
    }

    fn clipboard(&self, run: &RunId) -> Result<String, Fault> {
        self.within(run, async |room, _| room.clipboard().await)
    }

    fn set_clipboard(&self, run: &RunId, text: &str) -> Result<(), Fault> {
        self.within(run, async |room, _| room.set_clipboard(text).await)
    }

    fn screenshot(&self, run: &RunId) -> Result<Picture, Fault> {
        self.within(run, async |room, _| room.screenshot().await)
    }
}

/// A start under way, which ends however it ends: what stays noted holds a port, and is left out of every list.
struct Starting<'a>(&'a Neko, &'a RunId);

impl Drop for Starting<'_> {
    fn drop(&mut self) {
        held(&self.0.starting).remove(self.1);
    }
}

/// Waits for something on a runtime of its own, which is gone with all that it holds when it is done.
fn wait<T>(work: impl Future<Output = Result<T, Fault>>) -> Result<T, Fault> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Fault::new(FaultKind::Failed, format!("no runtime: {error}")))?;
    runtime.block_on(work)
}

/// A lock, whoever panicked with it.
fn held<T>(lock: &Mutex<T>) -> MutexGuard<'_, T> {
    lock.lock().unwrap_or_else(PoisonError::into_inner)
}

/// 128 random bits, as text.
fn secret() -> Secret {
    let mut bytes = [0; 16];
    SystemRandom.fill(&mut bytes);
    Secret::new(format!("{:032x}", u128::from_be_bytes(bytes)))
}
