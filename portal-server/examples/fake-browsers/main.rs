//! A server whose browsers are none: each is a small page that says who is signed in and who has control. For the tests of
//! the web client (`tests/browser`), and to look at the client without a container engine.
//!
//!     cargo run -p portal-server --example fake-browsers -- FILE
//!
//! It listens on a port of the system's choice, without limits, and ends by SIGTERM.

mod backend;
#[path = "../../../portal-core/tests/common/fake.rs"]
#[allow(dead_code, missing_docs, unreachable_pub, reason = "the tests' own")]
mod fake;
mod pages;

use std::sync::Arc;

use portal_core::{Actor, Options, Portal};
use portal_server::{Config, Rates, run};
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let file = std::env::args().nth(1).ok_or("which file?")?;
    let backend = backend::Pages::start()?;
    let options = Options {
        presence: true,
        browsers: Some(Arc::new(backend)),
        ..Options::default()
    };
    let portal = Portal::open(file, options)?;
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let config = Config {
        rates: Rates::OFF,
        browser_url: Some("http://127.0.0.1:{port}/".to_owned()),
        ..Config::default()
    };
    portal.call_json(&Actor::operator(), "user.first_owner", "{}")?;
    say(&format!(
        "portal-server listens on http://{}",
        listener.local_addr()?
    ));
    let mut asked = signal(SignalKind::terminate())?;
    run(listener, portal, config, async {
        asked.recv().await;
    })
    .await?;
    Ok(())
}

#[expect(clippy::print_stdout, reason = "this is what the program answers")]
fn say(text: &str) {
    println!("{text}");
}
