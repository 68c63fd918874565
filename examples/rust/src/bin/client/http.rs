//! The server's paths under `/v1`, by JSON.

use http_body_util::{BodyExt, Full};
use hyper::body::Bytes;
use hyper::header::{AUTHORIZATION, CONTENT_TYPE};
use hyper::{Method, Request};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::{Refused, Result};

pub(crate) struct Http {
    client: Client<HttpConnector, Full<Bytes>>,
    server: String,
    token: Option<String>,
}

/// The body of every answer that is not a success.
#[derive(Deserialize)]
struct Failure {
    error: Refused,
}

impl Http {
    pub(crate) fn new(server: &str) -> Self {
        Self {
            client: Client::builder(TokioExecutor::new()).build_http(),
            server: server.trim_end_matches('/').to_owned(),
            token: None,
        }
    }

    /// From here on it asks as this session.
    pub(crate) fn sign_in(&mut self, token: &str) {
        self.token = Some(token.to_owned());
    }

    pub(crate) async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T> {
        self.ask(Method::GET, path, String::new()).await
    }

    pub(crate) async fn post<T: DeserializeOwned>(&self, path: &str, body: &Value) -> Result<T> {
        self.ask(Method::POST, path, body.to_string()).await
    }

    async fn ask<T: DeserializeOwned>(&self, by: Method, path: &str, body: String) -> Result<T> {
        let mut request = Request::builder()
            .method(by)
            .uri(format!("{}/v1/{path}", self.server))
            .header(CONTENT_TYPE, "application/json");
        if let Some(token) = &self.token {
            request = request.header(AUTHORIZATION, format!("Bearer {token}"));
        }
        let request = request.body(Full::from(body))?;
        let (head, body) = self.client.request(request).await?.into_parts();
        let body = body.collect().await?.to_bytes();
        if head.status.is_success() {
            return Ok(serde_json::from_slice(&body)?);
        }
        match serde_json::from_slice::<Failure>(&body) {
            Ok(failure) => Err(failure.error.into()),
            Err(_) => Err(format!("the server answered {}", head.status).into()),
        }
    }
}
