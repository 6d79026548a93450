//! The verifier in Python, which shares nothing with ours but the specification, agrees with it.

use std::process::{Output, Stdio};

use eventstore::Book;
use futures_util::TryStreamExt as _;
use sqlx::postgres::PgPoolCopyExt as _;
use support::{Database, scratch};
use tokio::{io::AsyncWriteExt as _, process::Command};

use super::{append, book, book_of, cart, event, tamper, writer};

/// What psql's \copy, as the script documents it, sends to the server.
const EXPORT: &str = "COPY (SELECT position, category, stream_id, stream_version, event_type, schema_version,
    (extract(epoch FROM recorded_at) * 1000000)::bigint, payload, metadata, encode(hash, 'hex') FROM book.events
    ORDER BY position) TO STDOUT WITH (FORMAT csv, ENCODING 'UTF8')";

pub(super) async fn run(export: &[u8], known: Option<&str>) -> Output {
    let mut python = Command::new("python3")
        .arg(scratch::repository().join("tests/verify_book.py"))
        .args(known)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = python.stdin.take().unwrap();
    // It stops reading at the first fault.
    let _ = stdin.write_all(export).await;
    drop(stdin);
    python.wait_with_output().await.unwrap()
}

pub(super) async fn export(database: &Database) -> Vec<u8> {
    let chunks = database.app.copy_out_raw(EXPORT).await.unwrap();
    chunks
        .try_fold(Vec::new(), async |mut all, chunk| {
            all.extend_from_slice(&chunk);
            Ok(all)
        })
        .await
        .unwrap()
}

async fn check_found(statements: &str, said: &str) {
    let (database, _) = book_of(5).await;
    tamper(&database, statements).await;
    let output = run(&export(&database).await, None).await;
    assert_eq!(output.status.code(), Some(1));
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert!(stderr.starts_with(said), "{statements}: {stderr}");
}

async fn head(book: &Book) -> String {
    let point = book.head().await.unwrap().point;
    format!("{}:{}", point.position, point.hash)
}

#[tokio::test]
async fn a_real_book_passes_whatever_its_texts_contain() {
    let database = Database::fresh().await;
    let mut writer = writer(&database).await;
    let payloads = [
        r#"{"quotes": "\"", "comma": ",", "name": "Zoë 蛇 🐍"}"#,
        "{\n  \"lines\":\r\n  [1,\t2.50]\r}",
        r#""\u0000""#,
        "1e400",
        r#"{"a": 1, "a": 2}"#,
        r#""\\.""#,
        r#"  ""  "#,
    ];
    let odd: Vec<_> = (1..)
        .zip(payloads)
        .map(|(version, payload)| {
            let mut event = event(&cart(1), version);
            event.payload = payload.to_owned();
            event
        })
        .collect();
    append(&mut writer, &odd).await;
    let head = head(&book(&database)).await;
    let output = run(&export(&database).await, Some(&head)).await;
    let stdout = String::from_utf8(output.stdout).unwrap();
    assert_eq!(stdout, format!("verified: 7 events, head {head}\n"), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success());
}

#[tokio::test]
async fn a_changed_book_fails_at_the_position_that_was_changed() {
    let change = "does not follow";
    let changed = |position| format!("position {position}: its hash {change}");
    check_found("UPDATE book.events SET payload = '{}' WHERE position = 3", &changed(3)).await;
    check_found("UPDATE book.events SET recorded_at = recorded_at + interval '1 s' WHERE position = 3", &changed(3))
        .await;
    check_found("UPDATE book.events SET payload = '{}' WHERE position = 0", &changed(0)).await;
    check_found("DELETE FROM book.events WHERE position = 3", "position 3: is missing, or there twice").await;
    check_found("DELETE FROM book.events", "position 0: is missing").await;
}

#[tokio::test]
async fn a_cut_off_tail_shows_against_a_known_head() {
    let (database, book) = book_of(5).await;
    let known = head(&book).await;
    tamper(&database, "DELETE FROM book.events WHERE position = 5").await;
    let export = export(&database).await;
    assert!(run(&export, None).await.status.success());
    let output = run(&export, Some(&known)).await;
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(String::from_utf8(output.stderr).unwrap(), "position 5: is not the page that was noted\n");
}

#[tokio::test]
async fn what_is_no_export_is_told_apart_from_a_bad_book() {
    assert_eq!(run(b"this,is,not\n", None).await.status.code(), Some(2));
}
