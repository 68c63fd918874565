//! That a browser reaches neither the machine nor a private network (SPEC 11.3): the rules, which the operator loads, and
//! the check that they hold, at each start and before anybody is let in.
//!
//! The check is to fail closed: what cannot be found out counts as a hole. So it first makes sure that the two can talk at
//! all (the server to the container, and the container to itself), since otherwise silence would prove nothing. It
//! looks at the way to the machine alone; the rules for private networks are loaded with those, whole or not at all.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use portal_core::backend::{Fault, FaultKind};
use tokio::net::{TcpListener, TcpStream};

use super::container::INSIDE;
use super::engine::{Engine, Inspected};
use super::setup::Setup;

/// Networks that are nobody's on the internet: private, shared, link-local (and with it the clouds' metadata), loopback,
/// reserved, for tests, for many.
const CLOSED: &str = "0.0.0.0/8, 10.0.0.0/8, 100.64.0.0/10, 127.0.0.0/8, 169.254.0.0/16, 172.16.0.0/12, 192.0.0.0/24, \
     192.0.2.0/24, 192.168.0.0/16, 198.18.0.0/15, 198.51.100.0/24, 203.0.113.0/24, 224.0.0.0/3";

/// How long the server tries to reach the container directly.
const DIRECTLY: Duration = Duration::from_secs(3);

/// The rules as nft reads them. Loading them again replaces them.
pub fn rules(setup: &Setup) -> String {
    let (name, subnet) = (setup.network.as_str(), setup.subnet);
    format!(
        r#"# What the browsers of portal-server may reach: the internet, and nothing else. Loading this again replaces it.
# It stands before the engine's own rules (priority -10); replies, as those of published ports, pass.

table inet portal_browsers
delete table inet portal_browsers
table inet portal_browsers {{
	chain to_machine {{
		type filter hook input priority -10; policy accept;
		iifname "{name}" ct state established,related accept
		iifname "{name}" reject with icmpx type admin-prohibited
	}}
	chain to_networks {{
		type filter hook forward priority -10; policy accept;
		iifname "{name}" ct state established,related accept
		iifname "{name}" meta nfproto ipv6 reject with icmpx type admin-prohibited
		iifname "{name}" ip daddr {{ {CLOSED} }} reject with icmpx type admin-prohibited
	}}
}}

table bridge portal_browsers
delete table bridge portal_browsers
table bridge portal_browsers {{
	chain among_browsers {{
		type filter hook forward priority -10; policy accept;
		ip saddr {subnet} ip daddr {subnet} drop
	}}
}}
"#
    )
}

/// What the container says of its way to the machine.
const PROBE: &str = r#"reach() { timeout 3 bash -c 'exec 3<>"/dev/tcp/$0/$1"' "$1" "$2" 2>/dev/null; }
if reach "$2" "$3"; then echo portal:reached
elif reach 127.0.0.1 "$1"; then echo portal:blocked
fi"#;

/// What came of trying.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Tried {
    Reached,
    Blocked,
    /// The container could not try, or its neko was not there for it either.
    Unknown,
}

/// Has the container try to reach the server on the machine.
async fn probe(setup: &Setup, engine: &Engine, name: &str) -> Result<Tried, Fault> {
    let gateway = setup.subnet.gateway();
    let listener = TcpListener::bind((gateway, 0)).await;
    let listener =
        listener.map_err(|error| unchecked(&format!("nobody can listen on {gateway}: {error}")))?;
    let port = listener.local_addr().map_or(0, |address| address.port());
    let (inside, gateway, port) = (INSIDE.to_string(), gateway.to_string(), port.to_string());
    let command = ["bash", "-c", PROBE, "probe", &inside, &gateway, &port];
    let said = engine.exec(name, &command).await?;
    // Whatever the container says of it.
    let came = tokio::time::timeout(Duration::ZERO, listener.accept()).await;
    let came = came.is_ok_and(|accepted| accepted.is_ok());
    Ok(if came || said.contains("portal:reached") {
        Tried::Reached
    } else if said.contains("portal:blocked") {
        Tried::Blocked
    } else {
        Tried::Unknown
    })
}

/// A first look, while the browser is still on its way: a hole is seen before a page can use it. What is not known yet is
/// left to [`check`].
///
/// # Errors
/// That the container reaches the machine.
pub(super) async fn look(setup: &Setup, engine: &Engine, name: &str) -> Result<(), Fault> {
    match probe(setup, engine, name).await {
        Ok(Tried::Reached) => Err(open()),
        Ok(Tried::Blocked | Tried::Unknown) | Err(_) => Ok(()),
    }
}

/// Makes sure that a container does not reach the machine.
///
/// # Errors
/// That it does, or that it cannot be found out.
pub(super) async fn check(
    setup: &Setup,
    engine: &Engine,
    name: &str,
    container: &Inspected,
) -> Result<(), Fault> {
    let networks = &container.network_settings.networks;
    let endpoint = networks.get(setup.network.as_str());
    let address = endpoint.and_then(|endpoint| endpoint.address.parse::<Ipv4Addr>().ok());
    let Some(address) = address else {
        return Err(unchecked("the container's address is not known"));
    };
    let direct = TcpStream::connect(SocketAddr::from((address, INSIDE)));
    match tokio::time::timeout(DIRECTLY, direct).await {
        Ok(Ok(_)) => {}
        Ok(Err(error)) => return Err(unchecked(&format!("{address} is not reached: {error}"))),
        Err(_) => return Err(unchecked(&format!("{address} is not reached"))),
    }
    match probe(setup, engine, name).await? {
        Tried::Blocked => Ok(()),
        Tried::Reached => Err(open()),
        Tried::Unknown => Err(unchecked(
            "the image has no bash and timeout, or its neko is not reached from within",
        )),
    }
}

fn open() -> Fault {
    Fault::new(
        FaultKind::Misconfigured,
        "a browser reaches this machine, so none is run: load the rules that `portal-server browser-firewall` prints \
         (| nft -f -)",
    )
}

fn unchecked(why: &str) -> Fault {
    let detail = format!(
        "whether a browser reaches this machine cannot be checked, so none is run ({why}): see browser_firewall"
    );
    Fault::new(FaultKind::Misconfigured, detail)
}
