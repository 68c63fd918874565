//! Reports over HTTP and sockets (SPEC 7.6, 12.3, 15.2).

mod common;

use common::socket::{Client, Next};
use common::{Person, TestServer};
use serde_json::{Value, json};

/// A message of Ben's in an OFFICIAL chat.
struct Said {
    chat: i64,
    id: Value,
    disclosure: String,
}

async fn say(server: &TestServer, ben: &Person) -> Said {
    let olga = server.person_with_role("olga", "owner");
    let chat = server.official_chat(&olga);
    let mut client = Client::of(server, ben).await;
    let mut cipher = client.join_and_publish(chat).await;
    let text = "You smell of elderberries";
    let id = client.message(chat, ben, &mut cipher, text).await["id"].clone();
    let history = server
        .get(Some(&olga), &format!("/v1/portal/chats/{chat}/history"))
        .await
        .ok();
    let content = history["messages"][0]["content"].as_str().unwrap();
    let key = cipher.disclose(ben.id.unsigned_abs(), content).unwrap();
    Said {
        chat,
        id,
        disclosure: key.to_base64().to_string(),
    }
}

impl Said {
    fn path(&self) -> String {
        format!("/v1/portal/chats/{}/messages/report", self.chat)
    }

    fn body(&self, disclosure: &str) -> Value {
        json!({ "message_id": self.id, "reason": "rude", "disclosure": disclosure })
    }
}

#[tokio::test]
async fn a_message_is_reported_read_and_settled_by_its_paths_spec_15_2() {
    let server = TestServer::start().await;
    let (ben, oskar) = (server.person("ben"), server.person("oskar"));
    let ada = server.person_with_role("ada", "admin");
    let said = say(&server, &ben).await;

    let forged = said.body("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=");
    let answer = server.post(Some(&oskar), &said.path(), forged).await;
    answer.refused(400, "ERR_DECRYPT");
    let body = said.body(&said.disclosure);
    let made = server
        .post(Some(&oskar), &said.path(), body.clone())
        .await
        .ok();
    assert_eq!(made, json!({ "report_id": 1, "verified": true }));
    let answer = server.post(Some(&oskar), &said.path(), body).await;
    answer.refused(409, "ERR_ALREADY_REPORTED");

    let list = format!(
        "/v1/portal/reports?state=open&chat_id={}&user_id={}&before=9&limit=5",
        said.chat, ben.id
    );
    let page = server.get(Some(&ada), &list).await.ok();
    assert_eq!(page["rows"][0]["id"], 1);
    let one = "/v1/portal/reports/1";
    let seen = server.get(Some(&ada), one).await.ok();
    assert_eq!(seen["plaintext"], "You smell of elderberries");
    let settle = json!({ "state": "actioned", "note": "Warned" });
    let settled = server
        .post(Some(&ada), &format!("{one}/resolve"), settle.clone())
        .await
        .ok();
    assert_eq!(
        (&settled["state"], &settled["handled_by"]),
        (&json!("actioned"), &json!(ada.id.to_string()))
    );
    let answer = server.get(Some(&ada), "/v1/portal/reports/2").await;
    answer.refused(404, "ERR_REPORT_NOT_FOUND");

    for path in [list.as_str(), one] {
        server
            .get(Some(&oskar), path)
            .await
            .refused(403, "ERR_FORBIDDEN");
        server
            .get(None, path)
            .await
            .refused(401, "ERR_UNAUTHENTICATED");
    }
    let answer = server
        .post(Some(&oskar), &format!("{one}/resolve"), settle)
        .await;
    answer.refused(403, "ERR_FORBIDDEN");
}

#[tokio::test]
async fn an_admins_socket_is_told_of_reports_and_a_moderators_is_not_spec_12_3() {
    let server = TestServer::start().await;
    let (ben, oskar) = (server.person("ben"), server.person("oskar"));
    let ada = server.person_with_role("ada", "admin");
    let moe = server.person_with_role("moe", "moderator");
    let said = say(&server, &ben).await;
    let mut admin = Client::of(&server, &ada).await;
    let mut moderator = Client::of(&server, &moe).await;
    let body = said.body(&said.disclosure);
    server.post(Some(&oskar), &said.path(), body).await.ok();
    // What another process does is told as well.
    let settle = json!({ "report_id": 1, "state": "dismissed" });
    server.operator("report.resolve", settle);
    server.person("last");

    let told = admin.event("report:new").await;
    assert_eq!(
        (&told["report_id"], &told["chat_id"]),
        (&json!(1), &json!(said.chat))
    );
    assert!(!told.to_string().contains("elderberries"));
    let told = admin.event("report:updated").await;
    assert_eq!(told["state"], "dismissed");
    admin.event("user:created").await;
    // The moderator's next word to staff is the one after.
    loop {
        match moderator.next().await {
            Next::Event(name, _) if name == "user:created" => break,
            Next::Event(name, data) => assert!(!name.starts_with("report:"), "{name} {data}"),
            other => panic!("{other:?}"),
        }
    }
}
