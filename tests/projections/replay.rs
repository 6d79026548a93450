//! A read model is a function of the book: posted as things happen or all at once, its tables are the same.

use ::projections::{Definition, Projection};
use sqlx::{AssertSqlSafe, ConnectOptions as _};

use super::{
    random_shop::RandomShop,
    shop::{Shop, drain},
};

/// Of this read model the tables, without views.
async fn tables(shop: &Shop, definition: &Definition) -> Vec<String> {
    sqlx::query_scalar("SELECT tablename::text FROM pg_tables WHERE schemaname = $1")
        .bind(definition.schema_name)
        .fetch_all(&shop.database.owner)
        .await
        .unwrap()
}

/// Sets the tables aside and makes them anew from position 0.
async fn post_anew(shop: &Shop, projection: &'static dyn Projection) {
    let definition = projection.definition();
    let schema = definition.schema_name;
    let set_aside = format!(
        "ALTER SCHEMA {schema} RENAME TO {schema}_before;
         DELETE FROM projection.checkpoints WHERE schema_name = '{schema}';"
    );
    sqlx::raw_sql(AssertSqlSafe(set_aside)).execute(&shop.database.owner).await.unwrap();
    let mut owner = shop.database.owner_options().connect().await.unwrap();
    ::projections::install(&mut owner, &[definition]).await.unwrap();
    drain(&mut shop.runner(projection)).await;
}

/// Rows that only one of the two has, and how many rows there are.
async fn differing(shop: &Shop, schema: &str, table: &str) -> (i64, i64) {
    let (one, other) = (format!("{schema}.{table}"), format!("{schema}_before.{table}"));
    // As text: json has no equality.
    let rows = |table: &str| format!("SELECT {}::text FROM {table}", table.rsplit('.').next().unwrap());
    let query = format!(
        "SELECT
            (SELECT count(*) FROM (({a} EXCEPT ALL {b}) UNION ALL ({b} EXCEPT ALL {a})) AS differing),
            (SELECT count(*) FROM {one})",
        a = rows(&one),
        b = rows(&other),
    );
    sqlx::query_as(AssertSqlSafe(query)).fetch_one(&shop.database.owner).await.unwrap()
}

#[tokio::test]
async fn a_replay_from_position_0_makes_the_same_tables() {
    let mut random = RandomShop::open(5).await;
    for _ in 0..30 {
        random.live(50);
        random.shop.post_all().await;
    }
    let shop = &random.shop;
    for projection in ::projections::ALL {
        let schema = projection.definition().schema_name;
        post_anew(shop, projection).await;
        let mut rows = 0;
        for table in tables(shop, projection.definition()).await {
            let (differing, of) = differing(shop, schema, &table).await;
            assert_eq!(differing, 0, "{schema}.{table}");
            rows += of;
        }
        assert!(rows > 0, "{schema} is empty, so nothing was compared");
    }
    random.check().await;
}
