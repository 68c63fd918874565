//! What moderation does to people who are connected (SPEC 1.5, 4.3), by HTTP, by socket, and from a second
//! process on the same file, as the command line is.

mod common;

use common::TestServer;
use common::socket::Client;
use hyper::StatusCode;
use serde_json::{Value, json};

#[tokio::test]
async fn a_hard_mute_holds_by_http_by_socket_and_for_a_second_session_spec_7_1() {
    let server = TestServer::start().await;
    let ada = server.person_with_role("ada", "admin");
    let ben = server.person("ben");
    let again = server.session_of(ben.id);
    let chat = server.official_chat(&ada);
    let mut socket = Client::of(&server, &ben).await;
    let mut cipher = socket.join_and_publish(chat).await;
    socket.message(chat, &ben, &mut cipher, "while I may").await;
    let mute = json!({ "user_id": ben.id, "duration_seconds": 0 });
    server
        .post(Some(&ada), "/v1/portal/hard-mute", mute)
        .await
        .ok();
    assert_eq!(socket.event("user:hard_muted").await["user_id"], ben.id);

    let message = json!({ "chat_id": chat, "content": "{}" });
    let muted = socket
        .refused("message:send", message.clone(), "ERR_MUTED")
        .await;
    assert_eq!(muted["ttl_seconds"], 0);
    let path = format!("/v1/portal/chats/{chat}/messages");
    let body = json!({ "content": "{}" });
    let answer = server.post(Some(&ben), &path, body.clone()).await;
    answer.refused(StatusCode::FORBIDDEN.as_u16(), "ERR_MUTED");
    let mut second = Client::of(&server, &again).await;
    second.ok("room:join", json!({ "chat_id": chat })).await;
    second.refused("message:send", message, "ERR_MUTED").await;
    server
        .post(Some(&again), &path, body)
        .await
        .refused(StatusCode::FORBIDDEN.as_u16(), "ERR_MUTED");
}

/// Two sockets and two sessions of a person, one of them in a room.
async fn connected_twice(server: &TestServer) -> (common::Person, common::Person, [Client; 2]) {
    let olga = server.person_with_role("olga", "owner");
    let ben = server.person("ben");
    let chat = server.official_chat(&olga);
    let mut first = Client::of(server, &ben).await;
    first.ok("room:join", json!({ "chat_id": chat })).await;
    let second = Client::of(server, &server.session_of(ben.id)).await;
    (olga, ben, [first, second])
}

async fn is_out(server: &TestServer, ben: &common::Person, sockets: [Client; 2], told: &str) {
    for mut socket in sockets {
        assert_eq!(socket.event(told).await["user_id"], ben.id);
        socket.closed().await;
    }
    server
        .get(Some(ben), "/v1/users/me")
        .await
        .refused(StatusCode::UNAUTHORIZED.as_u16(), "ERR_UNAUTHENTICATED");
    let turned_away = Client::open(server, &[])
        .await
        .unwrap()
        .connect(json!({ "token": ben.token }))
        .await;
    let refused: Value = turned_away.err().unwrap();
    assert_eq!(refused["data"]["code"], "ERR_UNAUTHENTICATED");
}

#[tokio::test]
async fn a_timeout_closes_every_socket_and_ends_every_session_spec_1_5() {
    let server = TestServer::start().await;
    let (olga, ben, sockets) = connected_twice(&server).await;
    let timeout = json!({ "user_id": ben.id, "duration_seconds": 60 });
    server
        .post(Some(&olga), "/v1/portal/timeout", timeout)
        .await
        .ok();
    is_out(&server, &ben, sockets, "user:timed_out").await;
}

#[tokio::test]
async fn a_timeout_by_the_command_line_does_the_same_spec_1_5() {
    let server = TestServer::start().await;
    let (_, ben, sockets) = connected_twice(&server).await;
    server.operator(
        "mod.timeout",
        json!({ "user_id": ben.id, "duration_seconds": 60 }),
    );
    is_out(&server, &ben, sockets, "user:timed_out").await;
}

#[tokio::test]
async fn a_platform_ban_by_either_does_it_too_spec_1_5() {
    for by_command_line in [false, true] {
        let server = TestServer::start().await;
        let (olga, ben, sockets) = connected_twice(&server).await;
        let ban = json!({ "user_id": ben.id });
        if by_command_line {
            server.operator("mod.platform_ban", ban);
        } else {
            server.post(Some(&olga), "/v1/portal/ban", ban).await.ok();
        }
        is_out(&server, &ben, sockets, "user:banned").await;
    }
}

#[tokio::test]
async fn a_warning_reads_its_reason_at_its_person_spec_7_1() {
    let server = TestServer::start().await;
    let olga = server.person_with_role("olga", "owner");
    let ben = server.person("ben");
    let chat = server.official_chat(&olga);
    let mut socket = Client::of(&server, &ben).await;
    let path = format!("/v1/portal/chats/{chat}/warn");
    let warn = json!({ "user_id": ben.id, "reason": "mind your words" });
    server.post(Some(&olga), &path, warn).await.ok();
    assert_eq!(
        socket.event("user:warned").await["reason"],
        "mind your words"
    );
}

#[tokio::test]
async fn whom_a_chat_holds_back_and_what_was_done_to_somebody_are_read_by_staff_spec_7_5() {
    let server = TestServer::start().await;
    let ada = server.person_with_role("ada", "admin");
    let max = server.person_with_role("max", "moderator");
    let ben = server.person("ben");
    let chat = server.official_chat(&ada);
    let ban = json!({ "user_id": ben.id, "reason": "Shouting" });
    let path = format!("/v1/portal/chats/{chat}/ban");
    server.post(Some(&ada), &path, ban).await.ok();
    let held = format!("/v1/portal/chats/{chat}/punishments?limit=5");
    let page = server.get(Some(&ada), &held).await.ok();
    assert_eq!(page["rows"][0]["username"], "ben");
    assert_eq!(page["rows"][0]["reason"], "Shouting");
    let before = format!("{held}&before={}", page["rows"][0]["id"]);
    let rest = server.get(Some(&ada), &before).await.ok();
    assert_eq!(rest["rows"], json!([]));
    let forbidden = StatusCode::FORBIDDEN.as_u16();
    server
        .get(Some(&max), &held)
        .await
        .refused(forbidden, "ERR_FORBIDDEN");

    let done = format!("/v1/users/{}/punishments", ben.id);
    let page = server.get(Some(&max), &done).await.ok();
    assert_eq!(page["rows"][0]["kind"], "ban");
    server.get(Some(&ben), &done).await.ok();
    let of_ada = format!("/v1/users/{}/punishments", ada.id);
    server
        .get(Some(&max), &of_ada)
        .await
        .refused(forbidden, "ERR_FORBIDDEN");

    let found = server.get(Some(&max), "/v1/users?search=BE").await.ok();
    let names: Vec<_> = found["users"]
        .as_array()
        .unwrap()
        .iter()
        .map(|user| &user["username"])
        .collect();
    assert_eq!(names, ["ben"]);
    server
        .get(Some(&ben), "/v1/users?search=be")
        .await
        .refused(forbidden, "ERR_FORBIDDEN");
}
