//! The one table of paths (SPEC 15.2): method, path, operation, and how a request becomes parameters.
//!
//! A name in braces is a segment of the path, a name behind `?` or `&` may stand in the query; both are
//! parameters of the operation under that very name. `#` marks those that are numbers. What the
//! operation takes besides comes from the JSON body. There is nothing else to a route, so that each is
//! a line.

use hyper::Method;
use portal_core::{Error, ErrorKind, Result};
use serde_json::{Map, Value};

use crate::limits::Class;

/// One line of the table.
#[derive(Clone, Copy, Debug)]
pub struct Route {
    /// Whether it changes something.
    pub verb: Verb,
    /// The path, as the module says.
    pub path: &'static str,
    /// The operation or query it runs.
    pub operation: &'static str,
    /// What its reply means for the session cookie.
    pub session: Session,
    /// Whether the browser proves itself by a cookie of its own.
    pub browser: Browser,
    /// Which limit it counts against.
    pub class: Class,
}

/// The methods there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verb {
    /// Only reads; `HEAD` too.
    Get,
    /// Changes something.
    Post,
}

/// What a reply means for the session cookie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Session {
    /// Nothing.
    Stays,
    /// It holds a new session: `token`, `expires_at`.
    Begins,
    /// The session is over.
    Ends,
}

/// What the operation's parameter `browser`, which binds a login code to one browser, has to do with the
/// browser's cookie (SPEC 2.3). A program without cookies gives the parameter itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Browser {
    /// It takes none.
    No,
    /// It is what the cookie says; who has none is given one.
    Given,
    /// It is what the cookie says, if there is one.
    Known,
}

const fn get(path: &'static str, operation: &'static str) -> Route {
    Route {
        verb: Verb::Get,
        path,
        operation,
        session: Session::Stays,
        browser: Browser::No,
        class: Class::Usual,
    }
}

const fn post(path: &'static str, operation: &'static str) -> Route {
    Route {
        verb: Verb::Post,
        ..get(path, operation)
    }
}

const fn begin(path: &'static str, operation: &'static str) -> Route {
    Route {
        session: Session::Begins,
        class: Class::Login,
        ..post(path, operation)
    }
}

const fn ask(path: &'static str, operation: &'static str) -> Route {
    Route {
        browser: Browser::Given,
        class: Class::Login,
        ..post(path, operation)
    }
}

const fn prove(path: &'static str, operation: &'static str) -> Route {
    Route {
        browser: Browser::Known,
        ..begin(path, operation)
    }
}

const fn end(path: &'static str, operation: &'static str) -> Route {
    Route {
        session: Session::Ends,
        ..post(path, operation)
    }
}

/// Every path that runs one operation. `op/{name}`, which runs any, is not among them.
#[rustfmt::skip]
pub const ROUTES: &[Route] = &[
    begin("authentication/register",                                  "user.sign_up"),
    ask  ("authentication/request",                                   "login_code.request"),
    prove("authentication/verify",                                    "session.sign_in"),
    begin("authentication/stranger",                                  "stranger.create"),
    end  ("authentication/logout",                                    "session.logout"),
    post ("authentication/lookup",                                    "account.lookup"),
    post ("authentication/bot/send-code",                             "login_code.fetch"),
    post ("authentication/bot/login-code",                            "login_code.issue"),

    get  ("users/me",                                                 "user.me"),
    post ("users/me/update",                                          "user.update"),
    get  ("users/me/sessions",                                        "session.list"),
    post ("users/me/sessions/{suffix}/destroy",                       "session.destroy"),
    get  ("users/me/chats",                                           "chat.list"),
    get  ("users/me/punishments",                                     "user.punishments"),
    get  ("users/me/subscription",                                    "user.subscription"),
    post ("users/me/subscription/trial",                              "user.start_trial"),
    post ("users/me/account-key",                                     "user.replace_account_key"),
    get  ("users/me/export",                                          "user.export"),
    get  ("users/me/blocks?after#&limit#",                            "user.blocks"),
    get  ("users?search&after#&limit#",                               "user.list"),
    get  ("users/{user_id#}",                                         "user.get"),
    get  ("users/{user_id#}/punishments?before#&limit#",              "user.punishments"),
    post ("users/{user_id#}/block",                                   "user.block"),
    post ("users/{user_id#}/unblock",                                 "user.unblock"),

    get  ("portal/directory?cursor&limit#",                           "directory.list"),
    get  ("portal/chats",                                             "chat.list"),
    post ("portal/chats",                                             "chat.create"),
    get  ("portal/chats/{chat_id#}",                                  "chat.get"),
    post ("portal/chats/{chat_id#}/inspect",                          "chat.inspect"),
    post ("portal/chats/{chat_id#}/delete",                           "chat.destroy"),
    post ("portal/chats/{chat_id#}/config/update",                    "chat.update"),
    post ("portal/chats/{chat_id#}/transfer",                         "chat.transfer"),
    post ("portal/chats/{chat_id#}/transfer/accept",                  "chat.accept_transfer"),
    post ("portal/chats/{chat_id#}/leave",                            "chat.leave"),
    get  ("portal/chats/{chat_id#}/members?after#&limit#",            "member.list"),

    post ("portal/resolve/{code}",                                    "invite.resolve"),
    get  ("portal/chats/{chat_id#}/invites",                          "invite.list"),
    post ("portal/chats/{chat_id#}/invites",                          "invite.create"),
    post ("portal/chats/{chat_id#}/invites/{code}/delete",            "invite.revoke"),

    get  ("portal/chats/{chat_id#}/history?before#&after#&limit#",    "message.history"),
    get  ("portal/chats/{chat_id#}/activity?before#&limit#",          "activity.list"),
    post ("portal/chats/{chat_id#}/messages",                         "message.send"),
    post ("portal/chats/{chat_id#}/messages/delete",                  "message.delete"),
    post ("portal/chats/{chat_id#}/messages/delete-last",             "message.delete_last"),
    post ("portal/chats/{chat_id#}/messages/delete-mine",             "message.delete_mine"),
    post ("portal/chats/{chat_id#}/messages/report",                  "report.create"),
    post ("portal/chats/{chat_id#}/clear",                            "chat.clear"),

    get  ("portal/chats/{chat_id#}/punishments?before#&limit#",       "mod.list"),
    post ("portal/chats/{chat_id#}/kick",                             "mod.kick"),
    post ("portal/chats/{chat_id#}/mute",                             "mod.mute"),
    post ("portal/chats/{chat_id#}/unmute",                           "mod.unmute"),
    post ("portal/chats/{chat_id#}/ban",                              "mod.ban"),
    post ("portal/chats/{chat_id#}/unban",                            "mod.unban"),
    post ("portal/chats/{chat_id#}/timeout",                          "mod.timeout"),
    post ("portal/chats/{chat_id#}/warn",                             "mod.warn"),
    post ("portal/hard-mute",                                         "mod.hard_mute"),
    post ("portal/hard-unmute",                                       "mod.hard_unmute"),
    post ("portal/timeout",                                           "mod.timeout"),
    post ("portal/lift-timeout",                                      "mod.lift_timeout"),
    post ("portal/ban",                                               "mod.platform_ban"),
    post ("portal/unban",                                             "mod.platform_unban"),
    post ("portal/warn",                                              "mod.warn"),

    get  ("portal/chats/{chat_id#}/browser",                          "browser.get"),
    post ("portal/chats/{chat_id#}/start",                            "browser.start"),
    post ("portal/chats/{chat_id#}/stop",                             "browser.stop"),
    post ("portal/chats/{chat_id#}/control/request",                  "browser.request_control"),
    post ("portal/chats/{chat_id#}/control/grant",                    "browser.grant_control"),
    post ("portal/chats/{chat_id#}/control/release",                  "browser.release_control"),
    post ("portal/chats/{chat_id#}/control/take",                     "browser.take_control"),
    get  ("portal/chats/{chat_id#}/clipboard",                        "browser.clipboard"),
    post ("portal/chats/{chat_id#}/clipboard",                        "browser.set_clipboard"),
    get  ("portal/chats/{chat_id#}/screen",                           "browser.screen"),

    get  ("portal/audit?action&chat_id#&target#&user_id#&actor&os_user&from#&until#&before#&limit#", "audit.list"),
    get  ("portal/reports?state&chat_id#&user_id#&before#&limit#",    "report.list"),
    get  ("portal/reports/{report_id#}",                              "report.get"),
    post ("portal/reports/{report_id#}/resolve",                      "report.resolve"),

    post ("portal/match",                                             "match.enqueue"),
    get  ("portal/match/status",                                      "match.status"),
    post ("portal/match/dequeue",                                     "match.dequeue"),
    post ("portal/match/leave",                                       "match.leave"),
    get  ("portal/match/stats?limit#",                                "match.stats"),
    post ("portal/match/pause",                                       "match.pause"),
    post ("portal/match/resume",                                      "match.resume"),
    get  ("portal/strangers?after#&limit#",                           "stranger.list"),
    post ("portal/strangers/{user_id#}/block",                        "stranger.block"),
    post ("portal/strangers/{user_id#}/unblock",                      "stranger.unblock"),

    post ("portal/keys",                                              "key.register"),
    get  ("portal/chats/{chat_id#}/keys",                             "key.list"),
    post ("portal/chats/{chat_id#}/keys",                             "key.publish"),
    post ("portal/chats/{chat_id#}/keys/reject",                      "key.reject"),
    post ("portal/chats/{chat_id#}/keys/renew",                       "key.renew"),

    get  ("statistics/chats",                                         "directory.statistics"),
];

/// What leads to a request's route.
pub(crate) enum Found {
    /// This, with the parameters of the path.
    Route(&'static Route, Map<String, Value>),
    /// The path, but by another method than these.
    OtherMethod(Vec<Verb>),
    /// Nothing.
    Nothing,
}

impl Verb {
    /// The method's answer to `Allow`.
    pub(crate) const fn allow(self) -> &'static str {
        match self {
            Verb::Get => "GET, HEAD",
            Verb::Post => "POST",
        }
    }

    pub(crate) fn takes(self, method: &Method) -> bool {
        match self {
            Verb::Get => matches!(*method, Method::GET | Method::HEAD),
            Verb::Post => *method == Method::POST,
        }
    }
}

/// Finds the route of a path under `/v1/`.
pub(crate) fn find(method: &Method, path: &str) -> Found {
    let mut others = Vec::new();
    // A literal segment goes before a parameter: `users/me` is nobody's id.
    for route in ROUTES {
        let Some(parameters) = route.matches(path) else {
            continue;
        };
        if route.verb.takes(method) {
            return Found::Route(route, parameters);
        }
        others.push(route.verb);
    }
    if others.is_empty() {
        Found::Nothing
    } else {
        Found::OtherMethod(others)
    }
}

/// The route of a path under `/v1/` as the table writes it, whatever the method.
pub(crate) fn pattern_of(path: &str) -> Option<&'static str> {
    let route = ROUTES.iter().find(|route| route.matches(path).is_some())?;
    Some(route.pattern())
}

impl Route {
    /// The path without the query.
    pub(crate) fn pattern(&self) -> &'static str {
        self.path.split('?').next().unwrap_or_default()
    }

    /// The names of its parameters, each with where it stands: `path` or `query`.
    pub(crate) fn parameters(&self) -> impl Iterator<Item = (&'static str, &'static str)> {
        let in_path = self.pattern().split('/').filter_map(|segment| {
            let name = segment.strip_prefix('{')?.strip_suffix('}')?;
            Some((name.trim_end_matches('#'), "path"))
        });
        let in_query = self.path.split(['?', '&']).skip(1);
        in_path.chain(in_query.map(|name| (name.trim_end_matches('#'), "query")))
    }

    /// The parameters of the path, if it is one of this route's.
    fn matches(&self, path: &str) -> Option<Map<String, Value>> {
        let mut parameters = Map::new();
        let mut segments = path.split('/');
        for expected in self.pattern().split('/') {
            let segment = segments.next()?;
            match expected
                .strip_prefix('{')
                .and_then(|name| name.strip_suffix('}'))
            {
                None if segment == expected => {}
                None => return None,
                Some(name) => {
                    let (name, value) = parameter(name, decode(segment)?)?;
                    parameters.insert(name, value);
                }
            }
        }
        segments.next().is_none().then_some(parameters)
    }

    /// Adds the parameters of the query.
    ///
    /// # Errors
    /// `ERR_INVALID` for one that the route does not know, that is twice there, or that is no number.
    pub(crate) fn read_query(&self, query: &str, into: &mut Map<String, Value>) -> Result<()> {
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let known = self
                .path
                .split(['?', '&'])
                .skip(1)
                .find(|known| known.trim_end_matches('#') == name)
                .ok_or_else(|| {
                    Error::invalid(name.to_owned(), "This address takes no such parameter.")
                })?;
            let value = decode(value)
                .and_then(|value| parameter(known, value))
                .ok_or_else(|| Error::invalid(name.to_owned(), "This is not a number."))?;
            if into.insert(value.0, value.1).is_some() {
                return Err(Error::invalid(name.to_owned(), "This is given twice."));
            }
        }
        Ok(())
    }
}

/// Adds the body's fields to the path's.
///
/// # Errors
/// `ERR_INVALID` for what is no JSON object, and for a field that the path has already given.
pub(crate) fn read_body(body: &[u8], into: &mut Map<String, Value>) -> Result<()> {
    // No body is no fields. One of blanks is a body, and no object.
    if body.is_empty() {
        return Ok(());
    }
    let text = str::from_utf8(body).map_err(|_| Error::invalid(".", "The body is not UTF-8."))?;
    let fields: Map<String, Value> = serde_json::from_str(text)
        .map_err(|error| Error::invalid(".", format!("The body must be a JSON object: {error}")))?;
    for (name, value) in fields {
        if into.contains_key(&name) {
            return Err(Error::invalid(name, "The address says this already."));
        }
        into.insert(name, value);
    }
    Ok(())
}

/// The name without its mark, and the value as its type; none if a number is none.
fn parameter(marked: &str, value: String) -> Option<(String, Value)> {
    match marked.strip_suffix('#') {
        Some(name) => {
            let number: u64 = value.parse().ok().filter(|_| !value.starts_with('+'))?;
            Some((name.to_owned(), number.into()))
        }
        None => Some((marked.to_owned(), value.into())),
    }
}

/// Undoes percent-encoding; none for what is no UTF-8 or badly encoded.
fn decode(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        match byte {
            b'%' => {
                let digit = |byte: Option<u8>| char::from(byte?).to_digit(16);
                let (high, low) = (digit(rest.next())?, digit(rest.next())?);
                bytes.push(u8::try_from(high * 16 + low).ok()?);
            }
            b'+' => bytes.push(b' '),
            byte => bytes.push(byte),
        }
    }
    String::from_utf8(bytes).ok()
}

/// The error for a path without a route.
pub(crate) fn nothing() -> Error {
    ErrorKind::NotFound.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(method: &Method, path: &str) -> Option<(&'static str, Value)> {
        match find(method, path) {
            Found::Route(route, parameters) => Some((route.operation, parameters.into())),
            _ => None,
        }
    }

    #[test]
    fn a_path_gives_its_parameters_their_types() {
        let (operation, parameters) =
            found(&Method::POST, "portal/chats/7/invites/a%2Fb/delete").unwrap();
        assert_eq!(operation, "invite.revoke");
        assert_eq!(
            parameters,
            serde_json::json!({ "chat_id": 7, "code": "a/b" })
        );
    }

    #[test]
    fn a_literal_segment_goes_before_a_parameter() {
        assert_eq!(found(&Method::GET, "users/me").unwrap().0, "user.me");
        assert_eq!(found(&Method::GET, "users/12").unwrap().0, "user.get");
        assert!(found(&Method::GET, "users/twelve").is_none());
        assert!(found(&Method::GET, "users/-1").is_none());
        assert!(found(&Method::GET, "users/+1").is_none());
        assert!(found(&Method::GET, "users/me/").is_none());
        assert!(found(&Method::GET, "users/%zz").is_none());
    }

    #[test]
    fn another_method_is_told_which_there_are() {
        let Found::OtherMethod(verbs) = find(&Method::DELETE, "portal/chats/7/invites") else {
            panic!("a method that there is not");
        };
        assert_eq!(verbs, [Verb::Get, Verb::Post]);
    }

    #[test]
    fn the_query_takes_what_the_route_names() {
        let Found::Route(route, mut parameters) = find(&Method::GET, "portal/chats/7/history")
        else {
            panic!("history is there");
        };
        route
            .read_query("limit=20&before=5", &mut parameters)
            .unwrap();
        assert_eq!(
            Value::from(parameters.clone()),
            serde_json::json!({ "chat_id": 7, "limit": 20, "before": 5 })
        );
        for wrong in ["limit=20", "size=1", "after=x", "chat_id=8", "after"] {
            let refused = route.read_query(wrong, &mut parameters).unwrap_err();
            assert_eq!(refused.kind(), ErrorKind::Invalid, "{wrong}");
        }
    }

    #[test]
    fn the_body_cannot_speak_against_the_path() {
        let mut parameters = Map::from_iter([("chat_id".to_owned(), Value::from(7))]);
        let refused = read_body(br#"{"chat_id":8}"#, &mut parameters).unwrap_err();
        assert_eq!(refused.extras().field.as_deref(), Some("chat_id"));
    }

    #[test]
    fn no_body_is_no_fields_and_a_blank_one_is_no_object() {
        let mut parameters = Map::new();
        read_body(b"", &mut parameters).unwrap();
        assert!(parameters.is_empty());
        for blank in [" ", "\r", "\n\t", "null"] {
            let refused = read_body(blank.as_bytes(), &mut parameters).unwrap_err();
            assert_eq!(refused.kind(), ErrorKind::Invalid, "{blank:?}");
        }
    }

    #[test]
    fn no_two_lines_are_for_the_same_request() {
        for (index, route) in ROUTES.iter().enumerate() {
            let same =
                |other: &&Route| other.verb == route.verb && other.pattern() == route.pattern();
            assert!(
                !ROUTES[..index].iter().any(|other| same(&other)),
                "{}",
                route.path
            );
        }
    }
}
