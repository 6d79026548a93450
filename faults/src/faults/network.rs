//! F07: the outcome of a commit is unknown.

use std::time::{Duration, Instant};

use tokio::time::sleep;

use crate::{error::Error, stage::Stage};

const AGAIN_MIN: Duration = Duration::from_millis(100);
const AGAIN_MAX: Duration = Duration::from_millis(500);
/// Together with a kill the client, too, is left without an answer, and sends its key again.
const KILLS_PERCENT: u64 = 12;
const LOST_WITHIN: Duration = Duration::from_secs(3);
const LOOK_AGAIN: Duration = Duration::from_millis(2);

/// Commits are carried out and their replies swallowed, the connection reset: appends, and the transactions of followers.
pub(crate) async fn commits_swallowed(stage: &mut Stage) -> Result<(), Error> {
    let mut rng = stage.rng.fork("replies");
    let (began, time) = (Instant::now(), stage.time());
    let mut kills = 0;
    while began.elapsed() < time {
        let before = stage.proxy.swallowed();
        stage.proxy.swallow_commits(1 + u32::try_from(rng.below(3)).unwrap_or_default());
        if rng.percent(KILLS_PERCENT) {
            let armed = Instant::now();
            while stage.proxy.swallowed() == before && armed.elapsed() < LOST_WITHIN {
                sleep(LOOK_AGAIN).await;
            }
            stage.nodes[0].kill().await;
            stage.start(0).await?;
            kills += 1;
        }
        sleep(rng.between(AGAIN_MIN, AGAIN_MAX)).await;
    }
    let swallowed = stage.proxy.swallowed();
    stage.note(format!("{swallowed} replies swallowed, {kills} kills"));
    if swallowed == 0 {
        stage.find("F07", "no reply was swallowed");
    }
    Ok(())
}
