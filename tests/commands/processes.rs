//! The runner of processes: whatever ends it, wherever, what a page asks for is done once, and by one node at a time.

use commands::process::runner::{EFFECTS_A_ROUND, ProcessError, Round};
use eventstore::{FollowError, HeadWatch, Position};
use sqlx::postgres::PgPoolOptions;
use tokio_util::sync::CancellationToken;

use super::{
    fate::Fate,
    gate::Gate,
    node::{check_whole, superuser, until},
    recovery::lose_all_after,
    running::Premises,
    taking::{
        NAME, TAKEN_A_CART, UNITS, checkpoint, deadlines, drain, open_carts, runner, runner_through, shop, taken,
    },
    use_cases::Take,
};

#[tokio::test]
async fn a_node_that_dies_before_or_after_any_effect_leaves_a_page_that_is_repeated_with_no_second_effect() {
    let (premises, node) = shop().await;
    let (mut opened, mut died) = (0, 0);
    loop {
        let before = checkpoint(&premises).await;
        open_carts(&node, 2).await;
        let fate = Fate::at(died);
        let mut mortal = runner(&premises, &node, &fate).await;
        let round = fate.so_far(mortal.run_once()).await;
        drop(mortal);
        if let Some(round) = round {
            assert_eq!(round.unwrap(), Round::Worked);
            break;
        }
        assert_eq!(checkpoint(&premises).await, before, "step {died}");
        assert_eq!(deadlines(&premises).await, opened, "step {died}");
        drain(&mut runner(&premises, &node, &Fate::spared()).await).await;
        opened += 2;
        assert_eq!(taken(&premises).await, TAKEN_A_CART * opened, "step {died}");
        assert_eq!(deadlines(&premises).await, opened, "step {died}");
        died += 1;
    }
    assert_eq!(died, 8, "two carts, two effects each, before and after each");
    check_whole(&premises.book).await;
}

#[tokio::test]
async fn a_round_whose_connection_breaks_at_any_answer_loses_nothing_and_repeats_nothing() {
    let (premises, node) = shop().await;
    let gate = Gate::to_shared().await;
    let options = gate.options(&premises.database.app_url());
    let pool = PgPoolOptions::new().max_connections(1).connect_lazy_with(options);
    let mut broken = runner_through(pool.clone(), &premises, &node, &Fate::spared()).await;
    let (mut opened, mut lost, mut committed) = (0, 0, 0);
    loop {
        until("the process is at the head", async || matches!(broken.run_once().await, Ok(Round::Idle))).await;
        let before = checkpoint(&premises).await;
        open_carts(&node, 1).await;
        opened += 1;
        // The pool asks a connection that is given back whether it is alive: that answer is none of the round's.
        until("the connection is back in the pool", async || pool.num_idle() == 1).await;
        gate.shut_before_reply(lost);
        let round = broken.run_once().await;
        if gate.stays_open() {
            assert_eq!(round.unwrap(), Round::Worked);
            break;
        }
        let is_about_the_database =
            matches!(round, Err(ProcessError::Database(_) | ProcessError::Follow(FollowError::Read(_))));
        assert!(is_about_the_database, "reply {lost}: {round:?}");
        gate.open();
        committed += usize::from(checkpoint(&premises).await != before);
        until("the process is at the head", async || matches!(broken.run_once().await, Ok(Round::Idle))).await;
        assert_eq!(taken(&premises).await, TAKEN_A_CART * opened, "reply {lost}");
        assert_eq!(deadlines(&premises).await, opened, "reply {lost}");
        lost += 1;
    }
    assert_eq!(taken(&premises).await, TAKEN_A_CART * opened);
    assert!(lost > 3, "only {lost} answers were lost");
    assert!(committed > 0, "no lost answer was that of a commit");
}

#[tokio::test]
async fn of_two_nodes_one_works_and_the_other_takes_over_when_it_goes() {
    let (premises, node) = shop().await;
    let other_node = premises.node().await;
    let fate = Fate::at(1);
    let mut first = runner(&premises, &node, &fate).await;
    let mut second = runner(&premises, &other_node, &Fate::spared()).await;
    open_carts(&node, 3).await;
    {
        let round = first.run_once();
        tokio::pin!(round);
        assert!(fate.so_far(&mut round).await.is_none());
        for _ in 0..10 {
            assert_eq!(second.run_once().await.unwrap(), Round::Elsewhere);
        }
        assert!(taken(&premises).await < TAKEN_A_CART * 3);
    }
    // Its round was dropped, as by a node that dies: its connection ends, and with it the lock.
    drop(first);
    node.kill().await;
    until("the other node works", async || second.run_once().await.unwrap() == Round::Worked).await;
    drain(&mut second).await;
    assert_eq!(taken(&premises).await, TAKEN_A_CART * 3);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_nodes_that_run_one_process_at_the_same_time_do_everything_once() {
    let (premises, node) = shop().await;
    let other_node = premises.node().await;
    let stop = CancellationToken::new();
    let first = runner(&premises, &node, &Fate::spared()).await;
    let second = runner(&premises, &other_node, &Fate::spared()).await;
    // Woken by the same head, they set out at the same time.
    let first = tokio::spawn(first.run(node.heads.clone(), stop.clone()));
    let second = tokio::spawn(second.run(node.heads.clone(), stop.clone()));
    let wanted = TAKEN_A_CART * 200;
    for burst in 1..=20 {
        open_carts(&node, 10).await;
        until("everything so far is taken", async || taken(&premises).await >= TAKEN_A_CART * 10 * burst).await;
        if burst == 15 {
            first.abort();
        }
    }
    let head = node.head().await;
    until("the process is at the head", async || checkpoint(&premises).await.position >= head).await;
    stop.cancel();
    second.await.unwrap();
    drain(&mut runner(&premises, &node, &Fate::spared()).await).await;
    assert_eq!((taken(&premises).await, deadlines(&premises).await), (wanted, 200));
    check_whole(&premises.book).await;
}

/// Ends the connection that holds the checkpoint.
async fn end_the_round(premises: &Premises) {
    let ended: i64 = sqlx::query_scalar(
        "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
         WHERE datname = current_database() AND state = 'idle in transaction'",
    )
    .fetch_one(&mut superuser(&premises.database).await)
    .await
    .unwrap();
    assert_eq!(ended, 1);
}

async fn failing(premises: &Premises) -> Option<String> {
    let read = "SELECT failing FROM process.checkpoints WHERE process = $1";
    sqlx::query_scalar(read).bind(NAME).fetch_one(&premises.database.owner).await.unwrap()
}

#[tokio::test]
async fn a_process_whose_connection_is_ended_in_the_middle_of_a_round_goes_on() {
    let (premises, node) = shop().await;
    open_carts(&node, 3).await;
    let fate = Fate::at(1);
    let stop = CancellationToken::new();
    let broken = runner(&premises, &node, &fate).await;
    let status = broken.status();
    let running = tokio::spawn(broken.run(HeadWatch::new(), stop.clone()));
    fate.reached().await;
    end_the_round(&premises).await;
    fate.go_on();
    until("its failure is told", async || status.borrow().failing.is_some()).await;
    let head = node.head().await;
    until("the process is at the head", async || checkpoint(&premises).await.position >= head).await;
    until("it is told that it goes on", async || failing(&premises).await.is_none()).await;
    stop.cancel();
    running.await.unwrap();
    assert_eq!((taken(&premises).await, deadlines(&premises).await), (TAKEN_A_CART * 3, 3));
}

#[tokio::test]
async fn a_round_takes_no_more_than_its_share_and_the_next_goes_on_where_it_ended() {
    let (premises, node) = shop().await;
    let carts = EFFECTS_A_ROUND * 3 / 4;
    open_carts(&node, carts).await;
    let mut patient = runner(&premises, &node, &Fate::spared()).await;
    let mut rounds = 0;
    loop {
        let before = taken(&premises).await;
        let round = patient.run_once().await.unwrap();
        let effects = (taken(&premises).await - before) as usize;
        assert!(effects <= EFFECTS_A_ROUND, "{effects} effects in one round");
        if round == Round::Idle {
            break;
        }
        rounds += usize::from(effects > 0);
    }
    assert_eq!(rounds, 2);
    assert_eq!((taken(&premises).await, deadlines(&premises).await), (TAKEN_A_CART * carts as i64, carts as i64));
}

#[tokio::test]
async fn an_effect_that_is_refused_holds_nobody_up() {
    let (premises, node) = shop().await;
    // One is left: the second effect of the first cart is refused, and those of the second cart.
    node.accept(Take { sku: super::shop::sku("MUG"), quantity: UNITS - 1 }).await;
    open_carts(&node, 2).await;
    let mut runner = runner(&premises, &node, &Fate::spared()).await;
    drain(&mut runner).await;
    assert_eq!((taken(&premises).await, deadlines(&premises).await), (UNITS, 2));
    assert_eq!(checkpoint(&premises).await.position, node.head().await);
}

#[tokio::test]
async fn a_book_that_ends_before_the_checkpoint_is_refused_and_nothing_is_done() {
    let (premises, node) = shop().await;
    let head = node.head().await;
    open_carts(&node, 1).await;
    let mut runner = runner(&premises, &node, &Fate::spared()).await;
    drain(&mut runner).await;
    let reached = checkpoint(&premises).await;
    lose_all_after(&premises.database, head).await;
    let round = runner.run_once().await;
    let found =
        |error: &ProcessError| matches!(error, ProcessError::Follow(FollowError::BookWentBack { found: None, .. }));
    assert!(round.as_ref().is_err_and(found), "{round:?}");
    assert_eq!(checkpoint(&premises).await, reached);
}

#[tokio::test]
async fn a_book_in_which_other_pages_stand_under_the_checkpoint_is_refused_also_by_a_node_that_starts() {
    let (premises, node) = shop().await;
    let head = node.head().await;
    open_carts(&node, 1).await;
    drain(&mut runner(&premises, &node, &Fate::spared()).await).await;
    let reached = checkpoint(&premises).await;
    lose_all_after(&premises.database, head).await;
    let other = premises.node().await;
    let pages = reached.position.0 - head.0 + 5;
    open_carts(&other, usize::try_from(pages).unwrap()).await;
    assert!(other.head().await > reached.position);
    let mut runner = runner(&premises, &other, &Fate::spared()).await;
    for _ in 0..2 {
        let mut round = runner.run_once().await;
        // The round before is still being rolled back.
        until("the checkpoint is free", async || {
            if matches!(round, Ok(Round::Elsewhere)) {
                round = runner.run_once().await;
            }
            !matches!(round, Ok(Round::Elsewhere))
        })
        .await;
        let found = |error: &ProcessError| {
            matches!(error, ProcessError::Follow(FollowError::BookWentBack { found: Some(_), .. }))
        };
        assert!(round.as_ref().is_err_and(found), "{round:?}");
    }
    assert_eq!((taken(&premises).await, checkpoint(&premises).await), (0, reached));

    // The one that runs on its own tells why, and does not move.
    let stop = CancellationToken::new();
    let running = tokio::spawn(runner.run(HeadWatch::new(), stop.clone()));
    until("it is told", async || failing(&premises).await.is_some_and(|why| why.contains("went back"))).await;
    stop.cancel();
    running.await.unwrap();
    assert_eq!((taken(&premises).await, checkpoint(&premises).await), (0, reached));
    assert!(reached.position > Position::TITLE);
}
