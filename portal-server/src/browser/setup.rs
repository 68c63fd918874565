//! What the neko backend is told: where the engine is, what a browser may cost, and how viewers reach it.
//!
//! The default is a machine of one's own: everything on loopback. Each value is checked where it is read, by its type.

use std::collections::BTreeMap;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr};
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use hyper::Uri;

/// How browsers are run by neko (SPEC 11.3).
#[derive(Clone, Debug)]
pub struct Setup {
    /// The container engine's socket, which speaks Docker's API. Whoever may write to it is root on the machine.
    pub engine: PathBuf,
    /// What tells this server's browsers from those of another server on the same engine; none of the others' is
    /// ever touched. Usually the path of the database file.
    pub server: String,
    /// The image of a browser, by its name in a chat's `browser_config`; for others see [`Setup::image`].
    pub images: BTreeMap<String, String>,
    /// What a browser's container may do beside what every one of them may.
    pub capabilities: BTreeMap<String, Vec<String>>,
    /// How many browsers at once.
    pub limit: usize,
    /// The numbers of which each browser has one: as the port of its page, and as its port for pictures and sound.
    pub ports: Ports,
    /// The address on which the browsers' pages are published.
    pub bind: IpAddr,
    /// Where viewers find the page of a browser.
    pub url: PageUrl,
    /// The address at which viewers reach the ports for pictures and sound.
    pub public_address: IpAddr,
    /// The name of the containers' network and of its interface on the machine: at most 15 bytes.
    pub network: Name,
    /// The containers' addresses.
    pub subnet: Subnet,
    /// Whom the containers ask for names. Must be reachable for them, so not on the machine or in a private network.
    pub dns: Vec<IpAddr>,
    /// Whether it is made sure at each start that a container does not reach the machine.
    pub checks_firewall: bool,
    /// Memory of a container, in MiB.
    pub memory_mib: u64,
    /// Processors of a container.
    pub cpus: u64,
    /// Shared memory of a container, in MiB. It counts as memory.
    pub shm_mib: u64,
    /// Processes and threads of a container.
    pub pids: u64,
    /// What a container may write, in MiB, where the engine's store can tell; without it as much as there is.
    pub disk_mib: Option<u64>,
    /// For a browser to be there.
    pub start_within: Duration,
    /// For the engine to answer.
    pub engine_within: Duration,
    /// For a running neko to answer.
    pub room_within: Duration,
}

impl Default for Setup {
    fn default() -> Self {
        Self {
            engine: "/var/run/docker.sock".into(),
            server: String::new(),
            images: BTreeMap::new(),
            capabilities: BTreeMap::new(),
            limit: 4,
            ports: Ports(52000..=52015),
            bind: Ipv4Addr::LOCALHOST.into(),
            url: PageUrl("http://127.0.0.1:{port}/".to_owned()),
            public_address: Ipv4Addr::LOCALHOST.into(),
            network: Name("portal-neko".to_owned()),
            subnet: Subnet {
                address: Ipv4Addr::new(10, 213, 52, 0),
                length: 24,
            },
            dns: vec![
                Ipv4Addr::new(9, 9, 9, 9).into(),
                Ipv4Addr::new(149, 112, 112, 112).into(),
            ],
            checks_firewall: true,
            memory_mib: 3072,
            cpus: 2,
            shm_mib: 2048,
            pids: 1024,
            disk_mib: None,
            start_within: Duration::from_mins(1),
            engine_within: Duration::from_secs(15),
            room_within: Duration::from_secs(5),
        }
    }
}

impl Setup {
    /// The image of a browser: the one that was told, else neko's own of that name.
    pub fn image(&self, browser: &str) -> String {
        let told = self.images.get(browser).cloned();
        told.unwrap_or_else(|| format!("ghcr.io/m1k1o/neko/{browser}:3"))
    }

    /// Whether what was told goes together.
    ///
    /// # Errors
    /// Why it does not, as a sentence.
    pub fn check(&self) -> Result<(), String> {
        let ports = self.ports.0.len();
        if ports < self.limit {
            return Err(format!(
                "browser_limit ({}) wants as many ports, and browser_ports ({}) are {ports}",
                self.limit, self.ports
            ));
        }
        Ok(())
    }
}

/// A range of ports, as `52000-52015`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ports(pub(super) RangeInclusive<u16>);

impl FromStr for Ports {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let why = "two ports from 1024 on are wanted, such as 52000-52015";
        let (first, last) = text.split_once('-').ok_or(why)?;
        let port = |text: &str| text.trim().parse::<u16>().map_err(|_| why);
        let (first, last) = (port(first)?, port(last)?);
        if first < 1024 || last < first {
            return Err(why);
        }
        Ok(Self(first..=last))
    }
}

impl fmt::Display for Ports {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.0.start(), self.0.end())
    }
}

/// Where viewers find a browser's page: an address with `{port}` in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PageUrl(String);

impl PageUrl {
    /// The address of the browser with this number; ends with a slash.
    pub fn of(&self, port: u16) -> String {
        self.0.replace("{port}", &port.to_string())
    }

    /// The path of that address as neko wants it: without a slash at its end, and `/` alone for the root.
    pub(super) fn path(&self, port: u16) -> String {
        let url: Uri = self.of(port).parse().unwrap_or_default();
        match url.path().trim_end_matches('/') {
            "" => "/".to_owned(),
            path => path.to_owned(),
        }
    }
}

impl FromStr for PageUrl {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let why = "an http or https address with {port} in it is wanted, such as https://browsers.example/{port}/";
        let mut url = text.to_owned();
        if !url.ends_with('/') {
            url.push('/');
        }
        let filled: Uri = url.replace("{port}", "52000").parse().map_err(|_| why)?;
        let is_http = matches!(filled.scheme_str(), Some("http" | "https"));
        let has_host = filled.host().is_some_and(|host| !host.is_empty());
        if !is_http || !has_host || filled.query().is_some() || text.contains(['@', '#', '?']) {
            return Err(why);
        }
        if !url.contains("{port}") || url.replace("{port}", "").contains(['{', '}']) {
            return Err(why);
        }
        Ok(Self(url))
    }
}

impl fmt::Display for PageUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A name of a network and of its interface: 1 to 15 small letters, digits and hyphens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Name(String);

impl Name {
    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for Name {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let is_one = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
        let starts_well = text.as_bytes().first().is_some_and(u8::is_ascii_lowercase);
        if starts_well && text.len() <= 15 && text.bytes().all(is_one) {
            Ok(Self(text.to_owned()))
        } else {
            Err("1 to 15 small letters, digits or hyphens are wanted, a letter first")
        }
    }
}

/// Addresses of a network, as `10.213.52.0/24`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Subnet {
    address: Ipv4Addr,
    length: u8,
}

impl Subnet {
    /// The machine's own address in it: the first.
    pub(super) fn gateway(self) -> Ipv4Addr {
        Ipv4Addr::from_bits(self.address.to_bits() + 1)
    }
}

impl FromStr for Subnet {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let why = "a private network is wanted, such as 10.213.52.0/24, of /16 to /28";
        let (address, length) = text.split_once('/').ok_or(why)?;
        let address: Ipv4Addr = address.parse().map_err(|_| why)?;
        let length: u8 = length.parse().map_err(|_| why)?;
        if !(16..=28).contains(&length) || !address.is_private() {
            return Err(why);
        }
        if address.to_bits() << length != 0 {
            return Err("the address of a network ends in zeros, as 10.213.52.0/24");
        }
        Ok(Self { address, length })
    }
}

impl fmt::Display for Subnet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address, self.length)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> PageUrl {
        text.parse().unwrap_or_else(|why| panic!("{text}: {why}"))
    }

    #[test]
    fn a_page_has_an_address_and_a_path() {
        for (told, address, path) in [
            ("http://127.0.0.1:{port}/", "http://127.0.0.1:52001/", "/"),
            (
                "https://b.example/neko/{port}",
                "https://b.example/neko/52001/",
                "/neko/52001",
            ),
        ] {
            let url = url(told);
            assert_eq!(url.of(52001), address);
            assert_eq!(url.path(52001), path);
        }
    }

    #[test]
    fn what_is_no_address_of_pages_is_refused() {
        for wrong in [
            "https://b.example/",
            "b.example/{port}",
            "ftp://b.example/{port}",
            "https://b.example/{port}/?a=b",
            "https://me@b.example/{port}/",
            "https://b.example/{port}/#a",
            "https://b.example/{port}/{chat}",
            "https:///{port}",
        ] {
            assert!(wrong.parse::<PageUrl>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn there_are_as_many_ports_as_browsers() {
        Setup::default().check().unwrap();
        let setup = Setup {
            limit: 17,
            ..Setup::default()
        };
        let why = setup.check().unwrap_err();
        assert!(why.contains("browser_ports (52000-52015) are 16"), "{why}");
    }

    #[test]
    fn ranges_names_and_networks_are_read_strictly() {
        assert_eq!(
            "5000-5001".parse::<Ports>().unwrap().to_string(),
            "5000-5001"
        );
        for wrong in ["5000", "5001-5000", "80-90", "5000-70000", "a-b", ""] {
            assert!(wrong.parse::<Ports>().is_err(), "{wrong}");
        }
        for wrong in ["", "a\"b", "Neko", "-a", "1a", "abcdefghijklmnop"] {
            assert!(wrong.parse::<Name>().is_err(), "{wrong}");
        }
        let subnet: Subnet = "172.20.4.0/22".parse().unwrap();
        assert_eq!(subnet.gateway(), Ipv4Addr::new(172, 20, 4, 1));
        for wrong in [
            "10.0.0.0",
            "10.0.0.0/8",
            "10.213.52.1/24",
            "8.8.8.0/24",
            "10.0.0.0/29",
        ] {
            assert!(wrong.parse::<Subnet>().is_err(), "{wrong}");
        }
    }
}
