//! Starting a browser: room for it, a port, a container, its neko's first answer, and the check of the firewall.
//!
//! Whatever of an earlier try is there goes first: nobody knows the passwords of whoever was let in. What a start leaves
//! when it fails, the keeper stops.

use std::time::Duration;

use portal_core::backend::{BrowserOrder, Fault, FaultKind};

use super::container::{self, Labelled, label_of, name_of};
use super::engine::{Inspected, NotStarted};
use super::room::Room;
use super::{Neko, firewall, held, secret, tailor};

/// How often it is looked whether a browser is there.
const EVERY: Duration = Duration::from_millis(100);

pub(super) async fn run(neko: &Neko, order: &BrowserOrder) -> Result<(), Fault> {
    let name = name_of(&order.run);
    let within = neko.setup.start_within;
    let started = tokio::time::timeout(within, begin(neko, order, &name)).await;
    let checked = started.unwrap_or_else(|_| {
        let detail = format!("a browser was not there within {} s", within.as_secs_f64());
        Err(Fault::new(FaultKind::Unreachable, detail))
    })?;
    if checked.is_err() {
        // At once: it may be reaching things while somebody thinks about it. If it stays, the keeper stops it. Not within
        // the time of the start, since an engine that hangs here would hide what the check found.
        neko.engine.remove(&name).await.ok();
    }
    checked
}

/// Has it run; what comes of it is what the check says.
async fn begin(neko: &Neko, order: &BrowserOrder, name: &str) -> Result<Result<(), Fault>, Fault> {
    neko.engine.remove(name).await?;
    neko.engine.ensure_network(&neko.setup).await?;
    publish(neko, order, name).await?;
    Ok(closed(neko, order, name).await)
}

/// Waits for its neko, and makes sure that the container reaches nothing that it should not.
async fn closed(neko: &Neko, order: &BrowserOrder, name: &str) -> Result<(), Fault> {
    let (setup, engine) = (&neko.setup, &neko.engine);
    if setup.checks_firewall {
        firewall::look(setup, engine, name).await?;
    }
    let container = answering(neko, order, name).await?;
    if setup.checks_firewall {
        firewall::check(setup, engine, name, &container).await?;
    }
    Ok(())
}

/// Starts a container on the first port of the range that nobody has.
async fn publish(neko: &Neko, order: &BrowserOrder, name: &str) -> Result<(), Fault> {
    let setup = &neko.setup;
    let mut tried = Vec::new();
    let mut has_ipv6 = true;
    loop {
        let port = claim(neko, order, &tried).await?;
        let token = secret();
        let image = setup.image(order.browser.browser.as_str());
        let body = container::body(setup, order, port, &token, has_ipv6);
        neko.engine.create(name, &image, &body).await?;
        tailor::fit(&neko.engine, name, &order.browser).await?;
        match neko.engine.start(name).await {
            Ok(()) => return Ok(()),
            Err(NotStarted::Fault(fault)) => return Err(fault),
            Err(NotStarted::PortTaken) => tried.push(port),
            Err(NotStarted::NoIpv6) if has_ipv6 => has_ipv6 = false,
            Err(NotStarted::NoIpv6) => {
                let detail = "the engine turns IPv6 off where there is none";
                return Err(Fault::new(FaultKind::Failed, detail));
            }
        }
        neko.engine.remove(name).await?;
    }
}

/// A port that no browser of this server has or tries for, if there is room for another browser.
async fn claim(neko: &Neko, order: &BrowserOrder, tried: &[u16]) -> Result<u16, Fault> {
    let setup = &neko.setup;
    let listed = neko.engine.list(&label_of(setup)).await?;
    let others = listed
        .iter()
        .filter(|container| container.state == "running")
        .filter_map(Labelled::listed)
        .filter(|labels| labels.run != order.run);
    let mut starting = held(&neko.starting);
    starting.remove(&order.run);
    let mut taken: Vec<u16> = starting.values().copied().collect();
    // One that starts may be in the list already.
    let others = others.filter(|labels| !starting.contains_key(&labels.run));
    taken.extend(others.map(|labels| labels.port));
    if taken.len() >= setup.limit {
        let detail = format!("{} browsers run, which is browser_limit", taken.len());
        return Err(Fault::new(FaultKind::Full, detail));
    }
    let mut ports = setup.ports.0.clone();
    let free = ports.find(|port| !taken.contains(port) && !tried.contains(port));
    let Some(port) = free else {
        let detail = format!("no port of browser_ports ({}) is free", setup.ports);
        return Err(Fault::new(FaultKind::Full, detail));
    };
    starting.insert(order.run.clone(), port);
    Ok(port)
}

/// Waits until the container's neko answers, and takes what it is asked by its API.
async fn answering(neko: &Neko, order: &BrowserOrder, name: &str) -> Result<Inspected, Fault> {
    loop {
        let container = neko.engine.inspect(name).await?;
        let failed = |why: &str| Fault::new(FaultKind::Failed, format!("a browser {why}"));
        let container = container.ok_or_else(|| failed("is gone at its start"))?;
        if !container.state.running {
            return Err(failed(&format!("{} at its start", ended(&container))));
        }
        let labels = Labelled::inspected(&container).ok_or_else(|| failed("has no labels"))?;
        let room = labels.room(&container, neko.setup.room_within);
        if room.is_healthy().await {
            let image = neko.setup.image(order.browser.browser.as_str());
            speaks(&room, &image).await?;
            return Ok(container);
        }
        tokio::time::sleep(EVERY).await;
    }
}

/// Makes sure that what answers is a neko whose members cannot make themselves admins.
async fn speaks(room: &Room, image: &str) -> Result<(), Fault> {
    let misconfigured = |fault: Fault, what: &str| match fault.kind {
        FaultKind::Failed => Fault::new(
            FaultKind::Misconfigured,
            format!("the image {image} {what}: {}", fault.detail),
        ),
        _ => fault,
    };
    let members = room.members().await;
    members.map_err(|fault| misconfigured(fault, "does not speak neko's API, version 3"))?;
    let rises = room.lets_members_rise(&secret()).await;
    let unknown = "does not say whether its members can make themselves admins (CVE-2026-39386), so none is run";
    if rises.map_err(|fault| misconfigured(fault, unknown))? {
        let detail = format!(
            "in the image {image} every member can make themself an admin (CVE-2026-39386), so none is run: \
             docker pull one of neko 3.0.11, 3.1.2 or newer"
        );
        return Err(Fault::new(FaultKind::Misconfigured, detail));
    }
    Ok(())
}

/// How a container ended, for the log.
pub(super) fn ended(container: &Inspected) -> String {
    let why = if container.state.oom_killed {
        ", out of memory (browser_memory)"
    } else {
        ""
    };
    format!("ended with {}{why}", container.state.exit_code)
}
