//! That a browser reaches neither the machine nor a private network (SPEC 11.3): the rules, which the operator loads, and
//! the check that they hold, at each start and before anybody is let in.
//!
//! The check is to fail closed: what cannot be found out counts as a hole. Silence proves nothing, since a machine that
//! drops what it does not know is silent without the rules too, and lets private networks be reached all the same. So the
//! rules have marks: two places, one on the way to the machine and one on the way to the networks, where a connection is
//! refused at once, as nothing but these rules does it.
//!
//! The surprise: a mark alone is not enough, since a port of the machine where nobody listens refuses as well. So the
//! server listens beside the mark, and there a connection must come to nothing in another way.

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

/// Nobody's, by RFC 5737, and marked on the way to the networks.
const MARK: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 213);

/// The port of both marks (discard).
const MARK_PORT: u16 = 9;

/// How long the server tries to reach the container directly.
const DIRECTLY: Duration = Duration::from_secs(3);

/// The rules as nft reads them. Loading them again replaces them; those of another network stay.
pub fn rules(setup: &Setup) -> String {
    let (name, subnet) = (setup.network.as_str(), setup.subnet);
    let gateway = subnet.gateway();
    format!(
        r#"# What the browsers of portal-server may reach: the internet, and nothing else. Loading this again replaces it.
# It stands before the engine's own rules (priority -10); replies, as those of published ports, pass. By the two resets each
# start of a browser sees that all of this is loaded.

table inet portal_browsers_{name}
delete table inet portal_browsers_{name}
table inet portal_browsers_{name} {{
	chain to_machine {{
		type filter hook input priority -10; policy accept;
		iifname "{name}" ct state established,related accept
		iifname "{name}" ip daddr {gateway} tcp dport {MARK_PORT} reject with tcp reset
		iifname "{name}" reject with icmpx type admin-prohibited
	}}
	chain to_networks {{
		type filter hook forward priority -10; policy accept;
		iifname "{name}" ct state established,related accept
		iifname "{name}" meta nfproto ipv6 reject with icmpx type admin-prohibited
		iifname "{name}" ip daddr {MARK} tcp dport {MARK_PORT} reject with tcp reset
		iifname "{name}" ip daddr {{ {CLOSED} }} reject with icmpx type admin-prohibited
	}}
}}

table bridge portal_browsers_{name}
delete table bridge portal_browsers_{name}
table bridge portal_browsers_{name} {{
	chain among_browsers {{
		type filter hook forward priority -10; policy accept;
		ip saddr {subnet} ip daddr {subnet} drop
	}}
}}
"#
    )
}

/// What the container says of its ways to the machine's mark, to the server beside it, and to the networks' mark. All
/// at once, and said at once.
const PROBE: &str = r#"export LC_ALL=C
try() {
    said=$(timeout 5 bash -c 'exec 3<>"/dev/tcp/$0/$1"' "$2" "$3" 2>&1)
    case "$?:$said" in
        0:*) echo "portal:$1:reached" ;;
        124:*) echo "portal:$1:silent" ;;
        *refused*) echo "portal:$1:refused" ;;
        *route*|*unreachable*) echo "portal:$1:unreachable" ;;
    esac
}
all=$(try machine "$1" "$2" & try server "$1" "$3" & try networks "$4" "$2" & wait)
echo "$all""#;

/// What came of trying.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Tried {
    Reached,
    Refused,
    /// Somebody said that there is no way.
    Unreachable,
    /// Nobody said anything.
    Silent,
    /// The container could not try.
    Unknown,
}

/// What the container says of one of its ways.
fn tried(said: &str, way: &str) -> Tried {
    let is = |how: &str| said.contains(&format!("portal:{way}:{how}"));
    if is("reached") {
        Tried::Reached
    } else if is("refused") {
        Tried::Refused
    } else if is("unreachable") {
        Tried::Unreachable
    } else if is("silent") {
        Tried::Silent
    } else {
        Tried::Unknown
    }
}

/// What is known of the rules.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Rules {
    Hold,
    /// Something is reached.
    Open,
    /// Nothing is reached, but not because of the rules.
    Missing {
        machine: Tried,
        networks: Tried,
    },
    Unknown,
}

/// What follows from what the container says, and from whether it came.
fn judged(said: &str, came: bool) -> Rules {
    let [machine, server, networks] = ["machine", "server", "networks"].map(|way| tried(said, way));
    let all = [machine, server, networks];
    // Whatever the container says of it.
    if came || all.contains(&Tried::Reached) {
        Rules::Open
    } else if all.contains(&Tried::Unknown) {
        Rules::Unknown
    } else if (machine, networks) == (Tried::Refused, Tried::Refused) && server != Tried::Refused {
        Rules::Hold
    } else {
        Rules::Missing { machine, networks }
    }
}

/// Has the container try.
async fn probe(setup: &Setup, engine: &Engine, name: &str) -> Result<Rules, Fault> {
    let gateway = setup.subnet.gateway();
    let listener = TcpListener::bind((gateway, 0)).await;
    let listener =
        listener.map_err(|error| unchecked(&format!("nobody can listen on {gateway}: {error}")))?;
    let port = listener.local_addr().map_or(0, |address| address.port());
    let (gateway, port) = (gateway.to_string(), port.to_string());
    let (mark, mark_port) = (MARK.to_string(), MARK_PORT.to_string());
    let command = [
        "bash", "-c", PROBE, "probe", &gateway, &mark_port, &port, &mark,
    ];
    let said = engine.exec(name, &command).await?;
    let came = tokio::time::timeout(Duration::ZERO, listener.accept()).await;
    let came = came.is_ok_and(|accepted| accepted.is_ok());
    Ok(judged(&said, came))
}

/// A first look, while the browser is still on its way: a hole is seen before a page can use it. What is not known yet is
/// left to [`check`].
///
/// # Errors
/// That the container reaches the machine, or that the rules are not there.
pub(super) async fn look(setup: &Setup, engine: &Engine, name: &str) -> Result<(), Fault> {
    match probe(setup, engine, name).await {
        Ok(Rules::Unknown) | Err(_) => Ok(()),
        Ok(rules) => held(setup, rules),
    }
}

/// Makes sure that the rules hold for a container.
///
/// # Errors
/// That they do not, or that it cannot be found out.
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
    // Where a unit's IPAddressDeny stands between the two, the server beside the mark would not be reached for that.
    let direct = TcpStream::connect(SocketAddr::from((address, INSIDE)));
    match tokio::time::timeout(DIRECTLY, direct).await {
        Ok(Ok(_)) => {}
        Ok(Err(error)) => return Err(unchecked(&format!("{address} is not reached: {error}"))),
        Err(_) => return Err(unchecked(&format!("{address} is not reached"))),
    }
    held(setup, probe(setup, engine, name).await?)
}

fn held(setup: &Setup, rules: Rules) -> Result<(), Fault> {
    let (name, subnet) = (&setup.network, setup.subnet);
    let load = format!(
        "load them: portal-server browser-firewall --browser-network {name} --browser-subnet {subnet} | nft -f -"
    );
    let detail = match rules {
        Rules::Hold => return Ok(()),
        Rules::Open => {
            format!("a browser reaches this machine, so none is run; its rules are missing: {load}")
        }
        Rules::Missing { machine, networks } => {
            format!(
                "the firewall's rules for browsers are not found on {name} ({subnet}), so none is run (the mark of \
                 the machine: {}, of the networks: {}): {load}",
                told(machine),
                told(networks)
            )
        }
        Rules::Unknown => return Err(unchecked("the image has no bash and timeout")),
    };
    Err(Fault::new(FaultKind::Misconfigured, detail))
}

/// How it is told what came of trying.
fn told(tried: Tried) -> &'static str {
    match tried {
        Tried::Reached => "reached",
        Tried::Refused => "found",
        Tried::Unreachable => "no way to it",
        Tried::Silent => "no answer",
        Tried::Unknown => "not known",
    }
}

fn unchecked(why: &str) -> Fault {
    let detail = format!(
        "whether a browser reaches this machine cannot be checked, so none is run ({why}): see browser_firewall"
    );
    Fault::new(FaultKind::Misconfigured, detail)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(machine: &str, server: &str, networks: &str) -> Rules {
        let all = format!(
            "\u{1}portal:machine:{machine}\nportal:server:{server}\nportal:networks:{networks}\n"
        );
        judged(&all, false)
    }

    #[test]
    fn the_rules_are_known_by_their_marks_alone_spec_11_3() {
        assert_eq!(said("refused", "unreachable", "refused"), Rules::Hold);
        // The kernel says only so often that there is no way.
        assert_eq!(said("refused", "silent", "refused"), Rules::Hold);
        for (machine, server, networks) in [
            // A machine that drops, one that rejects, one that resets.
            ("silent", "silent", "silent"),
            ("unreachable", "unreachable", "unreachable"),
            ("refused", "refused", "refused"),
            // One half of the rules, or those of another network.
            ("refused", "unreachable", "silent"),
            ("silent", "silent", "refused"),
            ("refused", "silent", "unreachable"),
        ] {
            let rules = said(machine, server, networks);
            assert!(
                matches!(rules, Rules::Missing { .. }),
                "{machine} {server} {networks}: {rules:?}"
            );
            let fault = held(&Setup::default(), rules).unwrap_err();
            assert_eq!(fault.kind, FaultKind::Misconfigured);
            assert!(fault.detail.contains("portal-server browser-firewall"));
        }
    }

    #[test]
    fn what_is_reached_is_open_and_what_is_not_said_is_not_known() {
        assert_eq!(said("refused", "reached", "refused"), Rules::Open);
        assert_eq!(said("refused", "silent", "reached"), Rules::Open);
        let well = "portal:machine:refused portal:server:silent portal:networks:refused";
        assert_eq!(judged(well, true), Rules::Open);
        assert_eq!(judged("", false), Rules::Unknown);
        assert_eq!(
            judged("portal:machine:refused portal:networks:refused", false),
            Rules::Unknown
        );
    }

    #[test]
    fn the_rules_have_both_marks() {
        let rules = rules(&Setup::default());
        for mark in [
            "iifname \"portal-neko\" ip daddr 10.213.52.1 tcp dport 9 reject with tcp reset",
            "iifname \"portal-neko\" ip daddr 192.0.2.213 tcp dport 9 reject with tcp reset",
        ] {
            assert!(rules.contains(mark), "{rules}");
        }
    }
}
