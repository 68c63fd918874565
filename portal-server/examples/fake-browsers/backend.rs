//! The tests' fake backend, with an address of its pages for everybody who is let in.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use portal_core::backend::{
    Access, BrowserBackend, BrowserOrder, Fault, FaultKind, Picture, Running, Viewer,
};
use portal_core::model::{RunId, UserId};

use super::fake::Fake;
use super::pages;

/// Browsers that are pages.
pub(crate) struct Pages {
    fake: Arc<Fake>,
    address: SocketAddr,
}

impl Pages {
    /// Begins to serve the pages.
    pub(crate) fn start() -> io::Result<Self> {
        let fake = Arc::new(Fake::default());
        let address = pages::serve(Arc::clone(&fake))?;
        Ok(Self { fake, address })
    }
}

impl BrowserBackend for Pages {
    fn start(&self, order: &BrowserOrder) -> Result<(), Fault> {
        // One that is not set up, for the tests.
        if order.browser.browser.as_str() == "brave" {
            return Err(Fault::new(FaultKind::Misconfigured, "no such image"));
        }
        self.fake.start(order)
    }

    fn stop(&self, run: &RunId) -> Result<(), Fault> {
        self.fake.stop(run)
    }

    fn list(&self) -> Result<Vec<Running>, Fault> {
        self.fake.list()
    }

    fn admit(&self, run: &RunId, viewer: &Viewer) -> Result<Access, Fault> {
        let access = self.fake.admit(run, viewer)?;
        Ok(Access {
            url: format!("http://{}/{run}/", self.address),
            ..access
        })
    }

    fn dismiss(&self, run: &RunId, viewer: UserId) -> Result<(), Fault> {
        self.fake.dismiss(run, viewer)
    }

    fn give_control(&self, run: &RunId, to: Option<UserId>) -> Result<(), Fault> {
        self.fake.give_control(run, to)
    }

    fn clipboard(&self, run: &RunId) -> Result<String, Fault> {
        self.fake.clipboard(run)
    }

    fn set_clipboard(&self, run: &RunId, text: &str) -> Result<(), Fault> {
        self.fake.set_clipboard(run, text)
    }

    fn screenshot(&self, run: &RunId) -> Result<Picture, Fault> {
        self.fake.screenshot(run)?;
        let picture = r##"<svg xmlns="http://www.w3.org/2000/svg" width="320" height="180">
            <rect width="320" height="180" fill="#345"/><circle cx="160" cy="90" r="60" fill="#e90"/></svg>"##;
        Ok(Picture {
            media_type: "image/svg+xml".to_owned(),
            bytes: picture.as_bytes().to_vec(),
        })
    }
}
