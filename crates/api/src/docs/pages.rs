//! The HTML of the problem pages: self-contained, readable without style, no script.

use std::fmt::Write;
use std::sync::OnceLock;

use axum::http::HeaderValue;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};

use crate::problems::{Entry, FieldCode};

const STYLE: &str = include_str!("pages.css");

/// No script, no image, no frame, and the one style below, known by its hash.
pub(super) fn policy() -> HeaderValue {
    static POLICY: OnceLock<HeaderValue> = OnceLock::new();
    let make = || {
        let hash = STANDARD.encode(Sha256::digest(STYLE));
        let policy = format!(
            "default-src 'none'; style-src 'sha256-{hash}'; img-src data:; base-uri 'none'; form-action 'none'; \
             frame-ancestors 'none'"
        );
        HeaderValue::try_from(policy).expect("a policy is visible ASCII")
    };
    POLICY.get_or_init(make).clone()
}

pub(super) fn list(catalogue: &[Entry]) -> String {
    let mut body =
        String::from("<h1>Problems</h1>\n<p>Every error answer has a <code>code</code> from this list.</p>\n");
    body.push_str("<table>\n<tr><th>Status</th><th>Code</th><th>Meaning</th></tr>\n");
    for entry in catalogue {
        let (status, name, title) = (entry.status.as_u16(), entry.name, entry.title);
        put(
            &mut body,
            format_args!(
                "<tr><td>{status}</td><td><a href=\"/docs/problems/{name}\"><code>{name}</code></a></td><td>{title}</td></tr>\n"
            ),
        );
    }
    body.push_str("</table>\n<h2>Fields</h2>\n<p>The codes inside <code>errors</code>: the field, parameter or header…</p>\n<table>\n");
    for (code, meaning) in FieldCode::ALL {
        put(&mut body, format_args!("<tr><td><code>{}</code></td><td>{meaning}</td></tr>\n", code.name()));
    }
    body.push_str("</table>\n");
    document("Problems", &body)
}

pub(super) fn one(entry: &Entry) -> String {
    let (name, title) = (entry.name, entry.title);
    let explanation = marked_up(entry.explanation);
    let retry = if entry.retryable {
        "The same request may succeed later: repeat it after a short wait."
    } else {
        "Repeating the same request will give the same answer."
    };
    let body = format!(
        "<p><a href=\"/docs/problems\">All problems</a></p>\n<h1>{title}</h1>\n\
         <p class=\"code\"><code>{name}</code> · {}</p>\n<p>{explanation}</p>\n<p>{retry}</p>\n",
        entry.status
    );
    document(title, &body)
}

fn document(title: &str, body: &str) -> String {
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <title>{title} · Daybook</title>\n<link rel=\"icon\" href=\"data:,\">\n<style>{STYLE}</style>\n</head>\n<body>\n\
         {body}</body>\n</html>\n"
    )
}

/// Backticks become code. The catalogue is ours, so the only characters to escape are those that it uses.
fn marked_up(text: &str) -> String {
    let text = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    let pieces = text.split('`').enumerate().map(|(index, piece)| match index % 2 {
        0 => piece.to_owned(),
        _ => format!("<code>{piece}</code>"),
    });
    pieces.collect()
}

fn put(text: &mut String, arguments: std::fmt::Arguments<'_>) {
    text.write_fmt(arguments).expect("writing to a string cannot fail");
}
