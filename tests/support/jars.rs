//! The jars of Apache Kafka: those of KAFKA_HOME, or those that Maven fetches once for this target folder.

use crate::scratch;
use std::{
    env, fs, io,
    path::{Path, PathBuf},
    process::Command,
};

/// The plugin is named with its version, so that every machine runs the same one.
const COPY: &str = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies";

/// What `java -cp` takes, or why there is nothing to give it.
pub fn class_path() -> Result<PathBuf, String> {
    if let Some(home) = env::var_os("KAFKA_HOME") {
        return Ok(Path::new(&home).join("libs/*"));
    }
    let pom = scratch::repository().join("tests/support/kafka/pom.xml");
    // Named for the version, so that a newer pom is not answered with older jars.
    let version = version(&pom).map_err(|error| format!("{} cannot be read: {error}", pom.display()))?;
    let jars = scratch::build().with_file_name("kafka").join(version);
    if !jars.exists() {
        fetch(&pom, &jars)?;
    }
    Ok(jars.join("*"))
}

/// Copied aside and renamed: a fetch that was cut short leaves nothing behind that looks whole.
fn fetch(pom: &Path, jars: &Path) -> Result<(), String> {
    let unfinished = jars.with_extension(std::process::id().to_string());
    let output = Command::new("mvn")
        .args(["--batch-mode", "--quiet", "--file"])
        .arg(pom)
        .args([COPY, "-DincludeScope=runtime"])
        .arg(format!("-DoutputDirectory={}", unfinished.display()))
        .output()
        .map_err(|error| format!("mvn cannot be run: {error}"))?;
    if !output.status.success() {
        return Err(format!("mvn could not fetch Kafka: {}", String::from_utf8_lossy(&output.stdout).trim()));
    }
    match fs::rename(&unfinished, jars) {
        // Another run was faster, and its jars are as good.
        Err(_) if jars.exists() => Ok(()),
        renamed => renamed.map_err(|error| format!("{} cannot be written: {error}", jars.display())),
    }
}

/// The first version in the pom is its own, and it is Kafka's.
fn version(pom: &Path) -> io::Result<String> {
    let pom = fs::read_to_string(pom)?;
    let version = pom.split("<version>").nth(1).and_then(|rest| rest.split("</version>").next());
    version.map(str::to_owned).ok_or_else(|| io::Error::other("it has no version"))
}
