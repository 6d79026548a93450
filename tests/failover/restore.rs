//! Backups, restored as docs/operating.md says: the book verifies, whoever followed it goes on, and whoever is ahead of it refuses
//! until it is shown the way out.

use api::servers::postgres::DATABASE;
use eventstore::{
    Book, Point, Position,
    publisher::{PublishError, Publisher, Refusal},
};
use sqlx::{AssertSqlSafe, ConnectOptions as _, Executor as _, PgConnection, PgPool};
use support::Cluster;

use super::{
    buy,
    followers::{check_read_models, publish_all},
    node::WholeNode,
    open_shop,
    paste::{paste, paste_in_vain},
    publisher, verified,
};
use crate::{
    commands::{
        node::{accepted, envelope, keyed, until},
        shop::new_cart,
    },
    publisher::topics::check_book,
};

fn noted(point: Point) -> String {
    format!("{}:{}", point.position, point.hash)
}

async fn sqlstate(connection: &mut PgConnection, statement: &'static str) -> String {
    match connection.execute(statement).await {
        Ok(_) => "none".to_owned(),
        Err(error) => error.as_database_error().unwrap().code().unwrap().into_owned(),
    }
}

/// Who may do what with every table, schema and database, and which triggers fire.
async fn rights(cluster: &Cluster) -> Vec<String> {
    let all = "SELECT format('%s.%s %s %s', n.nspname, c.relname, c.relowner::regrole, c.relacl)
        FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
        WHERE c.relkind IN ('r', 'v') AND n.nspname !~ '^pg_|information_schema'
        UNION ALL
        SELECT format('%s %s %s', nspname, nspowner::regrole, nspacl) FROM pg_namespace WHERE nspname !~ '^pg_'
        UNION ALL
        SELECT format('%s %s %s', datname, datdba::regrole, datacl) FROM pg_database WHERE datname = current_database()
        UNION ALL
        SELECT format('%s %s', tgname, tgenabled) FROM pg_trigger WHERE NOT tgisinternal
        ORDER BY 1";
    sqlx::query_scalar(all).fetch_all(&mut cluster.superuser().await).await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dump_restored_into_a_new_cluster_is_the_same_book_under_the_same_rights_and_is_followed_on() {
    let from = Cluster::migrated(false).await;
    let node = WholeNode::start(from.app(), None).await;
    open_shop(node.commands()).await;
    buy(node.commands()).await;
    settled(&node).await;
    let answer = accepted(node.commands().run(new_cart(), keyed("before", 1))).await;
    let head = verified(node.book()).await;
    node.until_at(head.position).await;
    node.stop().await;

    let to = Cluster::new().await;
    // A cluster of an operator's has none yet.
    to.postgres.superuser("postgres").connect().await.unwrap().execute("DROP DATABASE daybook").await.unwrap();
    let dump = std::env::temp_dir().join(format!("daybook-{}.dump", uuid::Uuid::new_v4().simple()));
    let dump = dump.to_str().unwrap();
    paste("dump", &[("DATABASE_OWNER_URL", &from.postgres.owner_url(DATABASE)), ("DUMP", dump)]);
    let (superuser, app) = (to.superuser_url("postgres"), to.postgres.app_url(DATABASE));
    let expected = noted(head);
    let variables = [("DUMP", dump), ("NEW_SUPERUSER_URL", &superuser), ("DATABASE_URL", &app), ("HEAD", &expected)];
    let said = paste("restore-dump", &variables);
    std::fs::remove_file(dump).unwrap();
    assert!(said.contains(&format!("head: {expected}")), "{said}");

    assert_eq!(rights(&to).await, rights(&from).await);
    let update = "UPDATE book.events SET payload = '{}' WHERE position = 1";
    assert_eq!(sqlstate(&mut to.app().connect().await.unwrap(), update).await, "42501");
    assert_eq!(sqlstate(&mut to.owner().connect().await.unwrap(), update).await, "DB001");
    let mut replica = to.superuser().await;
    replica.execute("SET session_replication_role = replica").await.unwrap();
    assert_eq!(sqlstate(&mut replica, update).await, "DB001", "the trigger fires ALWAYS");

    let least: i64 =
        sqlx::query_scalar("SELECT min(position) FROM projection.checkpoints").fetch_one(&mut replica).await.unwrap();
    assert!(least > 0, "the read models came with the book");
    let node = WholeNode::start(to.app(), None).await;
    let repeated = accepted(node.commands().run(new_cart(), keyed("before", 1))).await;
    assert_eq!((repeated.replayed, repeated.outcome.cart_id), (true, answer.outcome.cart_id));
    buy(node.commands()).await;
    let head = settled(&node).await;
    for part in ["book", "projections", "processes"] {
        node.until_check(part, true, "").await;
    }
    node.until_at(head.position).await;
    node.stop().await;
    check_read_models(&to.owner(), &to.app()).await;
}

/// A book of a few orders, archived; a base backup from its beginning; and where it stood when it was said to be good, and later.
struct Archived {
    restored: Cluster,
    good: Point,
    later: Point,
}

impl Archived {
    async fn restored_to_the_good_moment(config: eventstore::publisher::PublisherConfig) -> Self {
        let from = Cluster::migrated(true).await;
        let node = WholeNode::start(from.app(), None).await;
        open_shop(node.commands()).await;
        let files = from.base_backup(from.postgres.port());
        buy(node.commands()).await;
        let good = settled(&node).await;
        let mut superuser = from.superuser().await;
        superuser.execute("SELECT pg_create_restore_point('good')").await.unwrap();
        buy(node.commands()).await;
        let later = settled(&node).await;
        let mut publisher = Publisher::new(config, node.book().clone());
        publish_all(&mut publisher).await.unwrap();
        node.stop().await;
        // The segment that holds all this goes to the archive when the next one is begun.
        let last: String =
            sqlx::query_scalar("SELECT pg_walfile_name(pg_switch_wal())").fetch_one(&mut superuser).await.unwrap();
        let archived = "SELECT COALESCE(last_archived_wal >= $1, false) FROM pg_stat_archiver";
        until("the log is archived", async || {
            sqlx::query_scalar(archived).bind(&last).fetch_one(&mut superuser).await.unwrap()
        })
        .await;
        files.recover_to("good", &from.archive());
        Self { restored: files.start().await, good, later }
    }
}

/// Where the book ends once the processes have nothing to add.
async fn settled(node: &WholeNode) -> Point {
    until("the order is confirmed", async || {
        let last = super::events(node.book()).await.pop().unwrap();
        last.event_type == "order.confirmed"
    })
    .await;
    verified(node.book()).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_book_restored_to_an_earlier_moment_is_told_from_the_later_one_and_whoever_is_ahead_of_it_refuses() {
    let Some(kafka) = support::kafka().await else { return };
    let config = publisher(kafka.brokers(), &kafka.topic_prefix());
    let Archived { restored, good, later } = Archived::restored_to_the_good_moment(config.clone()).await;
    let url = restored.postgres.app_url(DATABASE);
    let said = paste("verify-restored", &[("DATABASE_URL", &url), ("HEAD", &noted(good))]);
    assert!(said.contains(&format!("head: {}", noted(good))), "{said}");
    let said = paste_in_vain("verify-restored", &[("DATABASE_URL", &url), ("HEAD", &noted(later))]);
    assert!(said.contains(&format!("position {}: is missing", later.position)), "{said}");

    // Read models and what the processes remember, of the later book: as who restores the book alone has them.
    let ahead = format!(
        "UPDATE projection.checkpoints SET position = {position}, hash = '\\x{hash}';
         UPDATE process.checkpoints SET position = {position}, hash = '\\x{hash}';
         INSERT INTO process.calls (position, idempotency_key, process, kind, subject, payment_id, correlation_id, requested_at)
         VALUES ({position}, '{hash}', 'payment', 'capture', gen_random_uuid(), gen_random_uuid(), gen_random_uuid(), now())",
        position = later.position,
        hash = later.hash,
    );
    restored.superuser().await.execute(AssertSqlSafe(ahead)).await.unwrap();
    let node = WholeNode::start(restored.app(), Some(config.clone())).await;
    let ends_at = format!("the book ends at {}", good.position);
    node.until_check("publisher", false, &ends_at).await;
    node.until_check("projections", false, "the book went back").await;
    node.until_check("processes", false, "the book went back").await;
    // The same positions again, with other events: it is the hash that tells.
    open_carts(&node, later.position).await;
    node.until_check("projections", false, "the book went back").await;
    node.until_check("processes", false, "the book went back").await;
    let another = publish_all(&mut Publisher::new(config.clone(), node.book().clone())).await;
    assert!(matches!(another, Err(PublishError::Refused(Refusal::AnotherHistory { .. }))), "{another:?}");

    let owner = restored.postgres.owner_url(DATABASE);
    paste("ahead", &[("DATABASE_OWNER_URL", &owner), ("RESTORED", &noted(good))]);
    node.until_check("projections", true, "").await;
    node.until_check("processes", true, "").await;
    buy(node.commands()).await;
    let head = settled(&node).await;
    node.until_at(head.position).await;
    node.stop().await;
    let another = publisher(kafka.brokers(), &kafka.topic_prefix());
    let book = Book::new(PgPool::connect_lazy_with(restored.app()));
    publish_all(&mut Publisher::new(another.clone(), book.clone())).await.unwrap();
    check_book(kafka.brokers(), &another.prefix, &book).await;
    check_read_models(&restored.owner(), &restored.app()).await;
}

/// Until the book is longer than this.
async fn open_carts(node: &WholeNode, beyond: Position) {
    loop {
        let opened = accepted(node.commands().run(new_cart(), envelope())).await;
        if opened.position > beyond {
            return;
        }
    }
}
