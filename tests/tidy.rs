//! The rules of the repository that no compiler knows. Each failure names the file and what to do.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};
use support::scratch::repository;

/// STYLE: a file is about 300 lines long, and at most this, its tests apart.
const LINES_MAX: usize = 500;

/// A file of the repository: its path from the root, and its text.
struct Source {
    path: String,
    text: String,
}

impl Source {
    /// The text without the unit tests, which stand at the end of a file or in a file of their own.
    fn without_tests(&self) -> &str {
        if self.is_test() {
            return "";
        }
        self.text.split_once("#[cfg(test)]\nmod tests {").map_or(&self.text, |(before, _)| before)
    }

    fn is_test(&self) -> bool {
        self.path.starts_with("tests/") && !self.path.starts_with("tests/support/")
            || self.path.ends_with("/tests.rs")
            || self.path.contains("/tests/")
    }

    fn is(&self, extension: &str) -> bool {
        Path::new(&self.path).extension().is_some_and(|found| found == extension)
    }
}

/// Every text file, but for what is built or run here.
fn sources() -> Vec<Source> {
    let mut sources = Vec::new();
    let mut folders = vec![repository().to_owned()];
    while let Some(folder) = folders.pop() {
        for path in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
            if is_built_or_run_here(&path) {
                continue;
            }
            if path.is_dir() {
                folders.push(path);
            } else if let Ok(text) = fs::read_to_string(&path) {
                let path = path.strip_prefix(repository()).unwrap().to_str().unwrap().to_owned();
                sources.push(Source { path, text });
            }
        }
    }
    sources.sort_by(|one, other| one.path.cmp(&other.path));
    sources
}

/// A target folder may have any name, but cargo's mark is in it; in a linked work tree `.git` is a file.
fn is_built_or_run_here(path: &Path) -> bool {
    let name = path.file_name().unwrap();
    [".git", ".daybook", "target", "__pycache__", "node_modules"].iter().any(|skipped| name == *skipped)
        || path.join(".rustc_info.json").exists()
}

#[track_caller]
fn check(broken: &[String], rule: &str) {
    assert!(broken.is_empty(), "{rule}:\n  {}", broken.join("\n  "));
}

/// Every line of Rust that has one of these words in it, comments apart.
fn lines_with<'a>(text: &'a str, words: &'a [&str]) -> impl Iterator<Item = (usize, &'a str)> {
    let code = text.lines().enumerate().filter(|(_, line)| !line.trim_start().starts_with("//"));
    code.filter(|(_, line)| words.iter().any(|word| line.contains(word))).map(|(index, line)| (index + 1, line.trim()))
}

#[test]
fn migrations_are_numbered_one_after_another() {
    let mut names: Vec<String> = sources()
        .into_iter()
        .filter_map(|source| source.path.strip_prefix("schemas/migrations/").map(str::to_owned))
        .filter(|name| name.ends_with(".sql"))
        .collect();
    names.sort();
    let broken: Vec<String> = names
        .iter()
        .enumerate()
        .filter(|(index, name)| !name.starts_with(&format!("{:04}_", index + 1)))
        .map(|(index, name)| format!("{name} stands where {:04}_… belongs", index + 1))
        .collect();
    check(&broken, "one history of migrations, 0001_ and upwards, no number missing and none twice");
}

#[test]
fn nothing_is_left_to_do_and_no_test_is_switched_off() {
    // Put together here, so that this file does not break its own rule.
    let words = ["todo", "unimplemented", "dbg"].map(|name| format!("{name}!("));
    let attributes = ["ignore", "should_panic", "allow("].map(|name| format!("#[{name}"));
    let words: Vec<&str> = words.iter().chain(&attributes).map(String::as_str).collect();
    let mut broken = Vec::new();
    for source in sources().iter().filter(|source| source.is("rs")) {
        broken.extend(lines_with(&source.text, &words).map(|(line, text)| format!("{}:{line}: {text}", source.path)));
    }
    check(&broken, "finish it, or leave it out");
}

#[test]
fn outside_tests_nothing_is_unwrapped() {
    let mut broken = Vec::new();
    for source in sources().iter().filter(|source| source.is("rs")) {
        let lines = lines_with(source.without_tests(), &[".unwrap()"]);
        broken.extend(lines.map(|(line, text)| format!("{}:{line}: {text}", source.path)));
    }
    check(&broken, "return the error, or say with expect why it cannot happen");
}

#[test]
fn no_file_is_too_long() {
    let mut broken = Vec::new();
    let is_code = |source: &&Source| {
        ["rs", "py", "sh", "sql"].iter().any(|code| source.is(code)) || source.path.starts_with("scripts/")
    };
    for source in sources().iter().filter(is_code) {
        let lines = source.without_tests().lines().count();
        if lines > LINES_MAX {
            broken.push(format!("{}: {lines} lines", source.path));
        }
    }
    check(&broken, "a file has one purpose and at most 500 lines, its unit tests apart");
}

#[test]
fn every_module_says_what_it_owns() {
    let sources = sources();
    let rust = sources.iter().filter(|source| source.is("rs"));
    let silent = rust.filter(|source| !source.text.starts_with("//!"));
    let broken: Vec<String> = silent.map(|source| source.path.clone()).collect();
    check(&broken, "a module begins with //!: what it owns and must not know");
}

#[test]
fn every_sql_file_is_used() {
    let sources = sources();
    let mut broken = Vec::new();
    for sql in sources.iter().filter(|source| source.is("sql") && source.path.starts_with("crates/")) {
        let path = Path::new(&sql.path);
        let crate_folder: PathBuf = path.components().take(2).collect();
        // As it stands in a macro: the file and, of its folders, at least none that is wrong.
        let name = path.file_name().unwrap().to_str().unwrap();
        let named = |source: &&Source| {
            source.is("rs")
                && Path::new(&source.path).starts_with(&crate_folder)
                && (source.text.contains(&format!("/{name}\"")) || source.text.contains(&format!("\"{name}\"")))
        };
        if !sources.iter().any(|source| named(&source)) {
            broken.push(sql.path.clone());
        }
    }
    check(&broken, "no Rust file of the crate names this statement: remove it");
}

#[test]
fn scripts_build_the_program_without_the_features_of_the_tests() {
    let sources = sources();
    let mut broken = Vec::new();
    for script in sources.iter().filter(|source| source.path.starts_with("scripts/")) {
        let builds = script.text.lines().enumerate().filter(|(_, line)| line.contains("--bin daybook"));
        let wrong = builds.filter(|(_, line)| !line.contains("--package api"));
        broken.extend(wrong.map(|(index, line)| format!("{}:{}: {line}", script.path, index + 1)));
    }
    check(&broken, "name the package: of a whole workspace cargo builds everything with the features of everything");
}

#[test]
fn the_documents_name_files_that_exist() {
    let sources = sources();
    let mut paths: BTreeSet<&str> = BTreeSet::new();
    for source in &sources {
        paths.extend(Path::new(&source.path).ancestors().filter_map(Path::to_str));
    }
    let roots: BTreeSet<&str> = paths.iter().copied().filter(|path| !path.is_empty() && !path.contains('/')).collect();
    let mut broken = Vec::new();
    for document in sources.iter().filter(|source| source.is("md") && !source.path.starts_with("CHANGELOG")) {
        for name in quoted(&document.text) {
            let first = name.split('/').next().unwrap_or_default();
            let of_the_repository = name.contains('/') && roots.contains(first);
            let source_file = [".rs", ".sql"].iter().any(|end| name.ends_with(end) && name.len() > end.len());
            let exists = paths.iter().any(|path| *path == name || path.ends_with(&format!("/{name}")));
            if (of_the_repository || source_file) && !exists {
                broken.push(format!("{}: `{name}`", document.path));
            }
        }
    }
    check(&broken, "no such file");
}

/// What stands between backquotes and could be the name of a file.
fn quoted(text: &str) -> impl Iterator<Item = &str> {
    let words =
        text.lines().filter(|line| !line.starts_with("```")).flat_map(|line| line.split('`').skip(1).step_by(2));
    words
        .map(|word| word.trim_end_matches('/').split(':').next().unwrap_or_default())
        .filter(|word| !word.is_empty() && !word.contains([' ', '*', '<', '{', '…', '$']))
}

#[test]
fn no_path_of_one_machine_is_in_the_repository() {
    let here = repository().to_str().unwrap();
    let homes = ["root", "work", "Users"].map(|home| format!("/{home}/"));
    let mut broken = Vec::new();
    for source in sources() {
        for (index, line) in source.text.lines().enumerate() {
            if line.contains(here) || homes.iter().any(|home| names_folder_in(line, home)) {
                broken.push(format!("{}:{}: {}", source.path, index + 1, line.trim()));
            }
        }
    }
    check(&broken, "this path is on one machine only");
}

/// Whether the line has an absolute path below this folder; a longer path or an address may well contain its name.
fn names_folder_in(line: &str, folder: &str) -> bool {
    line.match_indices(folder).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        let after = line[at + folder.len()..].chars().next();
        !before.is_some_and(|before| before.is_alphanumeric() || "._-{}*".contains(before))
            && after.is_some_and(|after| after.is_alphanumeric() || after == '.')
    })
}

/// The rules by which a sale goes, as they are numbered: of carts, orders, payments, stock, and the steps from checkout to the end.
const RULES: [(&str, u32); 5] = [("c", 9), ("o", 7), ("p", 8), ("n", 8), ("step_", 6)];

/// The names of a file's tests: of what stands under an attribute that makes it one, whatever stands between the two.
fn tests_of(text: &str) -> Vec<&str> {
    let (mut names, mut is_test) = (Vec::new(), false);
    for line in text.lines().map(str::trim) {
        is_test |= line.starts_with("#[test]") || line.starts_with("#[tokio::test");
        let name =
            line.strip_prefix("async ").unwrap_or(line).strip_prefix("fn ").and_then(|rest| rest.split('(').next());
        if let Some(name) = name {
            names.extend(Some(name).filter(|_| std::mem::take(&mut is_test)));
        }
    }
    names
}

/// Those that a name begins with: `o1_o3_lines_keep_their_bounds` is of O1 and O3.
fn rules_of(name: &str) -> Vec<(&'static str, u32)> {
    let (mut found, mut rest) = (Vec::new(), name);
    let next = |rest: &str| {
        RULES.iter().find_map(|(letter, _)| {
            let (number, after) = rest.strip_prefix(letter)?.split_once('_')?;
            Some((*letter, number.parse().ok()?, name.len() - after.len()))
        })
    };
    while let Some((letter, number, after)) = next(rest) {
        found.push((letter, number));
        rest = &name[after..];
    }
    found
}

#[test]
fn every_rule_is_named_by_a_test_and_no_test_names_one_that_is_none() {
    let sources = sources();
    let rust = sources.iter().filter(|source| source.is("rs"));
    let tests: Vec<(&str, &str)> =
        rust.flat_map(|source| tests_of(&source.text).into_iter().map(|name| (source.path.as_str(), name))).collect();
    let named: BTreeSet<(&str, u32)> = tests.iter().flat_map(|(_, name)| rules_of(name)).collect();
    let rules: BTreeSet<(&str, u32)> =
        RULES.iter().flat_map(|(letter, last)| (1..=*last).map(move |number| (*letter, number))).collect();
    let silent =
        rules.difference(&named).map(|(letter, number)| format!("no test's name begins with {letter}{number}_"));
    let unknown = tests.iter().filter(|(_, name)| rules_of(name).iter().any(|rule| !rules.contains(rule)));
    let unknown = unknown.map(|(path, name)| format!("{path}: {name} names a rule that there is not"));
    check(&silent.chain(unknown).collect::<Vec<_>>(), "each rule stands at the beginning of some test's name");
    assert!(tests.len() > 500, "only {} tests were found", tests.len());
}

#[test]
fn the_rules_of_a_test_are_those_that_its_name_begins_with() {
    let of = |name| rules_of(name).into_iter().map(|(letter, number)| format!("{letter}{number}")).collect::<Vec<_>>();
    assert_eq!(of("o1_o3_lines_keep_their_bounds"), ["o1", "o3"]);
    assert_eq!(of("step_3_n3_an_expired_reservation"), ["step_3", "n3"]);
    assert_eq!(of("c10_there_is_no_such_rule"), ["c10"]);
    assert!(of("a_cart_of_c3_units").is_empty() && of("p_values").is_empty() && of("pn1_a").is_empty());
    let text =
        "#[test]\n#[cfg(unix)]\nfn one() {}\nfn two() {}\n    #[tokio::test(flavor = \"x\")]\n    async fn three() {}";
    assert_eq!(tests_of(text), ["one", "three"]);
}
