//! A running neko, by its HTTP API (v3): members, control, clipboard and pictures.
//!
//! It is asked with the token of its API session, which is an admin that can never look in. Nobody else is an admin, and
//! of the members only the one who has control may host: so control cannot be taken within neko, past SPEC 11.4.
//!
//! The surprise: neko gives the clipboard to whoever hosts and to nobody else. For the moment of it the API session
//! takes control and gives it back. It cannot be reset away from that session, only released by it.

use std::net::SocketAddr;
use std::time::Duration;

use hyper::Method;
use portal_core::backend::{Fault, FaultKind, Picture};
use portal_core::model::{Secret, UserId};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::http::{self, Answer, Place, Question, Silence, escaped};

/// How often the clipboard is tried for, if whoever has control takes it back meanwhile by moving the mouse.
const TRIES: usize = 5;

/// The account that is made and taken away again at a start. It is nobody's, as its name is no user's.
const PROBE: &str = "portal-check";

/// Where a neko is and what opens it.
#[derive(Clone, Debug)]
pub(super) struct Room {
    pub(super) address: SocketAddr,
    /// In front of every path; empty for none.
    pub(super) prefix: String,
    pub(super) token: Secret,
    pub(super) within: Duration,
}

/// Somebody who is let in.
#[derive(Debug, Deserialize)]
pub(super) struct Member {
    pub(super) id: String,
    pub(super) profile: Profile,
}

/// What a member may.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
#[expect(clippy::struct_excessive_bools, reason = "it is neko's own")]
pub(super) struct Profile {
    pub(super) name: String,
    pub(super) is_admin: bool,
    can_login: bool,
    can_connect: bool,
    can_watch: bool,
    pub(super) can_host: bool,
    can_share_media: bool,
    can_access_clipboard: bool,
    sends_inactive_cursor: bool,
    can_see_inactive_cursors: bool,
}

impl Profile {
    /// A viewer's, with control or without.
    pub(super) fn of(name: &str, has_control: bool) -> Self {
        Self {
            name: name.to_owned(),
            is_admin: false,
            can_login: true,
            can_connect: true,
            can_watch: true,
            can_host: has_control,
            can_share_media: false,
            can_access_clipboard: has_control,
            // Whether there are any is the room's setting.
            sends_inactive_cursor: true,
            can_see_inactive_cursors: true,
        }
    }
}

/// The name with which somebody signs in to a browser.
pub(super) fn member_of(user: UserId) -> String {
    format!("u{user}")
}

/// Who that is; nobody, if the name is none that [`member_of`] gives.
pub(super) fn user_of(member: &str) -> Option<UserId> {
    let number: i64 = member.strip_prefix('u')?.parse().ok()?;
    let user = UserId::try_from(number).ok()?;
    (member_of(user) == member).then_some(user)
}

/// Where a member is asked about. Its name may be anybody's idea, so that it is nothing but a name here.
fn member_path(id: &str) -> String {
    format!("/api/members/{}", escaped(id))
}

impl Room {
    async fn ask(&self, mut question: Question) -> Result<Answer, Fault> {
        let what = format!("{} {}", question.method, question.target);
        question.target = format!("{}{}", self.prefix, question.target);
        question.bearer = Some(self.token.clone());
        let place = Place::Address(self.address);
        let asked = http::ask(&place, question);
        let unreachable = |why: String| {
            let detail = format!("the browser at {} {why}", self.address);
            Err(Fault::new(FaultKind::Unreachable, detail))
        };
        match tokio::time::timeout(self.within, asked).await {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(Silence::Unreached(error))) => unreachable(format!("is not reached: {error}")),
            Ok(Err(Silence::Broken(why))) => unreachable(format!("broke off at {what}: {why}")),
            Err(_) => unreachable(format!(
                "did not answer {what} within {} s",
                self.within.as_secs_f64()
            )),
        }
    }

    /// Asks, and takes anything but a good answer for a failure.
    async fn good(&self, question: Question) -> Result<Answer, Fault> {
        let what = format!("{} {}", question.method, question.target);
        let answer = self.ask(question).await?;
        if answer.is_good() {
            return Ok(answer);
        }
        Err(refusal(&what, &answer))
    }

    async fn get<T: serde::de::DeserializeOwned>(&self, target: &str) -> Result<T, Fault> {
        let answer = self.good(Question::new(Method::GET, target)).await?;
        serde_json::from_slice(&answer.body).map_err(|error| {
            let detail = format!("the browser's answer to {target} is not understood: {error}");
            Fault::new(FaultKind::Failed, detail)
        })
    }

    async fn post(&self, target: &str, body: Option<&Value>) -> Result<Answer, Fault> {
        let question = Question::new(Method::POST, target);
        self.ask(match body {
            Some(body) => question.json(body),
            None => question,
        })
        .await
    }

    /// Whether it is there.
    pub(super) async fn is_healthy(&self) -> bool {
        let answer = self.ask(Question::new(Method::GET, "/health")).await;
        answer.is_ok_and(|answer| answer.is_good())
    }

    /// Everybody who is let in.
    pub(super) async fn members(&self) -> Result<Vec<Member>, Fault> {
        self.get("/api/members").await
    }

    async fn member(&self, id: &str) -> Result<Option<Profile>, Fault> {
        let target = member_path(id);
        let answer = self.ask(Question::new(Method::GET, target)).await?;
        match answer.status {
            404 => Ok(None),
            200 => serde_json::from_slice(&answer.body)
                .map(Some)
                .map_err(|error| Fault::new(FaultKind::Failed, error.to_string())),
            _ => Err(refusal("a member", &answer)),
        }
    }

    /// Whether a member can make themself an admin, as in neko before 3.0.11 and in 3.1.0 and 3.1.1 (CVE-2026-39386):
    /// tried with an account of its own, which is gone afterwards.
    ///
    /// # Errors
    /// That it cannot be found out, or that the account stays.
    pub(super) async fn lets_members_rise(&self, password: &Secret) -> Result<bool, Fault> {
        let body = json!({
            "username": PROBE,
            "password": password.expose(),
            "profile": Profile::of(PROBE, false),
        });
        let question = Question::new(Method::POST, "/api/members").json(&body);
        self.good(question).await?;
        let risen = self.rises(password).await;
        self.dismiss(PROBE).await?;
        risen
    }

    async fn rises(&self, password: &Secret) -> Result<bool, Fault> {
        #[derive(Deserialize)]
        struct SignedIn {
            token: String,
        }
        #[derive(Deserialize)]
        struct Whoami {
            id: String,
            profile: Profile,
        }
        let body = json!({ "username": PROBE, "password": password.expose() });
        let question = Question::new(Method::POST, "/api/login").json(&body);
        let answer = self.good(question).await?;
        let signed_in: SignedIn = serde_json::from_slice(&answer.body).map_err(|error| {
            let detail = format!("the browser's answer to /api/login is not understood: {error}");
            Fault::new(FaultKind::Failed, detail)
        })?;
        let member = Self {
            token: Secret::new(signed_in.token),
            ..self.clone()
        };
        let mut wanted = Profile::of(PROBE, true);
        wanted.is_admin = true;
        let wanted = serde_json::to_value(&wanted).unwrap_or_default();
        // Refused or half done: what counts is what came of it.
        member.post("/api/profile", Some(&wanted)).await?;
        let whoami: Whoami = member.get("/api/whoami").await?;
        if whoami.id != PROBE {
            let detail = format!("the browser takes {PROBE} for {:?}", whoami.id);
            return Err(Fault::new(FaultKind::Failed, detail));
        }
        Ok(whoami.profile.is_admin || whoami.profile.can_host)
    }

    /// Makes an account. Whoever has one gets a new one, and is out with the old.
    pub(super) async fn admit(
        &self,
        user: UserId,
        name: &str,
        password: &Secret,
    ) -> Result<(), Fault> {
        self.dismiss(&member_of(user)).await?;
        let body = json!({
            "username": member_of(user),
            "password": password.expose(),
            "profile": Profile::of(name, false),
        });
        let question = Question::new(Method::POST, "/api/members").json(&body);
        self.good(question).await.map(drop)
    }

    /// Takes an account away, and control with it. Well, if there is none.
    pub(super) async fn dismiss(&self, id: &str) -> Result<(), Fault> {
        let Some(mut profile) = self.member(id).await? else {
            return Ok(());
        };
        // Taking the account away ends the session and leaves its name as the host's: whoever gets an account of that
        // name again would host.
        if profile.can_host {
            self.allow(id, &mut profile, false).await?;
        }
        let target = member_path(id);
        let answer = self.ask(Question::new(Method::DELETE, target)).await?;
        match answer.status {
            404 => Ok(()),
            _ if answer.is_good() => Ok(()),
            _ => Err(refusal("a member cannot be taken away", &answer)),
        }
    }

    /// Says whether a member may host. Whoever may not any more hosts no more.
    async fn allow(&self, id: &str, profile: &mut Profile, may: bool) -> Result<(), Fault> {
        profile.can_host = may;
        profile.can_access_clipboard = may;
        let body = serde_json::to_value(&profile).unwrap_or_default();
        let question = Question::new(Method::POST, member_path(id)).json(&body);
        self.good(question).await.map(drop)
    }

    /// Gives control to one member alone, or to nobody: first it is taken from all others, so that never two have it.
    pub(super) async fn give(&self, to: Option<&str>) -> Result<(), Fault> {
        let mut members = self.members().await?;
        for other in &mut members {
            if other.profile.can_host && Some(other.id.as_str()) != to {
                self.allow(&other.id, &mut other.profile, false).await?;
            }
        }
        let Some(to) = to else {
            return self.done("/api/room/control/reset").await;
        };
        let Some(member) = members.iter_mut().find(|member| member.id == to) else {
            let detail = format!("{to} is to have control and is not let in");
            return Err(Fault::new(FaultKind::Failed, detail));
        };
        if !member.profile.can_host {
            self.allow(to, &mut member.profile, true).await?;
        }
        if self.hand_to(to).await? {
            return Ok(());
        }
        // Not signed in yet: they take it with their first click, as nobody else can.
        self.done("/api/room/control/reset").await
    }

    /// Makes a member who is signed in the host; whether they are.
    async fn hand_to(&self, id: &str) -> Result<bool, Fault> {
        let answer = self
            .post(&format!("/api/room/control/give/{}", escaped(id)), None)
            .await?;
        match answer.status {
            404 => Ok(false),
            _ if answer.is_good() => Ok(true),
            _ => Err(refusal("control cannot be given", &answer)),
        }
    }

    async fn done(&self, target: &str) -> Result<(), Fault> {
        self.good(Question::new(Method::POST, target))
            .await
            .map(drop)
    }

    /// What is on the clipboard.
    pub(super) async fn clipboard(&self) -> Result<String, Fault> {
        #[derive(Deserialize)]
        struct Clipboard {
            #[serde(default)]
            text: String,
        }
        let answer = self.as_host(Method::GET, None).await?;
        let read: Result<Clipboard, _> = serde_json::from_slice(&answer.body);
        read.map(|clipboard| clipboard.text)
            .map_err(|error| Fault::new(FaultKind::Failed, error.to_string()))
    }

    /// Puts a text on the clipboard.
    pub(super) async fn set_clipboard(&self, text: &str) -> Result<(), Fault> {
        let body = json!({ "text": text });
        self.as_host(Method::POST, Some(&body)).await.map(drop)
    }

    /// Asks about the clipboard as the host, and gives control back to whoever had it.
    async fn as_host(&self, method: Method, body: Option<&Value>) -> Result<Answer, Fault> {
        #[derive(Deserialize)]
        struct Control {
            #[serde(default)]
            has_host: bool,
            #[serde(default)]
            host_id: String,
        }
        let before: Control = self.get("/api/room/control").await?;
        let mut asked = Err(Fault::new(FaultKind::Failed, "the clipboard is not given"));
        for _ in 0..TRIES {
            self.done("/api/room/control/take").await?;
            let mut question = Question::new(method.clone(), "/api/room/clipboard");
            if let Some(body) = body {
                question = question.json(body);
            }
            asked = match self.ask(question).await {
                Ok(answer) if answer.is_good() => Ok(answer),
                Ok(answer) => Err(refusal("the clipboard", &answer)),
                Err(fault) => Err(fault),
            };
            let was_taken_back = matches!(&asked, Err(fault) if fault.kind == FaultKind::Failed);
            if !was_taken_back {
                break;
            }
        }
        let given_back = before.has_host && self.hand_to(&before.host_id).await?;
        if !given_back {
            self.done("/api/room/control/release").await?;
        }
        asked
    }

    /// A picture of the screen.
    pub(super) async fn screenshot(&self) -> Result<Picture, Fault> {
        let question = Question::new(Method::GET, "/api/room/screen/shot.jpg");
        let answer = self.good(question).await?;
        if !answer.media_type.starts_with("image/") {
            let detail = format!("the browser's picture is {:?}", answer.media_type);
            return Err(Fault::new(FaultKind::Failed, detail));
        }
        Ok(Picture {
            media_type: answer.media_type,
            bytes: answer.body,
        })
    }
}

fn refusal(what: &str, answer: &Answer) -> Fault {
    let detail = format!(
        "the browser refuses, {what}: {} ({})",
        answer.message(),
        answer.status
    );
    Fault::new(FaultKind::Failed, detail)
}
