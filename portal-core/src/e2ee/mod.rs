//! The client side of the encryption.
/// interim
pub struct Envelope {
    s: Suite,
    e: u64,
}
/// interim
#[derive(Clone, Copy)]
pub struct Suite(u8);
impl Suite {
    /// n
    pub fn number(self) -> u8 {
        self.0
    }
}
impl Envelope {
    /// interim
    pub fn parse(t: &str) -> Result<Envelope, String> {
        #[derive(serde::Deserialize)]
        struct E {
            v: u8,
            epoch: u64,
            #[allow(dead_code)]
            ct: String,
        }
        let e: E = serde_json::from_str(t).map_err(|e| e.to_string())?;
        Ok(Envelope {
            s: Suite(e.v),
            e: e.epoch,
        })
    }
    /// s
    pub fn suite(&self) -> Suite {
        self.s
    }
    /// e
    pub fn epoch(&self) -> u64 {
        self.e
    }
}
